"""What is known of many digits at once: of the samples at any time, of a data set once indexed."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from app.engine.protocol import Engine
from app.errors import BusyError, IndexingError, NoDatasetError, NotIndexedError
from app.service.dataset.building import build_index
from app.service.dataset.collection import Collection
from app.service.dataset.index import Index
from app.service.dataset.shelf import Shelf

State = Literal["indexing", "ready", "failed"]
_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Dataset:
    """A data set to serve.

    Attributes:
        collection: its digits.
        shelf: keeps what was worked out for the next start.
        workers: digits that are indexed at the same time.
    """

    collection: Collection
    shelf: Shelf
    workers: int


@dataclass(frozen=True)
class Progress:
    """How far a network's index is.

    Attributes:
        state: ``indexing``, ``ready`` or ``failed``.
        done: digits that are done.
        digits: all of them.
    """

    state: State
    done: int
    digits: int


class Indexes:
    """The samples' indexes, built when first asked for, and those of a data set, built in the
    background from :meth:`start` on, one network after another.

    Attributes:
        samples: the digits that ship.
    """

    def __init__(self, samples: Collection, dataset: Dataset | None = None) -> None:
        self.samples = samples
        self._dataset = dataset
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._of_samples: dict[str, Index] = {}
        self._of_dataset: dict[str, Index] = {}
        self._done: dict[str, int] = {}
        self._failed: set[str] = set()
        self._thread: threading.Thread | None = None

    @property
    def has_dataset(self) -> bool:
        """Whether there is a data set to browse."""
        return self._dataset is not None

    @property
    def dataset(self) -> Collection:
        """The data set's digits.

        Raises:
            NoDatasetError: none was given.
        """
        return self._given().collection

    def _given(self) -> Dataset:
        if self._dataset is None:
            raise NoDatasetError(
                "the server was started without a data set; give it a folder with MNIST: "
                "skiplens serve --data FOLDER, or SKIPLENS_DATA"
            )
        return self._dataset

    def progress(self, engine: Engine) -> Progress:
        """How far the data set's index of a network is.

        Raises:
            NoDatasetError: there is no data set.
        """
        network, digits = engine.manifest.id, len(self.dataset)
        if network in self._of_dataset:
            return Progress("ready", digits, digits)
        state: State = "failed" if network in self._failed else "indexing"
        return Progress(state, self._done.get(network, 0), digits)

    def of_dataset(self, engine: Engine) -> Index:
        """What a network makes of the data set.

        Raises:
            NoDatasetError: there is no data set.
            IndexingError: its index is not ready yet.
            NotIndexedError: it could not be built.
        """
        progress = self.progress(engine)
        if progress.state == "ready":
            return self._of_dataset[engine.manifest.id]
        if progress.state == "failed":
            raise NotIndexedError(
                f"network {engine.manifest.id} could not read the data set; the log says why"
            )
        raise IndexingError(
            f"network {engine.manifest.id} has read {progress.done:,} of {progress.digits:,} "
            "digits so far"
        )

    def of_samples(self, engine: Engine) -> Index:
        """What a network makes of the samples; see :func:`build_index` for errors."""
        network = engine.manifest.id
        with self._lock:
            if network not in self._of_samples:
                self._of_samples[network] = build_index(engine, self.samples, 1)
            return self._of_samples[network]

    def best(self, engine: Engine) -> tuple[Collection, Index]:
        """The data set with its index where that is ready, else the samples with theirs."""
        found = self._of_dataset.get(engine.manifest.id)
        if found is not None:
            return self.dataset, found
        return self.samples, self.of_samples(engine)

    def start(self, engines: Sequence[Engine]) -> None:
        """Index the data set, if there is one, with each network in turn."""
        if self._dataset is not None:
            work = (self._dataset, tuple(engines))
            self._thread = threading.Thread(target=self._run, args=work, name="indexes")
            self._thread.start()

    def close(self) -> None:
        """Stop indexing; what is not done is begun anew at the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, dataset: Dataset, engines: Sequence[Engine]) -> None:
        for engine in engines:
            network = engine.manifest.id
            try:
                self._of_dataset[network] = self._index(dataset, engine)
            except BusyError:
                return  # told to stop
            except Exception as error:  # noqa: BLE001  # nobody else would hear of it
                self._failed.add(network)
                _logger.error("indexing_failed", network=network, error=str(error))

    def _index(self, dataset: Dataset, engine: Engine) -> Index:
        kept = dataset.shelf.load(engine, dataset.collection)
        if kept is not None:
            return kept
        network, started = engine.manifest.id, time.monotonic()

        def on_step(done: int) -> None:
            self._done[network] = done

        index = build_index(engine, dataset.collection, dataset.workers, self._stop, on_step)
        dataset.shelf.save(engine, dataset.collection, index)
        seconds = round(time.monotonic() - started, 1)
        _logger.info("indexed", network=network, digits=len(dataset.collection), seconds=seconds)
        return index
