"""A request through Ray Serve, against one that goes to a server directly, one after the other.

A kept picture takes the way to a replica that answers. The pictures of a new digit are each drawn
once; the first ones also take the way to a replica of the engine, from which the activations come.
A picture with scales that nobody has asked for yet, as the dial of a branch does, takes that way
each time.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import yaml

from benchmarks import addresses
from benchmarks.client import Client
from benchmarks.newcomer import drawn
from benchmarks.processes import environment, skiplens
from benchmarks.results import Result, Target
from benchmarks.timing import in_turn
from skiplens.settings import ROOT
from skiplens.web.links import API

TITLE = "Ray Serve"
_ROUNDS: Final = 12
_CALLS: Final = 40
_DIGITS: Final = 15
_TARGET: Final = Target("<=", 3.0)
_START_S: Final = 120.0
_PORT: Final = 8769

Seconds = dict[str, list[float]]


def measure() -> Iterator[Result]:
    """Both in turn, a median of each round."""
    if find_spec("ray") is None:
        raise RuntimeError("Ray is not installed: make cluster")
    picture, numbers = addresses.grid(addresses.sample()), count()

    def kept(client: Client) -> Callable[[], object]:
        return lambda: client.get(picture)

    def computed(client: Client) -> Callable[[], object]:
        return lambda: client.get(f"{picture}?scale=block1:{next(numbers) / 1e6:.6f}")

    def by(way: Callable[[Client], Callable[[], object]]) -> Seconds:
        calls = {name: way(client) for name, client in clients.items()}
        return in_turn(calls, _ROUNDS, dict.fromkeys(calls, _CALLS))

    with skiplens() as direct, _ray_serve() as port:
        clients = {"direct": Client(direct.port), "Ray Serve": Client(port)}
        yield from _compared("a kept picture", by(kept), _TARGET)
        yield from _compared("a picture of a new digit", _of_new_digits(clients), _TARGET)
        yield from _compared("one with other scales", by(computed), None)


def _of_new_digits(clients: Mapping[str, Client]) -> Seconds:
    """Of every picture of some digits, each of which is posted before."""
    seconds: Seconds = {name: [] for name in clients}
    for number in range(_DIGITS):
        for name, client in clients.items():
            answer, _ = client.post_png(f"{API}/digits", drawn(number))
            digit = str(answer.headers["Location"]).rpartition("/")[2]
            for address in addresses.grids(digit):
                started = time.perf_counter()
                client.get(address)
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _compared(what: str, seconds: Seconds, target: Target | None) -> Iterator[Result]:
    figures = {name: 1000 * median(found) for name, found in seconds.items()}
    longer = figures["Ray Serve"] - figures["direct"]
    yield Result(f"{what}, longer by Ray Serve", longer, "ms", target)
    for name, figure in figures.items():
        yield Result(f"{what}, {name}", figure, "ms")


@contextmanager
def _ray_serve() -> Iterator[int]:
    """``deploy/ray.yaml`` with one network and one replica of each kind; yields the port.

    Raises:
        RuntimeError: it does not serve in time; says what it wrote.
    """
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="skiplens-ray-") as name:
        folder = Path(name)
        (folder / "models").mkdir()
        (folder / "models" / addresses.NETWORK).symlink_to(ROOT / "models" / addresses.NETWORK)
        (folder / "ray.yaml").write_text(yaml.safe_dump(_config()))
        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("serve"), "run", folder / "ray.yaml"],
                stdout=log,
                stderr=log,
                env=_environment(folder),
            )
            try:
                _await(process, folder / "log")
                yield _PORT
            finally:
                process.send_signal(signal.SIGINT)
                process.wait()


def _config() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "ray.yaml").read_text())
    config["http_options"]["port"] = _PORT
    for deployment in config["applications"][0]["deployments"]:
        del deployment["autoscaling_config"]
    return config


def _environment(folder: Path) -> dict[str, str]:
    return environment(
        SKIPLENS_MODELS_DIR=str(folder / "models"),
        SKIPLENS_STATE_DIR=str(folder / "state"),
        SKIPLENS_ENGINE="litert",
        RAY_SERVE_ENABLE_HA_PROXY="1",
        RAY_SERVE_THROUGHPUT_OPTIMIZED="1",
        RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S="0",
        RAY_TMPDIR=str(folder),
        RAY_worker_niceness="0",  # as the other server's; 15 by default, which a busy machine shows
        RAY_USAGE_STATS_ENABLED="0",
    )


def _await(process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, RuntimeError):
            Client(_PORT).get("/readyz")
            return
        time.sleep(0.2)
    raise RuntimeError(f"Ray Serve does not serve: {log.read_text()[-500:]}")
