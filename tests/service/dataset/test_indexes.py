"""The samples' indexes and a data set's: when they are there, and what is said until then."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from skiplens.engine.base import Engine
from skiplens.errors import IndexingError, NoDatasetError, NonFiniteError, NotIndexedError
from skiplens.samples import load_samples
from skiplens.service.dataset.indexer import Dataset, DatasetIndexer, IndexCache, Progress
from skiplens.service.dataset.labelled_digits import LabelledDigits
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


def finish() -> None:
    """Wait until every network has had its turn."""
    for thread in threading.enumerate():
        if thread.name == "indexes":
            thread.join(60)


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
    finish()
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
        finish()
        assert watched.calls == calls


def test_a_damaged_index_is_built_anew(
    opened: Opened, watched: WatchedEngine, tmp_path: Path
) -> None:
    (tmp_path / "mnist-resnet.npz").write_bytes(b"damaged")
    indexes = opened()
    indexes.start((watched,))
    finish()
    assert indexes.progress(watched).state == "ready"
    assert (tmp_path / "mnist-resnet.npz").stat().st_size > 10_000


def test_a_network_that_fails_says_so_and_the_next_has_its_turn(
    opened: Opened, watched: WatchedEngine, engines: Mapping[str, Engine]
) -> None:
    watched.failure = NonFiniteError("layer stem.conv holds NaN")
    indexes, other = opened(), engines["mnist-classic"]
    with capture_logs() as said:
        indexes.start((watched, other))
        finish()
    assert indexes.progress(watched).state == "failed"
    assert indexes.progress(other).state == "ready"
    assert [(one["event"], one["network"]) for one in said] == [
        ("indexing_failed", "mnist-resnet"),
        ("indexed", "mnist-classic"),
    ]
    with pytest.raises(NotIndexedError, match="the log says why"):
        indexes.dataset_index(watched)


def test_closing_stops_it_and_leaves_nothing_behind(
    opened: Opened, watched: WatchedEngine, tmp_path: Path
) -> None:
    indexes = opened()
    watched.gate.clear()
    indexes.start((watched,))
    while not watched.calls:
        pass
    closing = threading.Thread(target=indexes.close)
    closing.start()
    watched.gate.set()
    closing.join(30)
    assert not closing.is_alive()
    assert watched.calls < 240
    assert list(tmp_path.iterdir()) == []
    assert indexes.progress(watched).state == "indexing"
