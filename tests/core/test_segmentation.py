"""Segmentation: ink, lines, frames, and what may be a digit."""

import numpy as np
import pytest

from skiplens.core.segmentation import (
    Bounds,
    Candidate,
    bounding_box,
    find_candidates,
)
from tests.core.drawings import Grey, Shares, drawn, falling_light, photographed, placed, two


def likeliest(grey: Grey) -> Candidate | None:
    """The first candidate, if there is any."""
    found = find_candidates(grey)
    return found[0] if found else None


INK = two(160, 20)
SHEET_INK = placed(INK, (280, 300), (30, 150))


@pytest.mark.parametrize(
    ("ground", "tone", "contrast"), [(255, 0, 1), (0, 255, 1), (200, 100, 0.5), (55, 155, 0.5)]
)
def test_ink_of_a_drawing_is_found_whole(ground: float, tone: float, contrast: float) -> None:
    ink = likeliest(drawn(SHEET_INK, ground, tone))
    assert ink is not None
    assert ink.dark == (tone < ground)
    assert ink.box == (150, 30, 262, 190)
    assert (ink.step, ink.corner) == (1, (0, 0))
    assert ink.contrast == pytest.approx(contrast, abs=0.01)
    assert (ink.amount[SHEET_INK == 1] == 1).all()
    assert (ink.amount[SHEET_INK == 0] == 0).all()
    assert np.abs(ink.amount - SHEET_INK).max() < 0.2


def test_ink_of_a_photograph_is_found_and_the_paper_is_not() -> None:
    sheet = placed(INK, (400, 500), (120, 200))
    ink = likeliest(photographed(sheet, falling_light((400, 500))))
    assert ink is not None
    assert ink.dark
    assert ink.contrast == pytest.approx(0.7, abs=0.03)
    assert np.abs(np.array(ink.box) - [200, 120, 312, 280]).max() <= 1
    grown = placed(np.ones((166, 118)), (400, 500), (117, 197)) > 0
    assert not ink.amount[~grown].any()
    assert ink.amount[sheet == 1].mean() > 0.97


def test_a_large_image_is_reduced_by_a_whole_number() -> None:
    ink = likeliest(drawn(SHEET_INK.repeat(5, 0).repeat(5, 1)))
    assert ink is not None
    assert ink.step == 3
    assert ink.amount.shape == (467, 500)
    assert np.abs(np.array(ink.box_in_image()) - np.multiply(5, [150, 30, 262, 190])).max() <= 3


def test_a_small_digit_in_a_large_image_is_seen_from_near_by() -> None:
    sheet = placed(INK, (2000, 3000), (1500, 700))
    ink = likeliest(drawn(sheet))
    assert ink is not None
    assert ink.step == 1
    assert ink.box_in_image() == (700, 1500, 812, 1660)
    left, top, right, bottom = ink.box
    assert np.abs(ink.amount[top:bottom, left:right] - INK).max() < 0.2


def test_a_frame_is_no_ink() -> None:
    framed = drawn(SHEET_INK)
    framed[:3] = framed[-3:] = framed[:, :3] = framed[:, -3:] = 90
    ink = likeliest(framed)
    assert ink is not None
    assert ink.box == (150, 30, 262, 190)


def test_a_frame_that_a_digit_touches_is_no_ink() -> None:
    framed = drawn(placed(INK, (280, 300), (119, 185)))
    framed[:3] = framed[-3:] = framed[:, :3] = framed[:, -3:] = 0
    ink = likeliest(framed)
    assert ink is not None
    assert ink.box == pytest.approx((185, 119, 297, 277), abs=1)


def test_what_differs_from_black_paper_by_little_has_little_contrast() -> None:
    ink = likeliest(drawn(SHEET_INK, 10, 0))
    assert ink is not None
    assert ink.contrast == pytest.approx(10 / 32, abs=0.01)


def test_blotches_on_a_photograph_are_no_ink_where_a_drawing_has_some() -> None:
    blotch = placed(np.ones((30, 30)), (280, 300), (100, 100))
    assert likeliest(drawn(blotch, 200, 190)) is not None
    assert likeliest(photographed(blotch, falling_light((280, 300)), depth=0.05, noise=2)) is None


