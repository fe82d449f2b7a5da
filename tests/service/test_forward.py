"""One forward pass a digit, however many ask."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.feature_stats import Sort
from skiplens.core.input_image import Digit, InputImage
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Activations, Array, Engine, ReadActivations, T
from skiplens.errors import BusyError, NonFiniteError
from skiplens.service import forward
from skiplens.service.forward import CachedModelRunner, ForwardPass, run_network
from skiplens.service.registry import find_layer
from tests.conftest import switched_off
from tests.web.engines import WatchedEngine

BIG = 64_000_000


class Counting:
    """Counts; holds every call back until it may go on."""

    def __init__(self) -> None:
        self.calls = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.started = threading.Event()

    def __call__(self, engine: Engine, digit: InputImage, scales: Scales) -> ForwardPass:
        """Run the engine."""
        self.calls += 1
        self.started.set()
        self.may_go_on.wait()
        return run_network(engine, digit, scales)


def other_digit(value: int) -> Digit:
    """A digit that no sample is."""
    return Digit.of(np.full((28, 28), value, np.uint8))


def test_a_forward_pass_is_read_only_and_adds_up(engine: Engine, digit: Digit) -> None:
    found = run_network(engine, digit, AS_TRAINED)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert found.label == 7
    assert list(found.activations) == [layer.name for layer in engine.manifest.layers]
    with pytest.raises(ValueError, match="read-only"):
        found.activations["stem.conv"][:] = 0


@pytest.mark.parametrize(
    ("sort", "every", "some"),
    [
        (Sort.INDEX, (0, 1, 2, 3), (3, 1, 0)),
        (Sort.MEAN, (0, 3, 1, 2), (0, 3, 1)),
        (Sort.MAXIMUM, (2, 0, 3, 1), (0, 3, 1)),
        (Sort.ZEROS, (0, 2, 3, 1), (0, 3, 1)),
    ],
)
def test_busy_filters_come_first_and_equal_ones_as_they_were(
    engine: Engine, digit: Digit, sort: Sort, every: tuple[int, ...], some: tuple[int, ...]
) -> None:
    #                   filter 0      1       2      3
    maps = np.array([[[1, 0, 4, 0], [3, 0, -4, 2]]], np.float32)
    layer = replace(engine.manifest.layers[0], shape=maps.shape)
    found = ForwardPass(engine.manifest, digit, AS_TRAINED, {layer.name: maps})
    assert found.ordered(layer, range(4), sort) == every
    assert found.ordered(layer, (3, 1, 0), sort) == some
    alike = ForwardPass(engine.manifest, digit, AS_TRAINED, {layer.name: np.ones_like(maps)})
    assert alike.ordered(layer, (2, 0, 3, 1), sort) == (2, 0, 3, 1)


def test_what_a_switch_makes_zero_is_zero_when_it_is_off(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    for engine in engines.values():
        off = engine.manifest.disableable_blocks[:1]
        found = run_network(engine, digit, switched_off(*off))
        layers = engine.manifest.layers
        factors = {layer.name: found.layer_scale(layer) for layer in layers}
        named = {block.scaled_layer for block in engine.manifest.blocks if block.scaled_layer}
        assert {name for name, factor in factors.items() if factor is not None} == named
        zero = [layer.name for layer in layers if found.is_disabled(layer)]
        assert [name.partition(".")[0] for name in zero] == [*off]
        assert not any(found.activations[name].any() for name in zero)


def test_the_second_question_is_answered_from_memory(engine: Engine, digit: Digit) -> None:
    inner = Counting()
    cached = CachedModelRunner(BIG, inner)
    first = cached.run(engine, digit, AS_TRAINED)
    assert cached.run(engine, digit, AS_TRAINED) is first
    assert inner.calls == 1
    assert (cached.hits, cached.misses) == (1, 1)
    cached.run(engine, digit, switched_off("block1"))
    cached.run(engine, other_digit(3), AS_TRAINED)
    assert inner.calls == 3


def test_callers_at_the_same_time_share_one_pass(engine: Engine, digit: Digit) -> None:
    inner = Counting()
    inner.may_go_on.clear()
    cached = CachedModelRunner(BIG, inner)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(cached.run, engine, digit, AS_TRAINED) for _ in range(8)]
        inner.started.wait()
        inner.may_go_on.set()
        found = {id(answer.result()) for answer in answers}
    assert len(found) == 1
    assert inner.calls == 1


def test_a_failure_reaches_everyone_and_is_not_kept(engine: Engine, digit: Digit) -> None:
    class Failing(Counting):
        def __call__(self, engine: Engine, digit: InputImage, scales: Scales) -> ForwardPass:
            if self.calls == 0:
                self.calls += 1
                raise BusyError("full")
            return super().__call__(engine, digit, scales)

    cached = CachedModelRunner(BIG, Failing())
    with pytest.raises(BusyError):
        cached.run(engine, digit, AS_TRAINED)
    assert cached.run(engine, digit, AS_TRAINED).label == 7


def test_memory_is_bounded_and_the_oldest_goes(engine: Engine, digit: Digit) -> None:
    inner = Counting()
    size = engine.manifest.activation_bytes
    cached = CachedModelRunner(2 * size, inner)
    for value in (1, 2, 3):
        cached.run(engine, other_digit(value), AS_TRAINED)
    cached.run(engine, other_digit(3), AS_TRAINED)
    assert inner.calls == 3
    cached.run(engine, other_digit(1), AS_TRAINED)
    assert inner.calls == 4


def test_what_is_larger_than_the_memory_is_answered_all_the_same(
    engine: Engine, digit: Digit
) -> None:
    cached = CachedModelRunner(10, Counting())
    assert cached.run(engine, digit, AS_TRAINED).label == 7


def test_the_networks_range_is_over_all_maps_with_space(engine: Engine, digit: Digit) -> None:
    found = run_network(engine, digit, AS_TRAINED)
    maps = [found.maps(layer) for layer in engine.manifest.layers if layer.spatial]
    assert found.network_range == (min(one.min() for one in maps), max(one.max() for one in maps))


def test_all_off_is_not_what_one_off_is(engine: Engine, digit: Digit) -> None:
    one = run_network(engine, digit, switched_off("block2"))
    every = run_network(engine, digit, switched_off(*engine.manifest.disableable_blocks))
    assert not np.array_equal(one.probabilities, every.probabilities)


class Watched(WatchedEngine):
    """Counts how often something is computed, and what is read."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.computations: list[bool] = []

    def inspect(self, image: Array, branch_scales: Array, read: ReadActivations[T]) -> T:
        def watched(found: Activations, *, computed: bool) -> T:
            self.computations.append(computed)
            return read(found, computed=computed)

        return super().inspect(image, branch_scales, watched)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network is taken for a large one."""
    monkeypatch.setattr(forward, "_LARGE", 0)


@pytest.mark.usefixtures("large")
def test_a_large_network_is_shown_as_a_small_one_and_copied_layer_by_layer(
    engine: Engine, digit: Digit, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(engine)
    found = run_network(watched, digit, switched_off("block2"))
    assert watched.computations == [True]
    output = find_layer(engine.manifest, "block1.output")
    maps = found.maps(output)
    assert found.maps(output) is maps
    assert not maps.flags.writeable
    assert watched.computations == [True, False]
    monkeypatch.undo()
    wanted = run_network(engine, digit, switched_off("block2"))
    assert np.array_equal(found.probabilities, wanted.probabilities)
    assert found.network_range == wanted.network_range
    assert found.block_metrics == wanted.block_metrics
    for layer in engine.manifest.layers:
        assert found.value_range(layer, Normalisation.BLOCK) == wanted.value_range(
            layer, Normalisation.BLOCK
        )
        assert np.array_equal(found.summary(layer).mean, wanted.summary(layer).mean)
    assert np.array_equal(maps, wanted.maps(output))
    assert watched.computations == [True, False]
    assert list(found.activations) == list(wanted.activations)
    with pytest.raises(KeyError):
        found.activations["nowhere"]


@pytest.mark.usefixtures("large")
def test_what_has_to_be_computed_again_is_copied_whole(engine: Engine, digit: Digit) -> None:
    watched = Watched(engine)
    found = run_network(watched, digit, AS_TRAINED)
    for value in range(8):
        run_network(engine, other_digit(value), AS_TRAINED)
    wanted = engine.activations(found.image, np.ones(len(engine.manifest.disableable_blocks), "f"))
    for name, maps in wanted.items():
        assert np.array_equal(found.activations[name], maps)
    assert watched.computations == [True, True]


@pytest.mark.usefixtures("large")
def test_a_large_network_that_computes_no_numbers_is_refused(engine: Engine) -> None:
    class Broken(WatchedEngine):
        def inspect(self, image: Array, branch_scales: Array, read: ReadActivations[T]) -> T:
            return super().inspect(image * np.float32(np.nan), branch_scales, read)

    with pytest.raises(NonFiniteError, match="holds a value that is NaN"):
        run_network(Broken(engine), other_digit(1), AS_TRAINED)
    assert run_network(engine, other_digit(1), AS_TRAINED).label in range(10)
