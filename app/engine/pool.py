"""A fixed set of things that one caller at a time may use, with a bounded number of waiters."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from app.core.stages import stage
from app.errors import BusyError

T = TypeVar("T")


class Pool(Generic[T]):
    """Lends out ``size`` things; the most recently returned goes first, since it is warm.

    Args:
        make: makes one of them.
        size: how many there are.
        max_waiting: how many callers may wait for one at the same time.
    """

    def __init__(self, make: Callable[[], T], size: int, max_waiting: int) -> None:
        self._free: queue.LifoQueue[T] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(make())
        self._max_waiting = max_waiting
        self._waiting = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Callers waiting at this moment."""
        return self._waiting

    @contextmanager
    def borrow(self) -> Iterator[T]:
        """Lend one thing for the length of a ``with`` block.

        Raises:
            BusyError: as many callers as allowed are waiting already.
        """
        item = self._take()
        try:
            yield item
        finally:
            self._free.put(item)

    def _take(self) -> T:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            pass
        with self._lock:
            if self._waiting >= self._max_waiting:
                raise BusyError(
                    f"{self._waiting} computations are waiting already; "
                    f"at most {self._max_waiting} may wait"
                )
            self._waiting += 1
        try:
            with stage("wait"):
                return self._free.get()
        finally:
            with self._lock:
                self._waiting -= 1
