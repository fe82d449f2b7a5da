"""How strongly each pixel is inked, and where the digit is."""

import numpy as np
import pytest

from skiplens.core.segmentation import find_foreground
from tests.core.drawings import drawn, falling_light, photographed, placed, two

INK = two(160, 20)
SHEET = placed(INK, (280, 300), (30, 150))


@pytest.mark.parametrize(
    ("ground", "tone", "contrast"), [(255, 0, 1), (0, 255, 1), (200, 100, 0.5), (55, 155, 0.5)]
)
def test_ink_of_a_drawing_is_found_whole(ground: float, tone: float, contrast: float) -> None:
    ink = find_foreground(drawn(SHEET, ground, tone))
    assert ink is not None
    assert ink.dark == (tone < ground)
    assert ink.box == (150, 30, 262, 190)
    assert ink.boxes
    assert (ink.step, ink.corner) == (1, (0, 0))
    assert ink.contrast == pytest.approx(contrast, abs=0.01)
    assert (ink.amount[SHEET == 1] == 1).all()
    assert (ink.amount[SHEET == 0] == 0).all()
    assert np.abs(ink.amount - SHEET).max() < 0.2


def test_ink_of_a_photograph_is_found_and_the_paper_is_not() -> None:
    sheet = placed(INK, (400, 500), (120, 200))
    ink = find_foreground(photographed(sheet, falling_light((400, 500))))
    assert ink is not None
    assert ink.dark
    assert ink.contrast == pytest.approx(0.7, abs=0.03)
    assert np.abs(np.array(ink.box) - [200, 120, 312, 280]).max() <= 1
    grown = placed(np.ones((166, 118)), (400, 500), (117, 197)) > 0
    assert not ink.amount[~grown].any()
    assert ink.amount[sheet == 1].mean() > 0.97


def test_a_large_image_is_reduced_by_a_whole_number() -> None:
    ink = find_foreground(drawn(SHEET.repeat(5, 0).repeat(5, 1)))
    assert ink is not None
    assert ink.step == 3
    assert ink.amount.shape == (467, 500)
    assert np.abs(np.array(ink.box_in_image()) - np.multiply(5, [150, 30, 262, 190])).max() <= 3


def test_a_small_digit_in_a_large_image_is_seen_from_near_by() -> None:
    sheet = placed(INK, (2000, 3000), (1500, 700))
    ink = find_foreground(drawn(sheet))
    assert ink is not None
    assert ink.step == 1
    assert ink.box_in_image() == (700, 1500, 812, 1660)
    left, top, right, bottom = ink.box
    assert np.abs(ink.amount[top:bottom, left:right] - INK).max() < 0.2


def test_a_frame_is_no_ink() -> None:
    framed = drawn(SHEET)
    framed[:3] = framed[-3:] = framed[:, :3] = framed[:, -3:] = 90
    ink = find_foreground(framed)
    assert ink is not None
    assert ink.box == (150, 30, 262, 190)


def test_a_frame_that_a_digit_touches_is_no_ink() -> None:
    framed = drawn(placed(INK, (280, 300), (119, 185)))
    framed[:3] = framed[-3:] = framed[:, :3] = framed[:, -3:] = 0
    ink = find_foreground(framed)
    assert ink is not None
    assert ink.box == (185, 119, 297, 277)


def test_what_differs_from_black_paper_by_little_has_little_contrast() -> None:
    ink = find_foreground(drawn(SHEET, 10, 0))
    assert ink is not None
    assert ink.contrast == pytest.approx(10 / 32, abs=0.01)


def test_blotches_on_a_photograph_are_no_ink_where_a_drawing_has_some() -> None:
    blotch = placed(np.ones((30, 30)), (280, 300), (100, 100))
    assert find_foreground(drawn(blotch, 200, 190)) is not None
    assert (
        find_foreground(photographed(blotch, falling_light((280, 300)), depth=0.05, noise=2))
        is None
    )


def test_coarse_grain_is_no_ink() -> None:
    grain = np.random.default_rng(3).normal(0, 14, (140, 150)).repeat(2, 0).repeat(2, 1)
    assert find_foreground(np.clip(np.rint(170 + grain), 0, 255).astype(np.uint8)) is None


def test_what_differs_too_little_is_no_ink() -> None:
    assert find_foreground(drawn(SHEET, 255, 248)) is None
    assert find_foreground(drawn(SHEET, 255, 244)) is not None
    assert find_foreground(drawn(SHEET * 0)) is None
