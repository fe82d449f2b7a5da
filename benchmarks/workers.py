"""Several processes that serve: kept pictures and live frames a second, against one process.

Clients run on the same cores, and a live frame computes outside Python's lock even in one process:
both keep the ratio below the number of workers.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from statistics import median
from typing import Final

from benchmarks import addresses
from benchmarks.client import Client, Crowd
from benchmarks.live import SHOWN, strokes
from benchmarks.processes import skiplens
from benchmarks.results import Result, Target
from benchmarks.timing import ratio
from skiplens.web import links

TITLE = "Workers"
_WORKERS: Final = (1, 2)
_CONNECTIONS: Final = 16
_ROUNDS: Final = 12
_SECONDS: Final = 0.5


def measure() -> Iterator[Result]:
    """Servers with one and with two workers in turn."""
    picture = addresses.grid(addresses.sample())
    with ExitStack() as stack:
        ports = [stack.enter_context(skiplens("--workers", str(one))).port for one in _WORKERS]
        crowds = [Crowd(port, picture, _CONNECTIONS) for port in ports]
        pictures = _rounds([crowd.rate for crowd in crowds])
        for crowd in crowds:
            crowd.close()
        frames = _rounds([Artists(port).rate for port in ports])
    for what, rates in (("kept pictures", pictures), ("live frames", frames)):
        over = f"{what} a second, two workers over one"
        yield Result(over, ratio(rates[1], rates[0]), target=Target(">=", 1.7))
        for workers, rate in zip(_WORKERS, rates, strict=True):
            yield Result(f"{what}, {workers} worker{'s' * (workers > 1)}", median(rate), "/s")


def _rounds(rates: list[Callable[[float], float]]) -> list[list[float]]:
    """The figures of each, taken in turn; the first round pays for what is made on demand."""
    rounds = [[rate(_SECONDS) for rate in rates] for _ in range(_ROUNDS + 1)]
    return [list(one) for one in zip(*rounds[1:], strict=True)]


class Artists:
    """Several who draw at once, each over a connection of their own."""

    def __init__(self, port: int) -> None:
        self._clients = [Client(port) for _ in range(_CONNECTIONS)]
        self._numbers = count()
        self._pictures = [f"{addresses.grid('0' * 16, layer)}?zoom=2" for layer in SHOWN]

    def rate(self, seconds: float) -> float:
        """Frames a second, for about that long."""
        started = time.perf_counter()

        def draw(client: Client) -> int:
            frames = 0
            while time.perf_counter() - started < seconds:
                body = strokes(next(self._numbers)) | {"pictures": self._pictures}
                client.post_json(links.live_page(addresses.NETWORK), json.dumps(body).encode())
                frames += 1
            return frames

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            frames = sum(pool.map(draw, self._clients))
        return frames / (time.perf_counter() - started)
