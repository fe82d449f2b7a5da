"""Values that are made of many: a convolution, a dense layer, a pooling.

Every record holds the numbers that went in and, as ``result``, what they come to in float64. The
network computed in float32, so that the two agree to about six digits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.units.functions import applied
from app.core.units.question import Array, Place

Products = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A kernel laid over a patch: products added up, and a bias.

    Attributes:
        patch: float32 ``(h, w, n)``, what the kernel lies over in each of the n maps that it is
            given; zero beyond their edge.
        inside: bool ``(h, w)``, whether each position is on the maps.
        kernel: float32 ``(h, w, n)``.
        bias: of the filter; ``None`` where the layer has none.
        corner: row and column of the patch's first value in the maps; negative beyond the edge.
        dilation: from one value of the patch to the next in the maps, down and across.
        first: index of the first of the n maps, which is not 0 in a later group.
        function: applied to the sum, one of :data:`app.core.units.functions.FUNCTIONS`; or none.
    """

    patch: Array
    inside: NDArray[np.bool_]
    kernel: Array
    bias: float | None
    corner: Place
    dilation: Place
    first: int
    function: str | None

    @property
    def products(self) -> Products:
        """Float64 ``(h, w, n)``."""
        return self.patch.astype(np.float64) * self.kernel

    @property
    def sums(self) -> Products:
        """What each of the n maps contributes: float64 ``(n,)``."""
        return np.asarray(self.products.sum(axis=(0, 1)))

    @property
    def total(self) -> float:
        """All products and the bias, before the function."""
        return float(self.sums.sum()) + (self.bias or 0.0)

    @property
    def result(self) -> float:
        """The value."""
        return applied(self.function, self.total)


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """A dense layer: every value that it is given times a weight, and a bias.

    Attributes:
        values: float32 ``(n,)``, in row-major order of the maps that they come from.
        weights: float32 ``(n,)``.
        bias: of the class; ``None`` where the layer has none.
        function: as of a :class:`Convolution`.
    """

    values: Array
    weights: Array
    bias: float | None
    function: str | None

    @property
    def products(self) -> Products:
        """Float64 ``(n,)``."""
        return self.values.astype(np.float64) * self.weights

    @property
    def total(self) -> float:
        """All products and the bias, before the function."""
        return float(self.products.sum()) + (self.bias or 0.0)

    @property
    def result(self) -> float:
        """The value."""
        return applied(self.function, self.total)


@dataclass(frozen=True, eq=False)
class Pooling:
    """One number for a window.

    Attributes:
        operation: ``max`` or ``mean``.
        window: float32 ``(h, w)``, the part of it that is on the map.
        corner: row and column of its first value in the map.
    """

    operation: str
    window: Array
    corner: Place

    @property
    def result(self) -> float:
        """The value."""
        chosen = self.window.max() if self.operation == "max" else self.window.mean(dtype=float)
        return float(chosen)
