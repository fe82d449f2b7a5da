from typing import cast

from fastapi import FastAPI

from skiplens.web.http.metrics import router
from tests.web.conftest import Refused, Start


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


def test_health_stands_outside_the_api() -> None:
    assert {getattr(route, "path", "") for route in router.routes} == {
        *("/healthz", "/readyz", "/metrics")
    }
