"""The time from the bytes of a photograph to the network's input, on one core."""

import io
import time
from collections.abc import Iterator
from statistics import median
from typing import Final

from PIL import Image

from benchmarks.photo_kinds import take
from benchmarks.results import Result, Target
from skiplens.core.image_decoding import decode_reduced
from skiplens.core.preprocessing import find_digits

TITLE = "Photographs prepared"

_KINDS: Final = ("plain paper", "ruled lines", "sheet on a dark desk, turned", "print nearby")
_SIZES: Final = (((1152, 864), 80), ((4000, 3000), 600))  # pixels, and ms that they may take
_HARD: Final = 2
_ROUNDS: Final = 5


def measure() -> Iterator[Result]:
    """Processor time for JPEG photographs of one and of twelve megapixels; several kinds of each,
    the strongest of their strengths.
    """
    for size, most in _SIZES:
        for kind in _KINDS:
            photo = _enlarged(take(kind, _HARD, 0).data, size)
            what = f"{size[0] * size[1] / 1e6:.0f} MP JPEG, {kind}"
            yield Result(what, 1000 * _seconds(photo), "ms", Target("<", most))


def _enlarged(data: bytes, size: tuple[int, int]) -> bytes:
    made = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(made, "JPEG", quality=92)
    return made.getvalue()


def _seconds(photo: bytes) -> float:
    """The processor's time, in all threads, as other programs take turns with this one."""
    spent = []
    for _ in range(_ROUNDS + 1):
        before = time.process_time()
        find_digits(*decode_reduced(photo))
        spent.append(time.process_time() - before)
    return median(spent[1:])
