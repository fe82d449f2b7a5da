"""Metrics, liveness and readiness."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from fastapi import FastAPI
from prometheus_client import Gauge

from skiplens.web.http.metrics import Metrics
from tests.e2e.server import PATIENCE
from tests.web.conftest import Refused, Start
from tests.web.images import drawing, encoded


def test_every_metric_is_exposed(start: Start, view: str) -> None:
    client = start()
    client.post("/api/v1/digits", files={"file": encoded(drawing())})
    for _ in range(3):
        client.get(f"{view}/prediction")
    client.get(f"{view}/layers/none/grid.png")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    text = answer.text
    for line in (
        'skiplens_requests_total{route="/api/v1/digits",status="201"} 1.0',
        'skiplens_request_seconds_count{route="/api/v1/digits"} 1.0',
        'skiplens_stage_seconds_count{stage="decode"} 1.0',
        'skiplens_refusals_total{reason="unknown_layer"} 1.0',
        'skiplens_queue_depth{network="mnist-resnet"} 0.0',
        "skiplens_requests_in_flight 0.0",
        "skiplens_cache_hits_total 3.0",
        "skiplens_cache_misses_total 1.0",
        "skiplens_digits_stored 1.0",
    ):
        assert line in text.splitlines()
    assert re.search(
        r'^skiplens_build_info{python="3\.\d+\.\d+",version="[\d.]+"} 1\.0$', text, re.MULTILINE
    )


def test_two_apps_have_separate_metrics() -> None:
    one, two = Metrics("1"), Metrics("2")
    one.refusals.labels("busy").inc()
    assert one.registry.get_sample_value("skiplens_refusals_total", {"reason": "busy"}) == 1
    assert two.registry.get_sample_value("skiplens_refusals_total", {"reason": "busy"}) is None


class WatchedLock:
    """Tells when someone has to wait for it."""

    waited = threading.Event()

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self.waited.set()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_metrics_are_brought_up_to_date_by_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("skiplens.web.http.metrics.Lock", WatchedLock)
    metrics = Metrics("1")
    totals = iter([1, 2])
    with ThreadPoolExecutor(1) as pool:

        def total() -> float:
            read = next(totals)
            if read == 1:
                pool.submit(metrics.refresh)
                assert WatchedLock.waited.wait(PATIENCE)
            return read

        metrics.follow(Gauge("read", "The newest", registry=metrics.registry), total)
        metrics.refresh()
    assert metrics.registry.get_sample_value("read") == 2


def test_alive_and_ready(start: Start) -> None:
    client = start()
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_not_ready_is_503_and_still_alive(start: Start, refused: Refused) -> None:
    client = start()
    cast("FastAPI", client.app).state.ready = False
    answer = client.get("/readyz")
    refused(answer, 503, "not_ready")
    assert answer.headers["retry-after"] == "1"
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(("path", "places"), [("/metrics", "printing"), ("/readyz", "checking")])
def test_who_asks_for_it_all_the_time_waits_for_nobody_but_that(
    start: Start, refused: Refused, path: str, places: str
) -> None:
    client = start(wait_seconds=0.05)
    held = getattr(cast("FastAPI", client.app).state, places)
    assert client.portal is not None
    client.portal.call(held.take, "192.0.2.7")
    refused(client.get(path), 503, "busy")
    assert client.get("/api/v1/networks").status_code == 200
    client.portal.call(held.give, "192.0.2.7")
    assert client.get(path).status_code == 200
