"""Limits of requests: body size, time to arrive, number at a time."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens.errors import SkiplensError
from skiplens.service.admission import Quota
from skiplens.settings import Settings
from skiplens.web.http.metrics import Metrics
from skiplens.web.http.problems import error_response
from skiplens.web.http.request_limits import BodyLimit, ComputingPlaces
from tests.conftest import wait_until
from tests.web.conftest import Refused, Start
from tests.web.engines import WatchedEngine
from tests.web.http.asgi import Exchange, deaf, echo

CHUNKED = {"transfer-encoding": "chunked"}


def _refusing(app: ASGIApp) -> ASGIApp:
    """Turns errors into problems, as the app around every handler does."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except SkiplensError as error:
            await error_response(error)(scope, receive, send)

    return answer


def _limited(app: ASGIApp, memory: Quota | None = None, **limits: Any) -> BodyLimit:  # noqa: ANN401
    settings = Settings().model_copy(update=limits)
    budget = memory or Quota(settings.max_held_bytes, settings.client_share, "bytes")
    return BodyLimit(app, settings, Metrics("1"), lambda: True, lambda: budget)


def _ask(app: ASGIApp, exchange: Exchange, seconds: float = 30) -> Exchange:
    guarded = _limited(
        _refusing(app), max_body_bytes=100, max_form_bytes=100, receive_seconds=seconds
    )
    return asyncio.run(asyncio.wait_for(exchange.run(guarded), 60))


@pytest.mark.parametrize("headers", [CHUNKED, {"content-length": "100"}])
def test_a_body_within_the_limit_passes_and_the_connection_stays_open(
    headers: dict[str, str],
) -> None:
    answer = _ask(echo, Exchange([b"a" * 60, b"b" * 40], headers=headers))
    assert answer.status == 200
    assert answer.body == b"a" * 60 + b"b" * 40
    assert "connection" not in answer.headers


