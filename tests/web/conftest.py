"""One running app for all tests that only ask, and the problem that every refusal must be."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
import structlog
from httpx2 import Response
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.indexer import Dataset, IndexCache
from skiplens.service.services import Services
from skiplens.settings import Settings
from skiplens.web.http.headers import HEADERS
from tests.conftest import MODELS, services_over, wait_until
from tests.idx import shifted_samples
from tests.web.engines import SamplesFirst, WatchedEngine

NETWORK = "/api/v1/networks/mnist-resnet"
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "request_id"}

Refused = Callable[[Response, int, str], str]


class Start(Protocol):
    """Starts an app with these settings."""

    def __call__(self, **settings: object) -> TestClient: ...


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Unless told otherwise, structlog draws tracebacks with every local, which takes a minute."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )


@pytest.fixture(scope="session")
def api(
    engines: Mapping[str, Engine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of an app that all tests share; faults of the app come back as answers."""
    folder = tmp_path_factory.mktemp("state")

    app = create_app(Settings(), partial(services_over, engines, folder, models=MODELS))
    with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def shifted() -> LabelledDigits:
    """A data set of 240 digits: the samples, shifted."""
    return LabelledDigits("dataset", shifted_samples())


@pytest.fixture(scope="session")
def browsing(
    engines: Mapping[str, Engine], shifted: LabelledDigits, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of an app with that data set, which the default network has read."""
    services = over_dataset(engines, shifted, tmp_path_factory.mktemp("browsing"))
    with TestClient(create_app(Settings(), lambda: services), "http://127.0.0.1") as client:
        wait_until_indexed(client)
        yield client


@pytest.fixture
def indexing(engine: Engine, shifted: LabelledDigits, tmp_path: Path) -> Iterator[TestClient]:
    """A client of an app that is told to read the data set, and gets no further than that."""
    watched = SamplesFirst(engine)
    watched.gate.clear()
    services = over_dataset({"mnist-resnet": watched}, shifted, tmp_path)
    with TestClient(create_app(Settings(), lambda: services), "http://127.0.0.1") as client:
        yield client
        watched.gate.set()


def wait_until_indexed(client: TestClient, root: str = "") -> None:
    """Wait until the default network has read the data set: pages say whether it has."""
    address = f"{root}{NETWORK}/dataset"
    wait_until(lambda: client.get(address).json()["state"] == "ready")


def over_dataset(
    engines: Mapping[str, Engine], collection: LabelledDigits, folder: Path
) -> Services:
    """Services with a data set and a folder to keep things in."""
    dataset = Dataset(collection, IndexCache(folder / "indexes"), 1)
    return services_over(engines, folder, dataset=dataset)


@pytest.fixture(scope="session")
def view(digit: Digit) -> str:
    """Where the API keeps what the default network does with a sample."""
    return f"{NETWORK}/digits/{digit.id}"


@pytest.fixture(scope="session")
def refused() -> Refused:
    """Checks that an answer is a problem of that status and code, and returns its detail."""

    def checked(response: Response, status: int, code: str) -> str:
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["cache-control"] == "no-store"
        for name, value in HEADERS:
            assert response.headers[name.decode()] == value.decode()
        problem: dict[str, Any] = response.json()
        assert set(problem) == PROBLEM_FIELDS
        assert problem["type"] == f"urn:skiplens:problem:{code}"
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem["request_id"] == response.headers["x-request-id"]
        assert problem["title"]
        assert problem["detail"]
        return str(problem["detail"])

    return checked


@pytest.fixture
def watched(engine: Engine) -> WatchedEngine:
    """The default network, counted."""
    return WatchedEngine(engine)


@pytest.fixture
def watched_services(watched: WatchedEngine, tmp_path: Path) -> Callable[[], Services]:
    """Opens services over that network alone."""
    return partial(services_over, {"mnist-resnet": watched}, tmp_path)


@pytest.fixture
def start(watched_services: Callable[[], Services]) -> Iterator[Start]:
    """Starts apps with settings of the test's own over the counted network."""
    with ExitStack() as running:

        def started(**settings: object) -> TestClient:
            app = create_app(Settings.model_validate(settings), watched_services)
            client = TestClient(app, "http://127.0.0.1", raise_server_exceptions=False)
            return running.enter_context(client)

        yield started