def test_coarse_grain_is_no_ink() -> None:
    grain = np.random.default_rng(3).normal(0, 14, (140, 150)).repeat(2, 0).repeat(2, 1)
    assert likeliest(np.clip(np.rint(170 + grain), 0, 255).astype(np.uint8)) is None


def test_what_differs_too_little_is_no_ink() -> None:
    assert likeliest(drawn(SHEET_INK, 255, 248)) is None
    assert likeliest(drawn(SHEET_INK, 255, 244)) is not None
    assert likeliest(drawn(SHEET_INK * 0)) is None


SIDE = 256


def marked(*marks: tuple[slice, slice]) -> Shares:
    """Blocks of ink on a sheet of 256 x 256 pixels."""
    sheet = np.zeros((SIDE, SIDE))
    for mark in marks:
        sheet[mark] = 1
    return sheet


def boxes(ink: Shares, *, photograph: bool = False) -> list[Bounds]:
    """Where candidates are, the likeliest first."""
    light = np.full(ink.shape, 200.0)
    image = photographed(ink, light, noise=4) if photograph else drawn(ink)
    return [found.box_in_image() for found in find_candidates(image)]


def near(box: Bounds) -> object:
    """A box that is off by 2 pixels at most."""
    return pytest.approx(box, abs=2)


STROKE = np.s_[80:180, 120:132]
DIGIT_BOX = (120, 80, 132, 180)


def test_bounds_are_those_of_what_is_true() -> None:
    mask = np.zeros((6, 8), np.bool_)
    assert bounding_box(mask) is None
    mask[2, 3] = mask[4, 6] = True
    assert bounding_box(mask) == (3, 2, 7, 5)


def test_strokes_that_are_close_are_one_digit() -> None:
    assert boxes(marked(STROKE, np.s_[80:92, 142:182])) == [(120, 80, 182, 180)]


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    steps = np.kron(np.eye(8), np.ones((8, 8)))
    assert boxes(np.pad(steps, 96)) == [(96, 96, 160, 160)]


def test_digits_beside_each_other_are_candidates_each() -> None:
    sheet = placed(two(100, 12), (SIDE, SIDE), (80, 30)) + placed(
        two(100, 12), (SIDE, SIDE), (80, 130)
    )
    assert sorted(boxes(sheet)) == [(30, 80, 100, 180), (130, 80, 200, 180)]


def test_the_digit_meant_is_large_and_near_the_middle() -> None:
    middle = placed(two(100, 12), (SIDE, SIDE), (80, 90))
    smaller = placed(two(60, 8), (SIDE, SIDE), (180, 190))
    assert boxes(np.maximum(middle, smaller)) == [(90, 80, 160, 180), (190, 180, 232, 240)]
    aside = placed(two(100, 12), (SIDE, SIDE), (10, 180))
    assert boxes(np.maximum(middle, aside))[0] == (90, 80, 160, 180)


def test_dust_is_left_out() -> None:
    assert boxes(marked(STROKE, np.s_[20:23, 20:23], np.s_[230:235, 30:34]))[0] == DIGIT_BOX


@pytest.mark.parametrize("where", [np.s_[:, 40:43], np.s_[200:204, :], np.s_[:, :30]])
def test_what_spans_the_image_is_left_out_if_there_is_more(where: tuple[slice, slice]) -> None:
    assert boxes(marked(STROKE, where))[0] == DIGIT_BOX
    assert len(boxes(marked(where))) == 1


@pytest.mark.parametrize("photograph", [False, True])
def test_what_lies_along_the_border_is_no_digit_if_there_is_one(*, photograph: bool) -> None:
    found = boxes(marked(STROKE, np.s_[:40, 200:]), photograph=photograph)
    assert found[0] == near(DIGIT_BOX)


@pytest.mark.parametrize("photograph", [False, True])
def test_a_digit_that_touches_the_border_is_found_beside_a_dot(*, photograph: bool) -> None:
    sheet = marked(np.s_[:90, 120:132], np.s_[200:212, 60:72])
    assert boxes(sheet, photograph=photograph)[0] == near((120, 0, 132, 90))


@pytest.mark.parametrize("photograph", [False, True])
def test_a_dot_is_ink_on_a_drawing_only(*, photograph: bool) -> None:
    dot = marked(np.s_[100:102, 200:201])
    assert boxes(dot, photograph=photograph) == ([] if photograph else [(200, 100, 201, 102)])


