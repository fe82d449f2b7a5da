"""Runs the README's examples as they stand, each against a server of its own."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from fastapi import FastAPI
from PIL import Image

from benchmarks.processes import Server, skiplens
from skiplens.core.digit import Digit
from tests.contracts.readme import code
from tests.idx import shifted_samples, write_test_set

ADDRESS = "http://127.0.0.1:8000"
STRICT = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail "$@"; }\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that has read a small data set."""
    data = write_test_set(tmp_path / "mnist", shifted_samples())
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


def answered(server: Server) -> set[str]:
    """The routes that the server has answered with success, and none other."""
    connection = HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.findall(
        r'^skiplens_requests_total\{route="(.*?)",status="(\d+)"\}', text, re.MULTILINE
    )
    assert {status for _, status in found} <= {"200", "201"}
    return {route for route, _ in found}


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs curl")
def test_curl_asks_for_everything_that_the_api_has(
    server: Server, folder: Path, app: FastAPI
) -> None:
    script = STRICT + code("sh").replace(ADDRESS, f"http://127.0.0.1:{server.port}")
    run(["bash", "-c", script], folder)
    assert answered(server) == set(app.openapi()["paths"])
    for picture in folder.glob("*.png"):
        with Image.open(picture) as image:
            assert min(image.size) > 1


def test_python_asks_for_everything_that_the_api_has(
    server: Server, folder: Path, app: FastAPI
) -> None:
    script = code("python").replace(ADDRESS, f"http://127.0.0.1:{server.port}")
    run([sys.executable, "-c", script], folder)
    assert answered(server) == set(app.openapi()["paths"])
