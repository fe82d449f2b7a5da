"""The images and their containers: what Dockerfile and compose.yaml say, and, outside Docker on a
copy of what an image copies, that its commands do what they should.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from skiplens.settings import Settings
from tests.contracts.dockerfile import (
    ROOT,
    STAGES,
    contributors,
    copied_from_here,
    environment,
    in_force,
    lineage,
    shell_commands,
)

TARGETS = ["serve", "gpu", "ray"]
DEFAULT_TARGET = list(STAGES)[-1]
TRAINING = re.compile(r"^(tensorflow|keras|nvidia-[\w-]+)==", re.MULTILINE)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def requirement_files(target: str) -> set[str]:
    return {path for path in copied_from_here(contributors(target)) if path.endswith(".txt")}


def installed(target: str) -> str:
    """What ends up in the image: the requirements, but for the tools that only build it."""
    files = requirement_files(target) - {"requirements/setup.txt"}
    return "".join((ROOT / path).read_text() for path in sorted(files))


def test_without_a_target_the_light_image_is_built() -> None:
    assert DEFAULT_TARGET == "serve"


def test_every_copied_path_is_there_and_reaches_the_builder() -> None:
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    for path in copied_from_here(set(STAGES)):
        assert (ROOT / path).exists(), path
        assert f"!{path.split('/')[0]}" in sent, path


def test_the_builder_is_sent_nothing_that_no_stage_copies() -> None:
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    assert sent == {path.split("/")[0] for path in copied_from_here(set(STAGES))}


@pytest.mark.parametrize("target", TARGETS)
def test_stages_copy_only_from_stages_that_exist(target: str) -> None:
    assert contributors(target) <= set(STAGES)


def test_the_default_image_has_nothing_to_train_with() -> None:
    assert requirement_files("serve") == {"requirements/postgresql.txt", "requirements/setup.txt"}
    assert not TRAINING.findall(installed("serve"))


def test_the_gpu_image_has_tensorflow_keras_and_cuda() -> None:
    assert {"tensorflow", "keras", "nvidia-cudnn-cu12"} <= set(TRAINING.findall(installed("gpu")))


def test_whatever_is_fetched_is_held_to_its_hash() -> None:
    commands = [command for name in STAGES for command in shell_commands(name)]
    installs = [command.partition(" install ")[2] for command in commands if " install " in command]
    locked = r"--require-hashes -r requirements/\w+\.txt"
    built_here = r"--no-deps /tmp/dist/\*\.whl"
    assert len(installs) == 5
    for arguments in installs:
        assert re.fullmatch(f"--no-cache-dir ({locked}|{built_here})", arguments)


@pytest.mark.parametrize("target", TARGETS)
def test_a_container_runs_as_a_user_that_was_made_for_it(target: str) -> None:
    user = in_force(target, "USER")
    created = [
        command for name in STAGES for command in shell_commands(name) if "useradd" in command
    ]
    assert user != "0"
    assert [re.findall(r"--uid (\d+) ", command) for command in created] == [[user]]


@pytest.mark.parametrize("target", TARGETS)
def test_uploads_are_kept_in_a_volume_that_the_user_owns(target: str) -> None:
    state = environment(target)["SKIPLENS_STATE_DIR"]
    assert in_force(target, "VOLUME") == state
    assert f"--home-dir {state} --create-home" in " ".join(shell_commands("base"))


@pytest.mark.parametrize("target", TARGETS)
def test_the_image_listens_where_it_says(target: str) -> None:
    assert environment(target)["SKIPLENS_HOST"] == "0.0.0.0"  # noqa: S104  # inside a container
    assert environment(target)["SKIPLENS_PORT"] == in_force(target, "EXPOSE")


@pytest.mark.parametrize("target", TARGETS)
def test_every_variable_is_a_setting(target: str) -> None:
    prefix = "SKIPLENS_"
    own = {name for name in environment(target) if name.startswith(prefix)}
    assert own
    assert {name.removeprefix(prefix).lower() for name in own} <= set(Settings.model_fields)


@pytest.mark.parametrize("target", TARGETS)
def test_the_command_is_the_one_that_the_project_installs(target: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    program, command = json.loads(in_force(target, "CMD"))
    assert program in project["scripts"]
    assert command == "serve"


def test_the_image_is_slim_and_of_a_python_that_the_project_supports() -> None:
    image = lineage(DEFAULT_TARGET)[-1].base
    found = re.fullmatch(r"python:3\.(\d+)-slim", image)
    assert found is not None
    assert 11 <= int(found[1]) <= 13


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
            json.loads(command),
            ROOT,
            SKIPLENS_HEALTH_PORT=str(port),
            http_proxy="http://127.0.0.1:9",
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
        "SKIPLENS_HEALTH_PORT": "0",
        "SKIPLENS_STATE_DIR": str(tmp_path_factory.mktemp("state")),
    }
    start = [sys.executable, "-c", "from skiplens.cli import main; main()", *arguments]
    log_file = tmp_path_factory.mktemp("log") / "log"
    with (
        log_file.open("w") as log,
        subprocess.Popen(
            start, cwd=image_tree, env=variables, stdout=subprocess.PIPE, stderr=log, text=True
        ) as server,
    ):
        try:
            assert server.stdout is not None
            assert "http://127.0.0.1:" in server.stdout.readline()
            liveness = re.search(r"liveness.* port=(\d+)", log_file.read_text())
            assert liveness is not None
            assert is_healthy(int(liveness[1]))
        finally:
            server.terminate()
    assert sorted(image_tree.rglob("*")) == before


def test_each_target_is_a_service() -> None:
    assert {name: service["build"]["target"] for name, service in SERVICES.items()} == {
        "serve": "serve",
        "gpu": "gpu",
    }
    assert set(SERVICES) <= set(STAGES)


def test_only_the_light_service_starts_unasked() -> None:
    assert "profiles" not in SERVICES["serve"]
    assert SERVICES["gpu"]["profiles"] == ["gpu"]


def test_only_the_gpu_service_asks_for_a_gpu() -> None:
    (device,) = SERVICES["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert "deploy" not in SERVICES["serve"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_container_can_write_to_its_state_alone(name: str) -> None:
    service = SERVICES[name]
    (mount,) = service["volumes"]
    volume, _, folder = mount.partition(":")
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # where a container keeps what is passing
    assert volume in COMPOSE["volumes"]
    assert folder == environment(name)["SKIPLENS_STATE_DIR"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_a_container_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]


@pytest.mark.parametrize("name", list(SERVICES))
def test_health_is_asked_for_as_the_image_says(name: str) -> None:
    assert "test" not in SERVICES[name]["healthcheck"]
    assert in_force(name, "HEALTHCHECK")


@pytest.mark.parametrize("name", list(SERVICES))
def test_the_server_is_published_on_this_machine_alone(name: str) -> None:
    port = in_force(name, "EXPOSE")
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
