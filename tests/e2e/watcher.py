"""A process that draws and asks for liveness while others attack a server, and measures it.

It is one of its own and imports little, so that it waits for the server alone. Its clients have
addresses of their own. It writes a line when it knows the times of an idle server, goes on until
its standard input ends, and then writes what it measured.
"""

import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tests.e2e import attacks

_IDLE: Final = 50  # frames
_PAUSE_S: Final = 0.02
_PATIENCE: Final = 60  # seconds


@dataclass(frozen=True)
class Seen:
    """What others than the attackers saw.

    Attributes:
        idle: median of a live frame before or afterwards, the lower one, seconds.
        frame: median of a live frame meanwhile, seconds.
        liveness: at the port for it, 99th percentile, seconds; each on a connection of its own.
        queued: the same at the other port.
        late: how much longer than asked for this process itself paused, 99th percentile, seconds.
    """

    idle: float
    frame: float
    liveness: float
    queued: float
    late: float


class Watcher:
    """Measures from when the server is known idle until it is asked for what it saw.

    Args:
        port: of the server.
        health_port: of its liveness.
        frame: a request for a live frame.
    """

    def __init__(self, port: int, health_port: int, frame: bytes) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(port), str(health_port), frame.hex()],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def seen(self) -> Seen:
        """Stop measuring."""
        told, _ = self._process.communicate()
        return Seen(**json.loads(told))


class _Client:
    """A connection that asks the same thing again and again."""

    def __init__(self, port: int, address: str, request: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE, (address, 0))
        self._request = request

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def seconds(self) -> float:
        """To an answer, which is a good one."""
        started = time.perf_counter()
        self._socket.sendall(self._request)
        head, _, body = self._receive().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        left = int(fields[b"content-length"]) - len(body)
        while left > 0:
            left -= len(self._receive())
        return time.perf_counter() - started

    def _receive(self) -> bytes:
        part = self._socket.recv(65536)
        assert part, "closed without an answer"
        return part


def _liveness(port: int) -> float:
    started = time.perf_counter()
    with _Client(port, "127.0.0.3", attacks.pipelined(1)) as probe:
        probe.seconds()
    return time.perf_counter() - started


def _median(drawing: _Client) -> float:
    return statistics.median(drawing.seconds() for _ in range(_IDLE))


def _paused(late: list[float]) -> bool:
    """Whether it is to stop, after a pause, whose excess is noted."""
    started = time.perf_counter()
    ready = select.select([sys.stdin], [], [], _PAUSE_S)[0]
    late.append(time.perf_counter() - started - _PAUSE_S)
    return bool(ready)


def _measured(port: int, health_port: int, frame: bytes) -> dict[str, Any]:
    times: dict[str, list[float]] = {"frame": [], "liveness": [], "queued": [], "late": []}
    with _Client(port, "127.0.0.2", frame) as drawing:
        idle = [_median(drawing)]
        sys.stdout.write("idle\n")
        sys.stdout.flush()
        while not _paused(times["late"]):
            times["frame"].append(drawing.seconds())
            times["liveness"].append(_liveness(health_port))
            times["queued"].append(_liveness(port))
        idle.append(_median(drawing))  # what else the machine does may end meanwhile
    late = {
        name: statistics.quantiles(times[name], n=100)[98]
        for name in ("liveness", "queued", "late")
    }
    return {"idle": min(idle), "frame": statistics.median(times["frame"]), **late}


def main() -> None:
    """Be the process of a :class:`Watcher`."""
    with suppress(PermissionError):  # clients are elsewhere, and wait for no processor here
        os.nice(-5)
    port, health_port, frame = sys.argv[1:]
    sys.stdout.write(json.dumps(_measured(int(port), int(health_port), bytes.fromhex(frame))))


if __name__ == "__main__":
    main()
