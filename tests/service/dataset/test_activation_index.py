"""Activation indexes: top activations, indexing, and filtered pages of digits."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.engine.base import Activations, Array, Engine
from skiplens.errors import BusyError, InvalidParameterError, NonFiniteError
from skiplens.mnist import Split
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.activation_index import (
    PER_PAGE,
    TOP_K,
    ActivationIndex,
    DigitChoice,
    SortOrder,
    TopActivation,
    TopK,
    browse,
    build_index,
    max_per_filter,
)
from skiplens.service.forward import branch_scales
from skiplens.service.registry import find_layer
from tests.web.engines import WatchedEngine

RNG = np.random.default_rng(4)


def ranked(values: NDArray[np.float32], size: int) -> TopK:
    """The ranking of digits (rows) that come ``size`` at a time."""
    ranking = TopK(values.shape[1])
    for first in range(0, len(values), size):
        ranking.add(first, values[first : first + size])
    return ranking


@pytest.mark.parametrize("size", [1, 7, 30, 200])
def test_the_strongest_are_those_of_a_full_sort_however_they_come(size: int) -> None:
    values = RNG.integers(-5, 6, (90, 11)).astype(np.float32)  # many are equal
    ranking = ranked(values, size)
    for at in range(values.shape[1]):
        order = sorted(range(len(values)), key=lambda digit: (-values[digit, at], digit))[:TOP_K]
        assert ranking.digits[at].tolist() == order
        assert ranking.values[at].tolist() == values[order, at].tolist()


def test_fewer_digits_than_are_kept_are_all_kept() -> None:
    ranking = ranked(np.array([[1], [3], [2]], np.float32), 2)
    assert ranking.digits.tolist() == [[1, 2, 0]]


def test_maxima_are_of_each_filter_in_forward_order(engine: Engine) -> None:
    manifest = engine.manifest
    activations: Mapping[str, NDArray[np.float32]] = {
        layer.name: RNG.normal(size=layer.shape).astype(np.float32) for layer in manifest.layers
    }
    found = max_per_filter(manifest, activations)
    by_hand = [
        activations[layer.name][:, :, index].max()
        for layer in manifest.layers
        for index in range(layer.filters)
    ]
    assert found.tolist() == by_hand


@pytest.fixture
def index(engine: Engine) -> ActivationIndex:
    """Four digits: two answers are right."""
    answers = np.eye(10, dtype=np.float32)[[3, 3, 8, 0]] * np.float32(0.75)
    filters = sum(layer.filters for layer in engine.manifest.layers)
    values = np.tile(np.array([2.0, 1.0, 0.0, -1.0], np.float32), (filters, 1))
    values[:, 0] += np.arange(filters)
    return ActivationIndex(answers, np.tile(np.array([3, 1, 0, 2], np.int32), (filters, 1)), values)


def test_answers_are_counted_by_label_and_class(index: ActivationIndex) -> None:
    counts = index.confusion(np.array([3, 5, 8, 9], np.uint8))
    assert counts.shape == (10, 10)
    assert counts.sum() == 4
    assert (counts[3, 3], counts[5, 3], counts[8, 8], counts[9, 0]) == (1, 1, 1, 1)
    assert index.confidences.tolist() == [0.75] * 4


def test_a_filters_row_is_found_and_ends_above_zero(engine: Engine, index: ActivationIndex) -> None:
    manifest = engine.manifest
    first, second = manifest.layers[:2]
    assert index.top_activations(manifest, first, 0) == (
        TopActivation(3, 2.0),
        TopActivation(1, 1.0),
    )
    assert index.top_activations(manifest, first, 5)[0].value == 7.0
    assert index.top_activations(manifest, second, 1)[0].value == 2.0 + first.filters + 1
    last = find_layer(manifest, "head.probabilities")
    row = sum(layer.filters for layer in manifest.layers) - 1
    assert index.top_activations(manifest, last, 9)[0].value == 2.0 + row


class Crowded(WatchedEngine):
    """Says that others wait, until told otherwise; asks back before each call."""

    def __init__(self, engine: Engine, before: Callable[[], None] = lambda: None) -> None:
        super().__init__(engine)
        self.others = 0
        self.asked = threading.Event()
        self._before = before

    @property
    def waiting(self) -> int:
        self.asked.set()
        return self.others

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        self._before()
        return super().activations(image, branch_scales)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.mark.parametrize("workers", [1, 3])
def test_an_index_is_what_the_network_computes(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event, workers: int
) -> None:
    steps: list[int] = []
    index = build_index(engine, shifted, workers, stop, steps.append)
    assert steps == [100, 200, 240]
    scales = branch_scales(engine.manifest, AS_TRAINED)
    passes = [
        engine.activations(shifted.digit(at).as_input(), scales) for at in range(len(shifted))
    ]
    np.testing.assert_array_equal(
        index.probabilities, [one["head.probabilities"].reshape(-1) for one in passes]
    )
    found = np.stack([max_per_filter(engine.manifest, one) for one in passes])
    np.testing.assert_array_equal(index.top_values[:, 0], found.max(axis=0))
    np.testing.assert_array_equal(index.top_digits[:, 0], found.argmax(axis=0))


def test_whoever_waits_for_an_answer_goes_first(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event
) -> None:
    crowded = Crowded(engine)
    crowded.others = 1
    with ThreadPoolExecutor(1) as threads:
        building = threads.submit(build_index, crowded, shifted, 1, stop)
        for _ in range(3):
            assert crowded.asked.wait(30)
            crowded.asked.clear()
        assert crowded.calls == 0
        crowded.others = 0
        building.result()
    assert crowded.calls == len(shifted)


def test_somebody_who_waits_for_the_index_itself_does_not_stand_back(
    engine: Engine, shifted: LabelledDigits
) -> None:
    crowded = Crowded(engine)
    crowded.others = 5
    build_index(crowded, shifted, 1)
    assert crowded.calls == len(shifted)
    crowded.failure = BusyError("full")
    with pytest.raises(BusyError, match="full"):
        build_index(crowded, shifted, 1)


def test_those_who_index_do_not_wait_for_each_other(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event
) -> None:
    together, turn = threading.Barrier(2, timeout=30), itertools.count()

    def meet() -> None:
        crowded.others += 1  # an engine that gathers batches counts those who wait for theirs
        if next(turn) < 2:
            together.wait()  # an error, unless two are inside
        crowded.others = 0

    crowded = Crowded(engine, meet)
    build_index(crowded, shifted, 2, stop)
    assert crowded.calls == len(shifted)


def refusing_twice() -> Callable[[], None]:
    """Raises an error the first two times."""
    refusals = iter([BusyError("full"), BusyError("full")])

    def refuse() -> None:
        error = next(refusals, None)
        if error is not None:
            raise error

    return refuse


def test_a_busy_engine_is_asked_again(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event
) -> None:
    index = build_index(Crowded(engine, refusing_twice()), shifted, 1, stop)
    assert len(index.probabilities) == len(shifted)


class Lazy(Mapping[str, Array]):
    """Activations that are asked of the engine when they are read."""

    def __init__(self, found: Activations, before: Callable[[], None]) -> None:
        self._found, self._before = found, before

    def __getitem__(self, name: str) -> Array:
        self._before()
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def test_an_engine_that_is_busy_when_its_answer_is_read_is_asked_again(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event
) -> None:
    refuse = refusing_twice()

    class Elsewhere(WatchedEngine):
        def activations(self, image: Array, branch_scales: Array) -> Activations:
            return Lazy(super().activations(image, branch_scales), refuse)

    watched = Elsewhere(engine)
    index = build_index(watched, shifted, 1, stop)
    assert len(index.probabilities) == len(shifted)
    assert watched.calls == len(shifted) + 2


def test_it_stops_when_told_to(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event
) -> None:
    watched = WatchedEngine(engine)

    def halt(done: int) -> None:
        stop.set()

    with pytest.raises(BusyError, match="the server is stopping"):
        build_index(watched, shifted, 1, stop, halt)
    assert 100 <= watched.calls < len(shifted)


def test_a_network_that_fails_ends_it(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event
) -> None:
    watched = WatchedEngine(engine)
    watched.failure = NonFiniteError("layer stem.conv holds NaN")
    with pytest.raises(NonFiniteError):
        build_index(watched, shifted, 1, stop)
    assert watched.calls < len(shifted)


# What each digit is meant to be, is read as, and how surely.
DIGITS = ((4, 4, 0.9), (4, 9, 0.6), (9, 9, 0.5), (4, 9, 0.8), (0, 0, 0.9), (9, 4, 0.7))


def predicted(digits: Sequence[tuple[int, int, float]]) -> tuple[LabelledDigits, ActivationIndex]:
    probabilities = np.zeros((len(digits), 10), np.float32)
    for at, (_, answer, share) in enumerate(digits):
        probabilities[at, answer] = share
    labels = np.array([label for label, _, _ in digits], np.uint8)
    collection = LabelledDigits("dataset", Split(np.zeros((len(digits), 28, 28), np.uint8), labels))
    return collection, ActivationIndex(
        probabilities, np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32)
    )


def matching(choice: DigitChoice) -> list[int]:
    return list(browse(*predicted(DIGITS), choice, 1).indices)


@pytest.mark.parametrize(
    ("order", "indices"),
    [
        (SortOrder.MISTAKES, [3, 5, 1, 2, 0, 4]),
        (SortOrder.CONFIDENCE, [0, 4, 3, 5, 1, 2]),
        (SortOrder.DOUBT, [2, 1, 5, 3, 0, 4]),
        (SortOrder.INDEX, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_orders(order: SortOrder, indices: list[int]) -> None:
    assert matching(DigitChoice(order=order)) == indices


def test_misread_digits_come_first_unless_told_otherwise() -> None:
    assert DigitChoice().order is SortOrder.MISTAKES


@pytest.mark.parametrize(
    ("choice", "indices"),
    [
        (DigitChoice(label=4), [3, 1, 0]),
        (DigitChoice(prediction=9), [3, 1, 2]),
        (DigitChoice(label=4, prediction=9), [3, 1]),
        (DigitChoice(wrong=True), [3, 5, 1]),
        (DigitChoice(wrong=False), [2, 0, 4]),
        (DigitChoice(label=9, wrong=False), [2]),
        (DigitChoice(label=0, wrong=True), []),
        (DigitChoice(label=0), [4]),
    ],
)
def test_choices(choice: DigitChoice, indices: list[int]) -> None:
    assert matching(choice) == indices


def test_pages_follow_each_other_and_the_last_has_the_rest() -> None:
    collection, index = predicted([(1, 1, 0.5)] * (2 * PER_PAGE + 3))
    pages = [
        browse(collection, index, DigitChoice(order=SortOrder.INDEX), page) for page in (1, 2, 3)
    ]
    assert [at for page in pages for at in page.indices] == list(range(len(collection)))
    assert [len(page.indices) for page in pages] == [PER_PAGE, PER_PAGE, 3]
    assert {(page.total, page.pages) for page in pages} == {(2 * PER_PAGE + 3, 3)}


@pytest.mark.parametrize("page", [0, 2, 4_000_000])
def test_a_page_beyond_the_last_is_refused_with_what_there_is(page: int) -> None:
    with pytest.raises(InvalidParameterError, match=f"page must be from 1 to 1; got {page}"):
        browse(*predicted(DIGITS), DigitChoice(), page)


def test_no_digit_is_one_empty_page() -> None:
    listing = browse(*predicted(DIGITS), DigitChoice(label=7), 1)
    assert (listing.total, listing.pages, listing.indices) == (0, 1, ())
