import asyncio
import io
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
import structlog

from skiplens import logs

Configure = Callable[[Literal["text", "json"]], io.StringIO]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Configures logs into a text, and puts back afterwards how they were."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configured(log_format: Literal["text", "json"]) -> io.StringIO:
        written = io.StringIO()
        monkeypatch.setattr("sys.stderr", written)
        logs.configure(log_format, 256 * 1024)
        return written

    yield configured
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_is_one_object_a_line_tracebacks_included(configure: Configure) -> None:
    written = configure("json")
    structlog.get_logger().info("request", path="/\n\x1b", status=200)
    try:
        raise RuntimeError("broken\nin two")
    except RuntimeError:
        structlog.get_logger().exception("failed", request_id="mine")
    request, failed = (json.loads(line) for line in written.getvalue().splitlines())
    assert request.keys() == {"timestamp", "level", "event", "path", "status"}
    assert (request["level"], request["event"], request["path"]) == ("info", "request", "/\n\x1b")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", request["timestamp"])
    assert (failed["level"], failed["request_id"]) == ("error", "mine")
    assert "RuntimeError: broken" in failed["exception"]


def test_text_is_one_line_an_event_whatever_a_client_sends(configure: Configure) -> None:
    written = configure("text")
    structlog.get_logger().info("request", path='/a\nlevel=error "x" \x1b[31m', status=404, none="")
    (line,) = written.getvalue().splitlines()
    assert line.endswith(
        r"""level='info' event='request' path='/a\nlevel=error "x" \x1b[31m' status=404 none=''"""
    )


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_libraries_are_heard_from_warnings_upward(
    configure: Configure, log_format: Literal["text", "json"]
) -> None:
    written = configure(log_format)
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").warning("Invalid %s request", "HTTP")
    structlog.get_logger().debug("too fine")
    (line,) = written.getvalue().splitlines()
    assert "Invalid HTTP request" in line
    assert "warning" in line


def test_a_turn_of_the_loop_is_written_in_one_go_and_no_line_is_lost() -> None:
    writes: list[str] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return len(text)

    lines = logs.LineBuffer(Stream(), 256 * 1024)

    def log(text: str) -> None:
        lines.write(text)
        lines.flush()

    async def serve() -> None:
        for turn in ("a", "b"):
            log(f"{turn}1\n")
            log(f"{turn}2\n")
            await asyncio.sleep(0)

    asyncio.run(serve())
    asyncio.run(serve())
    log("after\n")
    assert writes == ["a1\na2\n", "b1\nb2\n"] * 2 + ["after\n"]


def test_a_stream_that_nobody_reads_holds_nothing_up_and_the_loss_is_told() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading, "rb") as reader:
        lines = logs.LineBuffer(stream, 256 * 1024)

        def log(text: str) -> None:
            lines.write(text)
            lines.flush()

        for number in range(10_000):
            log(f"{number} {'x' * 100}\n")
        read = b""
        for _ in range(20):
            read += reader.read1(65536)
            log("more\n")
    found = read.decode().splitlines()
    assert [line.split()[0] for line in found[:1000]] == [str(number) for number in range(1000)]
    assert any("lines were dropped" in line for line in found)
