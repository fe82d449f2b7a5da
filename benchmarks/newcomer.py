"""A new digit: posted, then its whole gallery fetched; how long each stage takes."""

import re
import time
from collections import defaultdict
from collections.abc import Iterator
from http.client import HTTPResponse
from statistics import median

import numpy as np

from benchmarks import addresses
from benchmarks.client import Client
from benchmarks.processes import skiplens
from benchmarks.results import Result
from skiplens.core.grid_image import encode_grey
from skiplens.web.links import API

TITLE = "A new digit and its whole gallery"
_DIGITS = 15
_STAGE = re.compile(r"(\w+);dur=([\d.]+)")
_STAGES = ("receive", "decode", "wait", "infer", "render", "encode")

Figures = dict[str, float]


def measure() -> Iterator[Result]:
    """Milliseconds per digit: to post it, to fetch all its grids, and by stage."""
    with skiplens() as server:
        client = Client(server.port)
        runs = [_run(client, drawn(number)) for number in range(_DIGITS)]
    usual = {name: median(run.get(name, 0.0) for run in runs) for name in runs[0]}
    yield Result("post the digit", usual["post"], "ms")
    yield Result(f"fetch its {len(addresses.folder().manifest.layers)} grids", usual["fetch"], "ms")
    for name in _STAGES:
        yield Result(f"of that, {name}", usual.get(name, 0.0), "ms")


def _run(client: Client, picture: bytes) -> Figures:
    figures: Figures = defaultdict(float)
    started = time.perf_counter()
    answer, _ = client.post_png(f"{API}/digits", picture)
    _add_stages(figures, answer)
    figures["post"] = 1000 * (time.perf_counter() - started)
    digit = str(answer.headers["Location"]).rpartition("/")[2]
    started = time.perf_counter()
    for address in addresses.grids(digit):
        answer, _ = client.get(address)
        _add_stages(figures, answer)
    figures["fetch"] = 1000 * (time.perf_counter() - started)
    return figures


def _add_stages(figures: Figures, answer: HTTPResponse) -> None:
    for name, milliseconds in _STAGE.findall(answer.headers.get("Server-Timing", "")):
        figures[name] += float(milliseconds)


def drawn(number: int) -> bytes:
    """A dark slanted stroke on white, each a little different."""
    pixels = np.full((280, 280), 255, np.uint8)
    for row in range(40, 240):
        left = 150 - row // (4 + number % 5) + number
        pixels[row, left : left + 22 + number] = 0
    return encode_grey(pixels)
