"""Indexing in the background, and the cache on disk."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.errors import IndexingError, NoDatasetError, NonFiniteError, NotIndexedError
from skiplens.mnist import Split
from skiplens.samples import load_samples
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.activation_index import TOP_K, ActivationIndex
from skiplens.service.dataset.indexer import Dataset, DatasetIndexer, IndexCache, Progress
from tests.conftest import wait_until
from tests.web.engines import WatchedEngine

Opened = Callable[[], DatasetIndexer]


@pytest.fixture
def watched(engine: Engine) -> WatchedEngine:
    return WatchedEngine(engine)


@pytest.fixture
def opened(tmp_path: Path, shifted: LabelledDigits) -> Iterator[Opened]:
    """Opens indexes over the shifted samples and a cache of the test's own; closes them all."""
    running: list[DatasetIndexer] = []

    def one() -> DatasetIndexer:
        samples = LabelledDigits.of_samples(load_samples())
        indexes = DatasetIndexer(samples, Dataset(shifted, IndexCache(tmp_path), 1))
        running.append(indexes)
        return indexes

    yield one
    for indexes in running:
        indexes.close()


def finish(indexes: DatasetIndexer, engine: Engine) -> None:
    """Wait until a network has had its turn."""
    wait_until(lambda: indexes.progress(engine).state != "indexing")


def test_without_a_data_set_there_are_the_samples(watched: WatchedEngine) -> None:
    indexes = DatasetIndexer(LabelledDigits.of_samples(load_samples()))
    indexes.start((watched,))
    assert not indexes.has_dataset
    for ask in (indexes.progress, indexes.dataset_index):
        with pytest.raises(NoDatasetError, match="skiplens serve --data FOLDER"):
            ask(watched)
    collection, index = indexes.best_available(watched)
    assert collection is indexes.samples
    assert index is indexes.sample_index(watched)
    assert watched.calls == len(indexes.samples)
    indexes.close()


def test_of_several_processes_one_builds_and_the_others_follow(
    tmp_path: Path, engine: Engine, shifted: LabelledDigits
) -> None:
    """As separate files that are open, two indexers of one process lock each other out too."""
    samples = LabelledDigits.of_samples(load_samples())
    dataset = Dataset(shifted, IndexCache(tmp_path / "indexes"), 1, tmp_path)
    builder, follower = (DatasetIndexer(samples, dataset) for _ in range(2))
    building, following = WatchedEngine(engine), WatchedEngine(engine)
    builder.start((building,))
    while builder.progress(building).done == 0:
        pass
    building.gate.clear()
    follower.start((following,))
    if builder.progress(building).state == "indexing":
        while follower.progress(following).done == 0:
            pass
    building.gate.set()
    finish(builder, building)
    finish(follower, following)
    assert builder.progress(building) == follower.progress(following)
    assert follower.progress(following) == Progress("ready", 240, 240)
    assert (building.calls, following.calls) == (240, 0)
    builder.close()
    follower.close()


def test_until_it_is_ready_it_says_how_far_it_is(
    opened: Opened, watched: WatchedEngine, shifted: LabelledDigits
) -> None:
    indexes = opened()
    watched.gate.clear()
    indexes.start((watched,))
    assert indexes.progress(watched) == Progress("indexing", 0, 240)
    with pytest.raises(IndexingError, match="mnist-resnet has read 0 of 240 digits so far"):
        indexes.dataset_index(watched)
    watched.gate.set()
    finish(indexes, watched)
    assert indexes.progress(watched) == Progress("ready", 240, 240)
    collection, index = indexes.best_available(watched)
    assert collection is shifted
    assert index is indexes.dataset_index(watched)


def test_the_next_start_reads_what_the_last_one_wrote(
    opened: Opened, watched: WatchedEngine
) -> None:
    for calls in (240, 240):
        indexes = opened()
        indexes.start((watched,))
        finish(indexes, watched)
        assert watched.calls == calls


def test_a_damaged_index_is_built_anew(
    opened: Opened, watched: WatchedEngine, tmp_path: Path
) -> None:
    (tmp_path / "mnist-resnet.npz").write_bytes(b"damaged")
    indexes = opened()
    indexes.start((watched,))
    finish(indexes, watched)
    assert indexes.progress(watched).state == "ready"
    assert (tmp_path / "mnist-resnet.npz").stat().st_size > 10_000


def test_a_network_that_fails_says_so_and_the_next_has_its_turn(
    opened: Opened, watched: WatchedEngine, engines: Mapping[str, Engine]
) -> None:
    watched.failure = NonFiniteError("layer stem.conv holds NaN")
    indexes, other = opened(), engines["mnist-classic"]
    with capture_logs() as said:
        indexes.start((watched, other))
        finish(indexes, watched)
        finish(indexes, other)
    assert indexes.progress(watched).state == "failed"
    assert indexes.progress(other).state == "ready"
    assert [(one["event"], one["network"]) for one in said] == [
        ("indexing_failed", "mnist-resnet"),
        ("indexed", "mnist-classic"),
    ]
    with pytest.raises(NotIndexedError, match="the log says why"):
        indexes.dataset_index(watched)


def test_a_network_that_was_not_named_is_indexed_once_somebody_asks(
    opened: Opened, watched: WatchedEngine, engines: Mapping[str, Engine]
) -> None:
    indexes, other = opened(), WatchedEngine(engines["mnist-classic"])
    indexes.progress(other)
    indexes.start((watched,))
    finish(indexes, watched)
    before = other.calls
    for _ in range(2):
        indexes.progress(other)
        finish(indexes, other)
        assert indexes.progress(other) == Progress("ready", 240, 240)
    assert (before, other.calls) == (0, 240)


