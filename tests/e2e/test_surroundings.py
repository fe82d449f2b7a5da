"""Started by a user without an account and a home folder, and on a read-only file system."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.processes import environment, serving
from skiplens.settings import ROOT

SERVE = (sys.executable, "-m", "skiplens", "serve", "--port", "0", "--engine", "litert")
# It may read what root's interpreter is made of, and write only where anyone may.
NOBODY = (
    *("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"),
    *("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"),
)
READ_ONLY = "mount --bind / / && mount -o remount,ro,bind /"


def can(*command: str) -> bool:
    """Whether a command is there and may be run."""
    found = shutil.which(command[0]) is not None
    return found and subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_another_user = pytest.mark.skipif(
    not can(*NOBODY, "true"), reason="changing the user needs setpriv and root"
)
needs_a_mount = pytest.mark.skipif(
    not can("unshare", "--mount", "sh", "-c", READ_ONLY), reason="mounting needs unshare and root"
)


def without_home(**settings: str) -> dict[str, str]:
    inherited = environment(PYTHONPATH=str(ROOT / "app"))
    kept = {name: at for name, at in inherited.items() if name not in {"HOME", "XDG_DATA_HOME"}}
    return {**kept, **settings}


def refused(command: Sequence[str], variables: dict[str, str]) -> str:
    """What it says instead of serving: one sentence."""
    done = subprocess.run(
        command, env=variables, cwd="/", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line


def shows_its_gallery(command: Sequence[str], variables: dict[str, str]) -> None:
    with serving(command, variables) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("GET", "/api/v1/networks")
        assert connection.getresponse().status == 200
        connection.close()


@pytest.fixture
def anyones() -> Iterator[Path]:
    """A folder that everybody may write to; pytest's own are below one that nobody else enters."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)  # that is what it is for
        yield Path(folder)


@needs_another_user
def test_a_user_without_account_and_home_is_asked_for_a_folder() -> None:
    assert refused([*NOBODY, *SERVE], without_home()) == (
        "skiplens: there is no home folder to keep digits in; choose a folder with "
        "SKIPLENS_STATE_DIR"
    )


@needs_another_user
def test_a_user_without_account_and_home_is_served_with_a_folder(anyones: Path) -> None:
    shows_its_gallery([*NOBODY, *SERVE], without_home(SKIPLENS_STATE_DIR=str(anyones)))


@needs_a_mount
def test_a_read_only_file_system_is_told(tmp_path: Path) -> None:
    command = ["unshare", "--mount", "sh", "-c", f'{READ_ONLY} && exec "$@"', "sh", *SERVE]
    line = refused(command, without_home(HOME=str(tmp_path)))
    assert line.startswith(f"skiplens: state folder {tmp_path}/.local/share/skiplens cannot")
    assert line.endswith("choose another with SKIPLENS_STATE_DIR")


@needs_a_mount
def test_on_a_read_only_file_system_one_folder_is_enough(tmp_path: Path) -> None:
    mounts = f'mount -t tmpfs none "$SKIPLENS_STATE_DIR" && {READ_ONLY} && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounts, "sh", *SERVE]
    shows_its_gallery(command, without_home(SKIPLENS_STATE_DIR=str(tmp_path)))
