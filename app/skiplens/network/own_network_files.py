"""A network that its user has trained with Keras: its file, its id and its model folder.

Nothing here imports Keras: what the file is, and whether it is compiled already, is told at once.
"""

import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Final

from skiplens.core.manifest import FORMAT, MANIFEST_FILE
from skiplens.errors import CompileError

SUFFIXES: Final = (".keras", ".h5", ".hdf5")
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_DIGITS_OF_HASH: Final = 8
_CHUNK: Final = 1 << 20


def check_file(path: Path) -> None:
    """Refuse what is not a Keras network in one file.

    Raises:
        CompileError: the file is missing, or is something else; the message says what.
    """
    if path.is_dir():
        saved = (path / "saved_model.pb").is_file()
        what = "a TensorFlow SavedModel" if saved else "a folder"
        raise CompileError(f"{path} is {what}; save the network with model.save('network.keras')")
    try:
        with path.open("rb") as file:
            start = file.read(len(_HDF5))
    except OSError as error:
        raise CompileError(f"{path} cannot be read: {error.strerror}") from error
    if start == _HDF5:
        if path.name.endswith(".weights.h5"):
            raise only_weights(path)
    elif not zipfile.is_zipfile(path):
        raise CompileError(f"{path} is not a Keras network: neither a .keras nor an HDF5 file")
    else:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise CompileError(f"{path} is a zip archive, but not a Keras network")


def only_weights(path: Path) -> CompileError:
    """The refusal of a file that does not hold the layers."""
    return CompileError(
        f"{path} holds weights alone, without the layers they belong to; load them into the "
        "network and save all of it with model.save('network.keras')"
    )


def network_id(path: Path) -> str:
    """The id of a network: its file's name, and the start of the SHA-256 of its content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "network"
    return f"{name}-{digest.hexdigest()[:_DIGITS_OF_HASH]}"


def is_compiled(folder: Path) -> bool:
    """Whether a folder holds a compiled network of the present format, with all its files."""
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        return manifest["format"] == FORMAT and all(
            (folder / name).is_file() for name in manifest["files"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
