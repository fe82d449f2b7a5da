"""Digits by many hands: the project's own strokes varied by a seed, or MNIST's."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scripts.pen import INK, PAPER, PIXELS_PER_UNIT, ink
from scripts.strokes import DRAWINGS, Drawing, Hand
from skiplens.mnist import Split, read_split

Ink = NDArray[np.float32]
"""Float32 ``(H, W)``, 0 paper to 1 full ink, cropped; a digit is about ``DIGIT`` pixels high."""

DIGIT: Final = 100 * PIXELS_PER_UNIT
"""Height of a digit in pixels before it is put on paper, without the width of its strokes."""

DEVELOPMENT: Final = range(1000)
"""Seeds to work with."""

HELD_OUT: Final = range(1000, 1020)
"""Seeds that are read for a final figure alone, and never looked at."""

_WIDTHS: Final = (7.0, 15.0)
_TRAIN_HELD_OUT: Final = 5000  # MNIST's last training digits, as `skiplens train --hold-out` keeps
_MNIST_INK: Final = (0.25, 0.75)  # of full ink: an enlarged MNIST digit has edges this soft


class Writer:
    """Somebody who writes: one seed, one way to hold the pen and to shape each digit."""

    def __init__(self, seed: int, digits: Split | None = None) -> None:
        """``digits``: MNIST's, to take digits from; without them the strokes are varied."""
        self._rng = np.random.default_rng([1, seed])
        self._seed = seed
        self._digits = digits
        self._hand = _hand(self._rng)
        self._breadth = self._rng.uniform(0.82, 1.2)
        self._low = self._rng.uniform(0.88, 1.14)  # below 1 the upper half of a digit is smaller
        self._styles = self._rng.permutation(len(DRAWINGS))

    def digit(self, label: int) -> Ink:
        """A digit as this hand writes it, a little different each time."""
        if self._digits is not None:
            return _enlarged(self._digits.images[self._pick(self._digits, label)])
        drawing = next(DRAWINGS[i] for i in self._styles if _plain(DRAWINGS[i], label))
        slant = self._hand.slant + drawing.hand.slant
        return self.trace([self._vary(one) for one in drawing.strokes], slant)

    def hold(self, width: float) -> None:
        """Take another pen, for strokes of this width in hundredths of a digit's height.

        MNIST's digits keep the width that they have.
        """
        self._hand = replace(self._hand, width=width)

    def trace(self, strokes: Sequence[str], slant: float = 0.0) -> Ink:
        """Any strokes by this hand's pen; their form is that of ``scripts/strokes.txt``."""
        style = f"{self._seed} {self._rng.integers(1 << 30)}"  # which the pen's tremble depends on
        sheet = ink(Drawing(0, style, replace(self._hand, slant=slant), tuple(strokes)))
        return cropped((PAPER - sheet).astype(np.float32) / np.float32(PAPER - INK))

    def word(self, letters: int) -> Ink:
        """A word in joined writing, 70 units high or so; no letter of it is meant to be read."""
        points, x = ["0,70"], 0.0
        for _ in range(letters):
            top, breadth = self._rng.choice([36.0, 36.0, 0.0]), self._rng.uniform(36, 52)
            around = ((0.6, 56.0), (0.9, top + 10), (0.6, top), (0.3, top + 14), (0.5, 68.0))
            points += [f"{x + breadth * across:.1f},{y:.1f}" for across, y in around]
            x += breadth
        return self.trace([" ".join([*points, f"{x + 20:.1f},60"])], 0.15)

    def _vary(self, stroke: str) -> str:
        return " ".join(self._moved(word) for word in stroke.split())

    def _moved(self, word: str) -> str:
        x, y = (float(number) for number in word.rstrip("^").split(","))
        across, down = self._rng.uniform(-1.8, 1.8, 2)
        y = 100 * max(y / 100, 0.0) ** self._low
        return f"{self._breadth * x + across:.2f},{y + down:.2f}" + "^" * word.endswith("^")

    def _pick(self, digits: Split, label: int) -> int:
        return int(self._rng.choice(np.flatnonzero(digits.labels == label)))


def read_digits(folder: Path, *, held_out: bool) -> Split:
    """MNIST's digits for the hands: the last of the training part, or the test part if held out.

    Raises:
        DatasetError: the folder holds no such digits.
    """
    split = read_split(folder, "test" if held_out else "train")
    return split if held_out else split[slice(-_TRAIN_HELD_OUT, None)]


def cropped(amount: Ink) -> Ink:
    """Without the empty rows and columns around what is inked."""
    rows, columns = (np.flatnonzero((amount > 0).any(axis)) for axis in (1, 0))
    return amount[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _hand(rng: np.random.Generator) -> Hand:
    """The slant is what this hand adds to that of a drawing."""
    return Hand(
        width=rng.uniform(*_WIDTHS),
        slant=rng.uniform(-0.1, 0.1),
        pressure=rng.uniform(0.05, 0.2),
        lift=rng.uniform(0.5, 0.95),
        wobble=rng.uniform(0.8, 2.0),
    )


def _plain(drawing: Drawing, label: int) -> bool:
    return drawing.label == label and drawing.style != "ambiguous"


def _enlarged(pixels: NDArray[np.uint8]) -> Ink:
    """An MNIST digit at the size of one that is drawn, with edges as sharp."""
    small = cropped(pixels.astype(np.float32) / np.float32(255))
    scale = DIGIT / max(small.shape)
    height, width = (max(1, round(scale * side)) for side in small.shape)
    large = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    low, high = _MNIST_INK
    return cropped(np.clip((np.asarray(large) - low) / (high - low), 0, 1))
