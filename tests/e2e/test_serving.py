"""What whoever runs the server sees of it: address, logs, metrics, and how light it is."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skiplens.settings import ROOT
from tests.conftest import wait_until
from tests.e2e import server as servers
from tests.e2e.server import COMMAND, PATIENCE, Server, environment, serving
from tests.web.images import drawing, encoded

HEAVY = ("alembic", "rich", "sqlalchemy", "tensorflow", "keras", "torch", "jax", "zarr")
# A signal keeps the event loop from turning until a file is there.
_HELD = """
import pathlib, signal, time
def hold(*_):
    pathlib.Path({file!r} + ".held").touch()
    while not pathlib.Path({file!r}).exists():
        time.sleep(0.01)
signal.signal(signal.SIGUSR1, hold)
from skiplens.cli import main
main()
"""
_LOADED = """
import sys
from skiplens import cli, logs
from skiplens.application import create_app
from skiplens.application import open_services
from skiplens.settings import Settings
settings = Settings()
create_app(settings, lambda: open_services(settings))
open_services(settings).close()
print(sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serving")) as running:
        yield running


def test_one_line_says_the_address_and_the_engine(server: Server) -> None:
    assert server.said == f"skiplens is at {server.url} (engine litert on CPU)\n"
    assert server.client.get("/healthz").status_code == 200


def test_each_request_is_a_line_of_json_under_the_id_that_was_given(server: Server) -> None:
    path = "/nothing\n\x1b[31m{}"
    answer = server.client.get(
        "/nothing%0A%1B%5B31m%7B%7D", headers={"X-Request-ID": "given-by-a-proxy"}
    )
    assert answer.headers["x-request-id"] == "given-by-a-proxy"
    server.await_metric('skiplens_requests_total{route="unmatched",status="404"}', 1)
    (line,) = [one for one in server.lines() if one.get("request_id") == "given-by-a-proxy"]
    assert {"timestamp", "level", "event", "ms"} <= set(line)
    assert (line["path"], line["method"], line["status"]) == (path, "GET", 404)
    assert not [one for one in server.lines() if one.get("path") in {"/metrics", "/healthz"}]


def test_the_work_is_counted_stage_by_stage(server: Server) -> None:
    client = server.client
    digit = client.post("/api/v1/digits", files={"file": encoded(drawing())}).json()["id"]
    address = f"/api/v1/networks/mnist-resnet/digits/{digit}/layers/block1.output/grid.png"
    assert client.get(address).content == client.get(address).content
    route = "/api/v1/networks/{network}/digits/{digit}/layers/{layer}/grid.png"
    server.await_metric(f'skiplens_requests_total{{route="{route}",status="200"}}', 2)
    for stage in ("receive", "decode", "infer", "render", "encode"):
        assert server.metric(f'skiplens_stage_seconds_count{{stage="{stage}"}}') == 1
    assert server.metric("skiplens_digits_stored") == 1
    assert server.metric("skiplens_cache_misses_total") == 1


def test_a_second_server_on_the_port_says_so_and_ends(server: Server, tmp_path: Path) -> None:
    given = environment(port=server.port, state_dir=tmp_path)
    second = subprocess.run(
        [*COMMAND, "serve"], cwd=ROOT, env=given, capture_output=True, timeout=PATIENCE, check=False
    )
    assert second.returncode == 2
    assert second.stdout == b""
    said = second.stderr.decode()
    assert said.startswith(f"skiplens: port {server.port} on 127.0.0.1 cannot be bound (")
    assert said.count("\n") == 1
    assert server.client.get("/healthz").status_code == 200


def test_serving_loads_no_framework(tmp_path: Path) -> None:
    given = environment(state_dir=tmp_path)
    loaded = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=ROOT, env=given, capture_output=True, check=True
    )
    names = loaded.stdout.decode()
    assert "'fastapi'" in names
    assert not [name for name in HEAVY if f"'{name}'" in names]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal that it does not have")
def test_liveness_has_a_port_of_its_own_and_tells_a_server_that_is_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = tmp_path / "freed"
    held = _HELD.format(file=str(freed))
    monkeypatch.setattr(servers, "COMMAND", (sys.executable, "-c", held))
    with serving(tmp_path, health_port=0, stalled_seconds=1) as server:
        wait_until(lambda: server.liveness() == 200)
        server.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: server.liveness() == 503)
        freed.touch()
        wait_until(lambda: server.liveness() == 200)
        assert server.client.get("/healthz").status_code == 200
        assert server.stop() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal that it does not have")
def test_a_server_that_is_stuck_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _HELD.format(file=str(tmp_path / "never"))
    monkeypatch.setattr(servers, "COMMAND", (sys.executable, "-c", held))
    with serving(tmp_path, stop_seconds=0, exit_seconds=0.1) as server:
        server.process.send_signal(signal.SIGUSR1)
        wait_until((tmp_path / "never.held").exists)
        assert server.stop() == 1
        assert server.lines()[-1]["event"] == "stopped before everything was finished"
