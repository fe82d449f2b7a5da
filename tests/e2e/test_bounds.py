"""What a client sends is bounded in size and time, by default and without a proxy."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from skiplens.settings import Settings
from skiplens.web.http.headers import HEADERS
from tests.conftest import wait_until
from tests.e2e.server import Server, answer_of, serving
from tests.web.images import drawing, encoded

POST = b"POST /api/v1/digits HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
PNG = encoded(drawing())
DEFAULTS = Settings()
LIMIT = DEFAULTS.max_body_bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the bounds that it has by default."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Waits so briefly for a request that tests need not wait for long."""
    with serving(tmp_path_factory.mktemp("hasty"), receive_seconds=0.2) as running:
        yield running


def _refused(raw: bytes, status: int, code: str) -> None:
    answer = answer_of(raw)
    assert answer.status_code == status, raw[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert (answer.json()["code"], answer.json()["status"]) == (code, status)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    for name, value in HEADERS:
        assert answer.headers[name.decode()] == value.decode()


def test_a_body_that_says_it_is_too_large_is_not_asked_for(hasty: Server) -> None:
    with hasty.connect() as connection:
        connection.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1))
        _refused(connection.rest(), 413, "too_large")


@pytest.mark.parametrize("kind", [b"image/png", b"text/plain", b"multipart/form-data; boundary=x"])
def test_who_reads_only_after_sending_still_gets_the_refusal(server: Server, kind: bytes) -> None:
    with server.connect() as connection:
        head = POST.replace(b"image/png", kind) + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1)
        connection.send(head + bytes(LIMIT + 1))
        _refused(connection.rest(), 413, "too_large")


