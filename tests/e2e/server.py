"""A real server process, and clients that speak to it over real sockets."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx2

from skiplens.settings import ROOT
from tests.conftest import wait_until

COMMAND = (sys.executable, "-c", "from skiplens.cli import main; main()")
PATIENCE = 60  # seconds after which a test fails rather than hangs
_ADDRESS = re.compile(r"skiplens is at (http://127\.0\.0\.1:(\d+)/) \(engine litert on CPU\)\n")


def environment(**settings: object) -> dict[str, str]:
    """The environment with these settings and no others."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SKIPLENS_") or name == "SKIPLENS_MODELS_DIR"
    }
    given = {f"SKIPLENS_{name.upper()}": str(value) for name, value in settings.items()}
    return {**kept, "SKIPLENS_ENGINE": "litert", "SKIPLENS_INTERPRETERS": "1", **given}


class Server:
    """``skiplens serve`` on a free port, logging JSON lines to a file."""

    def __init__(self, folder: Path, *, log_pipe: bool = False, **settings: object) -> None:
        self._log = folder / "log.jsonl"
        given = environment(port=0, state_dir=folder / "state", log_format="json", **settings)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve"],
                cwd=ROOT,
                env=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if log_pipe else log,  # a pipe that nobody reads
            )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().decode()
        found = _ADDRESS.fullmatch(self.said)
        assert found, (self.said, self._log.read_text())
        self.url, self.port = found[1], int(found[2])
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE)

    def connect(self) -> "Connection":
        """A connection of its own."""
        return Connection(self.port)

    @cached_property
    def health_port(self) -> int:
        """Where only liveness is answered; the setting has to ask for it."""
        return next(int(line["port"]) for line in self.lines() if line["event"] == "liveness")

    def liveness(self) -> int:
        """The status that is answered there, on a connection of its own as probes have."""
        with Connection(self.health_port) as connection:
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return answer_of(connection.rest()).status_code

    def metric(self, sample: str) -> float:
        """A sample as ``/metrics`` prints it, 0 where it does not."""
        lines = self.client.get("/metrics").text.splitlines()
        found = (line.removeprefix(sample) for line in lines if line.startswith(f"{sample} "))
        return float(next(found, 0))

    def await_metric(self, sample: str, value: float) -> None:
        """Wait until a sample has a value; counters are written after the answer is sent."""
        wait_until(lambda: self.metric(sample) == value)

    def lines(self) -> list[dict[str, Any]]:
        """The log; what libraries print beside it is left out."""
        text = self._log.read_text().splitlines()
        return [json.loads(line) for line in text if line.startswith("{")]

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Stop it if it runs, and say its exit code."""
        self.process.send_signal(sent)
        code = self.process.wait(PATIENCE)
        self.close()
        return code

    def close(self) -> None:
        """End what is left of it."""
        self.process.kill()
        self.process.wait()
        self.client.close()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


class Connection:
    """A raw connection: what is sent is up to the test."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, text: bytes) -> None:
        self.socket.sendall(text)

    def receive(self) -> bytes:
        """What comes next."""
        return self.socket.recv(65536)

    def rest(self) -> bytes:
        """All that comes until the server closes."""
        parts = []
        while part := self.socket.recv(65536):
            parts.append(part)
        return b"".join(parts)


def answer_of(raw: bytes) -> httpx2.Response:
    """The one answer in what a connection received."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    pairs = [tuple(field.split(": ", 1)) for field in fields]
    return httpx2.Response(
        int(status.split()[1]), headers=[(name, value) for name, value in pairs], content=body
    )


def resident_megabytes(process: int) -> float:
    """Memory of a process, its children and theirs, in MB; pages that they share count once."""
    total = 0.0
    with suppress(OSError):  # it has ended
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                total += resident_megabytes(int(child))
    return total


class PeakMemory:
    """The most memory of a server and what it started within a ``with`` block, in MB."""

    def __init__(self, server: Server) -> None:
        self._process = server.process.pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.megabytes = 0.0

    def _watch(self) -> None:
        while not self._done.wait(0.2):  # the system keeps the server waiting for that
            self.megabytes = max(self.megabytes, resident_megabytes(self._process))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


@contextmanager
def serving(folder: Path, *, log_pipe: bool = False, **settings: object) -> Iterator[Server]:
    """A server for the length of a ``with`` block."""
    server = Server(folder, log_pipe=log_pipe, **settings)
    try:
        yield server
    finally:
        server.close()
