"""A data set is indexed behind a real server's back: it stops with it, and is kept for the next."""

from pathlib import Path

import numpy as np

from skiplens.mnist import Split
from tests.conftest import wait_until
from tests.e2e.server import Server, serving
from tests.idx import shifted_samples, write_test_set

STATE = "/api/v1/networks/mnist-resnet/dataset"
PLENTY = 100  # times the shifted samples: more than any machine reads while a test runs


def await_ready(server: Server) -> None:
    wait_until(lambda: server.client.get(STATE).json()["state"] == "ready")


def test_indexing_does_not_hold_a_server_that_is_told_to_stop(tmp_path: Path) -> None:
    small = shifted_samples()
    large = Split(np.tile(small.images, (PLENTY, 1, 1)), np.tile(small.labels, PLENTY))
    data = write_test_set(tmp_path / "mnist", large)
    with serving(tmp_path, data=data) as server:
        wait_until(lambda: server.client.get(STATE).json()["done"] > 0)
        assert server.client.get("/readyz").status_code == 200
        assert server.client.get("/").status_code == 200
        assert server.client.get(STATE).json()["state"] == "indexing"
        assert server.stop() == 0
        assert {line["level"] for line in server.lines()} == {"info"}
    assert not list((tmp_path / "state").glob("indexes/*"))


def test_what_was_indexed_is_there_at_the_next_start(tmp_path: Path) -> None:
    data = write_test_set(tmp_path / "mnist", shifted_samples())
    found, read = [], []
    for _ in range(2):
        with serving(tmp_path, data=data) as server:
            await_ready(server)
            found.append(server.client.get(f"{STATE}/digits").json())
            assert server.stop() == 0
            read = [one["network"] for one in server.lines() if one["event"] == "indexed"]
    assert found[0] == found[1]
    assert read.count("mnist-resnet") == 1  # in both logs
