"""Loads a ``.keras`` file. Needs Keras alone, on any backend."""

import zipfile
from pathlib import Path

import keras

from app.errors import CompileError
from app.network import residual as registers_layers
from app.network.tapping import Tapped, tap

__all__ = ["load_network", "load_tapped", "registers_layers"]


def load_network(path: Path) -> keras.Model:
    """The network in a ``.keras`` file.

    Loading can run code that the file brings: load only files whose maker you trust.

    Raises:
        CompileError: the file is missing or no Keras network.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CompileError(f"{path} is not a Keras network that can be loaded: {reason}") from error


def load_tapped(path: Path) -> Tapped:
    """The network in a ``.keras`` file, opened up; see :func:`app.network.tapping.tap`."""
    return tap(load_network(path))
