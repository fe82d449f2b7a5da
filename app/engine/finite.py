"""The one check that what enters is finite, so that nothing behind it has to ask again."""

import math
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import LayerInfo
from app.errors import NonFiniteError

Arrays = Mapping[str, NDArray[np.float32]]


def telling(layers: Iterable[LayerInfo]) -> tuple[str, ...]:
    """The layers that are finite only if all the others are; looking at them is enough.

    A norm, ``a * x + b``, is finite only where what it was given is, since NaN and infinity come
    through; and a ReLU, a residual behind its gate and a sum of what is finite are finite.

    Args:
        layers: every layer of a network.
    """
    layers = list(layers)
    told = {name for layer in layers if layer.kind == "BatchNormalization" for name in layer.inputs}
    told |= {layer.name for layer in layers if layer.kind in {"ReLU", "Residual", "Add"}}
    return tuple(layer.name for layer in layers if layer.name not in told)


def check_finite(arrays: Arrays, names: Collection[str] | None = None) -> None:
    """Refuse arrays that hold NaN or infinity.

    The dot product of an array with itself is finite only if every element is, and takes a tenth of
    the time of looking at each. Magnitudes above about 1e19 overflow it and are refused as well.

    Args:
        arrays: by name.
        names: of those that tell of the others; see :func:`telling`. Each for itself by default.

    Raises:
        NonFiniteError: names the first such array.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        flat = [arrays[name].reshape(-1) for name in (arrays if names is None else names)]
        if math.isfinite(sum([float(one.dot(one)) for one in flat])):
            return
        for name, array in arrays.items():
            if not math.isfinite(np.vdot(array, array)):
                raise NonFiniteError(f"layer {name} holds a value that is NaN or infinite")
