"""Preprocessing: from an image to a digit like those of MNIST."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from skiplens.core.input_image import Digit
from skiplens.core.preprocessing import (
    PreprocessedDigit,
    find_digits,
    is_mnist_like,
    normalise_to_mnist,
    pixels_to_grey,
    preprocess,
    stroke_width,
    surest_first,
)
from skiplens.errors import BlankImageError, InvalidParameterError
from tests.core.drawings import Grey, drawn, falling_light, photographed, placed, two

MNIST = os.environ.get("SKIPLENS_MNIST", "")
INK = two(160, 20)
SHEET = placed(INK, (280, 300), (30, 150))
SHEET_DRAWN = drawn(SHEET)
PRINTED = preprocess(SHEET_DRAWN).digit.pixels


def difference(one: Digit, other: Grey) -> float:
    """Root of the mean square of the difference, tones."""
    return float(np.sqrt(np.square(one.pixels.astype(float) - other).mean()))


def spoilt(prepared: PreprocessedDigit, word: str) -> bool:
    """Whether a warning holds the word."""
    return any(word in warning for warning in prepared.warnings)


def test_a_drawing_becomes_a_digit_20_long_centred_by_mass() -> None:
    prepared = preprocess(drawn(SHEET))
    pixels = prepared.digit.pixels
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    mass = pixels / pixels.sum(dtype=float)
    assert rows[-1] - rows[0] + 1 == 20
    assert columns[-1] - columns[0] + 1 == 14
    assert abs(mass.sum(1) @ np.arange(28) - 14) <= 0.5
    assert abs(mass.sum(0) @ np.arange(28) - 14) <= 0.5
    assert prepared.inverted
    assert prepared.box == (150, 30, 112, 160)
    assert prepared.warnings == ()


def test_polarity_does_not_matter_and_is_told() -> None:
    light = preprocess(drawn(SHEET, ground=0, tone=255))
    assert not light.inverted
    assert (light.digit.pixels == PRINTED).all()


def test_light_ink_on_a_middle_grey_is_read_as_light_ink() -> None:
    prepared = preprocess(drawn(SHEET, ground=150, tone=230))
    assert not prepared.inverted
    assert difference(prepared.digit, PRINTED) < 3


@pytest.mark.parametrize("height", [40, 160, 900])
@pytest.mark.parametrize("at", [(0, 0), (20, 90), (60, 5)])
def test_size_and_place_do_not_matter(height: int, at: tuple[int, int]) -> None:
    ink = two(height, height // 8)
    sheet = placed(ink, (height + 100, height + 120), at)
    assert difference(preprocess(drawn(sheet)).digit, PRINTED) < 8


def test_paper_light_and_noise_are_taken_out() -> None:
    sheet = placed(INK, (600, 800), (200, 500))
    prepared = preprocess(photographed(sheet, falling_light((600, 800))))
    assert prepared.inverted
    assert difference(prepared.digit, PRINTED) < 8
    assert prepared.warnings == ()


def test_the_edge_of_a_shadow_is_not_ink() -> None:
    light = np.full((600, 800), 200.0)
    light[:, 560:] = 120
    sheet = placed(INK, (600, 800), (200, 400))
    assert difference(preprocess(photographed(sheet, light)).digit, PRINTED) < 12


def test_a_small_digit_in_a_large_photograph_is_looked_at_closely() -> None:
    sheet = placed(two(200, 25), (2400, 3200), (1700, 900))
    prepared = preprocess(photographed(sheet, falling_light((2400, 3200))))
    x, y, width, height = prepared.box
    assert difference(prepared.digit, PRINTED) < 8
    assert np.abs(np.array([x, y, width, height]) - [900, 1700, 140, 200]).max() <= 4


def test_hairlines_of_a_huge_drawing_do_not_fade() -> None:
    prepared = preprocess(drawn(placed(two(1600, 2), (2000, 2000), (200, 300))))
    inked = prepared.digit.pixels[prepared.digit.pixels > 25]
    assert np.percentile(inked, 75) >= 250
    assert spoilt(prepared, "thin")
    assert not spoilt(prepared, "hardly")


def test_the_box_ends_where_the_image_does() -> None:
    sheet = placed(two(700, 90), (1001, 1003), (301, 513))
    x, y, width, height = preprocess(drawn(sheet)).box
    assert (x + width, y + height) == (1003, 1001)
    assert (x, y) == (512, 300)  # by twos, as the image was reduced


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (drawn(placed(two(8, 2), (40, 40), (10, 10))), "few pixels"),
        (drawn(SHEET, ground=200, tone=180), "hardly"),
        (drawn(SHEET[:170]), "edge"),
        (drawn(np.hstack([SHEET, SHEET])), "more than one digit"),
        (drawn(placed(two(100, 12).T.repeat(2, 1), (280, 300), (90, 50))), "wider"),
    ],
)
def test_what_may_have_spoilt_the_digit_is_said(image: Grey, word: str) -> None:
    assert spoilt(preprocess(image), word)


def test_an_image_cropped_to_its_digit_is_not_said_to_cut_it() -> None:
    assert preprocess(drawn(INK)).warnings == ()


@pytest.mark.parametrize("tone", [0, 7, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (1, 300), (700, 500)])
def test_an_even_image_is_blank(shape: tuple[int, int], tone: int) -> None:
    with pytest.raises(BlankImageError, match="image is blank"):
        preprocess(np.full(shape, tone, np.uint8))


@pytest.mark.parametrize("noise", [2, 12])
def test_a_photograph_of_blank_paper_is_blank(noise: float) -> None:
    shape = (600, 800)
    with pytest.raises(BlankImageError):
        preprocess(photographed(np.zeros(shape), falling_light(shape), noise=noise))


@settings(max_examples=150)
@given(
    npst.arrays(
        np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 255)
    )
)
def test_any_pixels_give_a_digit_that_stays_as_it_is_or_are_blank(grey: Grey) -> None:
    before = grey.copy()
    try:
        prepared = preprocess(grey)
    except BlankImageError:
        return
    finally:
        assert (grey == before).all()
    x, y, width, height = prepared.box
    assert 0 <= x < x + width <= grey.shape[1]
    assert 0 <= y < y + height <= grey.shape[0]
    assert prepared.digit.pixels.any()
    assert preprocess(grey).digit.id == prepared.digit.id


@pytest.mark.parametrize("stroke", [2, 20, 50])
def test_a_prepared_digit_passes_unchanged_and_so_does_its_negative(stroke: int) -> None:
    pixels = preprocess(drawn(placed(two(160, stroke), (280, 300), (30, 150)))).digit.pixels
    for image, inverted in ((pixels, False), (255 - pixels, True)):
        again = preprocess(image)
        assert (again.digit.pixels == pixels).all()
        assert again.inverted is inverted
        assert again.warnings == ()


@pytest.mark.skipif(not MNIST, reason="SKIPLENS_MNIST names no MNIST")
def test_every_digit_of_mnist_passes_unchanged_and_so_does_its_negative() -> None:
    path = next(Path(MNIST).glob("t10k-images*3-ubyte*"))
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for image in np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28):
        assert preprocess(image).digit.pixels.tobytes() == image.tobytes()
        negative = preprocess(255 - image)
        assert negative.inverted
        assert negative.digit.pixels.tobytes() == image.tobytes()


def test_numbers_up_to_1_are_shares_and_larger_ones_are_tones() -> None:
    shares, tones = np.zeros((28, 28)), np.zeros((28, 28))
    shares[3, 4:7] = [1, 0.5, 0.2]
    tones[3, 4:7] = [255, 1, 0.6]
    assert pixels_to_grey(shares.tolist())[3, 4:7].tolist() == [255, 128, 51]
    assert pixels_to_grey(tones.tolist())[3, 4:7].tolist() == [255, 1, 1]
    assert pixels_to_grey([[0, 1] * 14] * 28).max() == 255


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        ([], "shape"),
        ([[0.0] * 28] * 27, "shape"),
        ([[0.0] * 29] * 28, "shape"),
        ([[0.0] * 28] * 27 + [[0.0]], "rows of different lengths"),
        ([["a"] * 28] * 28, "not a number"),
        ([[10**400] * 28] * 28, "not a number"),
        ([[float("nan")] * 28] * 28, "not finite"),
        ([[float("inf")] * 28] * 28, "not finite"),
        ([[-0.1] * 28] * 28, "below 0"),
        ([[255.5] * 28] * 28, "above 255"),
    ],
)
def test_other_pixels_are_refused(pixels: list[list[float]], found: str) -> None:
    with pytest.raises(InvalidParameterError, match=rf"pixels has .*{found}.*; allowed are 28"):
        pixels_to_grey(pixels)


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


PAIR = drawn(placed(INK, (280, 400), (60, 40)) + placed(INK, (280, 400), (60, 230)))


def test_certainty_decides_between_candidates_that_are_as_likely() -> None:
    first, second = find_digits(PAIR)
    asked: list[str] = []

    def certainty(digit: Digit) -> float:
        asked.append(digit.id)
        return len(asked)  # surer of the one that it is asked about later

    again = surest_first((first, second), certainty)
    assert [one.box for one in again] == [second.box, first.box]
    assert asked == [first.digit.id, second.digit.id]


def test_certainty_is_not_asked_where_one_candidate_is_likelier() -> None:
    smaller = placed(two(80, 12), (280, 400), (100, 300))
    image = drawn(placed(INK, (280, 400), (60, 140)) + smaller)
    found = surest_first(find_digits(image), lambda _: pytest.fail("it was asked"))
    assert [one.box[3] for one in found] == [160, 80]


def test_boxes_are_in_pixels_of_an_image_that_was_reduced() -> None:
    once, thrice = find_digits(SHEET_DRAWN), find_digits(SHEET_DRAWN, 3)
    assert [tuple(3 * side for side in one.box) for one in once] == [one.box for one in thrice]


def test_two_digits_are_warned_of_and_ones_with_a_speck_are_not() -> None:
    assert all(spoilt(one, "more than one") for one in find_digits(PAIR))
    speck = SHEET_DRAWN.copy()
    speck[240:246, 40:46] = 0
    assert not spoilt(preprocess(speck), "more than one")
