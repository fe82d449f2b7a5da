"""Segmentation: background, foreground, connected components."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.segmentation import (
    bounding_box,
    digit_components,
    estimated_background,
    find_foreground,
    uniform_background,
)
from tests.core.drawings import Grey, drawn, falling_light, photographed, placed, two

Shares = NDArray[np.float64]
SHAPE = (300, 400)
SHEET: Shares = placed(two(160, 20), SHAPE, (70, 140))


def tones(image: Grey) -> NDArray[np.float32]:
    """The image in the type that grounds are found in."""
    return image.astype(np.float32)


@pytest.mark.parametrize(("ground", "ink"), [(255, 0), (0, 255), (140, 250)])
def test_a_drawing_stands_on_one_tone(ground: float, ink: float) -> None:
    found = uniform_background(tones(drawn(SHEET, ground, ink)))
    assert found is not None
    assert found.uniform
    assert found.noise == 0
    assert (found.tone == ground).all()


def test_ink_on_some_of_the_border_and_a_thin_frame_have_no_vote() -> None:
    image = drawn(np.roll(SHEET, 70, axis=0))
    assert image[-1].min() == 0
    image[:, :3] = image[:3] = image[:, -3:] = 40
    found = uniform_background(tones(image))
    assert found is not None
    assert (found.tone == 255).all()


def test_a_photograph_stands_on_no_single_tone() -> None:
    assert uniform_background(tones(photographed(SHEET, falling_light(SHAPE)))) is None


@pytest.mark.parametrize("noise", [2, 8])
def test_light_that_falls_off_is_found_under_the_ink(noise: float) -> None:
    light = falling_light(SHAPE)
    found = estimated_background(tones(photographed(SHEET, light, noise=noise)))
    assert not found.uniform
    assert np.abs(found.tone - light).max() < 3
    assert found.noise == pytest.approx(noise, rel=0.2)


@pytest.mark.parametrize(("lit", "depth"), [(210, 0.7), (80, -1.5)], ids=["paper", "blackboard"])
def test_a_shadow_keeps_its_edge_and_ink_leaves_no_trace(lit: float, depth: float) -> None:
    light = np.full(SHAPE, float(lit))
    light[:, 250:] *= 0.6
    found = estimated_background(tones(photographed(SHEET, light, depth=depth, noise=1)))
    off = np.abs(found.tone - light)
    off[:, 246:254] = 0  # found on a copy of half the size
    assert off.max() < 6
    assert np.median(found.tone - light) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (5, 4)])
def test_the_smallest_images_have_a_ground(shape: tuple[int, int]) -> None:
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape) * 5
    found = estimated_background(image)
    assert found.tone.shape == shape
    assert np.isfinite(found.tone).all()
    assert np.isfinite(found.noise)


INK = two(160, 20)
SHEET_INK = placed(INK, (280, 300), (30, 150))


@pytest.mark.parametrize(
    ("ground", "tone", "contrast"), [(255, 0, 1), (0, 255, 1), (200, 100, 0.5), (55, 155, 0.5)]
)
def test_ink_of_a_drawing_is_found_whole(ground: float, tone: float, contrast: float) -> None:
    ink = find_foreground(drawn(SHEET_INK, ground, tone))
    assert ink is not None
    assert ink.dark == (tone < ground)
    assert ink.box == (150, 30, 262, 190)
    assert ink.boxes
    assert (ink.step, ink.corner) == (1, (0, 0))
    assert ink.contrast == pytest.approx(contrast, abs=0.01)
    assert (ink.amount[SHEET_INK == 1] == 1).all()
    assert (ink.amount[SHEET_INK == 0] == 0).all()
    assert np.abs(ink.amount - SHEET_INK).max() < 0.2


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
    ink = find_foreground(drawn(SHEET_INK.repeat(5, 0).repeat(5, 1)))
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
    framed = drawn(SHEET_INK)
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
    ink = find_foreground(drawn(SHEET_INK, 10, 0))
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
    assert find_foreground(drawn(SHEET_INK, 255, 248)) is None
    assert find_foreground(drawn(SHEET_INK, 255, 244)) is not None
    assert find_foreground(drawn(SHEET_INK * 0)) is None


Mask = NDArray[np.bool_]


@pytest.fixture
def digit() -> Mask:
    """A vertical stroke in the middle of 256 x 256 pixels."""
    mask = np.zeros((256, 256), np.bool_)
    mask[80:180, 120:132] = True
    return mask


def kept(mask: Mask, *, photograph: bool = False) -> Mask:
    """What is left of the mask."""
    parts = digit_components(mask, photograph=photograph)
    return mask & parts.mask if parts else np.zeros_like(mask)


def test_bounds_are_those_of_what_is_true() -> None:
    mask = np.zeros((6, 8), np.bool_)
    assert bounding_box(mask) is None
    mask[2, 3] = mask[4, 6] = True
    assert bounding_box(mask) == (3, 2, 7, 5)


def test_strokes_that_do_not_touch_stay_together(digit: Mask) -> None:
    digit[80:92, 150:190] = True
    parts = digit_components(digit, photograph=False)
    assert parts is not None
    assert (kept(digit) == digit).all()
    assert sorted(parts.boxes) == [(120, 80, 132, 180), (148, 80, 192, 92)]


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    steps = np.kron(np.eye(8, dtype=np.bool_), np.ones((4, 4), np.bool_))
    parts = digit_components(np.pad(steps, 112), photograph=False)
    assert parts is not None
    assert len(parts.boxes) == 1


def test_dust_is_left_out(digit: Mask) -> None:
    dusty = digit.copy()
    dusty[20:23, 20:23] = dusty[230:235, 30:34] = True
    assert (kept(dusty) == digit).all()


@pytest.mark.parametrize("where", [np.s_[:, 40:43], np.s_[200:204, :], np.s_[:, :30]])
def test_what_spans_the_image_is_left_out_if_there_is_more(
    digit: Mask, where: tuple[slice, slice]
) -> None:
    ruled = digit.copy()
    ruled[where] = True
    assert (kept(ruled) == digit).all()
    alone = ruled & ~digit
    assert (kept(alone) == alone).all()


@pytest.mark.parametrize("photograph", [False, True])
def test_only_on_a_photograph_is_what_touches_the_border_left_out(
    digit: Mask, photograph: bool
) -> None:
    touching = digit.copy()
    touching[:40, 200:] = True
    assert (kept(touching, photograph=photograph) == (digit if photograph else touching)).all()


def test_a_digit_that_touches_the_border_alone_is_kept(digit: Mask) -> None:
    touching = np.roll(digit, -80, axis=0)
    assert (kept(touching, photograph=True) == touching).all()


@pytest.mark.parametrize("photograph", [False, True])
def test_a_dot_is_ink_on_a_drawing_only(photograph: bool) -> None:
    dot = np.zeros((30, 30), np.bool_)
    dot[10:12, 20] = True
    assert kept(dot, photograph=photograph).any() is np.bool_(not photograph)
    assert digit_components(np.zeros((30, 30), np.bool_), photograph=photograph) is None


def test_the_mask_holds_the_soft_edges_of_kept_parts_and_nothing_of_others(digit: Mask) -> None:
    beside = digit.copy()
    beside[:, 136:140] = True
    parts = digit_components(beside, photograph=False)
    assert parts is not None
    assert parts.mask[80:180, 116:120].all()
    assert not parts.mask[:, 136:140].any()
