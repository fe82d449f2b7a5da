"""A network that its user has trained with Keras: its file, its id and its model folder.

Nothing here imports Keras: what the file is, and whether it is compiled already, is told at once.
"""

import hashlib
import json
import re
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from skiplens.core import child_python
from skiplens.core.input_image import SIDE, Fit, InputKind
from skiplens.core.manifest import DIGIT_CLASSES, FORMAT, MANIFEST_FILE
from skiplens.errors import CompileError, quoted

SUFFIXES: Final = (".keras", ".h5", ".hdf5")
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
_ZIP: Final = b"PK\x03\x04"
_DIGITS_OF_HASH: Final = 8
_LONGEST_NAME: Final = 48  # before the hash, so that an id is at most 57 characters
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class NetworkOptions:
    """A user's description of a network's input and output; the rest is worked out.

    Attributes:
        preprocess: name of a preset.
        fit: how images of another aspect are fitted.
        kind: of the images.
        size: height and width of images, where the network leaves them open.
        output: the output to show, by name or number, where there are several.
        classes: names of the classes.
        data: labelled images to measure the accuracy on.
    """

    preprocess: str | None = None
    fit: Fit = "crop"
    kind: InputKind | None = None
    size: tuple[int, int] | None = None
    output: str | None = None
    classes: tuple[str, ...] = ()
    data: Path | None = None


class TrustedCode(NamedTuple):
    """The code that may run to load a network: that in its file, and a Python file that defines its
    own layers.
    """

    trusted: bool = False
    definitions: Path | None = None


def read_classes(path: Path) -> tuple[str, ...]:
    """Names of classes: a line each, or as JSON a list, or an object by number, whose values may be
    lists that end in the name, as ``imagenet_class_index.json`` has them.

    Raises:
        CompileError: it is none of these.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if not text.lstrip().startswith(("[", "{")):
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        found = json.loads(text)
        if isinstance(found, dict):
            found = [found[str(number)] for number in range(len(found))]
        return tuple(str(one[-1] if isinstance(one, list) else one) for one in found)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise CompileError(
            f"{path} cannot be read as names of classes, a line each or a JSON list: {error}"
        ) from error


def parse_size(size: str) -> tuple[int, int]:
    """Height and width of ``224`` or ``160x224``.

    Raises:
        CompileError: it is neither.
    """
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", size, re.ASCII)
    if match is None or not int(match[1]) or match[2] == "0":
        raise CompileError(
            f"--size must be a side, or height x width, such as 224 or 160x224; got {quoted(size)}"
        )
    return int(match[1]), int(match[2] or match[1])


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
        if start.startswith(_ZIP):
            raise CompileError(f"{path} is damaged: the end of the file is missing")
        raise CompileError(f"{path} is not a Keras network: neither a .keras nor an HDF5 file")
    else:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise CompileError(f"{path} is a zip archive, but not a Keras network")


def newer_keras(path: Path, own: str) -> str | None:
    """The version of Keras that saved a ``.keras`` file, if it is newer than this one's."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = str(json.loads(archive.read("metadata.json"))["keras_version"])
        return found if _release(found) > _release(own) else None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def trained_on_logits(path: Path) -> bool:
    """Whether a ``.keras`` file says that its network was trained on logits of two classes."""
    loss = _loss(path, None)
    try:
        return bool(loss["class_name"] == "BinaryCrossentropy" and loss["config"]["from_logits"])
    except (KeyError, TypeError):
        return False


def regression_loss(path: Path, output: str | None) -> str | None:
    """The loss that a ``.keras`` file says its network was trained with, or the given output of it,
    if it is one of a regression.
    """
    loss = _loss(path, output)
    if isinstance(loss, dict):
        is_function = loss.get("class_name") == "function"
        loss = loss.get("config" if is_function else "class_name")
    name = str(loss)
    return name if re.sub(r"[^a-z]", "", name.lower()) in _OF_REGRESSION else None


_OF_REGRESSION: Final = frozenset(  # losses, by name without underscores
    {
        *("mse", "mae", "mape", "msle", "huber", "logcosh"),
        *("meansquarederror", "meanabsoluteerror"),
        *("meanabsolutepercentageerror", "meansquaredlogarithmicerror"),
    }
)