def test_closing_stops_it_and_leaves_nothing_behind(
    opened: Opened, watched: WatchedEngine, tmp_path: Path
) -> None:
    indexes = opened()
    watched.gate.clear()
    indexes.start((watched,))
    wait_until(lambda: watched.calls > 0)
    closing = threading.Thread(target=indexes.close)
    closing.start()
    watched.gate.set()
    closing.join(30)
    assert not closing.is_alive()
    assert watched.calls < 240
    assert list(tmp_path.iterdir()) == []
    assert indexes.progress(watched).state == "indexing"


RNG = np.random.default_rng(2)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def index(engine: Engine, shifted: LabelledDigits) -> ActivationIndex:
    """An index of the right shape."""
    filters = sum(layer.filters for layer in engine.manifest.layers)
    return ActivationIndex(
        RNG.random((len(shifted), 10), np.float32),
        RNG.integers(0, len(shifted), (filters, TOP_K), np.int32),
        RNG.random((filters, TOP_K), np.float32),
    )


@pytest.fixture
def cache(
    tmp_path: Path, engine: Engine, shifted: LabelledDigits, index: ActivationIndex
) -> IndexCache:
    """A cache that holds the index."""
    cache = IndexCache(tmp_path / "deep" / "indexes")
    cache.save(engine, shifted, index)
    return cache


def test_an_index_comes_back_as_it_was(
    cache: IndexCache, engine: Engine, shifted: LabelledDigits, index: ActivationIndex
) -> None:
    found = cache.load(engine, shifted)
    assert found is not None
    for name in ("probabilities", "top_digits", "top_values"):
        np.testing.assert_array_equal(getattr(found, name), getattr(index, name))
    assert [one.name for one in cache.path(engine).parent.iterdir()] == ["mnist-resnet.npz"]


def test_an_empty_cache_logs_nothing(
    tmp_path: Path, engine: Engine, shifted: LabelledDigits
) -> None:
    with capture_logs() as said:
        assert IndexCache(tmp_path / "nowhere").load(engine, shifted) is None
    assert said == []


def test_an_index_of_other_digits_is_not_taken(
    cache: IndexCache, engine: Engine, shifted: LabelledDigits
) -> None:
    labels = shifted.split.labels.copy()
    labels[-1] ^= 1
    other = LabelledDigits("dataset", Split(shifted.split.images, labels))
    with capture_logs() as said:
        assert cache.load(engine, other) is None
    assert [one["event"] for one in said] == ["index_outdated"]


def test_an_index_of_another_network_is_not_taken(
    cache: IndexCache, engines: Mapping[str, Engine], engine: Engine, shifted: LabelledDigits
) -> None:
    other = engines["mnist-classic"]
    cache.path(engine).rename(cache.path(other))
    assert cache.load(other, shifted) is None


class Recompiled(WatchedEngine):
    """The same network with another graph."""

    @property
    def manifest(self) -> Manifest:
        found = super().manifest
        graph = found.graphs["activations"].file
        return replace(found, files={**found.files, graph: "0" * 64})


def test_an_index_of_an_older_graph_is_not_taken(
    cache: IndexCache, engine: Engine, shifted: LabelledDigits
) -> None:
    with capture_logs() as said:
        assert cache.load(Recompiled(engine), shifted) is None
    assert [one["event"] for one in said] == ["index_outdated"]


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def emptied(content: bytes) -> bytes:
    return b""


def replaced(content: bytes) -> bytes:
    return b"no archive" * 99


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, replaced])
def test_a_damaged_file_is_told_to_the_log_and_not_taken(
    cache: IndexCache, engine: Engine, shifted: LabelledDigits, damage: Callable[[bytes], bytes]
) -> None:
    path = cache.path(engine)
    path.write_bytes(damage(path.read_bytes()))
    with capture_logs() as said:
        assert cache.load(engine, shifted) is None
    assert [(one["event"], one["log_level"]) for one in said] == [("index_damaged", "warning")]


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("top_values"),
        lambda arrays: arrays.update(probabilities=arrays["probabilities"][1:]),
        lambda arrays: arrays.update(top_digits=arrays["top_digits"].astype(np.int64)),
        lambda arrays: arrays["top_digits"].__setitem__((0, 0), 240),
        lambda arrays: arrays["top_digits"].__setitem__((0, 0), -1),
        lambda arrays: arrays["top_values"].__setitem__((3, 1), np.nan),
        lambda arrays: arrays["probabilities"].__setitem__((3, 1), np.inf),
    ],
    ids=["missing", "short", "wide", "beyond", "before", "nan", "infinite"],
)
def test_arrays_that_are_no_index_are_not_taken(
    cache: IndexCache, engine: Engine, shifted: LabelledDigits, change: Change
) -> None:
    path = cache.path(engine)
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(path, **arrays)
    with capture_logs() as said:
        assert cache.load(engine, shifted) is None
    assert [one["event"] for one in said] == ["index_damaged"]


def test_a_folder_that_cannot_be_written_costs_no_more_than_a_line_in_the_log(
    tmp_path: Path, engine: Engine, shifted: LabelledDigits, index: ActivationIndex
) -> None:
    (tmp_path / "file").touch()
    with capture_logs() as said:
        IndexCache(tmp_path / "file" / "below").save(engine, shifted, index)
    assert [one["event"] for one in said] == ["index_not_kept"]
