"""Several processes that serve together: one store, one sum of metrics, one stop, none missed.

A worker that is stopped by SIGSTOP accepts no connection, so the other one answers.
"""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from os import kill
from pathlib import Path
from typing import Any

import httpx2
import pytest

from skiplens.settings import ROOT
from tests.conftest import wait_until
from tests.e2e.server import COMMAND, PATIENCE, Server, answer_of, environment, serving
from tests.e2e.test_stopping import PNG, POST
from tests.idx import shifted_samples, write_test_set

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="needs /proc to find the processes"
)
NETWORKS = "api/v1/networks"
COUNTED = f'skiplens_requests_total{{route="/{NETWORKS}",status="200"}}'


def workers(server: Server) -> set[int]:
    """Process ids of those that run; another child answers liveness."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in children.split() if serves(int(child))}


def serves(pid: int) -> bool:
    """Whether it is one of them, and has not ended."""
    try:
        return b"skiplens.worker_processes" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def state(pid: int) -> str:
    """A letter: S sleeps, T is stopped, Z has ended; X where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def has_state(pid: int, letters: str) -> bool:
    return state(pid) in letters


def is_indexed(server: Server, path: str) -> bool:
    return bool(ask(server, path).json()["state"] == "ready")


@contextmanager
def paused(*pids: int) -> Iterator[None]:
    for pid in pids:
        kill(pid, signal.SIGSTOP)
        wait_until(partial(has_state, pid, "TZX"))
    try:
        yield
    finally:
        for pid in pids:
            kill(pid, signal.SIGCONT)


