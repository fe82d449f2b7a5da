"""Times the stages of the work on one request: receive, decode, wait, infer, render, encode.

Whoever watches opens a record with :func:`recording`; work done without one is not timed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Record = dict[str, float]

_record: ContextVar[Record | None] = ContextVar("stages", default=None)


@contextmanager
def recording() -> Iterator[Record]:
    """Collect seconds by stage, threads started with this context included."""
    record: Record = {}
    token = _record.set(record)
    try:
        yield record
    finally:
        _record.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the time that the block takes to a stage of the record, if there is one."""
    record = _record.get()
    if record is None:
        yield
        return
    started = time.perf_counter()
    try:
        yield
    finally:
        record[name] = record.get(name, 0.0) + time.perf_counter() - started
