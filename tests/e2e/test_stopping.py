"""Nothing that was taken on is lost: not to SIGTERM, and nothing stored to ``kill -9``."""

import signal
from pathlib import Path

import httpx2
import pytest

from tests.conftest import wait_until
from tests.e2e.server import PATIENCE, Server, answer_of, serving
from tests.web.images import drawing, encoded

PNG = encoded(drawing())
POST = b"POST /api/v1/digits HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


def _get(server: Server, path: str) -> httpx2.Response:
    """An answer over a connection of its own."""
    # Without TLS there is nothing to verify; the system's certificates take a while to read.
    return httpx2.get(f"{server.url}{path}", timeout=PATIENCE, verify=False)


def _await_unready(server: Server) -> None:
    """Until ``/readyz`` says 503 or nobody listens any more."""
    while True:
        try:
            if _get(server, "readyz").status_code == 503:
                return
        except httpx2.TransportError:
            return


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_the_works_is_finished_and_the_exit_code_is_0(
    tmp_path: Path, sent: signal.Signals
) -> None:
    with serving(tmp_path, max_requests=2) as server, server.connect() as upload:
        upload.send(POST + b"Content-Length: %d\r\n\r\n" % len(PNG) + PNG[:20])
        server.await_metric("skiplens_bodies_receiving", 1)
        server.process.send_signal(sent)
        _await_unready(server)
        upload.send(PNG[20:])
        answer = answer_of(upload.rest())
        assert answer.status_code == 201
        assert server.process.wait(PATIENCE) == 0
        assert not [line for line in server.lines() if line["level"] != "info"]


def test_who_comes_while_it_gives_notice_is_told_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path, stop_seconds=4 * PATIENCE, notice_seconds=PATIENCE) as server:
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _get(server, "readyz").status_code == 503)
        answer = _get(server, "api/v1/networks")
        assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
        assert answer.headers["retry-after"] == "1"
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL


def test_a_request_that_never_ends_does_not_hold_the_server(tmp_path: Path) -> None:
    with (
        serving(tmp_path, stop_seconds=1, receive_seconds=10 * PATIENCE) as server,
        server.connect() as upload,
    ):
        upload.send(POST + b"Content-Length: 99\r\n\r\nabc")
        server.await_metric("skiplens_bodies_receiving", 1)
        server.process.send_signal(signal.SIGTERM)
        answer = answer_of(upload.rest())
        assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert server.process.wait(PATIENCE) == 0


def test_uploads_that_stall_take_places_from_their_client_alone(tmp_path: Path) -> None:
    with (
        serving(tmp_path, max_requests=4, client_share=0.5, receive_seconds=PATIENCE) as server,
        server.connect() as one,
        server.connect() as other,
        server.connect() as third,
    ):
        for upload in (one, other):
            upload.send(POST + b"Content-Length: %d\r\n\r\n" % len(PNG) + PNG[:20])
        server.await_metric("skiplens_bodies_receiving", 2)
        third.send(POST + b"Content-Length: %d\r\n\r\n" % len(PNG) + PNG[:20])
        assert third.receive().startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert server.client.get("/api/v1/networks").status_code == 200
        for upload in (one, other):
            upload.send(PNG[20:])
            assert upload.receive().startswith(b"HTTP/1.1 201 Created\r\n")


def test_what_was_stored_outlives_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        posted = server.client.post("/api/v1/digits", files={"file": PNG})
        assert posted.status_code == 201
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    with serving(tmp_path) as server:
        assert server.client.get(posted.json()["url"]).json() == posted.json()
        assert server.metric("skiplens_digits_stored") == 1
        assert server.stop() == 0
