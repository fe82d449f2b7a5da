"""Times the stages of the work on one request: receive, decode, wait, infer, render, encode.

Whoever watches opens a record with :class:`recording`; work done without one is not timed. Both are
classes, since a generator takes three times as long to enter and leave, and every request does.
"""

import time
from contextvars import ContextVar, Token

Record = dict[str, float]

_record: ContextVar[Record | None] = ContextVar("stages", default=None)


class TimingRecord:
    """Collect seconds by stage, threads started with this context included."""

    __slots__ = ("_token",)
    _token: Token[Record | None]

    def __enter__(self) -> Record:
        """Begin."""
        record: Record = {}
        self._token = _record.set(record)
        return record

    def __exit__(self, *_: object) -> None:
        """End; the record is its holder's."""
        _record.reset(self._token)


class timed:  # noqa: N801  # reads as what it does, like contextlib.suppress
    """Add the time that the block takes to a stage of the record, if there is one."""

    __slots__ = ("_name", "_record", "_started")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Begin."""
        self._record = _record.get()
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        """Add the time, whether the block succeeded or not."""
        if self._record is not None:
            taken = time.perf_counter() - self._started
            self._record[self._name] = self._record.get(self._name, 0.0) + taken
