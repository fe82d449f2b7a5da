"""Structured logs on standard error: one line for each event."""

import asyncio
import logging
import sys
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TextIO, cast

import structlog
from structlog.processors import JSONRenderer, KeyValueRenderer
from structlog.typing import EventDict, Processor


class LineBuffer:
    """Collects the lines of one event loop iteration and writes them together.

    Under load an iteration answers several requests, and a write costs as much as the rest of a
    cached response. Outside an event loop every line is written immediately.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: deque[str] = deque()  # other threads may append at any time
        self._scheduled: asyncio.AbstractEventLoop | None = None

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
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        self._stream.write("".join(lines))
        self._stream.flush()


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


def configure(log_format: Literal["text", "json"]) -> None:
    """Send the events of skiplens and of its libraries, from warnings on, through one pipeline."""
    render = _RENDERERS[log_format]
    structlog.configure(
        processors=[*_CONTEXT, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", LineBuffer(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=_CONTEXT,
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
