"""Builds activation indexes in the background and caches them on disk."""

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Final, Literal

import numpy as np
import structlog

from skiplens.engine.base import Engine
from skiplens.errors import BusyError, IndexingError, NoDatasetError, NotIndexedError
from skiplens.mnist import NPZ_ERRORS
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.activation_index import (
    TOP_K,
    ActivationIndex,
    OnDigitsDone,
    build_index,
)

FORMAT: Final = 2
_TURN_S: Final = 0.2  # between two looks at whether another process has built an index
_ARRAYS: Final = tuple(field.name for field in fields(ActivationIndex))
_logger = structlog.get_logger(__name__)


class IndexCache:
    """A folder, created when first written to, with one index a network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, engine: Engine) -> Path:
        """The file of a network's index."""
        return self._folder / f"{engine.manifest.id}.npz"

    def load(self, engine: Engine, collection: LabelledDigits) -> ActivationIndex | None:
        """The index of exactly this network and collection, unless the file is damaged."""
        path = self.path(engine)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if str(archive["key"]) != _key(engine, collection):
                    _logger.info("index_outdated", network=engine.manifest.id)
                    return None
                index = ActivationIndex(*(archive[name] for name in _ARRAYS))
            _check(index, engine, collection)
        except FileNotFoundError:
            return None
        except NPZ_ERRORS as error:
            _logger.warning("index_damaged", network=engine.manifest.id, error=str(error))
            return None
        return index

    def save(self, engine: Engine, collection: LabelledDigits, index: ActivationIndex) -> None:
        """Write an index atomically. Without it the next start takes some seconds longer, so a
        folder that cannot be written is only logged.
        """
        path = self.path(engine)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                arrays = {name: getattr(index, name) for name in _ARRAYS}
                np.savez(file, key=np.array(_key(engine, collection)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            _logger.warning("index_not_kept", network=engine.manifest.id, error=str(error))


def _key(engine: Engine, collection: LabelledDigits) -> str:
    """Changes with everything that an index depends on."""
    manifest = engine.manifest
    graph = manifest.files[manifest.graphs["activations"].file]
    parts = (str(FORMAT), engine.name, graph, collection.sha256)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _check(index: ActivationIndex, engine: Engine, collection: LabelledDigits) -> None:
    """Raise ValueError unless the arrays are an index of this network and collection."""
    manifest, digits = engine.manifest, len(collection)
    ranked = sum(layer.filters for layer in manifest.layers), min(TOP_K, digits)
    expected = (
        ("probabilities", np.float32, (digits, len(manifest.classes))),
        ("top_digits", np.int32, ranked),
        ("top_values", np.float32, ranked),
    )
    for name, dtype, shape in expected:
        array = getattr(index, name)
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} is {array.dtype} {array.shape}; expected {dtype} {shape}")
    if not (np.isfinite(index.probabilities).all() and np.isfinite(index.top_values).all()):
        raise ValueError("it holds a value that is NaN or infinite")
    if index.top_digits.min() < 0 or index.top_digits.max() >= digits:
        raise ValueError(f"it names a digit outside the {digits}")


State = Literal["indexing", "ready", "failed"]


@dataclass(frozen=True)
class Dataset:
    """A data set to serve.

    Attributes:
        collection: its digits.
        cache: of its indexes.
        workers: number of digits indexed at the same time.
        shared: folder of the processes that serve together; one of them builds each index.
    """

    collection: LabelledDigits
    cache: IndexCache
    workers: int
    shared: Path | None = None


@dataclass(frozen=True)
class Progress:
    """The progress of a network's index.

    Attributes:
        state: ``indexing``, ``ready`` or ``failed``.
        done: number of indexed digits.
        digits: number of all digits.
    """

    state: State
    done: int
    digits: int


class DatasetIndexer:
    """Builds the samples' indexes at first use, and those of a data set in the background, one
    network after another: those that :meth:`start` names, then each other one that is asked for.

    Attributes:
        samples: the shipped digits.
    """

    def __init__(self, samples: LabelledDigits, dataset: Dataset | None = None) -> None:
        self.samples = samples
        self._dataset = dataset
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._of_samples: dict[str, ActivationIndex] = {}
        self._of_dataset: dict[str, ActivationIndex] = {}
        self._progress: dict[str, Progress] = {}
        self._queue: SimpleQueue[Engine | None] = SimpleQueue()
        self._queued: set[str] = set()
        self._queue_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def has_dataset(self) -> bool:
        """Whether the server has a data set."""
        return self._dataset is not None

    @property
    def dataset(self) -> LabelledDigits:
        """The data set's digits.

        Raises:
            NoDatasetError: none was given.
        """
        if self._dataset is None:
            raise NoDatasetError(
                "the server was started without a data set; give it a folder with MNIST: "
                "skiplens serve --data FOLDER, or SKIPLENS_DATA"
            )
        return self._dataset.collection

    def progress(self, engine: Engine) -> Progress:
        """The progress of a network's index; asking for it starts building it.

        Raises:
            NoDatasetError: there is no data set, or none of what the network takes.
        """
        _check_takes_digits(engine)
        self._enqueue(engine)
        not_begun = Progress("indexing", 0, len(self.dataset))
        return self._progress.get(engine.manifest.id, not_begun)

    def dataset_index(self, engine: Engine) -> ActivationIndex:
        """A network's index of the data set.

        Raises:
            NoDatasetError: there is no data set.
            IndexingError: the index is not ready yet.
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

    def sample_index(self, engine: Engine) -> ActivationIndex:
        """A network's index of the samples; see :func:`build_index` for errors."""
        network = engine.manifest.id
        with self._lock:
            if network not in self._of_samples:
                self._of_samples[network] = build_index(engine, self.samples, 1)
            return self._of_samples[network]

    def best_available(self, engine: Engine) -> tuple[LabelledDigits, ActivationIndex]:
        """The data set and its index if that is ready, else the samples and theirs.

        Raises:
            NoDatasetError: the network takes other images.
        """
        _check_takes_digits(engine)
        self._enqueue(engine)
        found = self._of_dataset.get(engine.manifest.id)
        if found is not None:
            return self.dataset, found
        return self.samples, self.sample_index(engine)

    def start(self, engines: Sequence[Engine]) -> None:
        """Start indexing the data set, if there is one, with these networks."""
        if self._dataset is None:
            return
        # Requests start no thread: without memory for it, Python waits without end.
        self._thread = threading.Thread(target=self._run, args=(self._dataset,), name="indexes")
        self._thread.start()
        for engine in engines:
            self._enqueue(engine)

    def _enqueue(self, engine: Engine) -> None:
        """Have a network read the data set, once."""
        if self._thread is None or not engine.manifest.takes_digits:
            return
        with self._queue_lock:
            if engine.manifest.id not in self._queued:
                self._queued.add(engine.manifest.id)
                self._queue.put(engine)

    def close(self) -> None:
        """Stop indexing; the next start begins unfinished indexes again."""
        self._stop.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self, dataset: Dataset) -> None:
        while (engine := self._queue.get()) is not None:
            network, digits = engine.manifest.id, len(dataset.collection)
            try:
                self._of_dataset[network] = self._index(dataset, engine)
                self._progress[network] = Progress("ready", digits, digits)
            except BusyError:
                return  # stopped
            except Exception as error:  # noqa: BLE001  # the thread has no caller
                self._progress[network] = replace(self.progress(engine), state="failed")
                _logger.error("indexing_failed", network=network, error=str(error))

    def _index(self, dataset: Dataset, engine: Engine) -> ActivationIndex:
        cached = dataset.cache.load(engine, dataset.collection)
        if cached is not None:
            return cached
        if dataset.shared is None:
            return self._build(dataset, engine, lambda done: None)
        path = dataset.shared / f"{engine.manifest.id}.indexing"
        path.touch()
        with path.open("r+") as turn:
            self._await_turn(engine, turn, len(dataset.collection))
            cached = dataset.cache.load(engine, dataset.collection)
            return cached or self._build(dataset, engine, partial(_report, turn))

    def _await_turn(self, engine: Engine, turn: IO[str], digits: int) -> None:
        """Wait until no other process holds the lock, and pass on how far that one is.

        Raises:
            BusyError: the server stops.
        """
        import fcntl  # several processes serve only where there is one

        while not self._stop.is_set():
            try:
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                turn.seek(0)
                done = int(turn.read() or 0)
                self._progress[engine.manifest.id] = Progress("indexing", done, digits)
                self._stop.wait(_TURN_S)
            else:
                return
        raise BusyError("the server is stopping, so no more digits are indexed")

    def _build(self, dataset: Dataset, engine: Engine, report: OnDigitsDone) -> ActivationIndex:
        network, started = engine.manifest.id, time.monotonic()

        def on_done(done: int) -> None:
            self._progress[network] = Progress("indexing", done, len(dataset.collection))
            report(done)

        index = build_index(engine, dataset.collection, dataset.workers, self._stop, on_done)
        dataset.cache.save(engine, dataset.collection, index)
        seconds = round(time.monotonic() - started, 1)
        _logger.info("indexed", network=network, digits=len(dataset.collection), seconds=seconds)
        return index


def _check_takes_digits(engine: Engine) -> None:
    if not engine.manifest.takes_digits:
        raise NoDatasetError(
            f"network {engine.manifest.id} takes images that are no digits of the data set"
        )


def _report(turn: IO[str], done: int) -> None:
    """Let other processes know how many digits are indexed."""
    turn.seek(0)
    turn.write(str(done))
    turn.truncate()  # what a process wrote that ended
    turn.flush()
