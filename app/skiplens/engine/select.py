"""Selects and opens the engine of each network: LiteRT, or Keras if there is a GPU."""

import ctypes
import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from skiplens.core.limits import InterpreterLimits
from skiplens.engine import litert
from skiplens.engine.base import Engine
from skiplens.engine.keras import KerasEngine
from skiplens.engine.litert import IdleInterpreters, LiteRTEngine
from skiplens.engine.model_folder import ModelFolder, find_networks, open_folder
from skiplens.errors import StartupError, install

_DRIVER: Final = "libcuda.so.1"
_NAME_LENGTH: Final = 256
_BACKENDS: Final = ("tensorflow", "jax", "torch")


def gpu_name() -> str | None:
    """Name of the first GPU that the CUDA driver finds, or ``None``.

    Respects ``CUDA_VISIBLE_DEVICES``. Loads only the driver's library.
    """
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return None
    count, device = ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(_NAME_LENGTH)
    succeeded = (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and count.value > 0
        and driver.cuDeviceGet(ctypes.byref(device), 0) == 0
        and driver.cuDeviceGetName(name, _NAME_LENGTH, device) == 0
    )
    return name.value.decode(errors="replace") if succeeded else None


def keras_backend() -> str | None:
    """The backend in ``KERAS_BACKEND``, or the first one installed; imports none of them.

    ``None`` if Keras or the backend is missing.
    """
    if importlib.util.find_spec("keras") is None:
        return None
    wanted = os.environ.get("KERAS_BACKEND")
    candidates = (wanted,) if wanted else _BACKENDS
    return next((name for name in candidates if importlib.util.find_spec(name)), None)


EngineChoice = Literal["auto", "litert", "keras"]


def choose(choice: EngineChoice) -> tuple[str, str]:
    """The engine and the device to run on.

    ``auto`` takes Keras if there is a backend, and a GPU or no LiteRT; otherwise LiteRT.

    Raises:
        StartupError: ``keras`` is chosen and not installed.
    """
    gpu = gpu_name() if choice != "litert" else None
    without = choice == "auto" and litert.MISSING is not None
    backend = keras_backend() if choice == "keras" or gpu or without else None
    if choice == "keras" and backend is None:
        raise StartupError(f"engine keras needs Keras and a backend: {install('tensorflow')}")
    if backend is None:
        return "litert", "CPU"
    os.environ["KERAS_BACKEND"] = backend  # Keras reads it once, on import
    return "keras", f"{gpu} ({backend})" if gpu else f"CPU ({backend})"


def open_engines(
    models: Path,
    choice: EngineChoice,
    size: int,
    max_waiting: int,
    own: Path | None = None,
    limits: InterpreterLimits = InterpreterLimits(),  # noqa: B008  # it cannot be changed
) -> Mapping[str, Engine]:
    """An engine for every network in ``models``, by id.

    Args:
        models: folder of model folders.
        choice: engine to use.
        size: LiteRT interpreters for each network.
        max_waiting: callers that may wait for one network.
        own: one more model folder.
        limits: of the memory that LiteRT's interpreters hold.

    Raises:
        StartupError: a model folder is unusable or the engine is not available.
    """
    return engines_of(open_folders(models, own), choice, size, max_waiting, limits)


def open_folders(models: Path, own: Path | None = None) -> list[ModelFolder]:
    """The networks in ``models``, and one more; arguments and errors as of :func:`open_engines`."""
    paths = (*find_networks(models), *([own] if own else []))
    return [open_folder(path) for path in paths]


def engines_of(
    folders: Sequence[ModelFolder],
    choice: EngineChoice,
    size: int,
    max_waiting: int,
    limits: InterpreterLimits = InterpreterLimits(),  # noqa: B008  # it cannot be changed
) -> Mapping[str, Engine]:
    """An engine for each of these networks; arguments and errors as of :func:`open_engines`."""
    name, device = choose(choice)
    if name == "keras":
        return {folder.manifest.id: KerasEngine(folder, device, max_waiting) for folder in folders}
    idle = IdleInterpreters(limits.idle + 2 * size)
    return {f.manifest.id: LiteRTEngine(f, size, max_waiting, idle, limits) for f in folders}
