"""Servers with one PostgreSQL database: what one stores the others serve, and an outage is told."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.server import Server, serving
from tests.e2e.test_stopping import PNG
from tests.postgresql import Postgresql


@pytest.fixture
def servers(postgresql: Postgresql, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two, as on two machines: they share nothing but the database."""
    url = postgresql.database()
    folders = [tmp_path / name for name in ("one", "other")]
    with ExitStack() as stack:
        for folder in folders:
            folder.mkdir()
        one, other = (
            stack.enter_context(serving(folder, database_url=url, wait_seconds=30))
            for folder in folders
        )
        yield one, other
    for folder in folders:
        assert "cret" not in (folder / "log.jsonl").read_text()  # the database's password
        assert not (folder / "state").exists()


def post(server: Server, width: int) -> str:
    """The address of a stored digit: a bar of so many pixels."""
    digit = {"pixels": [[255 if 5 < x < 6 + width else 0 for x in range(28)]] * 28}
    answer = server.client.post("/api/v1/digits", json=digit)
    assert answer.status_code == 201
    return str(answer.json()["url"])


def test_what_one_stores_the_other_serves_and_kill_9_loses_none(
    servers: tuple[Server, Server],
) -> None:
    one, other = servers
    stored = {post(one, width) for width in range(2, 16, 2)}
    assert len(stored) == 7
    assert one.stop(signal.SIGKILL) == -signal.SIGKILL
    for url in stored:
        assert other.client.get(url).status_code == 200
    assert other.metric("skiplens_digits_stored") == len(stored)


def test_an_outage_of_the_database_is_told_and_ends_with_it(
    postgresql: Postgresql, tmp_path: Path
) -> None:
    with serving(tmp_path, database_url=postgresql.database(), wait_seconds=30) as server:
        _check_outage(server, postgresql)


def _check_outage(server: Server, postgresql: Postgresql) -> None:
    stored = post(server, 2)
    assert server.client.get("/readyz").status_code == 200
    postgresql.stop()
    try:
        asked = [
            server.client.get("/readyz"),
            server.client.get(stored),
            server.client.post("/api/v1/digits", files={"file": PNG}),
        ]
        assert [(one.status_code, one.json()["code"]) for one in asked] == [
            (503, "store_damaged"),
            (503, "store_damaged"),
            (503, "not_kept"),
        ]
        assert all("Retry-After" in one.headers for one in asked)
        for path in ("/metrics", "/", "/healthz"):  # whoever needs no stored digit is served
            assert server.client.get(path).status_code == 200
    finally:
        postgresql.start()
    assert server.client.get("/readyz").status_code == 200
    assert server.client.get(stored).status_code == 200
    post(server, 4)
    events = [line["event"] for line in server.lines() if "database" in line["event"]]
    assert events == ["database away", "database back"]
