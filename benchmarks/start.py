"""Start: from the command to the first grid, compared with importing TensorFlow alone."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import addresses
from benchmarks.client import Client
from benchmarks.processes import Server, environment, skiplens
from benchmarks.results import Result, Target
from benchmarks.timing import ratio
from skiplens.core.manifest import MANIFEST_FILE

TITLE = "Start"
_ROUNDS = 5


def measure() -> Iterator[Result]:
    """Time both in turn, then measure the memory of a server that has shown a whole gallery."""
    _first_grid(), _import_tensorflow()  # the first run also writes Python's bytecode
    pairs = [(_first_grid(), _import_tensorflow()) for _ in range(_ROUNDS)]
    ours, theirs = zip(*pairs, strict=True)
    over = "first grid, over importing TensorFlow"
    yield Result(over, ratio(ours, theirs), target=Target("<=", 0.3))
    yield Result("first grid", median(ours), "s")
    yield Result("importing TensorFlow", median(theirs), "s")
    yield from _many_networks()
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


_MANY: Final = 20


def _many_networks() -> Iterator[Result]:
    """The same with twenty networks in the models folder, over one."""
    with tempfile.TemporaryDirectory() as name:
        one, many = (_copies(Path(name) / str(count), count) for count in (1, _MANY))
        pairs = [(_first_grid(many), _first_grid(one)) for _ in range(_ROUNDS)]
    over = f"first grid with {_MANY} networks, over one"
    yield Result(over, ratio(*zip(*pairs, strict=True)), target=Target("<=", 1.1))


def _copies(models: Path, count: int) -> Path:
    """A models folder with the default network, and copies of it by other names."""
    original = addresses.folder().path
    for number in range(count):
        copy = models / (original.name if not number else f"{original.name}-{number}")
        shutil.copytree(original, copy)
        manifest = copy / MANIFEST_FILE
        record = json.loads(manifest.read_text("utf-8")) | {"id": copy.name}
        manifest.write_text(json.dumps(record), "utf-8")
    return models


def _first_grid(models: Path | None = None) -> float:
    """Seconds until the first grid arrives."""
    address = addresses.grid(addresses.sample())
    settings = {"SKIPLENS_MODELS_DIR": str(models)} if models else {}
    started = time.perf_counter()
    with skiplens(**settings) as server:
        Client(server.port).get(address)
        return time.perf_counter() - started


def _import_tensorflow() -> float:
    """Seconds until TensorFlow is imported."""
    command = [sys.executable, "-c", "import tensorflow"]
    started = time.perf_counter()
    subprocess.run(command, env=environment(), stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
