"""Several processes that serve, against one: pictures that each request computes, live frames, and
kept pictures a second.

What is computed runs outside Python's lock even in one process, which keeps the ratios below the
number of workers. Clients run on the same cores: they take little where answers are computed, but a
kept picture costs its client about as much as the server, so that ratio has no target.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final

from benchmarks import addresses
from benchmarks.client import Crowd, Many, get_request
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
        pictures = _rounds([Crowd(port, picture, _CONNECTIONS) for port in ports])
        computed = _rounds([visitors(port) for port in ports])
        frames = _rounds([artists(port) for port in ports])
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


def _rounds(clients: Sequence[Crowd | Many]) -> list[list[float]]:
    """Answers a second of each, taken in turn; the first round pays for what is made on demand."""
    rounds = [[one.rate(_SECONDS) for one in clients] for _ in range(_ROUNDS + 1)]
    for one in clients:
        one.close()
    return [list(one) for one in zip(*rounds[1:], strict=True)]


def visitors(port: int) -> Many:
    """They look at maps with a factor of a branch that nobody has chosen before."""
    picture = addresses.grid(addresses.sample())

    def request(number: int) -> bytes:
        return get_request(port, f"{picture}?scale=block1:{number / 1e6:.6f}")

    return Many(port, request, _CONNECTIONS)


def artists(port: int) -> Many:
    """They draw."""
    pictures = [f"{addresses.grid('0' * 16, layer)}?zoom=2" for layer in SHOWN]
    address = links.live_page(addresses.NETWORK)

    def request(number: int) -> bytes:
        body = json.dumps(strokes(number) | {"pictures": pictures}).encode()
        head = (
            f"POST {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    return Many(port, request, _CONNECTIONS)