def _loss(path: Path, output: str | None) -> Any:
    """The loss in a ``.keras`` file: a name, or how Keras describes an object or function; that of
    the output where several have one each.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            loss = json.loads(archive.read("config.json"))["compile_config"]["loss"]
        has_many = isinstance(loss, dict) and "class_name" not in loss
        return loss.get(output) if has_many else loss
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def _release(version: str) -> tuple[int, ...]:
    """Major and minor number of ``3.15.0``."""
    return tuple(int(part) for part in version.split(".")[:2])


def only_weights(path: Path) -> CompileError:
    """The refusal of a file that does not hold the layers."""
    return CompileError(
        f"{path} holds weights alone, without the layers they belong to; load them into the "
        "network and save all of it with model.save('network.keras')"
    )


def network_id(path: Path, options: NetworkOptions | None = None) -> str:
    """The id of a network: its file's name, and the start of the SHA-256 of its content and of what
    is told of it.
    """
    digest = hashlib.sha256(
        repr(options).encode() if options not in (None, NetworkOptions()) else b""
    )
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower())[:_LONGEST_NAME].strip("-") or "network"
    return f"{name}-{digest.hexdigest()[:_DIGITS_OF_HASH]}"


def stored_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in a folder as it is written; empty where there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_of_mnist(folder: Path) -> bool:
    """Whether the accuracy of a compiled network is measured on MNIST's digits, where there are no
    other images.
    """
    found = stored_manifest(folder)
    is_alike = found["input_shape"] == [SIDE, SIDE, 1] and len(found["classes"]) == DIGIT_CLASSES
    return is_alike and _is_of_digits(found)


def takes_digits(folder: Path) -> bool:
    """Whether a compiled network takes images that are prepared as MNIST's digits were."""
    return _is_of_digits(stored_manifest(folder))


def _is_of_digits(manifest: Mapping[str, Any]) -> bool:
    return str(manifest.get("input", {}).get("kind", "digit")) == "digit"


def command_options(
    options: NetworkOptions, classes: Path | None, data: Path | None, code: TrustedCode
) -> list[str]:
    """The options of the commands ``open`` and ``compile``; see :func:`compile_apart`."""
    named = {
        "--preprocess": options.preprocess,
        "--fit": options.fit,
        "--kind": options.kind,
        "--size": "x".join(map(str, options.size)) if options.size else None,
        "--output": options.output,
        "--classes": classes,
        "--with": code.definitions,
        "--data": data,
    }
    given = [str(part) for pair in named.items() if pair[1] is not None for part in pair]
    return [*given, "--trust"] if code.trusted else given


def compile_apart(
    network: Path,
    models: Path,
    data: Path | None,
    options: NetworkOptions,
    classes: Path | None,
    code: TrustedCode,
) -> int:
    """Compile in another process, as TensorFlow would take its memory as long as this one runs.

    Args:
        network: a file.
        models: folder of model folders.
        data: to measure the accuracy on.
        options: of the network.
        classes: the file that its classes were read from.
        code: that may be run.

    Returns:
        The exit code; the other process has said what is wrong.

    Raises:
        CompileError: the system ended it.
    """
    command = [*child_python.command("skiplens", "compile", str(network), "--models", str(models))]
    command += command_options(options, classes, data, code)
    command += [] if data else ["--no-measure"]
    ended = subprocess.run(  # noqa: S603  # our own program
        command, check=False, env=child_python.environment()
    ).returncode
    if ended < 0:
        raise CompileError(
            f"compiling {network} was killed by signal {-ended}, probably because memory ran out; "
            f"it takes up to {_gigabytes(expected_memory(network))}"
        )
    return ended


_TENSORFLOW: Final = 600 << 20  # bytes of memory, without a network
_WEIGHTS_USED, _WEIGHTS_NEEDED = 24, 6  # times the file: measured with ResNet50; at the very least


def expected_memory(path: Path) -> int:
    """About the most bytes of memory that compiling a file takes.

    Raises:
        CompileError: even much less is more than the system has available.
    """
    size, available = path.stat().st_size, _available_memory()
    if available is not None and _TENSORFLOW + _WEIGHTS_NEEDED * size > available:
        raise CompileError(
            f"compiling {path} takes {_gigabytes(_TENSORFLOW + _WEIGHTS_NEEDED * size)} of memory "
            f"at least; {_gigabytes(available)} are available"
        )
    return _TENSORFLOW + _WEIGHTS_USED * size


def _available_memory() -> int | None:
    """Bytes of memory that programs can still take; ``None`` if the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((int(kilobytes) << 10 for kilobytes in found), None)


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB"


def describe_memory(path: Path) -> str:
    """The memory that compiling takes, in a sentence; errors as of :func:`expected_memory`."""
    return f"compiling {path.name} takes up to {_gigabytes(expected_memory(path))} of memory"


def is_compiled(folder: Path, *, measured: bool) -> bool:
    """Whether a folder holds a compiled network of the present format, with all its files, and its
    accuracy where that has to be measured.
    """
    found = stored_manifest(folder)
    return (
        found.get("format") == FORMAT
        and bool(found.get("files"))
        and all((folder / name).is_file() for name in found["files"])
        and (not measured or found.get("test_accuracy") is not None)
    )
