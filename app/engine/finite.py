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
    flat = {name: array.reshape(-1) for name, array in arrays.items()}
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(sum([float(one.dot(one)) for one in flat.values()])):
            return
        for name, one in flat.items():
            if not math.isfinite(one.dot(one)):
                raise NonFiniteError(f"layer {name} holds a value that is NaN or infinite")
