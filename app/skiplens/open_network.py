"""Opens a Keras network from Python: compiles and serves it, and asks about it."""

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from skiplens.client import Client, Image, as_bytes
from skiplens.core import child_python
from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import Fit, InputKind
from skiplens.errors import StartupError
from skiplens.network.own_network_files import NetworkOptions, TrustedCode, command_options
from skiplens.notebook_html import SITES, address_in_notebook, iframe, is_proxied

_STARTED: Final = "skiplens is at "
_REFUSED: Final = "skiplens: "
Pixels = str | os.PathLike[str] | NDArray[Any]


class OpenNetwork(Client):
    """A network in a server of its own, which ends with this process or with :meth:`close`."""

    def __init__(
        self,
        server: subprocess.Popen[str],
        url: str,
        folder: tempfile.TemporaryDirectory[str],
        images: Sequence[Pixels] = (),
    ) -> None:
        super().__init__(url, token=os.environ.get("SKIPLENS_TOKEN", ""))
        self._server = server
        self._folder = folder
        self._images = tuple(images)

    def _repr_html_(self) -> str:
        return super()._repr_html_() + iframe(self._shown_url)

    @cached_property
    def _shown_url(self) -> str:
        return address_in_notebook(self.url, os.environ).rstrip("/") + "/"

    @property
    def _examples(self) -> Sequence[Image]:
        return self._images or super()._examples

    def close(self) -> None:
        """End the server; the compiled network is kept."""
        self._server.terminate()
        _end(self._server)
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._server.poll() is None:
            self._server.terminate()


def _end(server: subprocess.Popen[str]) -> None:
    """Wait until a server has ended."""
    if server.stdin is not None:
        server.stdin.close()
    server.wait()


def open_network(  # noqa: PLR0913  # one parameter for each option of the command
    model: Any = None,  # noqa: ANN401  # Keras is not imported here
    images: Sequence[Pixels] = (),
    *,
    preprocess: str | None = None,
    fit: Fit = "crop",
    kind: InputKind | None = None,
    size: int | tuple[int, int] | None = None,
    output: str | int | None = None,
    classes: Iterable[object] = (),
    data: str | os.PathLike[str] | None = None,
    trust: bool = False,
    definitions: str | os.PathLike[str] | None = None,
) -> OpenNetwork:
    """Compile a Keras network, unless it is compiled already, and serve it beside the shipped ones.

    Args:
        model: a ``keras.Model``, or the path of a ``.keras`` or HDF5 file. Without one, the shipped
            networks are served alone, and no other argument is of use.
        images: to show it with: files, or arrays ``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``, uint8
            in 0..255 or float in 0..1.
        preprocess: values that it takes: ``unit`` for 0 to 1, ``bytes`` for 0 to 255, ``tf``,
            ``torch``, ``caffe``, or a module of ``keras.applications``; worked out by default.
        fit: how images of another aspect are fitted.
        kind: ``digit`` for images that are prepared as MNIST's were; by the shape by default.
        size: of the images, where the model leaves it open: a side, or height and width.
        output: which of several outputs to show, by name or number.
        classes: names of the classes, as ``str`` gives them.
        data: labelled images to measure the accuracy on.
        trust: whether code in the file may be run, such as that of Lambda layers.
        definitions: a Python file to run first, which defines the model's own layers.

    Raises:
        StartupError: it cannot be compiled or served; the message says why.
    """
    folder = tempfile.TemporaryDirectory(prefix="skiplens-")
    command = [*child_python.command("skiplens")]
    if model is None:
        command += ["serve", "--port", "0", "--with-parent"]
        return _started(command, folder)
    options = NetworkOptions(
        preprocess,
        fit,
        kind,
        (size, size) if isinstance(size, int) else size,
        None if output is None else str(output),
    )
    command += ["open", str(_saved(model, Path(folder.name))), "--no-browser", "--port", "0"]
    command += ["--with-parent"]
    command += command_options(
        options,
        _listed(classes, Path(folder.name)),
        Path(data) if data else None,
        TrustedCode(trust, Path(definitions) if definitions else None),
    )
    for number, image in enumerate(images):
        command += ["--image", str(_file(image, Path(folder.name) / f"image-{number}.png"))]
    return _started(command, folder, images)


def _started(
    command: Sequence[str],
    folder: tempfile.TemporaryDirectory[str],
    images: Sequence[Pixels] = (),
) -> OpenNetwork:
    """The server that a command starts, which notebooks may show in a frame.

    It is in a process group of its own: an interrupted cell, or Ctrl-C in a terminal, interrupts
    the whole group of this process. It ends with the pipe to its standard input.
    """
    log = Path(folder.name) / "log"
    variables = {"SKIPLENS_FRAME_ANCESTORS": ",".join(SITES)}
    if is_proxied(os.environ):  # the names of its host and path are the proxy's
        variables |= {"SKIPLENS_TRUST_PREFIX_HEADER": "true", "SKIPLENS_ALLOWED_HOSTS": "*"}
    with log.open("w") as file:
        server = subprocess.Popen(  # noqa: S603  # our own program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=variables | child_python.environment(),
            process_group=0,
        )
    try:
        return OpenNetwork(server, _address(server, log), folder, images)
    except BaseException:
        _kill(server)
        _end(server)
        folder.cleanup()
        raise


def _kill(server: subprocess.Popen[str]) -> None:
    """Kill a server that starts, and the compiling that it waits for."""
    if server.poll() is None and hasattr(os, "killpg"):
        os.killpg(server.pid, signal.SIGKILL)
    else:
        server.kill()


def _saved(model: Any, folder: Path) -> Path:  # noqa: ANN401  # as above
    """The file of a model."""
    if isinstance(model, str | os.PathLike):
        return Path(model)
    path = folder / f"{model.name}.keras"
    model.save(path)
    return path


def _listed(classes: Iterable[object], folder: Path) -> Path | None:
    """A file with the names of classes."""
    names = [str(one) for one in classes]
    if not names:
        return None
    path = folder / "classes.json"
    path.write_text(json.dumps(names), encoding="utf-8")
    return path


def _file(image: Pixels, path: Path) -> Path:
    """The file of an image."""
    if not isinstance(image, np.ndarray):
        return Path(image)
    path.write_bytes(encode_grey(as_bytes(image)))
    return path


def _address(server: subprocess.Popen[str], log: Path) -> str:
    """Where a server that starts is; ``log`` is what it writes to standard error.

    Raises:
        StartupError: it ends instead.
    """
    if server.stdout is None:
        raise RuntimeError("the server has no output")
    with server.stdout as said:  # nothing follows the address
        for line in said:
            if line.startswith(_STARTED):
                return line.removeprefix(_STARTED).split()[0]
    server.wait()
    text = log.read_text(encoding="utf-8")
    reasons = [line for line in text.splitlines() if line.startswith(_REFUSED)]
    raise StartupError(_in_python(reasons[-1].removeprefix(_REFUSED)) if reasons else text[-500:])


_ARGUMENTS: Final = {"with": "definitions"}  # where one has another name than the option


def _in_python(reason: str) -> str:
    """What the command says, with arguments of :func:`open_network` in place of its options."""

    def argument(found: re.Match[str]) -> str:
        name, value = _ARGUMENTS.get(found[1], found[1]), found[2]
        if value is None:
            return "trust=True" if name == "trust" else f"{name}="
        return f"{name}={value if value.isdecimal() else repr(value)}"

    names = "preprocess|fit|kind|size|output|classes|data|trust|with"
    return re.sub(rf"(?<!\S)--({names})\b(?: (\d+|\S+\.py)\b)?", argument, reason)
