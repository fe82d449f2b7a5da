"""What tests of several rooms share: the networks that ship, opened once, and a client."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the package does, before NumPy is imported

import hypothesis
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.branch_scales import Scales
from skiplens.core.input_image import Digit
from skiplens.core.limits import DecodingBounds, ImageLimits
from skiplens.engine.base import Engine
from skiplens.engine.select import open_engines
from skiplens.samples import load_samples
from skiplens.service.dataset.indexer import Dataset
from skiplens.service.digit_store import DigitDatabase
from skiplens.service.services import Services
from skiplens.settings import ROOT, Settings

if TYPE_CHECKING:
    from tests.postgresql import Postgresql

MODELS = Path(os.environ.get("SKIPLENS_MODELS_DIR", ROOT / "models"))
MAX_WAITING = 64
PATIENCE = 120  # seconds that a machine may take which does much else
SHALLOW = ("mnist-resnet", "mnist-plain", "mnist-highway", "mnist-classic")
"""Networks of few blocks, of every kind: for tests that go through all layers or blocks of each."""

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")


def wait_until(
    met: Callable[[], object],
    between: Callable[[], object] | None = None,
    seconds: float = PATIENCE,
) -> None:
    """Ask again and again, until it is so.

    Between two questions something else may be done, such as letting a browser speak.

    Raises:
        AssertionError: it was not so for as many seconds.
    """
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"waited for {seconds} seconds"
        (between or _leave_the_processor)()


def _leave_the_processor() -> None:
    time.sleep(0.01)  # to who is waited for


def switched_off(*blocks: str) -> Scales:
    """The scales of these blocks' branches, in forward order, switched off."""
    return Scales(tuple((block, 0.0) for block in blocks))


def services_over(
    engines: Mapping[str, Engine],
    folder: Path,
    *,
    dataset: Dataset | None = None,
    models: Path | None = None,
) -> Services:
    """Services of networks that keep what is uploaded in a folder."""
    return Services.create(
        engines,
        DigitDatabase(folder / "digits.sqlite3", 1000),
        load_samples(),
        default_network="mnist-resnet",
        cache_bytes=64_000_000,
        limits=ImageLimits(),
        decoding=DecodingBounds(wait_seconds=PATIENCE, seconds=PATIENCE),
        dataset=dataset,
        models=models,
    )


@pytest.fixture(scope="session")
def engines() -> Mapping[str, Engine]:
    """The networks that ship, on one interpreter each."""
    return open_engines(MODELS, "litert", 1, MAX_WAITING)


@pytest.fixture(scope="session")
def engine(engines: Mapping[str, Engine]) -> Engine:
    """The default network."""
    return engines["mnist-resnet"]


@pytest.fixture(scope="session")
def digit() -> Digit:
    """A sample that is plainly a seven."""
    return next(sample.digit for sample in load_samples() if sample.label == 7)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small network, compiled once; tests leave it as it is."""
    from tests.network.tiny import compile_tiny  # it imports Keras

    folder = tmp_path_factory.mktemp("models") / "tiny"
    compile_tiny(folder)
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator["Postgresql"]:
    """A PostgreSQL server; a test that stops it starts it again."""
    from tests.postgresql import Postgresql

    server = Postgresql()
    yield server
    server.remove()


@pytest.fixture
def stroke() -> NDArray[np.uint8]:
    """28x28 pixels that no sample has: a slanted stroke."""
    pixels = np.zeros((28, 28), np.uint8)
    for row in range(5, 24):
        pixels[row, 16 - row // 6 : 19 - row // 6] = 250
    return pixels


@pytest.fixture
def open_services(engines: Mapping[str, Engine], tmp_path: Path) -> Callable[[], Services]:
    """Opens services over the shared engines and a store of the test's own."""
    return partial(services_over, engines, tmp_path)


@pytest.fixture
def services(open_services: Callable[[], Services]) -> Iterator[Services]:
    """Services over the shared engines."""
    opened = open_services()
    yield opened
    opened.digits.database.close()


@pytest.fixture
def app(open_services: Callable[[], Services]) -> FastAPI:
    """The app with default settings."""
    return create_app(Settings(), open_services)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the running app."""
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened
