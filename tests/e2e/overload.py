"""A hundred clients that store digits or ask for work, as fast as they are answered.

They are processes of their own, which import little and give way to others: clients are elsewhere,
and take no processor from the server or from whoever measures it.
"""

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e import attacks

CONNECTIONS: Final = 100
_PROCESSES: Final = 4
_PATIENCE: Final = 60  # seconds
PREDICTION: Final = "/api/v1/networks/mnist-resnet/digits/{digit}/prediction?scale=block2:{scale}"
ARRAYS: Final = "/api/v1/networks/mnist-stream/digits/{digit}/activations.npz?scale=block1:{scale}"


@dataclass(frozen=True)
class Outcome:
    """What the clients were answered.

    Attributes:
        statuses: answers by status.
        unexplained: 503 that do not say when to come back.
        longest: seconds to an answer.
    """

    statuses: Counter[int]
    unexplained: int
    longest: float


def overload(port: int, digit: str, png: bytes, seconds: float, path: str = PREDICTION) -> Outcome:
    """Load a server.

    Args:
        port: of the server.
        digit: id of one to ask about.
        png: an image to store every other time; none if empty.
        seconds: to load it for.
        path: of what to ask, which is never the same twice.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(port), digit, str(seconds), str(seed), path],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for seed in range(_PROCESSES)
    ]
    for one in processes:
        assert one.stdin is not None
        one.stdin.write(png)
        one.stdin.close()
        one.stdin = None  # or it would be flushed once more
    told = [json.loads(one.communicate()[0]) for one in processes]
    statuses = sum((Counter(dict(each["statuses"])) for each in told), Counter[int]())
    return Outcome(
        statuses, sum(each["unexplained"] for each in told), max(each["longest"] for each in told)
    )


def _load(
    port: int, digit: str, png: bytes, seconds: float, seed: int, path: str
) -> dict[str, object]:
    """The part of one process, as JSON has it."""
    statuses: Counter[int] = Counter()
    unexplained: list[int] = []
    longest = [0.0]
    end = time.monotonic() + seconds
    numbers = itertools.count(10_000 * seed)

    def ask() -> None:
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), _PATIENCE) as own:
                while time.monotonic() < end:
                    number = next(numbers)
                    asked = path.format(digit=digit, scale=number % 40_000 / 10_000)
                    get = f"GET {asked} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
                    post = attacks.post(b"image/png", png) if png and number % 2 else None
                    started = time.monotonic()
                    own.sendall(post or get)
                    status, again = _answer(own)
                    longest[0] = max(longest[0], time.monotonic() - started)
                    statuses[status] += 1
                    if status == 503 and not again:
                        unexplained.append(number)

    askers = [threading.Thread(target=ask) for _ in range(CONNECTIONS // _PROCESSES)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    return {
        "statuses": list(statuses.items()),
        "unexplained": len(unexplained),
        "longest": longest[0],
    }


def _answer(connection: socket.socket) -> tuple[int, bool]:
    """The status of an answer, which is read to its end, and whether it says when to come back.

    Raises:
        OSError: there is none.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("closed without an answer")
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    left = int(fields.get(b"content-length", 0)) - len(body)
    while left > 0:
        left -= len(connection.recv(left)) or left
    return int(head[9:12]), b"retry-after" in fields


def main() -> None:
    """Be one of the processes: see :func:`overload`."""
    os.nice(10)
    port, digit, seconds, seed, path = sys.argv[1:]
    png = sys.stdin.buffer.read()
    told = _load(int(port), digit, png, float(seconds), int(seed), path)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
