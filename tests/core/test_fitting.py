"""Foreground made into a digit the way MNIST's were made."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.preprocessing import is_mnist_like, normalise_to_mnist, stroke_width
from tests.core.drawings import two

Floats = NDArray[np.float32]


def ink(height: int, stroke: int) -> Floats:
    """A 2 as ink."""
    return two(height, stroke).astype(np.float32)


def as_ink(pixels: NDArray[np.uint8]) -> Floats:
    """A digit as ink."""
    return (pixels / 255).astype(np.float32)


def extent(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    """Height and width of what is not 0."""
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize("height", [10, 20, 57, 400])
def test_the_longer_side_becomes_20_and_the_aspect_stays(height: int) -> None:
    pixels, _ = normalise_to_mnist(ink(height, max(2, height // 8)))
    assert extent(pixels) == (20, 14)
    pixels, _ = normalise_to_mnist(ink(height, max(2, height // 8)).T.copy())
    assert extent(pixels) == (14, 20)


def test_ink_of_the_final_size_is_copied() -> None:
    given = ink(20, 3)
    pixels, _ = normalise_to_mnist(given)
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    copied = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert (copied == np.rint(255 * given)).all()


def test_mass_is_centred_and_nothing_is_cut_off() -> None:
    heavy = np.zeros((40, 40), np.float32)
    heavy[:, :4] = heavy[:6] = 1
    heavy[:12, :12] = 1
    pixels, _ = normalise_to_mnist(heavy)
    mass = pixels / pixels.sum(dtype=float)
    assert extent(pixels) == (20, 20)
    assert pixels[-1].any()
    assert pixels[:, -1].any()
    assert mass.sum(1) @ np.arange(28) < 14.5


@pytest.mark.parametrize("width", [1, 3, 10])
def test_the_width_of_a_stroke_is_measured(width: int) -> None:
    ring = np.hypot(*np.mgrid[-60:61, -60:61])
    stroke = np.clip(width / 2 + 0.5 - np.abs(ring - 45), 0, 1).astype(np.float32)
    assert stroke_width(stroke) == pytest.approx(width, rel=0.08, abs=0.25)


@pytest.mark.parametrize("stroke", [1, 2, 6, 12])
def test_thin_strokes_are_thickened_to_what_mnist_has(stroke: int) -> None:
    pixels, before = normalise_to_mnist(ink(400, stroke))
    assert before == pytest.approx(stroke / 20, rel=0.25)
    assert 1.7 < stroke_width(as_ink(pixels)) < 3  # 9 in 10 digits of MNIST


def test_strokes_that_are_wide_enough_keep_their_width() -> None:
    pixels, before = normalise_to_mnist(ink(400, 60))
    assert before == pytest.approx(3, rel=0.1)
    assert stroke_width(as_ink(pixels)) == pytest.approx(before, rel=0.1)


@pytest.mark.parametrize("strength", [0.2, 0.6, 1])
def test_faint_ink_is_brought_up_to_full(strength: float) -> None:
    pixels, _ = normalise_to_mnist(ink(200, 25) * np.float32(strength))
    inked = pixels[pixels > 25]
    assert np.percentile(inked, 75) >= 250


@pytest.mark.parametrize("stroke", [10, 40, 120])
def test_what_was_fitted_is_fitted(stroke: int) -> None:
    pixels, _ = normalise_to_mnist(ink(400, stroke))
    assert is_mnist_like(pixels)
    assert is_mnist_like(np.roll(pixels, 1, axis=1))


def test_what_is_not_like_mnist_is_not_fitted() -> None:
    pixels, _ = normalise_to_mnist(ink(200, 25))
    bordered = pixels.copy()
    bordered[:, 0] = bordered[0] = bordered[-1] = 9
    smaller = np.zeros_like(pixels)
    smaller[5:22:1, 8:20] = two(17, 3)[:, :12] * 255
    for other in (
        np.roll(pixels, 3, axis=1),
        np.roll(pixels, -3, axis=0),
        255 - pixels,
        pixels // 2,
        bordered,
        smaller,
        pixels * 0,
        np.pad(pixels, 1),
    ):
        assert not is_mnist_like(other)
