"""Activations of many digits: maps of three layers and statistics of all, written to disk.

Against the engine alone, which computes every layer and drops it, and against loops of a
``tf.function`` with one digit a call: one does the same job, as anyone would write it, with NumPy;
the other only computes. The engine and the extraction have a thread for each core; TensorFlow takes
as many as it likes. All get the same digits, in memory; opening the Zarr group counts.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final, cast

import numpy as np

from benchmarks import addresses
from benchmarks.results import Result, Target
from benchmarks.timing import in_turn, ratio
from skiplens.core.input_image import InputImage
from skiplens.engine.base import Array
from skiplens.engine.litert import LiteRTEngine
from skiplens.export.extraction import extract
from skiplens.samples import load_samples
from skiplens.service.registry import find_layer

TITLE = "Extraction"
LAYERS: Final = ("block1.output", "block3.output", "block6.output")
_IMAGES: Final = 6000
_IN_A_LOOP: Final = 200  # of TensorFlow, which is slower
_ROUNDS: Final = 5


class _Shifted:
    """Samples, shifted further and further."""

    names: tuple[str, ...] = ()
    key = "shifted samples"

    def __init__(self) -> None:
        self._pixels = [sample.digit.pixels for sample in load_samples()]

    def __len__(self) -> int:
        return _IMAGES

    def image(self, at: int) -> InputImage:
        shift, which = divmod(at, len(self._pixels))
        return InputImage.of(np.roll(self._pixels[which], divmod(shift, 28), (0, 1)))


def measure() -> Iterator[Result]:
    """Four ways in turn."""
    from benchmarks.tensorflow_ways import Network  # on demand: it takes seconds to import

    folder, threads, images = addresses.folder(), os.cpu_count() or 1, _Shifted()
    engine = LiteRTEngine(folder, threads, threads)
    branch_scales = np.ones(len(folder.manifest.disableable_blocks), np.float32)
    layers = [find_layer(folder.manifest, name) for name in LAYERS]
    inputs = {"image": images.image(0).as_input(), "branch_scales": branch_scales[None]}
    function = Network(folder.path / "network.keras").function(inputs)

    def call(at: int) -> Mapping[str, Array]:
        inputs["image"][:] = images.image(at).as_input()
        return cast("Mapping[str, Array]", function())

    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(threads) as pool:
        numbers = count()

        def extraction() -> object:
            out = Path(place) / f"{next(numbers)}.zarr"
            return extract(engine, images, layers, out, threads)

        def forward(at: int) -> int:
            return len(engine.activations(images.image(at).as_input(), branch_scales))

        ways: dict[str, Callable[[], object]] = {
            "extraction": extraction,
            "the bare engine": lambda: list(pool.map(forward, range(_IMAGES))),
            "a loop of tf.function": lambda: _by_loop(call),
            "a loop that only computes": lambda: [len(call(at)) for at in range(_IN_A_LOOP)],
        }
        seconds = in_turn(ways, _ROUNDS)
    yield from _results(seconds)


def _by_loop(call: Callable[[int], Mapping[str, Array]]) -> object:
    """What an extraction keeps, without its top images and its file."""
    maps: dict[str, list[Array]] = {name: [] for name in LAYERS}
    figures: list[dict[str, tuple[Array, ...]]] = []
    for at in range(_IN_A_LOOP):
        found = {name: value[0].reshape(-1, value.shape[-1]) for name, value in call(at).items()}
        figures.append(
            {
                name: (
                    *(value.min(axis=0), value.max(axis=0), value.mean(axis=0), value.std(axis=0)),
                    (value == 0).mean(axis=0),
                )
                for name, value in found.items()
            }
        )
        for name, kept in maps.items():
            kept.append(found[name])
    return maps, figures


def _results(seconds: Mapping[str, list[float]]) -> Iterator[Result]:
    rates = {
        name: [(_IN_A_LOOP if "loop" in name else _IMAGES) / one for one in found]
        for name, found in seconds.items()
    }
    targets = {
        "a loop of tf.function": Target(">=", 5.0),
        "a loop that only computes": None,
        "the bare engine": Target(">=", 0.7),
    }
    for other, target in targets.items():
        over = ratio(rates["extraction"], rates[other])
        yield Result(f"images a second, over {other}", over, target=target)
    for name, found in rates.items():
        yield Result(f"images by {name}", median(found), "/s")
