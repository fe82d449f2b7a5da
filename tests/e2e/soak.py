"""``make soak``: minutes of bad files, overload, stops and kills, and one table of what happened.

``python -m tests.e2e.soak [--files N] [--seconds S] [--drains N] [--kills N] [--clients N]
[--only PART...]``; the corpus is in the folder that SKIPLENS_CORPORA names, besides what the tests
draw themselves.
"""

import argparse
import math
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from PIL import Image
from rich.console import Console
from rich.table import Table

from tests.core.images import files, saved
from tests.e2e import attacks
from tests.e2e.bystander import FRAME, LIVE
from tests.e2e.overload import ARRAYS, CONNECTIONS, Outcome, overload
from tests.e2e.server import Connection, Server, answer_of, resident_megabytes, serving
from tests.e2e.watcher import Seen, Watcher
from tests.web.images import drawing, encoded

_SEED: Final = 21
_EXPECTED: Final = frozenset({200, 201, 408, 413, 415, 422, 503})
_PARTS: Final = (
    "files",
    "overload",
    "exports",
    "images",
    "clients",
    "attacks",
    "stops",
    "drains",
    "kills",
)
_Row = tuple[str, str, str]


def main() -> None:
    """Run every part and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    for name, count in (("files", 100_000), ("drains", 50), ("kills", 20), ("clients", 1000)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--seconds", type=float, default=60, help="of overload")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, help="these parts")
    given = parser.parse_args()
    parts: dict[str, Callable[[Path], _Row]] = {
        "files": lambda at: mutated_files(at, given.files),
        "overload": lambda at: overloaded(at, given.seconds),
        "exports": lambda at: exported(at, given.seconds / 3),
        "images": lambda at: largest_images(at, given.seconds / 3),
        "clients": lambda at: slow_clients(at, given.clients),
        "attacks": lambda at: attacked(at, given.seconds / 12),
        "stops": attacked_stops,
        "drains": lambda at: drains(at, given.drains),
        "kills": lambda at: kills(at, given.kills),
    }
    table = Table("what", "outcome", "others meanwhile")
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            with console.status(name):
                at = Path(folder) / name
                at.mkdir()
                table.add_row(*parts[name](at))
    console.print(table)


def mutated_files(folder: Path, count: int) -> _Row:
    """Damaged images, posted as live frames."""
    chance = random.Random(_SEED)  # noqa: S311
    sources = [*files().values(), *_corpus()]
    with serving(folder, client_share=1, health_port=0) as server:
        statuses: Counter[int] = Counter()

        def post(number: int) -> None:
            with server.connect() as connection:
                for _ in range(number):
                    content = _mutated(chance, chance.choice(sources))
                    connection.send(attacks.post(b"application/octet-stream", content, LIVE))
                    statuses[_status(connection.receive)] += 1

        with _Watched(server) as others, ThreadPoolExecutor(4) as pool:
            for _ in pool.map(post, [100] * (count // 100)):
                pass
        return f"{count:,} mutated files", _told(statuses), _told_of(others)


def _corpus() -> Iterator[bytes]:
    named = os.environ.get("SKIPLENS_CORPORA")
    for path in sorted(Path(named).rglob("*.png")) if named else ():
        yield path.read_bytes()


def _mutated(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                changed[at : at + chance.randint(1, 64)] = b""
            case 2:
                changed[at:at] = chance.randbytes(chance.randint(1, 64))
            case _:
                changed[at:at] = changed[at : at + 32] * chance.randint(1, 64)
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def _status(receive: Callable[[], bytes]) -> int:
    """The status of one answer, which is read to its end."""
    received = receive()
    answer = answer_of(received)
    length = int(answer.headers.get("content-length", 0))
    body = len(received.partition(b"\r\n\r\n")[2])
    while body < length:
        body += len(receive())
    return answer.status_code


def overloaded(folder: Path, seconds: float) -> _Row:
    """Many clients that store digits and ask for forward passes, as fast as they are answered."""
    with serving(folder, health_port=0) as server, _Watched(server) as others:
        told = overload(server.port, _digit_of(server), encoded(drawing()), seconds)
    what = f"{seconds:g} s of overload by {CONNECTIONS} connections"
    return what, _outcome(told), _told_of(others)


def exported(folder: Path, seconds: float) -> _Row:
    """Many clients that fetch all activations of a large network, 2 MB each time."""
    with serving(folder, health_port=0) as server, _Watched(server) as others:
        told = overload(server.port, _digit_of(server), b"", seconds, ARRAYS)
    what = f"{seconds:g} s of activations.npz for {CONNECTIONS} connections"
    return what, _outcome(told), _told_of(others)


def _digit_of(server: Server) -> str:
    return str(server.client.get("/api/v1/samples").json()[0]["id"])


def _outcome(told: Outcome) -> str:
    outcome = f"{_told(told.statuses)}; longest wait {told.longest:.1f} s"
    if told.unexplained:
        outcome += f"; {told.unexplained} without Retry-After"
    return outcome


def largest_images(folder: Path, seconds: float) -> _Row:
    """The largest images from several addresses at once, on a server with full caches."""
    images = attacks.png_of_deep_colour(), _jpeg_of_scans()  # what takes most of each kind
    requests = [attacks.post(b"application/octet-stream", image) for image in images]
    statuses: Counter[int] = Counter()
    with serving(folder, health_port=0, interpreters=2) as server:
        _fill_caches(server)
        end = time.monotonic() + seconds

        def post(number: int) -> None:
            while time.monotonic() < end:
                with Connection(server.port, f"127.0.1.{number}") as connection:
                    connection.send(requests[number % len(requests)])
                    statuses[_status(connection.receive)] += 1

        with _Watched(server) as others, ThreadPoolExecutor(4) as pool:
            for _ in pool.map(post, range(1, 5)):
                pass
    return f"{seconds:g} s of the largest images", _told(statuses), _told_of(others)


def _jpeg_of_scans(side: int = 4000) -> bytes:
    """A bar in print colours, progressive: 270 kB, and 190 MB while it is decoded."""
    image = Image.new("CMYK", (side, side))
    image.paste((0, 0, 0, 255), (side // 2, side // 4, side // 2 + 200, side - side // 4))
    return saved(image, "JPEG", progressive=True, subsampling=0)


def _fill_caches(server: Server) -> None:
    """Show every network with every sample, with a picture of each and with gradients."""
    samples = [one["id"] for one in server.client.get("/api/v1/samples").json()]
    views = [
        f"networks/{network['id']}/digits/{digit}"
        for network in server.client.get("/api/v1/networks").json()
        for digit in samples
    ]
    asked = ("/{}", "/api/v1/{}/layers/block1.output/grid.png?zoom=8", "/api/v1/{}/gradients")

    def ask(view: str) -> None:
        for path in asked:
            server.client.get(path.format(view))

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(ask, views):
            pass


def slow_clients(folder: Path, count: int) -> _Row:
    """Clients that say nothing, or half a request, or a byte of a body, or read nothing."""
    with serving(folder, receive_seconds=5, health_port=0) as server:
        half = (b"", b"GET / HT", attacks.post(b"image/png", bytes(100), LIVE)[:-99])
        with _Watched(server) as others:
            connections = []
            for number in range(count):
                with suppress(OSError):
                    connections.append(server.connect())
                    connections[-1].send(half[number % len(half)])
            answers: Counter[str] = Counter()
            for connection in connections:
                with connection, suppress(OSError):
                    answers[connection.receive()[9:12].decode() or "closed"] += 1
        told = ", ".join(
            f"{count} x {what}" if what.isdigit() else f"{count} {what}"
            for what, count in sorted(answers.items())
        )
        return f"{count:,} slow and silent clients", told, _told_of(others)


def attacked(folder: Path, seconds: float) -> _Row:
    """Each attack for some seconds by four threads of one client, one attack after the other."""
    requests: dict[str, bytes] = attacks.requests()
    seen: dict[str, _Watched] = {}
    with serving(folder, health_port=0) as server:
        for name, request in requests.items():
            end = time.monotonic() + seconds
            with _Watched(server) as others, ThreadPoolExecutor(4) as pool:
                for _ in range(4):
                    pool.submit(_send_again_and_again, server, request, end)
            seen[name] = others
    slowest = max(seen, key=lambda name: seen[name].slowdown)
    outcome = f"frames slowest during {slowest}"
    return f"{seconds:g} s of each of {len(requests)} attacks", outcome, _told_of(*seen.values())


def attacked_stops(folder: Path) -> _Row:
    """SIGTERM during each attack, which goes on until nobody listens any more."""
    requests, longest, slowest = attacks.requests(), 0.0, ""
    for name, request in requests.items():
        with serving(folder) as server, ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(_send_again_and_again, server, request)
            time.sleep(0.5)
            signalled = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(60)
            if (took := time.monotonic() - signalled) > longest:
                longest, slowest = took, name
    outcome = f"longest stop {longest:.1f} s ({slowest})"
    return f"a stop during each of {len(requests)} attacks", outcome, ""


def _send_again_and_again(server: Server, request: bytes, end: float = math.inf) -> None:
    while time.monotonic() < end:
        try:
            connection = server.connect()
        except OSError:
            return
        with connection, suppress(OSError):
            connection.send(request)
            connection.rest()


def drains(folder: Path, count: int) -> _Row:
    """SIGTERM while clients store digits: what was answered 201 is there afterwards."""
    lost, longest, resets = 0, 0.0, 0
    for _ in range(count):
        with serving(folder) as server:
            stored, reset, signalled = _stored_until(server, signal.SIGTERM)
            assert server.process.wait(60) == 0
            longest = max(longest, time.monotonic() - signalled)
            resets += reset
        lost += _missing(folder, stored)
    outcome = f"{lost} lost, {resets} connections reset, longest stop {longest:.1f} s"
    return f"{count} stops under load", outcome, ""


def kills(folder: Path, count: int) -> _Row:
    """SIGKILL while clients store digits: what was answered 201 is there afterwards."""
    lost = 0
    for _ in range(count):
        with serving(folder) as server:
            stored, _, _ = _stored_until(server, signal.SIGKILL)
        lost += _missing(folder, stored)
    return f"{count} times kill -9", f"{lost} lost", ""


def _stored_until(server: Server, sent: signal.Signals) -> tuple[list[str], int, float]:
    """Addresses of digits that were answered 201 before and after a signal, the connections that
    were reset, and when the signal was sent.
    """
    stored: list[str] = []
    resets = [0]

    def store(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        while True:
            try:
                connection = server.connect()
            except OSError:
                return
            with connection:
                try:
                    connection.send(attacks.post(b"application/json", attacks.json_of_dots(chance)))
                    answer = answer_of(connection.receive())
                except (OSError, IndexError):  # reset, or closed without a word
                    resets[0] += 1
                    continue
                if answer.status_code == 201:
                    stored.append(answer.headers["location"])

    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(store, seed) for seed in range(4)]
        while len(stored) < 40:
            assert server.process.poll() is None
        signalled = time.monotonic()
        server.process.send_signal(sent)
        for one in tries:
            one.result()
    return stored, resets[0], signalled


def _missing(folder: Path, stored: list[str]) -> int:
    with serving(folder) as server:
        return sum(server.client.get(path).status_code != 200 for path in set(stored))


class _Watched:
    """What other clients see meanwhile, and the server's memory.

    Attributes:
        seen: by the clients, afterwards.
        peak: memory at most, megabytes.
    """

    seen: Seen

    def __init__(self, server: Server) -> None:
        self._server = server
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._weigh)
        self.peak = 0.0

    def __enter__(self) -> Self:
        self._watcher = Watcher(self._server.port, self._server.health_port, FRAME)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.seen = self._watcher.seen()

    def _weigh(self) -> None:
        while not self._done.wait(0.2):  # the system keeps the server waiting for that
            self.peak = max(self.peak, resident_megabytes(self._server.process.pid))

    @property
    def slowdown(self) -> float:
        """A live frame meanwhile, as a multiple of idle."""
        return self.seen.frame / self.seen.idle


def _told_of(*watched: _Watched) -> str:
    """The worst of each number."""
    slowest = max(watched, key=lambda one: one.slowdown)
    liveness, queued, late = (
        1000 * max(getattr(one.seen, name) for one in watched)
        for name in ("liveness", "queued", "late")
    )
    return (
        f"frame {slowest.slowdown:.1f} times idle ({1000 * slowest.seen.idle:.0f} ms), liveness "
        f"99 % under {liveness:.0f} ms ({queued:.0f} ms at the other port; the client itself "
        f"{late:.0f} ms late), at most {max(one.peak for one in watched):.0f} MB"
    )


def _told(statuses: Counter[int]) -> str:
    told = ", ".join(f"{count:,} x {status}" for status, count in sorted(statuses.items()))
    unexpected = set(statuses) - _EXPECTED
    return f"{told}; unexpected {sorted(unexpected)}" if unexpected else told


if __name__ == "__main__":
    main()
