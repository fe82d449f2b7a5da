"""Arrays as the files that scripts read: ``.npy`` and ``.npz``, with the same bytes every time."""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32] | NDArray[np.uint8]


def npy(array: Array) -> bytes:
    """An array as ``.npy``."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npz(arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Arrays by name as a compressed ``.npz``."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()
