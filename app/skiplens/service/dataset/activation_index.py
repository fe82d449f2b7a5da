"""Predictions and the top activations of every filter over a set of digits."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.confusion_matrix import confusion_matrix
from skiplens.core.manifest import LayerInfo, Manifest
from skiplens.core.published import Published
from skiplens.engine.base import Activations, Engine
from skiplens.errors import BusyError, InvalidParameterError
from skiplens.service.dataset import LabelledDigits
from skiplens.service.forward import branch_scales, network_input

TOP_K: Final = 24  # top-activating digits of a filter


@dataclass(frozen=True)
class TopActivation:
    """A digit that activates a filter.

    Attributes:
        index: of the digit in its collection.
        value: the largest in the filter's map, above zero.
    """

    index: int
    value: float


@dataclass(frozen=True, eq=False)
class ActivationIndex:
    """What one network computes for every digit of a collection, with all blocks enabled.

    Attributes:
        probabilities: float32 ``(N, classes)``, one row a digit.
        top_digits: int32 ``(F, K)``: a row for each filter of each layer, in forward order; the
            indices of the digits with the largest activations, in descending order, ties by index.
        top_values: float32 ``(F, K)``: those activations.
    """

    probabilities: NDArray[np.float32]
    top_digits: NDArray[np.int32]
    top_values: NDArray[np.float32]

    @cached_property
    def predictions(self) -> NDArray[np.intp]:
        """The most probable class of each digit, ``(N,)``."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def confidences(self) -> NDArray[np.float32]:
        """The probability of that class, float32 ``(N,)``."""
        return np.asarray(self.probabilities.max(axis=1))

    def confusion(self, labels: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Number of digits by label and predicted class, ``(10, classes)``."""
        return confusion_matrix(labels, self.predictions, self.probabilities.shape[1])

    def top_activations(
        self, manifest: Manifest, layer: LayerInfo, index: int
    ) -> tuple[TopActivation, ...]:
        """The digits that activate a filter most, in descending order; values above zero only.

        ReLU passes nothing else on, so no other digit activates it.
        """
        before = manifest.layers[: manifest.layers.index(layer)]
        row = sum(earlier.filters for earlier in before) + index
        top = zip(self.top_digits[row].tolist(), self.top_values[row].tolist(), strict=True)
        return tuple(TopActivation(digit, value) for digit, value in top if value > 0)


def max_per_filter(manifest: Manifest, activations: Activations) -> NDArray[np.float32]:
    """The largest value of every filter's map, float32 ``(F,)``: all layers in forward order."""
    flat = (activations[layer.name].reshape(-1, layer.filters) for layer in manifest.layers)
    return np.concatenate([values.max(axis=0) for values in flat])


class TopK:
    """Collects the top-activating digits of every filter from digits in ascending order.

    Attributes:
        digits: int32 ``(F, K)``, as :attr:`ActivationIndex.top_digits`, of the digits so far.
        values: float32 ``(F, K)``.
    """

    def __init__(self, filters: int) -> None:
        self.digits = np.zeros((filters, 0), np.int32)
        self.values = np.zeros((filters, 0), np.float32)

    def add(self, first: int, maxima: NDArray[np.float32]) -> None:
        """Add the next digits.

        Args:
            first: index of the first of them.
            maxima: float32 ``(n, F)``, the maximum of each filter.
        """
        new = np.arange(first, first + len(maxima), dtype=np.int32)
        keys = np.hstack([_keys(self.values, self.digits), _keys(maxima.T, new)])
        kept = min(TOP_K, keys.shape[1])
        top = np.sort(np.partition(keys, -kept, axis=1)[:, -kept:], axis=1)[:, ::-1]
        self.digits = (_LAST - (top & _LAST)).astype(np.int32)
        self.values = _in_order((top >> _BITS).astype(np.int32)).view(np.float32)


_BITS: Final = 32
_LAST: Final = 0x7FFFFFFF


def _keys(values: NDArray[np.float32], digits: NDArray[np.int32]) -> NDArray[np.int64]:
    """Integers that ascend with the values and, where two are equal, with falling index: sorting
    them is many times faster than a stable sort of the values.
    """
    bits = _in_order((values + np.float32(0)).view(np.int32))  # -0 equals 0
    return (bits.astype(np.int64) << _BITS) | (_LAST - digits)


def _in_order(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """The bits of floats as integers of the same order, and the other way round."""
    return np.where(bits < 0, bits ^ np.int32(_LAST), bits)


OnDigitsDone = Callable[[int], None]

_BATCH: Final = 100  # digits between two reports of progress
_PAUSE_S: Final = 0.002  # about one forward pass
_Found = tuple[NDArray[np.float32], NDArray[np.float32]]  # see _BatchRunner.run


def build_index(
    engine: Engine,
    collection: LabelledDigits,
    workers: int,
    stop: threading.Event | None = None,
    on_done: OnDigitsDone = lambda done: None,
) -> ActivationIndex:
    """Run every digit through the network once.

    Args:
        engine: the network.
        collection: the digits, at least one.
        workers: number of digits computed at the same time.
        stop: stops it within one forward pass, and makes it background work, which yields to
            others that wait for the engine. ``None`` if a caller waits for the index.
        on_done: called with the number of finished digits.

    Raises:
        BusyError: it was stopped, or ``stop`` is ``None`` and the engine is too busy.
        NonFiniteError: the network computed NaN or infinity.
    """
    runner = _BatchRunner(engine, collection, stop)
    top = TopK(sum(layer.filters for layer in engine.manifest.layers))
    probabilities = []
    digits = range(len(collection))
    batches = [digits[start : start + _BATCH] for start in digits[::_BATCH]]
    with _mapping(workers) as map_batches:
        for batch, (maxima, answers) in zip(batches, map_batches(runner.run, batches), strict=True):
            top.add(batch.start, maxima)
            probabilities.append(answers)
            on_done(batch.stop)
    return ActivationIndex(np.concatenate(probabilities), top.digits, top.values)


@contextmanager
def _mapping(workers: int) -> Iterator[Callable[..., Iterator[_Found]]]:
    """What maps a function over batches, so many at a time; one at a time in no other thread."""
    if workers == 1:
        yield map
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="indexing")
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


class _BatchRunner:
    """Runs batches of digits in several threads."""

    def __init__(
        self, engine: Engine, collection: LabelledDigits, stop: threading.Event | None
    ) -> None:
        self._engine = engine
        self._collection = collection
        self._stop = stop
        self._branch_scales = branch_scales(engine.manifest, AS_TRAINED)
        self._running = 0
        self._lock = threading.Lock()

    def run(self, batch: range) -> _Found:
        """Maximum per filter ``(n, F)`` and probabilities ``(n, classes)`` of a batch."""
        manifest = self._engine.manifest
        maxima, probabilities = [], []
        for index in batch:
            activations = self._run_one(network_input(manifest, self._collection.digit(index)))
            maxima.append(max_per_filter(manifest, activations))
            probabilities.append(activations[manifest.layers[-1].name].reshape(-1))
        return np.stack(maxima), np.stack(probabilities)

    def _run_one(self, image: NDArray[np.float32]) -> Activations:
        if self._stop is None:
            return self._engine.activations(image, self._branch_scales)
        while not self._stop.is_set():
            try:
                if self._engine.waiting <= self._running:  # only own threads wait
                    return self._compute(image)
            except BusyError:  # another caller was first
                pass
            self._stop.wait(_PAUSE_S)
        raise BusyError("the server is stopping, so no more digits are indexed")

    def _compute(self, image: NDArray[np.float32]) -> Activations:
        with self._lock:
            self._running += 1
        try:  # an engine elsewhere computes when its answer is read, and may be busy then
            return dict(self._engine.activations(image, self._branch_scales))
        finally:
            with self._lock:
                self._running -= 1


PER_PAGE: Final = 100


class SortOrder(StrEnum):
    """How digits are sorted."""

    MISTAKES = "mistakes"  # wrong ones by descending confidence, then right ones by ascending
    CONFIDENCE = "confidence"  # descending
    DOUBT = "doubt"  # confidence, ascending
    INDEX = "index"


@dataclass(frozen=True)
class DigitChoice:
    """Which digits, and in what order; ``None`` matches all.

    Attributes:
        label: true class.
        prediction: index of the predicted class.
        wrong: whether the two differ.
        order: how they are sorted.
    """

    label: int | None = None
    prediction: int | None = None
    wrong: bool | None = None
    order: SortOrder = SortOrder.MISTAKES


@dataclass(frozen=True)
class ResultPage(Published):
    """A page of the matching digits."""

    total: int
    """Number of digits on all pages"""
    page: int
    """Number of this page, from 1"""
    pages: int
    """Number of pages"""
    indices: tuple[int, ...]
    """Indices of its digits, at most :data:`PER_PAGE`."""


def browse(
    collection: LabelledDigits, index: ActivationIndex, choice: DigitChoice, page: int
) -> ResultPage:
    """A page of the matching digits.

    Raises:
        InvalidParameterError: there is no such page.
    """
    matching = _sorted_matches(collection, index, choice)
    pages = max(1, -(-len(matching) // PER_PAGE))
    if not 1 <= page <= pages:
        raise InvalidParameterError(f"page must be from 1 to {pages}; got {page}")
    shown = matching[(page - 1) * PER_PAGE : page * PER_PAGE]
    return ResultPage(len(matching), page, pages, tuple(shown.tolist()))


def _sorted_matches(
    collection: LabelledDigits, index: ActivationIndex, choice: DigitChoice
) -> NDArray[np.intp]:
    labels = collection.split.labels
    predictions = index.predictions
    wrong = predictions != labels
    matches = np.ones(len(labels), np.bool_)
    chosen = ((labels, choice.label), (predictions, choice.prediction), (wrong, choice.wrong))
    for values, wanted in chosen:
        if wanted is not None:
            matches &= values == wanted
    digits = np.flatnonzero(matches)
    confidences, mistakes = index.confidences[digits], wrong[digits]
    keys = {
        SortOrder.MISTAKES: (np.where(mistakes, -confidences, confidences), ~mistakes),
        SortOrder.CONFIDENCE: (-confidences,),
        SortOrder.DOUBT: (confidences,),
        SortOrder.INDEX: (digits,),
    }
    return np.asarray(digits[np.lexsort(keys[choice.order])])
