"""Builds activation indexes in the background and caches them on disk."""

import hashlib
import os
import threading
import time
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import structlog

from skiplens.engine.base import Engine
from skiplens.errors import BusyError, IndexingError, NoDatasetError, NotIndexedError
from skiplens.service.dataset.activation_index import KEPT, Index, build_index
from skiplens.service.dataset.labelled_digits import LabelledDigits

FORMAT: Final = 1
_DAMAGED: Final = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
_logger = structlog.get_logger(__name__)


class IndexCache:
    """A folder with one index a network.

    Args:
        folder: made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, engine: Engine) -> Path:
        """The file that a network's index is kept in."""
        return self._folder / f"{engine.manifest.id}.npz"

    def load(self, engine: Engine, collection: LabelledDigits) -> Index | None:
        """The index that is kept of this very network and collection, if it is whole."""
        path = self.path(engine)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if str(archive["key"]) != _key(engine, collection):
                    _logger.info("index_outdated", network=engine.manifest.id)
                    return None
                index = Index(archive["probabilities"], archive["places"], archive["values"])
            _check(index, engine, collection)
        except FileNotFoundError:
            return None
        except _DAMAGED as error:
            _logger.warning("index_damaged", network=engine.manifest.id, error=str(error))
            return None
        return index

    def save(self, engine: Engine, collection: LabelledDigits, index: Index) -> None:
        """Keep an index: the file is there whole or not at all. A folder that cannot be written
        costs the next start a few seconds, so the log is told and nothing else.
        """
        path = self.path(engine)
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.savez(
                    file,
                    key=np.array(_key(engine, collection)),
                    probabilities=index.probabilities,
                    places=index.places,
                    values=index.values,
                )
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            _logger.warning("index_not_kept", network=engine.manifest.id, error=str(error))


def _key(engine: Engine, collection: LabelledDigits) -> str:
    """Changes with everything that an index follows from."""
    manifest = engine.manifest
    graph = manifest.files[manifest.graphs["activations"].file]
    parts = (str(FORMAT), engine.name, graph, collection.sha256)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _check(index: Index, engine: Engine, collection: LabelledDigits) -> None:
    """Refuse arrays that are no index of this network and collection, with a ValueError."""
    manifest, digits = engine.manifest, len(collection)
    ranked = sum(layer.filters for layer in manifest.layers), min(KEPT, digits)
    expected = (
        ("probabilities", np.float32, (digits, len(manifest.classes))),
        ("places", np.int32, ranked),
        ("values", np.float32, ranked),
    )
    for name, dtype, shape in expected:
        array = getattr(index, name)
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} is {array.dtype} {array.shape}; expected {dtype} {shape}")
    if not (np.isfinite(index.probabilities).all() and np.isfinite(index.values).all()):
        raise ValueError("it holds a value that is NaN or infinite")
    if index.places.min() < 0 or index.places.max() >= digits:
        raise ValueError(f"it names a digit that is none of the {digits}")


State = Literal["indexing", "ready", "failed"]


@dataclass(frozen=True)
class Dataset:
    """A data set to serve.

    Attributes:
        collection: its digits.
        cache: keeps what was worked out for the next start.
        workers: digits that are indexed at the same time.
    """

    collection: LabelledDigits
    cache: IndexCache
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


class DatasetIndexer:
    """The samples' indexes, built when first asked for, and those of a data set, built in the
    background from :meth:`start` on, one network after another.

    Attributes:
        samples: the digits that ship.
    """

    def __init__(self, samples: LabelledDigits, dataset: Dataset | None = None) -> None:
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
    def dataset(self) -> LabelledDigits:
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

    def dataset_index(self, engine: Engine) -> Index:
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

    def sample_index(self, engine: Engine) -> Index:
        """What a network makes of the samples; see :func:`build_index` for errors."""
        network = engine.manifest.id
        with self._lock:
            if network not in self._of_samples:
                self._of_samples[network] = build_index(engine, self.samples, 1)
            return self._of_samples[network]

    def best_available(self, engine: Engine) -> tuple[LabelledDigits, Index]:
        """The data set with its index where that is ready, else the samples with theirs."""
        found = self._of_dataset.get(engine.manifest.id)
        if found is not None:
            return self.dataset, found
        return self.samples, self.sample_index(engine)

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
        kept = dataset.cache.load(engine, dataset.collection)
        if kept is not None:
            return kept
        network, started = engine.manifest.id, time.monotonic()

        def on_step(done: int) -> None:
            self._done[network] = done

        index = build_index(engine, dataset.collection, dataset.workers, self._stop, on_step)
        dataset.cache.save(engine, dataset.collection, index)
        seconds = round(time.monotonic() - started, 1)
        _logger.info("indexed", network=network, digits=len(dataset.collection), seconds=seconds)
        return index
