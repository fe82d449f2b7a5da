"""Runs the commands of the Dockerfile outside Docker, on a copy of what it copies."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.contracts.dockerfile import (
    ROOT,
    contributors,
    copied_from_here,
    environment,
    in_force,
    shell_commands,
)


def run_in_image(command: str | list[str], folder: Path, **variables: str) -> None:
    program, *arguments = shlex.split(command) if isinstance(command, str) else command
    assert program == "python"
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=os.environ | variables, check=True, timeout=60
    )


def is_healthy(port: int) -> bool:
    """Whether the image's own health check says so; a proxy in the environment is no obstacle."""
    _, _, command = in_force("serve", "HEALTHCHECK").partition("CMD ")
    try:
        run_in_image(
            json.loads(command), ROOT, SKIPLENS_PORT=str(port), http_proxy="http://127.0.0.1:9"
        )
    except subprocess.CalledProcessError:
        return False
    return True


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, False), (503, False)])
def test_the_health_check_tells_a_good_answer_from_others(status: int, healthy: bool) -> None:
    with answering(status) as port:
        assert is_healthy(port) is healthy


def test_the_health_check_fails_where_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert not is_healthy(unused.getsockname()[1])


def test_the_project_installs_as_a_pointer_to_its_folder(tmp_path: Path) -> None:
    for path in ("pyproject.toml", "README.md", "app/skiplens/__init__.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (build,) = [part for part in shell_commands("serve-environment") if "hatchling" in part]
    run_in_image(build.replace("/tmp/dist", "dist"), tmp_path)  # noqa: S108  # a path in the image
    (wheel,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        members = {Path(name).suffix: archive.read(name).decode() for name in archive.namelist()}
    assert members[".pth"].strip() == str(tmp_path / "app")
    assert "skiplens = skiplens.cli:main" in members[".txt"]


@pytest.fixture
def image_tree(tmp_path: Path) -> Path:
    """The files of the default image, its code compiled as the image's is."""
    for path in copied_from_here(contributors("runtime")):
        shutil.copytree(ROOT / path, tmp_path / path, ignore=shutil.ignore_patterns("__pycache__"))
    (compile_code,) = shell_commands("code")
    run_in_image(compile_code, tmp_path)
    return tmp_path


def test_what_is_copied_is_enough_to_serve_and_is_left_as_it_is(
    image_tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = sorted(image_tree.rglob("*"))
    _, *arguments = json.loads(in_force("serve", "CMD"))
    variables = environment("serve") | {
        "PATH": os.environ["PATH"],
        "SKIPLENS_PORT": "0",
        "SKIPLENS_STATE_DIR": str(tmp_path_factory.mktemp("state")),
    }
    start = [sys.executable, "-c", "from skiplens.cli import main; main()", *arguments]
    with subprocess.Popen(
        start, cwd=image_tree, env=variables, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://0\.0\.0\.0:(\d+)/", server.stdout.readline())
            assert address is not None
            assert is_healthy(int(address[1]))
        finally:
            server.terminate()
    assert sorted(image_tree.rglob("*")) == before
