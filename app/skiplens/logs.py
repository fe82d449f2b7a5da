"""Structured logs on standard error: one line for each event."""

import asyncio
import logging
import os
import select
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, TextIO, cast

# structlog imports rich for tracebacks in colour, which skiplens does not log: without it, a server
# starts in a tenth less time.
_absent: dict[str, Any] = {"rich": None} if "rich" not in sys.modules else {}
sys.modules.update(_absent)
import structlog  # noqa: E402
from structlog.processors import JSONRenderer, KeyValueRenderer  # noqa: E402
from structlog.typing import EventDict, Processor  # noqa: E402

for _name in _absent:
    del sys.modules[_name]

get_logger: Final = structlog.get_logger
_ATOMIC_BYTES: Final = 4096  # a pipe that takes any takes so many, and does not block


class LineBuffer:
    """Collects the lines of one event loop iteration and writes them together.

    Under load an iteration answers several requests, and a write costs as much as the rest of a
    cached response. Outside an event loop every line is written immediately.

    It never waits: where nobody reads, lines are kept until some are read, up to a bound beyond
    which they are counted and dropped.

    Args:
        stream: to write to.
        max_bytes: of lines that wait.
    """

    def __init__(self, stream: TextIO, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._lines: deque[str] = deque()  # other threads may append at any time
        self._scheduled: asyncio.AbstractEventLoop | None = None
        self._waiting = b""
        self._dropped = 0
        self._writing = threading.Lock()
        self._poll = _poll(stream)

    def write(self, text: str) -> None:
        """Add a line."""
        self._lines.append(text)

    def flush(self) -> None:
        """Write the lines at the end of the loop's iteration, or now if no loop is running."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write_out()
            return
        if self._scheduled is not loop:
            self._scheduled = loop
            loop.call_soon(self._write_out)

    def _write_out(self) -> None:
        self._scheduled = None
        with self._writing:
            lines = []
            while self._lines:
                lines.append(self._lines.popleft())
            if self._poll is None:
                self._stream.write("".join(lines))
                self._stream.flush()
            else:
                self._keep(lines)
                self._write_what_is_taken(self._poll)

    def _keep(self, lines: list[str]) -> None:
        if len(self._waiting) > self._max_bytes:
            self._dropped += len(lines)
            return
        if self._dropped:
            lines.insert(0, f"{self._dropped} lines were dropped, as nobody read them\n")
            self._dropped = 0
        self._waiting += "".join(lines).encode(errors="backslashreplace")

    def _write_what_is_taken(self, poll: "select.poll") -> None:
        while self._waiting and poll.poll(0):
            try:
                count = os.write(self._stream.fileno(), self._waiting[:_ATOMIC_BYTES])
            except OSError:  # whoever read them is gone
                self._waiting = b""
                return
            self._waiting = self._waiting[count:]


def _poll(stream: TextIO) -> "select.poll | None":
    """Says whether a stream takes more; ``None`` for one that always does, or cannot say."""
    if sys.platform == "win32":
        return None
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
    except (OSError, ValueError):
        return None
    return poll


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _stamped(_: object, level: str, event: EventDict) -> EventDict:
    """The event after its time and level, in half the time of structlog's own two processors."""
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    timestamp = f"{_second(seconds)}.{microseconds:06d}Z"
    return {"timestamp": timestamp, "level": level, "event": event.pop("event"), **event}


_CONTEXT: Final[tuple[Processor, ...]] = (_stamped, structlog.processors.format_exc_info)
_RENDERERS: Final[dict[str, tuple[Processor, ...]]] = {
    "json": (JSONRenderer(),),
    # It writes values as Python does, which escapes line breaks and terminal codes.
    "text": (KeyValueRenderer(),),
}


def configure(log_format: Literal["text", "json"], max_bytes: int) -> None:
    """Send the events of skiplens and of its libraries, from warnings on, through one pipeline.

    Args:
        log_format: of a line.
        max_bytes: of lines that nobody has read.
    """
    render = _RENDERERS[log_format]
    lines = cast("TextIO", LineBuffer(sys.stderr, max_bytes))
    structlog.configure(
        processors=[*_CONTEXT, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(lines),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=_CONTEXT,
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
