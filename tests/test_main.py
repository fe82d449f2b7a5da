from collections.abc import Callable

import anyio.to_thread
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from skiplens.errors import StartupError
from skiplens.server import create_app
from skiplens.service.services import Services
from skiplens.settings import Settings


@pytest.fixture
def opened(open_services: Callable[[], Services]) -> list[Services]:
    """Services that were opened; there are none yet."""
    return []


@pytest.fixture
def app(open_services: Callable[[], Services], opened: list[Services]) -> FastAPI:
    def opening() -> Services:
        opened.append(open_services())
        return opened[-1]

    return create_app(Settings(max_waiting=7, interpreters=3), opening)


def test_services_open_when_the_app_starts_and_close_when_it_stops(
    app: FastAPI, opened: list[Services]
) -> None:
    assert opened == []
    with TestClient(app):
        assert len(opened) == 1
        assert app.state.ready
        assert opened[0].digits.count() == 0
    assert not app.state.ready
    with pytest.raises(Exception, match="closed database"):
        opened[0].digits.count()


def test_an_app_that_cannot_open_its_services_does_not_start() -> None:
    def failing() -> Services:
        raise StartupError("no models")

    with (
        pytest.raises(StartupError, match="no models"),
        TestClient(create_app(Settings(), failing)),
    ):
        pass


def test_computations_that_may_wait_all_find_a_thread(app: FastAPI) -> None:
    async def threads() -> float:
        return anyio.to_thread.current_default_thread_limiter().total_tokens

    app.add_api_route("/threads", threads)
    with TestClient(app) as client:
        assert client.get("/threads").json() > 7
        assert app.state.decoders.total_tokens == 3
