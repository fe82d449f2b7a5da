import asyncio
import errno
import re
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from skiplens.web.http.access_log import AccessLog
from skiplens.web.http.metrics import Metrics
from tests.web.conftest import Start
from tests.web.engines import WatchedEngine
from tests.web.http.asgi import Exchange
from tests.web.images import drawing, encoded

STAGE = re.compile(r"(\w+);dur=\d+\.\d{3}")


def _requests(text: str) -> dict[tuple[str, str], float]:
    found = re.findall(
        r'^skiplens_requests_total{route="(.*)",status="(\d+)"} (.*)$', text, re.MULTILINE
    )
    return {(route, status): float(count) for route, status, count in found}


def test_every_request_is_logged_once_with_its_id(start: Start, view: str) -> None:
    client = start()
    with capture_logs() as lines:
        answer = client.get(f"{view}/prediction?scale=block1:0", headers={"X-Request-ID": "mine"})
        client.get("/healthz")
        client.get("/metrics")
    assert answer.headers["x-request-id"] == "mine"
    (line,) = lines
    assert line.pop("ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "request_id": "mine",
        "method": "GET",
        "path": f"{view}/prediction",
        "status": 200,
    }


def test_the_status_of_a_page_is_logged_as_a_number(start: Start) -> None:
    client = start()
    with capture_logs() as lines:
        client.get("/learn")
    assert repr(lines[-1]["status"]) == "200"


def test_an_exception_is_logged_with_its_traceback_and_the_request_id(
    start: Start, watched: WatchedEngine, view: str
) -> None:
    client = start()
    watched.failure = RuntimeError("what only the log may say")
    with capture_logs() as lines:
        answer = client.get(f"{view}/prediction")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "what only" not in answer.text
    failed: Any = lines[0]
    assert (failed["event"], failed["exc_info"]) == ("failed", True)
    assert failed["request_id"] == answer.json()["request_id"]


@pytest.mark.parametrize(
    "failure",
    [
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files"),
        RuntimeError("can't start new thread"),
        ImportError("x.so: failed to map segment from shared object"),
    ],
    ids=str,
)
def test_what_the_server_lacks_is_not_the_fault_of_the_client(
    start: Start, watched: WatchedEngine, view: str, failure: Exception
) -> None:
    client = start()
    watched.failure = failure
    with capture_logs() as lines:
        answer = client.get(f"{view}/prediction")
    assert (answer.status_code, answer.json()["code"]) == (503, "out_of_resources")
    assert answer.headers["retry-after"] == "1"
    assert (lines[0]["event"], "exc_info" in lines[0]) == ("failed", False)  # it takes memory


def test_requests_are_counted_by_the_pattern_of_their_address(
    start: Start, view: str, digit_ids: list[str]
) -> None:
    client = start()
    page = view.removeprefix("/api/v1")
    for digit in digit_ids:
        client.get(f"/api/v1/digits/{digit}")
    for _ in range(2):
        client.get(f"{view}/layers/stem.conv/grid.png")  # the second comes from memory
    for address in (page, view + "x", "/nothing", "/nothing/else", "/static/0/x.css", "/docs"):
        client.get(address)
    client.head(f"{view}/layers/stem.conv/grid.png")
    client.post("/digits", files={"file": encoded(drawing())}, follow_redirects=False)
    client.post("/api/v1/digits", files={"file": encoded(drawing())})
    client.delete(f"{view}/prediction")
    pattern = "/networks/{network}/digits/{digit}"
    assert _requests(client.get("/metrics").text) == {
        ("/api/v1/digits/{digit}", "200"): len(digit_ids),
        (f"/api/v1{pattern}/layers/{{layer}}/grid.png", "200"): 3,
        (pattern, "200"): 1,
        ("unmatched", "404"): 3,
        ("/static/{version}/{path:path}", "404"): 1,
        ("/docs", "200"): 1,
        ("/digits", "303"): 1,
        ("/api/v1/digits", "201"): 1,
        (f"/api/v1{pattern}/prediction", "405"): 1,
    }


@pytest.fixture
def digit_ids(start: Start) -> list[str]:
    return [one["id"] for one in start().get("/api/v1/samples").json()[:5]]


def test_stages_are_timed_and_counted(start: Start, view: str) -> None:
    client = start()
    posted = client.post("/api/v1/digits", files={"file": encoded(drawing())})
    drawn = client.get(f"{view}/layers/stem.conv/grid.png")
    again = client.get(f"{view}/layers/stem.conv/grid.png")
    assert STAGE.findall(posted.headers["server-timing"]) == ["receive", "decode"]
    assert STAGE.findall(drawn.headers["server-timing"]) == ["infer", "render", "encode"]
    assert "server-timing" not in again.headers
    counted = re.findall(r'stage_seconds_count{stage="(\w+)"} 1.0', client.get("/metrics").text)
    assert set(counted) == {"receive", "decode", "infer", "render", "encode"}


def test_a_client_that_disconnects_is_no_error() -> None:
    async def gone(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    metrics = Metrics("1")
    with capture_logs() as lines:
        exchange = asyncio.run(Exchange(path="/x").run(AccessLog(gone, metrics)))
    assert exchange.sent == []
    assert [line["event"] for line in lines] == ["request"]
    assert lines[0]["status"] == 499


def test_an_exception_after_the_response_has_begun_is_raised() -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    exchange = Exchange()
    with capture_logs(), pytest.raises(RuntimeError):
        asyncio.run(exchange.run(AccessLog(breaks, Metrics("1"))))
    assert len(exchange.sent) == 1