def test_the_soft_edges_of_a_candidate_are_kept_and_nothing_of_others() -> None:
    sheet = marked(STROKE, np.s_[78:182, 150:162])
    sheet[80:180, 119] = sheet[80:180, 132] = 0.3
    found = likeliest(drawn(sheet))
    assert found is not None
    assert (found.amount[80:180, 119] > 0).all()
    assert not found.amount[:, 150:162].any() or not found.amount[:, 120:132].any()


def ring(radius: float, stroke: float) -> Shares:
    """A circle around the middle."""
    away = np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5))
    return np.asarray(np.clip(stroke / 2 + 0.5 - np.abs(away - radius), 0, 1))


@pytest.mark.parametrize("radius", [58, 66, 90])
def test_a_ring_around_a_digit_is_left_out_even_if_they_touch(radius: float) -> None:
    digit = placed(two(100, 10), (SIDE, SIDE), (78, 93))
    (left, top, right, bottom), *_ = boxes(np.maximum(digit, ring(radius, 8)))
    assert (left, top, right, bottom) == pytest.approx((93, 78, 163, 178), abs=6)


def test_a_ring_with_nothing_of_weight_inside_is_a_digit() -> None:
    zero = ring(50, 10)
    zero[120:128, 120:128] = 1
    assert boxes(zero)[0] == near((73, 73, 183, 183))


def test_a_zero_of_uneven_stroke_is_no_ring() -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    hole = np.hypot(rows, columns - 8) < 30
    zero = (np.hypot(rows, columns) < 55) & ~hole
    assert boxes(zero.astype(float))[0] == near((73, 73, 183, 183))


def test_a_box_around_a_digit_is_left_out() -> None:
    framed = placed(two(100, 10), (SIDE, SIDE), (78, 93))
    framed[60:200, 80:83] = framed[60:200, 175:178] = 1
    framed[60:63, 80:178] = framed[197:200, 80:178] = 1
    assert boxes(framed)[0] == near((93, 78, 163, 178))


def test_a_box_is_left_out_where_a_digit_crosses_its_line() -> None:
    framed = marked(STROKE)
    framed[40:142, 60:62] = framed[40:142, 198:200] = 1
    framed[40:42, 60:200] = framed[140:142, 60:200] = 1
    assert boxes(framed)[0] == near(DIGIT_BOX)


def test_an_underline_is_left_out() -> None:
    lined = placed(two(100, 10), (SIDE, SIDE), (78, 93))
    lined[186:194, 60:200] = 1
    assert boxes(lined)[0] == near((93, 78, 163, 178))


@pytest.mark.parametrize("strength", [0.3, 0.6, 1])
@pytest.mark.parametrize("tilt", [0, 0.03])
@pytest.mark.parametrize("photograph", [False, True])
def test_ruled_lines_are_paper(strength: float, tilt: float, *, photograph: bool) -> None:
    rows, columns = np.mgrid[:300, :400]
    lines = (rows + tilt * columns) % 40 < 2
    ruled = np.maximum(placed(two(160, 20), (300, 400), (70, 140)), strength * lines)
    assert boxes(ruled, photograph=photograph)[0] == pytest.approx((140, 70, 252, 230), abs=8)


@pytest.mark.parametrize("desk", [50, 150, 250])
@pytest.mark.parametrize("margin", [6, 20, 50])
@pytest.mark.parametrize("noise", [0, 4])
def test_the_desk_around_a_sheet_is_no_ink(desk: float, margin: int, noise: float) -> None:
    light = np.full((300, 400), float(desk))
    light[margin:-margin, margin:-margin] = 210
    sheet = placed(two(100, 12), (300, 400), (100, 170))
    found = likeliest(photographed(sheet, light, noise=noise))
    assert found is not None
    assert found.dark
    assert found.box_in_image() == near((170, 100, 240, 200))


def test_faint_ink_that_joins_a_digit_is_left_out() -> None:
    digit = placed(two(100, 12), (SIDE, SIDE), (78, 93))
    stained = np.maximum(digit, 0.5 * ring(100, 6))
    stained[170:176, 150:240] = np.maximum(stained[170:176, 150:240], 0.5)
    assert boxes(stained)[0] == pytest.approx((93, 78, 163, 178), abs=4)
