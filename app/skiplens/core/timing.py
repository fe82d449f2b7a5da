"""Times the steps of one request: receive, decode, wait, infer, render, encode.

:class:`TimingRecord` opens a record; without one, nothing is timed. Both context managers are
classes because a generator takes three times as long to enter and leave.
"""

import time
from contextvars import ContextVar, Token

Record = dict[str, float]

_record: ContextVar[Record | None] = ContextVar("timings", default=None)


class TimingRecord:
    """Collects seconds by step, also from threads started with this context."""

    __slots__ = ("_token",)
    _token: Token[Record | None]

    def __enter__(self) -> Record:
        record: Record = {}
        self._token = _record.set(record)
        return record

    def __exit__(self, *_: object) -> None:
        _record.reset(self._token)


class timed:  # noqa: N801  # lower case like contextlib.suppress
    """Adds the duration of the block to a step of the record, if there is one."""

    __slots__ = ("_name", "_record", "_started")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._record = _record.get()
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._record is not None:
            elapsed = time.perf_counter() - self._started
            self._record[self._name] = self._record.get(self._name, 0.0) + elapsed
