"""Indexing: what comes of it, who goes first, and how it ends."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skiplens.core.manifest import AS_TRAINED
from skiplens.engine.base import Activations, Array, Engine
from skiplens.errors import BusyError, NonFiniteError
from skiplens.service.dataset.activation_index import build_index, max_per_filter
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.forward import branch_scales
from tests.web.engines import WatchedEngine


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


def test_a_busy_engine_is_asked_again(
    engine: Engine, shifted: LabelledDigits, stop: threading.Event
) -> None:
    refusals = iter([BusyError("full"), BusyError("full")])

    def refuse() -> None:
        error = next(refusals, None)
        if error is not None:
            raise error

    index = build_index(Crowded(engine, refuse), shifted, 1, stop)
    assert len(index.probabilities) == len(shifted)


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
