"""Opens a model folder: manifest, graphs and weights, checked by SHA-256.

``network.keras`` is checked when an engine reads it.
"""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from skiplens.core.manifest import FORMAT, MANIFEST_FILE, WEIGHTS_FILE, Manifest
from skiplens.errors import ModelError

_GRAPHS: Final = ("activations", "gradients")
_ADAPTER: Final = TypeAdapter(Manifest)


@dataclass(frozen=True)
class ModelFolder:
    """An open model folder.

    Attributes:
        path: of the folder.
        manifest: of the network.
    """

    path: Path
    manifest: Manifest

    @cached_property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """float32 arrays by ``layer/weight``, read-only, read at first use."""
        with np.load(io.BytesIO(self.read(WEIGHTS_FILE)), allow_pickle=False) as archive:
            found = {key: archive[key] for key in archive.files}
        for array in found.values():
            array.flags.writeable = False
        return found

    def read(self, name: str) -> bytes:
        """The content of a file that the manifest names.

        Raises:
            ModelError: the file is missing or does not have the SHA-256 in the manifest.
        """
        expected = self.manifest.files.get(name)
        if expected is None:
            raise ModelError(f"{self.path / MANIFEST_FILE} names no file {name}")
        return _read_checked(self.path / name, expected)


def _read_checked(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"model file {path} cannot be read: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ModelError(
            f"model file {path} does not match its manifest: its SHA-256 is {found[:12]}..., "
            f"{expected[:12]}... was expected; compile the network again"
        )
    return content


def _read_manifest(path: Path) -> Manifest:
    try:
        manifest = _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(f"manifest {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ModelError(f"manifest {path} is not valid at {where}: {first['msg']}") from error
    if manifest.format != FORMAT:
        raise ModelError(
            f"manifest {path} has format {manifest.format}; {FORMAT} is needed: compile it again"
        )
    if manifest.id != path.parent.name:
        raise ModelError(f"manifest {path} is of network {manifest.id}, not {path.parent.name}")
    needed = _GRAPHS if manifest.no_gradients is None else _GRAPHS[:1]
    if not set(needed) <= set(manifest.graphs):
        named = ", ".join(manifest.graphs) or "none"
        raise ModelError(
            f"manifest {path} must name the graphs {' and '.join(needed)}; got {named}"
        )
    if manifest.graphs["activations"].outputs != tuple(layer.name for layer in manifest.layers):
        raise ModelError(f"manifest {path} names other layers than its activations graph returns")
    return manifest


def open_folder(path: Path) -> ModelFolder:
    """Open and check a model folder.

    Raises:
        ModelError: manifest, graphs or weights are missing, invalid or changed.
    """
    manifest = _read_manifest(path / MANIFEST_FILE)
    folder = ModelFolder(path, manifest)
    owners: dict[str, str] = {}
    for graph, info in manifest.graphs.items():
        if (other := owners.setdefault(info.file, graph)) != graph:
            raise ModelError(
                f"{path / info.file} holds one graph; its manifest says {other} and {graph}"
            )
    for name in sorted({WEIGHTS_FILE, *(graph.file for graph in manifest.graphs.values())}):
        folder.read(name)
    return folder


def find_networks(models: Path) -> tuple[Path, ...]:
    """The folders in ``models`` with a manifest, by name.

    Raises:
        ModelError: there is none.
    """
    found = sorted(entry.parent for entry in models.glob(f"*/{MANIFEST_FILE}"))
    if not found:
        raise ModelError(f"models folder {models} holds no compiled network; run skiplens compile")
    return tuple(found)
