"""Threads that tests start, hold and join, without ever waiting by the clock."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 60.0  # seconds after which a test that hangs fails


def all_at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make every call on a thread of its own, all released together; results in their order."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait(PATIENCE)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls, timeout=PATIENCE))


def started(call: Callable[[], T]) -> "Future[T]":
    """Make a call on a thread of its own."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001  # it belongs to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


class Held:
    """Wraps a function so that its calls wait until they are let go.

    Attributes:
        entered: released once for each call that began.
        calls: arguments of every call.
    """

    def __init__(self, function: Callable[..., T]) -> None:
        self._function = function
        self._gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any) -> Any:  # noqa: ANN401  # whatever it wraps takes and returns
        self.calls.append(args)
        self.entered.release()
        if not self._gate.wait(PATIENCE):
            raise TimeoutError("never let go")
        return self._function(*args)

    def let_go(self) -> None:
        self._gate.set()


class Stages:
    """Stands in for ``skiplens.core.timing.timed`` and tells when a stage is entered."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self.entered.release()
        yield
