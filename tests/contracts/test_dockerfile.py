import json
import re
import tomllib

import pytest

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

TARGETS = ["serve", "gpu"]
DEFAULT_TARGET = list(STAGES)[-1]
TRAINING = re.compile(r"^(tensorflow|keras|nvidia-[\w-]+)==", re.MULTILINE)


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
    assert requirement_files("serve") == {"requirements/serve.txt", "requirements/setup.txt"}
    assert not TRAINING.findall(installed("serve"))


def test_the_gpu_image_has_tensorflow_keras_and_cuda() -> None:
    assert {"tensorflow", "keras", "nvidia-cudnn-cu12"} <= set(TRAINING.findall(installed("gpu")))


def test_whatever_is_fetched_is_held_to_its_hash() -> None:
    commands = [command for name in STAGES for command in shell_commands(name)]
    installs = [command.partition(" install ")[2] for command in commands if " install " in command]
    locked = r"--require-hashes -r requirements/\w+\.txt"
    built_here = r"--no-deps /tmp/dist/\*\.whl"
    assert len(installs) == 4
    for arguments in installs:
        assert re.fullmatch(f"--no-cache-dir ({locked}|{built_here})", arguments)


@pytest.mark.parametrize("target", TARGETS)
def test_a_container_runs_as_a_user_that_was_made_for_it(target: str) -> None:
    user = in_force(target, "USER")
    created = [
        command for name in STAGES for command in shell_commands(name) if "useradd" in command
    ]
    assert user not in {"root", "0"}
    assert [command.split()[-1] for command in created] == [user]


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
