"""Servers in separate processes, started as a user starts them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MEGABYTE = 1e6
_KIBIBYTE = 1024


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        process: the one that serves.
        port: on 127.0.0.1.
    """

    process: subprocess.Popen[str]
    port: int

    def memory(self) -> dict[str, float] | None:
        """Resident memory in megabytes, ``now`` and at its ``peak``; None without ``/proc``."""
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        except OSError:
            return None
        lines = dict(line.split(":", 1) for line in text.splitlines())
        return {
            name: int(lines[key].split()[0]) * _KIBIBYTE / MEGABYTE
            for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))
        }

    def cpu_seconds(self) -> float | None:
        """Processor time so far, in seconds; None without ``/proc``."""
        try:
            text = Path(f"/proc/{self.process.pid}/stat").read_text("ascii")
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def maps(self, package: str) -> bool | None:
        """Whether it has loaded a library from a package; None without ``/proc``."""
        try:
            return f"/{package}/" in Path(f"/proc/{self.process.pid}/maps").read_text("utf-8")
        except OSError:
            return None


def environment(**settings: str) -> dict[str, str]:
    """The environment without skiplens' own variables; Python writes its bytecode."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SKIPLENS_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, **settings}


@contextmanager
def skiplens(*options: str, **settings: str) -> Iterator[Server]:
    """``skiplens serve`` on the CPU, at a free port, with a temporary state folder."""
    with tempfile.TemporaryDirectory() as state:
        command = [
            str(Path(sys.executable).with_name("skiplens")),
            *("serve", "--port", "0", "--engine", "litert", *options),
        ]
        with serving(command, environment(SKIPLENS_STATE_DIR=state, **settings)) as server:
            yield server


@contextmanager
def serving(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[Server]:
    """A server that prints its address on one line once it is ready.

    Raises:
        RuntimeError: it ends without having done so; says what it wrote.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=variables
        ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            address = next((word for word in line.split() if word.startswith("http://")), "")
            if not address:
                log.seek(0)
                raise RuntimeError(f"{command[0]} does not serve: {log.read()[-500:]}")
            yield Server(process, urlsplit(address).port or 0)
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator["Browser | None"]:
    """A browser without a window; ``None`` without Playwright or Chromium."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        yield None
        return
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=which("chromium-headless-shell") or which("chromium"),
                args=["--no-sandbox"],
            )
        except Error:
            yield None
            return
        yield browser
        browser.close()
