"""What pages give to copy runs as it stands, against the server that gave it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.server import Server, serving

PAGES = (
    "",
    "/layers/block1.conv1?palette=light",
    "/layers/block1.conv1/filters/3?at=9,20&scale=block2:0",
    "/blocks/block1",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def digit_page(server: Server) -> str:
    """The address of a sample's gallery."""
    sample = server.client.get("/api/v1/samples").json()[0]["id"]
    return f"{server.url}networks/mnist-resnet/digits/{sample}"


def snippets(server: Server, address: str) -> dict[str, str]:
    """What a page gives to copy, by its heading."""
    html = server.client.get(address).text
    found = re.findall(r'<h3 id="snippet-(\w+)">.*?<code>(.*?)</code>', html, re.DOTALL)
    return {name: unescape(text) for name, text in found}


@pytest.mark.parametrize("page", PAGES)
def test_the_program_runs(server: Server, digit_page: str, page: str, tmp_path: Path) -> None:
    program = snippets(server, digit_page + page)["python"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_program_prints_what_the_page_explains(server: Server, digit_page: str) -> None:
    address = digit_page + PAGES[2]
    program = snippets(server, address)["python"]
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = float(done.stdout.strip().splitlines()[-1])
    html = unescape(server.client.get(address).text)
    shown = re.search(r"Computed by the network: (\S+)\.</p>", html)
    assert shown
    assert float(shown[1].replace("\N{MINUS SIGN}", "-")) == pytest.approx(printed, rel=1e-5)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("page", PAGES)
def test_the_command_fetches_its_files(
    server: Server, digit_page: str, page: str, tmp_path: Path
) -> None:
    command = snippets(server, digit_page + page)["curl"].replace("curl ", "curl -sSf ", 1)
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    files = sorted(tmp_path.iterdir())
    assert files
    for path in files:
        match path.suffix:
            case ".png":
                with Image.open(path) as image:
                    assert min(image.size) > 20
            case ".npy" | ".npz":
                np.load(path)
            case _:
                assert json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_the_link_leads_back_to_the_page(server: Server, digit_page: str, page: str) -> None:
    first = snippets(server, digit_page + page)
    assert snippets(server, first["link"]) == first