def ask(server: Server, path: str, **options: object) -> httpx2.Response:
    """An answer over a connection of its own."""
    method = "POST" if options else "GET"
    # Without TLS there is nothing to verify; the system's certificates take a while to read.
    given: dict[str, Any] = {"timeout": PATIENCE, "verify": False, **options}
    return httpx2.request(method, f"{server.url}{path}", **given)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For the tests up to the one that stops it."""
    with serving(tmp_path_factory.mktemp("workers"), workers=2) as running:
        yield running


def test_what_one_stores_the_other_reads(server: Server) -> None:
    one, other = workers(server)
    with paused(other):
        posted = ask(server, "api/v1/digits", files={"file": PNG})
    assert posted.status_code == 201
    live = f"{NETWORKS}/mnist-resnet/live?layers=block1.sum"
    drawn = {"strokes": [], "over": posted.json()["id"]}
    frames = []
    for still in (one, other):
        with paused(still):
            assert ask(server, posted.json()["url"].lstrip("/")).json() == posted.json()
            frames.append(ask(server, live, json=drawn))
            assert server.metric("skiplens_digits_stored") == 1
            server.client.close()
            server.client = httpx2.Client(base_url=server.url, timeout=PATIENCE)
    assert [frame.status_code for frame in frames] == [200, 200]
    assert frames[0].content == frames[1].content


def test_one_that_dies_is_replaced_and_nothing_counted_or_stored_is_lost(server: Server) -> None:
    one, other = workers(server)
    with paused(other):
        posted = ask(server, "api/v1/digits", files={"file": PNG})
        for _ in range(3):
            assert ask(server, NETWORKS).status_code == 200
    with paused(one):
        for _ in range(2):
            assert ask(server, NETWORKS).status_code == 200
    server.await_metric(COUNTED, 5)
    kill(one, signal.SIGKILL)
    wait_until(partial(has_state, one, "ZX"))
    wait_until(lambda: ask(server, "healthz").is_success and len(workers(server) - {one}) == 2)
    with paused(other):
        assert ask(server, posted.json()["url"].lstrip("/")).json() == posted.json()
        assert ask(server, NETWORKS).status_code == 200
    server.await_metric(COUNTED, 6)
    assert server.stop() == 0
    (ended,) = [line for line in server.lines() if line["level"] == "error"]
    assert (ended["event"], ended["pid"], ended["exit_code"]) == ("worker ended", one, -9)


def test_liveness_tells_of_one_that_is_stuck(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2, health_port=0, stalled_seconds=1) as server:
        one, _ = workers(server)
        with paused(one):
            wait_until(lambda: server.liveness() == 503)
        wait_until(lambda: server.liveness() == 200)
        kill(one, signal.SIGKILL)
        wait_until(partial(has_state, one, "ZX"))
        wait_until(lambda: len(workers(server) - {one}) == 2)  # another takes its place
        wait_until(lambda: server.liveness() == 200)
        assert server.stop() == 0


def test_requests_in_the_works_of_all_are_finished(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2, stop_seconds=PATIENCE) as server:
        pids = workers(server)
        uploads = []
        for still in pids:
            with paused(still):
                upload = server.connect()
                upload.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert upload.receive().startswith(b"HTTP/1.1 200 ")
                uploads.append(upload)
        for upload in uploads:
            upload.send(POST + b"Content-Length: %d\r\n\r\n" % len(PNG) + PNG[:20])
        server.await_metric("skiplens_bodies_receiving", 2)
        server.client.close()
        server.process.send_signal(signal.SIGTERM)
        for upload in uploads:
            upload.send(PNG[20:])
            assert answer_of(upload.rest()).status_code == 201
            upload.socket.close()
        assert server.process.wait(PATIENCE) == 0
        assert {state(pid) for pid in pids} <= {"Z", "X"}
        assert not [line for line in server.lines() if line["level"] != "info"]


def test_a_request_that_never_ends_holds_none_of_them(tmp_path: Path) -> None:
    with (
        serving(tmp_path, workers=2, stop_seconds=1, receive_seconds=10 * PATIENCE) as server,
        server.connect() as upload,
    ):
        upload.send(POST + b"Content-Length: 99\r\n\r\nabc")
        server.await_metric("skiplens_bodies_receiving", 1)
        server.process.send_signal(signal.SIGTERM)
        assert answer_of(upload.rest()).json()["code"] == "stopping"
        assert server.process.wait(PATIENCE) == 0


def test_they_end_with_their_parent(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as server:
        pids = workers(server)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: {state(pid) for pid in pids} <= {"Z", "X"})
        with pytest.raises(ConnectionRefusedError):
            server.connect()


def test_why_none_can_start_is_one_sentence(tmp_path: Path) -> None:
    given = environment(port=0, state_dir=tmp_path, workers=2, default_network="nothing")
    failed = subprocess.run(
        [*COMMAND, "serve"], cwd=ROOT, env=given, capture_output=True, timeout=PATIENCE, check=False
    )
    assert failed.returncode == 2
    assert failed.stdout == b""
    assert failed.stderr.startswith(b"skiplens: default network 'nothing' ")
    assert failed.stderr.count(b"\n") == 1


def test_one_of_them_indexes_for_all(tmp_path: Path) -> None:
    data = write_test_set(tmp_path / "mnist", shifted_samples())
    path = f"{NETWORKS}/mnist-resnet/dataset"
    with serving(tmp_path, workers=2, data=data) as server:
        pids = workers(server)
        wait_until(partial(is_indexed, server, path))
        found = []
        for still in pids:
            with paused(still):
                wait_until(partial(is_indexed, server, path))
                found.append(ask(server, f"{path}/digits").json())
        assert found[0] == found[1]
        assert server.stop() == 0
        indexed = [one["network"] for one in server.lines() if one["event"] == "indexed"]
        assert indexed.count("mnist-resnet") == 1


def test_workers_that_end_too_often_are_not_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2, max_worker_ends=1) as server:
        kill(min(workers(server)), signal.SIGKILL)
        assert server.process.wait(PATIENCE) == 2
        assert "ended 1 times within a minute" in (tmp_path / "log.jsonl").read_text()
