"""What one network makes of many digits, in short: its answers, and each filter's strongest."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import LayerInfo, Manifest
from app.engine.protocol import Activations

KEPT: Final = 24  # strongest digits of a filter
_LABELS: Final = 10


@dataclass(frozen=True)
class Strong:
    """A digit that excites a filter.

    Attributes:
        place: of the digit in its collection.
        value: the largest in the filter's map, above zero.
    """

    place: int
    value: float


@dataclass(frozen=True, eq=False)
class Index:
    """What one network computes for every digit of a collection, with every block on.

    Attributes:
        probabilities: float32 ``(N, classes)``, one row a digit.
        places: int32 ``(F, K)``: a row for each filter of each layer, in forward order; the digits
            whose maps hold the largest values, largest first, of equals the earlier.
        values: float32 ``(F, K)``: those values.
    """

    probabilities: NDArray[np.float32]
    places: NDArray[np.int32]
    values: NDArray[np.float32]

    @cached_property
    def predictions(self) -> NDArray[np.intp]:
        """The most probable class of each digit, ``(N,)``."""
        found: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return found

    @cached_property
    def confidences(self) -> NDArray[np.float32]:
        """The probability of that class, float32 ``(N,)``."""
        found: NDArray[np.float32] = self.probabilities.max(axis=1)
        return found

    def confusion(self, labels: NDArray[np.uint8]) -> NDArray[np.intp]:
        """How many digits of each label are read as each class, ``(10, classes)``."""
        counts = np.zeros((_LABELS, self.probabilities.shape[1]), np.intp)
        np.add.at(counts, (labels, self.predictions), 1)
        return counts

    def strongest(self, manifest: Manifest, layer: LayerInfo, index: int) -> tuple[Strong, ...]:
        """The digits that excite a filter most, strongest first; values above zero only.

        ReLU lets nothing else through, so no other digit can be said to excite it.
        """
        before = manifest.layers[: manifest.layers.index(layer)]
        row = sum(one.filters for one in before) + index
        found = zip(self.places[row].tolist(), self.values[row].tolist(), strict=True)
        return tuple(Strong(place, value) for place, value in found if value > 0)


def maxima(manifest: Manifest, activations: Activations) -> NDArray[np.float32]:
    """The largest value of every filter's map, float32 ``(F,)``: all layers in forward order."""
    return np.concatenate(
        [
            activations[layer.name].reshape(-1, layer.filters).max(axis=0)
            for layer in manifest.layers
        ]
    )


class Ranking:
    """Keeps the strongest digits of every filter while digits come in order.

    Attributes:
        places: int32 ``(F, K)``, as :class:`Index` has it, of the digits so far.
        values: float32 ``(F, K)``.
    """

    def __init__(self, filters: int) -> None:
        self.places = np.zeros((filters, 0), np.int32)
        self.values = np.zeros((filters, 0), np.float32)

    def add(self, first: int, found: NDArray[np.float32]) -> None:
        """Rank the next digits too.

        Args:
            first: place of the first of them.
            found: float32 ``(n, F)``, the maxima of each.
        """
        new = np.arange(first, first + len(found), dtype=np.int32)
        places = np.hstack([self.places, np.broadcast_to(new, (len(self.places), len(new)))])
        values = np.hstack([self.values, found.T])
        order = np.argsort(-values, axis=1, kind="stable")[:, :KEPT]
        self.places = np.take_along_axis(places, order, axis=1)
        self.values = np.take_along_axis(values, order, axis=1)
