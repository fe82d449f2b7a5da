"""Several processes that serve, against one: pictures that each request computes, live frames, and
kept pictures a second.

Clients run on the same cores, and what is computed runs outside Python's lock even in one process:
both keep the ratios below the number of workers. A kept picture costs its client about as much as
the server, so two workers and the client share two cores, and that ratio has no target.
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
        computed = _rounds([Visitors(port, picture).rate for port in ports])
        frames = _rounds([Artists(port).rate for port in ports])
    bound = Target(">=", 1.7)
    measured = (
        ("computed pictures", computed, bound),
        ("live frames", frames, bound),
        ("kept pictures", pictures, None),
    )
    for what, rates, target in measured:
        over = f"{what} a second, two workers over one"
        yield Result(over, ratio(rates[1], rates[0]), target=target)
        for workers, rate in zip(_WORKERS, rates, strict=True):
            yield Result(f"{what}, {workers} worker{'s' * (workers > 1)}", median(rate), "/s")


def _rounds(rates: list[Callable[[float], float]]) -> list[list[float]]:
    """The figures of each, taken in turn; the first round pays for what is made on demand."""
    rounds = [[rate(_SECONDS) for rate in rates] for _ in range(_ROUNDS + 1)]
    return [list(one) for one in zip(*rounds[1:], strict=True)]


class _Clients:
    """Several who ask at once, each over a connection of their own."""

    def __init__(self, port: int) -> None:
        self._clients = [Client(port) for _ in range(_CONNECTIONS)]
        self._numbers = count()

    def rate(self, seconds: float) -> float:
        """Answers a second, for about that long."""
        started = time.perf_counter()

        def ask(client: Client) -> int:
            answers = 0
            while time.perf_counter() - started < seconds:
                self._ask(client, next(self._numbers))
                answers += 1
            return answers

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            answers = sum(pool.map(ask, self._clients))
        return answers / (time.perf_counter() - started)

    def _ask(self, client: Client, number: int) -> None:
        """Send a request that no other number sends, and take the answer."""
        raise NotImplementedError


class Visitors(_Clients):
    """They look at maps with a factor of a branch that nobody has chosen before."""

    def __init__(self, port: int, picture: str) -> None:
        super().__init__(port)
        self._picture = picture

    def _ask(self, client: Client, number: int) -> None:
        client.get(f"{self._picture}?scale=block1:{number / 1e6:.6f}")


class Artists(_Clients):
    """They draw."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._pictures = [f"{addresses.grid('0' * 16, layer)}?zoom=2" for layer in SHOWN]

    def _ask(self, client: Client, number: int) -> None:
        body = strokes(number) | {"pictures": self._pictures}
        client.post_json(links.live_page(addresses.NETWORK), json.dumps(body).encode())
