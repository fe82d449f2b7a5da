import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.dockerfile import ROOT

TARGETS = {"help", "setup", "serve", "test", "lint", "format", "bench", "soak", "lock", "cluster"}
SET_UP_FILES = ("Makefile", "pyproject.toml", "package.json", "package-lock.json", ".npmrc")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Without what an outer make has left in the environment.
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


@pytest.fixture
def fresh_clone(tmp_path: Path) -> Path:
    for name in SET_UP_FILES:
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def test_make_alone_lists_every_target(fresh_clone: Path) -> None:
    listed = re.findall(r"^make (\w+) +\w", make(fresh_clone).stdout, flags=re.MULTILINE)
    assert set(listed) == TARGETS
    assert make(fresh_clone).stdout == make(fresh_clone, "help").stdout


def test_serving_sets_up_no_more_than_it_needs(fresh_clone: Path) -> None:
    planned = make(fresh_clone, "--dry-run", "serve").stdout
    assert "-r requirements/serve.txt" in planned
    assert "dev.txt" not in planned
    assert "npm" not in planned


@pytest.mark.parametrize("target", ["setup", "test", "lint", "format", "bench"])
def test_the_rest_sets_up_everything(fresh_clone: Path, target: str) -> None:
    planned = make(fresh_clone, "--dry-run", target).stdout
    assert "-r requirements/dev.txt" in planned


@pytest.mark.parametrize("target", ["serve", "setup"])
def test_whatever_is_installed_is_held_to_its_hash(fresh_clone: Path, target: str) -> None:
    planned = make(fresh_clone, "--dry-run", target).stdout
    installs = [line for line in planned.splitlines() if " install " in line]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps" in install


def stamped(folder: Path) -> Path:
    """A clone that looks set up, without having been."""
    environment = folder / ".venv"
    (environment / "bin").mkdir(parents=True)
    (folder / "node_modules").mkdir()
    stamps = ["bin/python", ".setup-ready", ".serve-ready", ".dev-ready"]
    for stamp in [
        *(environment / name for name in stamps),
        folder / "node_modules/.package-lock.json",
    ]:
        stamp.touch()
    return folder


def test_a_second_set_up_does_nothing(fresh_clone: Path) -> None:
    assert make(stamped(fresh_clone), "--question", "setup").returncode == 0


@pytest.mark.parametrize(
    "changed", ["pyproject.toml", "requirements/dev.txt", "requirements/setup.txt"]
)
def test_a_changed_requirement_sets_up_anew(fresh_clone: Path, changed: str) -> None:
    stamp = (stamped(fresh_clone) / ".venv/.dev-ready").stat().st_mtime
    os.utime(fresh_clone / changed, (stamp + 10, stamp + 10))
    assert make(fresh_clone, "--question", "setup").returncode == 1


def test_a_python_that_will_not_do_is_one_sentence(fresh_clone: Path) -> None:
    refused = make(fresh_clone, "serve", "PYTHON=/bin/false")
    assert refused.returncode == 2
    sentence, make_says = refused.stderr.splitlines()
    assert sentence.startswith("skiplens needs Python 3.11, 3.12 or 3.13")
    assert "/bin/false" in sentence
    assert "Error 1" in make_says
    assert not (fresh_clone / ".venv").exists()


def pretend(folder: Path, version: tuple[int, int]) -> Path:
    """A Python that says it is of this version, and makes no environment."""
    program = folder / "python-of-sorts"
    claim = f"import sys; sys.version_info = ({version[0]}, {version[1]}, 0); exec(sys.argv[1])"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} -c \'{claim}\' "$2"\nexit 1\n'
    )
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("version", "will_do"),
    [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((4, 12), False)],
)
def test_python_is_held_to_the_supported_versions(
    fresh_clone: Path, version: tuple[int, int], will_do: bool
) -> None:
    answer = make(fresh_clone, "serve", f"PYTHON={pretend(fresh_clone, version)}")
    assert ("skiplens needs Python" not in answer.stderr) is will_do
