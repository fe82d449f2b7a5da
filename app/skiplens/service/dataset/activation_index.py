"""Predictions and the top activations of every filter over a set of digits."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import AS_TRAINED, LayerInfo, Manifest
from skiplens.engine.base import Activations, Engine
from skiplens.errors import BusyError, InvalidParameterError
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.forward import branch_scales

KEPT: Final = 24  # top-activating digits of a filter
_LABELS: Final = 10


@dataclass(frozen=True)
class TopActivation:
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

    def top_activations(
        self, manifest: Manifest, layer: LayerInfo, index: int
    ) -> tuple[TopActivation, ...]:
        """The digits that activate a filter most, in descending order; values above zero only.

        ReLU lets nothing else through, so no other digit can be said to excite it.
        """
        before = manifest.layers[: manifest.layers.index(layer)]
        row = sum(one.filters for one in before) + index
        found = zip(self.places[row].tolist(), self.values[row].tolist(), strict=True)
        return tuple(TopActivation(place, value) for place, value in found if value > 0)


def max_per_filter(manifest: Manifest, activations: Activations) -> NDArray[np.float32]:
    """The largest value of every filter's map, float32 ``(F,)``: all layers in forward order."""
    return np.concatenate(
        [
            activations[layer.name].reshape(-1, layer.filters).max(axis=0)
            for layer in manifest.layers
        ]
    )


class TopK:
    """Collects the top-activating digits of every filter while digits come in order.

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
            found: float32 ``(n, F)``, the maximum of each filter.
        """
        new = np.arange(first, first + len(found), dtype=np.int32)
        places = np.hstack([self.places, np.broadcast_to(new, (len(self.places), len(new)))])
        values = np.hstack([self.values, found.T])
        order = np.argsort(-values, axis=1, kind="stable")[:, :KEPT]
        self.places = np.take_along_axis(places, order, axis=1)
        self.values = np.take_along_axis(values, order, axis=1)


OnStep = Callable[[int], None]

_PART: Final = 100  # digits between two reports of progress
_PAUSE: Final = 0.002  # seconds; about what an answer takes
_Read = tuple[NDArray[np.float32], NDArray[np.float32]]


def build_index(
    engine: Engine,
    collection: LabelledDigits,
    workers: int,
    stop: threading.Event | None = None,
    on_step: OnStep = lambda done: None,
) -> Index:
    """Run every digit through the network once.

    Args:
        engine: the network.
        collection: the digits, at least one.
        workers: digits that are computed at the same time.
        stop: ends it within one digit's time; makes it background work, which stands back while
            others wait for the engine. ``None`` where somebody waits for the index itself.
        on_step: told how many digits are done, now and then.

    Raises:
        BusyError: it was told to stop, or, outside of the background, the engine is too busy.
        NonFiniteError: the network computed NaN or infinity.
    """
    reader = _Reader(engine, collection, stop)
    ranking = TopK(sum(layer.filters for layer in engine.manifest.layers))
    answers = []
    parts = [range(at, min(at + _PART, len(collection))) for at in range(0, len(collection), _PART)]
    pool = ThreadPoolExecutor(workers, thread_name_prefix="indexing")
    try:
        for part, (found, probabilities) in zip(parts, pool.map(reader.read, parts), strict=True):
            ranking.add(part.start, found)
            answers.append(probabilities)
            on_step(part.stop)
    finally:
        pool.shutdown(cancel_futures=True)
    return Index(np.concatenate(answers), ranking.places, ranking.values)


class _Reader:
    """Reads digits, several threads at once."""

    def __init__(
        self, engine: Engine, collection: LabelledDigits, stop: threading.Event | None
    ) -> None:
        self._engine = engine
        self._collection = collection
        self._stop = stop
        self._gates = branch_scales(engine.manifest, AS_TRAINED)
        self._own = 0
        self._lock = threading.Lock()

    def read(self, part: range) -> _Read:
        """Maximum per filter ``(n, F)``, probabilities ``(n, classes)`` of some digits."""
        manifest = self._engine.manifest
        last = manifest.layers[-1].name
        found, answers = [], []
        for place in part:
            activations = self._run(self._collection.digit(place).as_input())
            found.append(max_per_filter(manifest, activations))
            answers.append(activations[last].reshape(-1))
        return np.stack(found), np.stack(answers)

    def _run(self, image: NDArray[np.float32]) -> Activations:
        if self._stop is None:
            return self._engine.activations(image, self._gates)
        while not self._stop.is_set():
            try:
                if self._engine.waiting <= self._own:  # nobody waits but our own threads
                    return self._compute(image)
            except BusyError:  # others were faster
                pass
            self._stop.wait(_PAUSE)
        raise BusyError("the server is stopping, so no more digits are indexed")

    def _compute(self, image: NDArray[np.float32]) -> Activations:
        with self._lock:
            self._own += 1
        try:
            return self._engine.activations(image, self._gates)
        finally:
            with self._lock:
                self._own -= 1


PER_PAGE: Final = 100


class SortOrder(StrEnum):
    """What comes first."""

    MISTAKES = "mistakes"  # misread digits, the surest first; then the others, the surest last
    CONFIDENCE = "confidence"  # the surest answers
    DOUBT = "doubt"  # the least sure
    INDEX = "index"  # the data set's own order


@dataclass(frozen=True)
class DigitFilter:
    """Which digits, and in what order.

    Attributes:
        label: what they are meant to be; any, if ``None``.
        prediction: index of the class that they are read as; any, if ``None``.
        wrong: whether they are misread; either, if ``None``.
        order: what comes first.
    """

    label: int | None = None
    prediction: int | None = None
    wrong: bool | None = None
    order: SortOrder = SortOrder.MISTAKES


@dataclass(frozen=True)
class ResultPage:
    """A page of the digits that were chosen.

    Attributes:
        total: digits on all pages.
        page: number of this one, from 1.
        pages: how many there are, at least one.
        places: of its digits, at most :data:`PER_PAGE`.
    """

    total: int
    page: int
    pages: int
    places: tuple[int, ...]


def browse(collection: LabelledDigits, index: Index, choice: DigitFilter, page: int) -> ResultPage:
    """A page of the digits that are chosen.

    Raises:
        InvalidParameterError: there is no such page.
    """
    chosen = _ordered(collection, index, choice)
    pages = max(1, -(-len(chosen) // PER_PAGE))
    if not 1 <= page <= pages:
        raise InvalidParameterError(f"page must be from 1 to {pages}; got {page}")
    places = chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
    return ResultPage(len(chosen), page, pages, tuple(places.tolist()))


def _ordered(collection: LabelledDigits, index: Index, choice: DigitFilter) -> NDArray[np.intp]:
    labels = collection.split.labels
    wrong = index.predictions != labels
    chosen = np.ones(len(labels), np.bool_)
    if choice.label is not None:
        chosen &= labels == choice.label
    if choice.prediction is not None:
        chosen &= index.predictions == choice.prediction
    if choice.wrong is not None:
        chosen &= wrong == choice.wrong
    places = np.flatnonzero(chosen)
    sure, misread = index.confidences[places], wrong[places]
    ranks = {
        SortOrder.MISTAKES: np.lexsort((np.where(misread, -sure, sure), ~misread)),
        SortOrder.CONFIDENCE: np.argsort(-sure, kind="stable"),
        SortOrder.DOUBT: np.argsort(sure, kind="stable"),
        SortOrder.INDEX: np.arange(len(places)),
    }
    ordered: NDArray[np.intp] = places[ranks[choice.order]]
    return ordered
