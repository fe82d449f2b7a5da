"""HTTP: a cached grid, compared with a bare Starlette route with the same bytes."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import addresses, bare
from benchmarks.client import Client, Crowd
from benchmarks.processes import Server, environment, serving, skiplens
from benchmarks.results import Result, Target
from benchmarks.timing import ratio

TITLE = "HTTP"
_ROUNDS = 30
_SECONDS = 0.3


def measure() -> Iterator[Result]:
    """Rates of both in turn, each server in its own process, one client for both."""
    address = addresses.grid(addresses.sample())
    with skiplens() as ours, tempfile.TemporaryDirectory() as folder:
        _, content = Client(ours.port).get(address)
        file = Path(folder) / "grid.png"
        file.write_bytes(content)
        command = [sys.executable, "-m", "benchmarks.bare", str(file)]
        with serving(command, environment()) as theirs:
            yield from _compare(ours, address, theirs, bare.PATH)


def _compare(ours: Server, address: str, theirs: Server, path: str) -> Iterator[Result]:
    crowds = Crowd(ours.port, address), Crowd(theirs.port, path)
    before = ours.cpu_seconds(), theirs.cpu_seconds()
    rounds = [tuple(crowd.rate(_SECONDS) for crowd in crowds) for _ in range(_ROUNDS)]
    after = ours.cpu_seconds(), theirs.cpu_seconds()
    rates = list(zip(*rounds, strict=True))
    over = "rate of a kept grid, over a bare route"
    yield Result(over, ratio(rates[0], rates[1]), target=Target(">=", 0.5))
    for name, which in (("a kept grid", 0), ("a bare route", 1)):
        yield Result(f"rate of {name}", median(rates[which]), "/s")
        start, end = before[which], after[which]
        if start is not None and end is not None:
            answers = sum(rates[which]) * _SECONDS
            yield Result(f"processor time of {name}", 1000 * (end - start) / answers, "ms")
    for crowd in crowds:
        crowd.close()
