"""Start: from the command to the first grid, compared with importing TensorFlow alone."""

import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks import addresses
from benchmarks.client import Client
from benchmarks.processes import Server, environment, skiplens
from benchmarks.results import Result, Target
from benchmarks.timing import ratio

TITLE = "Start"
_ROUNDS = 5


def measure() -> Iterator[Result]:
    """Time both in turn, then measure the memory of a server that has shown a whole gallery."""
    _first_grid(), _import_tensorflow()  # the first run also writes Python's bytecode
    pairs = [(_first_grid(), _import_tensorflow()) for _ in range(_ROUNDS)]
    ours, theirs = zip(*pairs, strict=True)
    over = "first grid, over importing TensorFlow"
    yield Result(over, ratio(ours, theirs), target=Target("<=", 0.35))
    yield Result("first grid", median(ours), "s")
    yield Result("importing TensorFlow", median(theirs), "s")
    with skiplens() as server:
        client = Client(server.port)
        for address in addresses.grids(addresses.sample()):
            client.get(address)
        yield from _inside(server)


def _inside(server: Server) -> Iterator[Result]:
    memory = server.memory()
    if memory is not None:
        yield Result("memory after a whole gallery", memory["now"], "MB", Target("<", 300))
        yield Result("memory at its peak", memory["peak"], "MB", Target("<", 300))
    loaded = server.maps("tensorflow")
    if loaded is not None:
        yield Result("TensorFlow's libraries loaded (0 or 1)", float(loaded), "", Target("<=", 0))


def _first_grid() -> float:
    """Seconds until the first grid arrives."""
    address = addresses.grid(addresses.sample())
    started = time.perf_counter()
    with skiplens() as server:
        Client(server.port).get(address)
        return time.perf_counter() - started


def _import_tensorflow() -> float:
    """Seconds until TensorFlow is imported."""
    command = [sys.executable, "-c", "import tensorflow"]
    started = time.perf_counter()
    subprocess.run(command, env=environment(), stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