@pytest.mark.parametrize("kind", [b"image/png", b"multipart/form-data; boundary=x"])
def test_a_chunked_body_is_bounded_too(server: Server, kind: bytes) -> None:
    prologue = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    chunk = prologue + bytes(LIMIT // 4)
    with server.connect() as connection:
        connection.send(POST.replace(b"image/png", kind) + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        connection.send(b"0\r\n\r\n")
        _refused(connection.rest(), 413, "too_large")


def test_the_largest_body_is_taken(server: Server) -> None:
    answer = server.client.post(
        "/api/v1/digits",
        content=PNG + bytes(LIMIT - len(PNG)),
        headers={"Content-Type": "image/png"},
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("more", [b"Content-Length: 100\r\n\r\nabc", b"Content-Length: 1\r\n\r\n"])
def test_a_slow_body_is_408(hasty: Server, more: bytes) -> None:
    with hasty.connect() as connection:
        connection.send(POST + more)
        answer = connection.rest()
    _refused(answer, 408, "too_slow")
    assert answer_of(answer).headers["retry-after"] == "1"


def test_a_body_that_nobody_asked_for_does_not_hold_the_connection(hasty: Server) -> None:
    with hasty.connect() as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab")
        answer = answer_of(connection.rest())
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")


@pytest.mark.parametrize("half", [b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-", POST])
def test_half_a_head_is_408(hasty: Server, half: bytes) -> None:
    with hasty.connect() as connection:
        connection.send(half)
        _refused(connection.rest(), 408, "too_slow")


def test_a_second_head_on_a_connection_has_a_deadline_too(hasty: Server) -> None:
    with hasty.connect() as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.receive().startswith(b"HTTP/1.1 200 OK\r\n")
        connection.send(b"GET /healthz HTT")
        _refused(connection.rest(), 408, "too_slow")


def test_a_connection_that_says_nothing_is_closed_without_a_word(hasty: Server) -> None:
    with hasty.connect() as connection:
        assert connection.rest() == b""


def test_a_head_without_end_is_431(server: Server) -> None:
    with server.connect() as connection, suppress(OSError):  # closed while it is still sent to
        connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        for _ in range(1000):
            connection.send(b"x" * DEFAULTS.max_head_bytes)
        pytest.fail("a head of 64 MiB was taken")
    server.await_metric('skiplens_requests_total{route="unmatched",status="431"}', 1)


@pytest.mark.parametrize("head", [b"/ HTTP/1.1\r\nX: %s", b"/ HTTP/1.1\r\n%s: x", b"/%s HTTP/1.1"])
def test_a_large_head_that_comes_at_once_is_431(server: Server, head: bytes) -> None:
    with server.connect() as connection:
        connection.send(
            b"GET " + head % (b"x" * DEFAULTS.max_head_bytes) + b"\r\nHost: localhost\r\n\r\n"
        )
        _refused(connection.rest(), 431, "head_too_large")


@pytest.mark.parametrize(
    "head",
    [
        b"/ HTTP/1.1\r\n" + b"a:\r\n" * DEFAULTS.max_headers,
        b"/?" + b"&" * DEFAULTS.max_parameters + b" HTTP/1.1\r\n",
        b"/ HTTP/1.1\r\nContent-Type: multipart/form-data" + b";a=b" * 64 + b"\r\n",
    ],
    ids=["headers", "parameters", "content type"],
)
def test_a_head_that_takes_long_to_parse_is_431(server: Server, head: bytes) -> None:
    with server.connect() as connection:
        connection.send(b"POST " + head + b"Host: localhost\r\n\r\n")
        _refused(connection.rest(), 431, "head_too_large")


def test_trailers_without_end_are_431(server: Server) -> None:
    with server.connect() as connection, suppress(OSError):  # closed while it is still sent to
        connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
        for _ in range(1000):
            connection.send(b"a:b\r\n" * 10_000)
        pytest.fail("60 MB of trailers were taken")
    server.await_metric("skiplens_requests_in_flight", 0)


def test_who_reads_nothing_is_cut_off(hasty: Server) -> None:
    page = hasty.client.get("/api/v1/samples").json()[0]["id"]
    asked = (
        b"GET /api/v1/networks/mnist-resnet/digits/%s/activations.npz HTTP/1.1\r\n"
        b"Host: localhost\r\n\r\n"
    )
    route = "/api/v1/networks/{network}/digits/{digit}/activations.npz"
    answered = [
        f'skiplens_requests_total{{route="{route}",status="{status}"}}' for status in (200, 499)
    ]
    with hasty.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.send(asked % page.encode() * 20)
        told = ("skiplens_requests_in_flight", *answered)
        wait_until(lambda: sum(map(hasty.metric, told)) > 0)
        hasty.await_metric("skiplens_requests_in_flight", 0)
    assert not [line for line in hasty.lines() if line["level"] == "error"]


@pytest.mark.parametrize(
    "garbage",
    [
        *(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_400(server: Server, garbage: bytes) -> None:
    with server.connect() as connection:
        connection.send(garbage)
        _refused(connection.rest(), 400, "bad_request")


def test_a_body_that_is_expected_is_asked_for(server: Server) -> None:
    with server.connect() as connection:
        head = b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(PNG)
        connection.send(POST + head)
        assert connection.receive() == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(PNG)
        assert answer_of(connection.rest()).status_code == 201


@pytest.mark.parametrize(
    "kind", [b"image/png", b"multipart/form-data; boundary=x"], ids=["raw", "form"]
)
def test_a_client_that_goes_away_is_no_fault_of_ours(server: Server, kind: bytes) -> None:
    gone = 'skiplens_requests_total{route="/api/v1/digits",status="499"}'
    before = server.metric(gone)
    with server.connect() as connection:
        connection.send(POST.replace(b"image/png", kind) + b"Content-Length: 99\r\n\r\n--x\r\n")
    server.await_metric(gone, before + 1)
    assert not [line for line in server.lines() if line["level"] == "error"]


def test_none_of_this_is_left_waiting(server: Server, hasty: Server) -> None:
    for one in (server, hasty):
        one.await_metric("skiplens_requests_in_flight", 0)
        assert one.client.get("/readyz").status_code == 200
