"""The one check that what enters is finite, so that nothing behind it has to ask again."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.errors import NonFiniteError


def check_finite(arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Refuse arrays that hold NaN or infinity.

    The dot product of an array with itself is finite only if every element is, and takes a tenth of
    the time of looking at each. Magnitudes above about 1e19 overflow it and are refused as well.

    Raises:
        NonFiniteError: names the first such array.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for name, array in arrays.items():
            flat = array.reshape(-1)
            if not math.isfinite(np.dot(flat, flat)):
                raise NonFiniteError(f"layer {name} holds a value that is NaN or infinite")
