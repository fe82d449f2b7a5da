"""A place of a layer's map, and all that the layer works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import LayerInfo

Array = NDArray[np.float32]
Place = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be worked out, and from what.

    Attributes:
        layer: whose map it is.
        filter: index of the map.
        place: row and column.
        given: float32 ``(H, W, C)``, the maps of each of the layer's inputs.
        weights: of the network, by ``layer/weight``.
        switch: of a layer that its block's switch acts on, 1 where the branch is on and 0 where it
            is off.
    """

    layer: LayerInfo
    filter: int
    place: Place
    given: Sequence[Array]
    weights: Mapping[str, Array]
    switch: float | None

    def weight(self, name: str) -> Array | None:
        """One of the layer's weights, whole."""
        return self.weights.get(f"{self.layer.name}/{name}")

    def scalar(self, name: str) -> float | None:
        """What one of the layer's weights has for the filter."""
        found = self.weight(name)
        return None if found is None else float(found[self.filter])

    def here(self, maps: Array) -> float:
        """The value of other maps at the same place and filter."""
        return float(maps[(*self.place, self.filter)])
