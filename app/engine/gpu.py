"""Finds out whether there is a GPU without importing a framework."""

import ctypes
import importlib.util
import os
from typing import Final

_DRIVER: Final = "libcuda.so.1"
_NAME_LENGTH: Final = 256
_BACKENDS: Final = ("tensorflow", "jax", "torch")


def gpu_name() -> str | None:
    """Name of the first GPU that CUDA's driver sees (``CUDA_VISIBLE_DEVICES`` honoured), or
    ``None``. Loads the driver's library alone, which takes a millisecond where there is none.
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
    """The backend Keras would run on: the one that ``KERAS_BACKEND`` names, or the first that is
    installed; ``None`` where Keras or every backend is missing. Imports none of them.
    """
    if importlib.util.find_spec("keras") is None:
        return None
    wanted = os.environ.get("KERAS_BACKEND")
    candidates = (wanted,) if wanted else _BACKENDS
    return next((name for name in candidates if importlib.util.find_spec(name)), None)
