"""Runs a network over a collection; in the background, whoever waits for an answer goes first."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Activations, Engine
from app.errors import BusyError
from app.service.dataset.collection import Collection
from app.service.dataset.index import Index, Ranking, maxima
from app.service.examination import gates_of

OnStep = Callable[[int], None]

_PART: Final = 100  # digits between two reports of progress
_PAUSE: Final = 0.002  # seconds; about what an answer takes
_Read = tuple[NDArray[np.float32], NDArray[np.float32]]


def build_index(
    engine: Engine,
    collection: Collection,
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
    ranking = Ranking(sum(layer.filters for layer in engine.manifest.layers))
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
        self, engine: Engine, collection: Collection, stop: threading.Event | None
    ) -> None:
        self._engine = engine
        self._collection = collection
        self._stop = stop
        self._gates = gates_of(engine.manifest, ())
        self._own = 0
        self._lock = threading.Lock()

    def read(self, part: range) -> _Read:
        """The maxima ``(n, F)`` and the probabilities ``(n, classes)`` of some digits."""
        manifest = self._engine.manifest
        last = manifest.layers[-1].name
        found, answers = [], []
        for place in part:
            activations = self._run(self._collection.digit(place).as_input())
            found.append(maxima(manifest, activations))
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
