"""Runs the examples of the README and of docs/ as they stand, against one server."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from benchmarks.processes import Server, skiplens
from skiplens.core.input_image import Digit
from tests.contracts.readme import API, PYTHON, README, code
from tests.idx import shifted_samples, write_test_set

ADDRESS = "http://127.0.0.1:8000"
STRICT = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail "$@"; }\n'


NEEDS_CURL = pytest.mark.skipif(
    not shutil.which("curl") or not shutil.which("bash"), reason="needs curl"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has indexed a small data set."""
    data = write_test_set(tmp_path_factory.mktemp("mnist"), shifted_samples())
    with skiplens("--data", str(data)) as running:
        connection = HTTPConnection("127.0.0.1", running.port)
        state = b""
        while b'"ready"' not in state:
            connection.request("GET", "/api/v1/networks/mnist-resnet/dataset")
            state = connection.getresponse().read()
        connection.close()
        yield running


@pytest.fixture
def folder(tmp_path: Path, digit: Digit) -> Path:
    """A folder with a picture of a seven, as a reader may have one."""
    seven = Image.fromarray(255 - digit.pixels).resize((280, 280))
    seven.save(tmp_path / "seven.png")
    seven.save(tmp_path / "seven.jpg")
    return tmp_path


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def answers(server: Server) -> Counter[tuple[str, str]]:
    """How often the server has answered, by route and status."""
    connection = HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    pattern = r'^skiplens_requests_total\{route="(.*?)",status="(\d+)"\} (\S+)'
    found = re.findall(pattern, text, re.MULTILINE)
    return Counter({(route, status): int(float(count)) for route, status, count in found})


def run_curl(text: str, server: Server, folder: Path) -> None:
    script = STRICT + code(text, "sh").replace(ADDRESS, f"http://127.0.0.1:{server.port}")
    run(["bash", "-c", script], folder)


def run_python(text: str, server: Server, folder: Path) -> None:
    program = code(text, "python").replace(ADDRESS, f"http://127.0.0.1:{server.port}")
    run([sys.executable, "-c", program], folder)


@pytest.mark.parametrize("example", [pytest.param(run_curl, marks=NEEDS_CURL), run_python])
def test_the_examples_ask_for_everything_that_the_api_has(
    example: Callable[[str, Server, Path], None], server: Server, folder: Path, app: FastAPI
) -> None:
    before = answers(server)
    example(API, server, folder)
    answered = answers(server) - before - Counter({("/metrics", "200"): 1})
    assert {status for _, status in answered} <= {"200", "201"}
    assert {route for route, _ in answered} == set(app.openapi()["paths"])
    for picture in folder.glob("*.png"):
        with Image.open(picture) as image:
            assert min(image.size) > 1


@NEEDS_CURL
def test_the_example_of_the_readme_works(server: Server, folder: Path) -> None:
    run_curl(README, server, folder)
    with np.load(folder / "all.npz") as layers:
        assert layers["block1.output"].shape == (28, 28, 16)
    with Image.open(folder / "grid.png") as image:
        assert min(image.size) > 1


def test_the_example_of_the_client_works(server: Server, folder: Path) -> None:
    run_python(PYTHON, server, folder)
    with Image.open(folder / "block2.png") as image:
        assert min(image.size) > 1
