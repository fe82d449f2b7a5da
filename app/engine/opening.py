"""Chooses the engine and opens every network with it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from app.engine.folder import find_networks, open_folder
from app.engine.gpu import gpu_name, keras_backend
from app.engine.keras import KerasEngine
from app.engine.litert import LiteRTEngine
from app.engine.protocol import Engine
from app.errors import StartupError

Choice = Literal["auto", "litert", "keras"]


def choose(choice: Choice) -> tuple[str, str]:
    """The engine and the device to run on.

    ``auto`` takes Keras where there is a GPU and a backend for it, LiteRT everywhere else.

    Raises:
        StartupError: Keras was asked for and is not installed.
    """
    gpu = gpu_name() if choice != "litert" else None
    backend = keras_backend() if choice == "keras" or gpu else None
    if choice == "keras" and backend is None:
        raise StartupError("engine keras needs Keras and a backend installed: make setup")
    if backend is None:
        return "litert", "CPU"
    os.environ["KERAS_BACKEND"] = backend  # Keras reads it once, when it is first imported
    return "keras", f"{gpu} ({backend})" if gpu else f"CPU ({backend})"


def open_engines(models: Path, choice: Choice, size: int, max_waiting: int) -> Mapping[str, Engine]:
    """An engine for every network below ``models``, by network id.

    Args:
        models: folder of model folders.
        choice: which engine.
        size: interpreters a network, for LiteRT.
        max_waiting: callers that may wait for one network.

    Raises:
        StartupError: a model folder is unusable or the engine is not to be had.
    """
    name, device = choose(choice)
    folders = [open_folder(path) for path in find_networks(models)]
    if name == "keras":
        return {one.manifest.id: KerasEngine(one, device, max_waiting) for one in folders}
    return {one.manifest.id: LiteRTEngine(one, size, max_waiting) for one in folders}
