"""Activations of many digits, written to disk with their statistics, against computing them alone.

As many threads extract as there are cores, and the bare engine has as many.
"""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from benchmarks import addresses
from benchmarks.results import Result, Target
from benchmarks.timing import in_turn, ratio
from skiplens.core.digit import Digit
from skiplens.core.input_image import InputImage
from skiplens.engine.litert import LiteRTEngine
from skiplens.export.extraction import extract
from skiplens.samples import load_samples
from skiplens.service.registry import find_layer

TITLE = "Extraction"
LAYERS: Final = ("block1.output", "block3.output", "block6.output")
_IMAGES: Final = 128
_ROUNDS: Final = 5


class _Samples:
    """The samples again and again, in memory."""

    names: tuple[str, ...] = ()
    key = "samples"

    def __init__(self) -> None:
        self._digits: list[Digit] = [sample.digit for sample in load_samples()]

    def __len__(self) -> int:
        return _IMAGES

    def image(self, at: int) -> InputImage:
        return self._digits[at % len(self._digits)]


def measure() -> Iterator[Result]:
    """Three ways in turn: extraction, the engine without anything else, a ``tf.function``."""
    from benchmarks.tensorflow_ways import Network  # on demand: it takes seconds to import

    folder, threads = addresses.folder(), os.cpu_count() or 1
    engine = LiteRTEngine(folder, threads, threads)
    branch_scales = np.ones(len(folder.manifest.disableable_blocks), np.float32)
    inputs = {"image": _Samples().image(0).as_input(), "branch_scales": branch_scales[None]}
    layers = [find_layer(folder.manifest, name) for name in LAYERS]
    function = Network(folder.path / "network.keras").function(inputs)
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(threads) as pool:
        numbers = count()

        def extraction() -> object:
            out = Path(place) / f"{next(numbers)}.zarr"
            return extract(engine, _Samples(), layers, out, threads)

        def forward(_: int) -> int:
            return len(engine.activations(inputs["image"], branch_scales))  # dropped at once

        def bare() -> object:
            return list(pool.map(forward, range(_IMAGES)))

        def loop() -> object:
            return [function() and None for _ in range(_IMAGES)]

        ways = {"extraction": extraction, "the bare engine": bare, "tf.function": loop}
        seconds = in_turn(ways, _ROUNDS, {})
    faster, bound = Target(">=", 5.0), Target(">=", 0.7)
    rates = {name: [_IMAGES / one for one in found] for name, found in seconds.items()}
    over = ratio(rates["extraction"], rates["tf.function"])
    yield Result("images a second, over a loop of tf.function", over, target=faster)
    over = ratio(rates["extraction"], rates["the bare engine"])
    yield Result("images a second, over the bare engine", over, target=bound)
    for name, found in rates.items():
        yield Result(f"images by {name}", median(found), "/s")
