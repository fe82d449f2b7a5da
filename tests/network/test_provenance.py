"""Which code made a network: the commit of the checkout, or nothing."""

import re
import subprocess
from typing import NoReturn

import pytest

from skiplens.network.checkpoints import code_commit


def answer(
    monkeypatch: pytest.MonkeyPatch, returncode: int, stdout: str
) -> list[dict[str, object]]:
    """Let git answer so; what it is asked is kept."""
    asked: list[dict[str, object]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append({"command": command, **options})
        if returncode and options.get("check"):
            raise subprocess.CalledProcessError(returncode, command)
        return subprocess.CompletedProcess(command, returncode, stdout)

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_it_is_what_git_says_without_its_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, 0, "0123456789ab-modified\n")
    assert code_commit() == "0123456789ab-modified"
    assert asked[0]["timeout"]


def test_outside_a_checkout_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, 128, "")
    assert code_commit() is None
    answer(monkeypatch, 0, "\n")
    assert code_commit() is None


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("git", 10)])
def test_without_an_answer_there_is_none(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(subprocess, "run", run)
    assert code_commit() is None


def test_here_it_is_a_commit_or_nothing() -> None:
    found = code_commit()
    assert found is None or re.fullmatch(r"[0-9a-f]{12}(-modified)?", found)