@pytest.mark.parametrize("length", ["101", str(10**30)])
def test_a_body_declared_too_large_is_rejected_before_the_app_reads_it(length: str) -> None:
    async def unasked(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    answer = _ask(unasked, Exchange([b"a" * 60, b"b" * 41], headers={"content-length": length}))
    assert answer.status == 413
    assert json.loads(answer.body)["code"] == "too_large"
    assert answer.headers["connection"] == "close"


def test_a_chunked_body_is_rejected_at_the_first_byte_beyond_the_limit() -> None:
    answer = _ask(echo, Exchange([b"a" * 60, b"b" * 41, b"c"], headers=CHUNKED))
    assert answer.status == 413
    assert answer.headers["connection"] == "close"


def test_a_slow_body_is_408_and_says_when_to_retry() -> None:
    answer = _ask(echo, Exchange([b"a", None], headers=CHUNKED), seconds=0.05)
    assert answer.status == 408
    assert json.loads(answer.body)["code"] == "too_slow"
    assert answer.headers["connection"] == "close"
    assert answer.headers["retry-after"] == "1"


def test_the_rest_of_a_body_is_read_before_the_connection_is_closed() -> None:
    answer = _ask(deaf, Exchange([b"a" * 1000] * 9, headers={"content-length": "90"}))
    assert (answer.status, answer.body) == (415, b"no")
    assert answer.headers["connection"] == "close"
    assert answer.unread == 0
    assert [message.get("more_body", False) for message in answer.sent[1:]] == [True, False]


def test_the_rest_of_a_body_is_not_awaited_beyond_the_deadline() -> None:
    answer = _ask(deaf, Exchange([b"a", None], headers=CHUNKED), seconds=0.05)
    assert answer.status == 415
    assert answer.sent[-1].get("more_body", False) is False


@pytest.mark.parametrize("headers", [{}, {"content-length": "0"}])
def test_requests_without_a_body_pass(headers: dict[str, str]) -> None:
    answer = _ask(deaf, Exchange(headers=headers))
    assert "connection" not in answer.headers


def test_a_disconnect_after_the_body_has_no_deadline() -> None:
    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await deaf(scope, receive, send)

    assert _ask(patient, Exchange([b"a"], headers=CHUNKED)).status == 415


def test_beyond_the_limit_requests_get_503_but_health_answers(
    start: Start, watched: WatchedEngine, view: str, refused: Refused
) -> None:
    client = start(max_requests=2, client_share=1)
    watched.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(client.get, f"{view}/prediction?scale={scale}")
            for scale in ("", "block1:0")
        ]
        wait_until(lambda: "skiplens_requests_in_flight 2.0" in client.get("/metrics").text)
        answer = client.get("/api/v1/networks")
        assert "at most 2 requests" in refused(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        refused(client.post("/api/v1/digits", content=b"x"), 503, "busy")
        assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
        watched.gate.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
    assert client.get("/api/v1/networks").status_code == 200
    assert "skiplens_requests_in_flight 0.0" in client.get("/metrics").text


def test_a_rejected_request_does_not_count_as_in_progress(start: Start, view: str) -> None:
    client = start(max_requests=1, client_share=1)
    for address in (f"{view}x/prediction", "/nothing", f"{view}/prediction?scale=none:0"):
        assert client.get(address).status_code == 404
    assert client.get(f"{view}/prediction").status_code == 200


def test_head_is_answered_as_get_everywhere(start: Start, view: str) -> None:
    client = start()
    for address in (f"{view}/prediction", "/healthz", "/readyz", "/metrics", "/", "/docs"):
        answer = client.head(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"] == client.get(address).headers["content-type"]
    assert client.head(f"{view}/layers/nothing/grid.png").status_code == 404


@pytest.mark.parametrize(
    ("header", "given", "client", "scheme"),
    [
        ("", "9.9.9.9", "1.2.3.4", "http"),
        ("X-Forwarded-For", "8.8.8.8, 9.9.9.9", "9.9.9.9", "https"),
        ("x-forwarded-for", "", "1.2.3.4", "https"),
    ],
)
def test_a_proxy_is_believed_only_if_it_is_said_to_be_there(
    header: str, given: str, client: str, scheme: str
) -> None:
    exchange = Exchange(headers={"x-forwarded-for": given, "x-forwarded-proto": "https"})
    exchange.scope.update(client=("1.2.3.4", 5), scheme="http")
    asyncio.run(exchange.run(_limited(deaf, client_header=header)))
    assert (exchange.scope["skiplens.client"], exchange.scope["scheme"]) == (client, scheme)


@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [
        ("application/json", 64 * 1024, 200),
        ("application/json", 64 * 1024 + 1, 413),
        ("application/x-www-form-urlencoded", 8 * 1024 + 1, 413),
        ("text/plain", 8 * 1024 + 1, 413),
        ("image/png", 100 * 1024, 200),
    ],
)
def test_each_kind_of_body_has_its_limit(kind: str, size: int, status: int) -> None:
    exchange = Exchange([bytes(size)], method="POST", headers=CHUNKED | {"content-type": kind})
    asyncio.run(exchange.run(_limited(_refusing(echo))))
    assert exchange.status == status


def test_a_compressed_body_is_415() -> None:
    headers = {"content-length": "1", "content-encoding": "gzip"}
    exchange = Exchange([b"x"], method="POST", headers=headers)
    asyncio.run(exchange.run(_limited(echo)))
    assert exchange.status == 415


def test_who_does_not_read_an_answer_keeps_no_place_to_compute() -> None:
    async def compute_for_both() -> int:
        places = ComputingPlaces(echo, Settings(computing=1, client_share=1, wait_seconds=0.01))
        begun, read = asyncio.Event(), asyncio.Event()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                begun.set()
                await read.wait()

        one = Exchange()
        slow = asyncio.create_task(places(one.scope, one._receive, send))  # noqa: SLF001
        await begun.wait()
        other = await Exchange().run(places)
        read.set()
        await slow
        return other.status

    assert asyncio.run(asyncio.wait_for(compute_for_both(), 60)) == 200


def test_bodies_held_of_one_client_are_bounded() -> None:
    memory = Quota(400, 0.5, "bytes")
    guarded = _limited(_refusing(echo), memory, max_form_bytes=200)

    async def ask(size: int) -> int:
        return (await Exchange([bytes(size)], method="POST", headers=CHUNKED).run(guarded)).status

    async def two() -> list[int]:
        opened = asyncio.Event()

        async def patient(scope: Scope, receive: Receive, send: Send) -> None:
            await opened.wait()
            await echo(scope, receive, send)

        guarded._app = _refusing(patient)  # noqa: SLF001  # answers when both have been received
        first = asyncio.create_task(ask(150))
        await asyncio.sleep(0)
        second = asyncio.create_task(ask(100))
        await asyncio.sleep(0)
        opened.set()
        return [await first, await second]

    assert asyncio.run(two()) == [200, 503]
    guarded._app = _refusing(echo)  # noqa: SLF001
    assert asyncio.run(ask(200)) == 200
    with memory.reserved(200):
        assert asyncio.run(ask(101)) == 503
        assert asyncio.run(ask(100)) == 200
    assert memory.taken == 0
