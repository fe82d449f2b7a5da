"""Strokes as an image: dots, lines, joints, the eraser, what they are drawn over."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageDraw

from skiplens.core.drawing import PAPER_SIDE as SIDE
from skiplens.core.drawing import Point, Stroke, blank_paper, draw_over, draw_strokes

WIDTH = 0.1
ZIGZAG: tuple[Point, ...] = ((0.2, 0.2, 0.06), (0.8, 0.3, 0.06), (0.3, 0.7, 0.09), (0.8, 0.8, 0.12))


def line(*points: tuple[float, float], width: float = WIDTH, erase: bool = False) -> Stroke:
    return Stroke([(x, y, width) for x, y in points], erase)


def ink(image: NDArray[np.uint8]) -> float:
    """Area of the ink as a share of the square."""
    return float(image.mean() / 255)


def test_a_single_point_is_a_disc_of_its_width() -> None:
    image = draw_strokes([line((0.25, 0.75), width=0.2)])
    assert image.shape == (SIDE, SIDE)
    assert image.dtype == np.uint8
    assert ink(image) == pytest.approx(np.pi * 0.1**2, rel=0.05)
    rows, columns = np.nonzero(image)
    assert (rows.mean() / SIDE, columns.mean() / SIDE) == pytest.approx((0.75, 0.25), abs=0.01)


@pytest.mark.parametrize("width", [0.04, 0.09, 0.16])
def test_a_line_is_as_wide_as_its_points_say(width: float) -> None:
    image = draw_strokes([line((0.2, 0.5), (0.5, 0.5), (0.8, 0.5), width=width)])
    across = image[:, SIDE // 4 : -SIDE // 4] / 255
    np.testing.assert_allclose(across.sum(axis=0) / SIDE, width, atol=1.2 / SIDE)


def test_a_line_without_width_is_still_seen() -> None:
    image = draw_strokes([line((0.2, 0.5), (0.8, 0.5), width=0)])
    assert (image[:, SIDE // 4 : -SIDE // 4].max(axis=0) > 0).all()


def test_pressure_makes_a_line_wider_along_its_way() -> None:
    image = draw_strokes([Stroke([(0.1, 0.5, 0.04), (0.5, 0.5, 0.1), (0.9, 0.5, 0.16)])])
    across = (image / 255).sum(axis=0)[SIDE // 8 : -SIDE // 8]
    assert (np.diff(across[::8]) > 0).all()


def test_a_line_turns_at_a_point_without_a_corner() -> None:
    """Its middle line has no jump in direction: a curve leads past the point, not through it."""
    image = draw_strokes([line((0.2, 0.8), (0.5, 0.2), (0.8, 0.8), width=0.05)])
    tops = (image > 127).argmax(axis=0)[round(0.3 * SIDE) : round(0.7 * SIDE)].astype(float)
    steps = np.convolve(np.diff(tops), np.ones(5) / 5, "valid")
    assert np.abs(np.diff(steps)).max() < 0.5
    assert tops.min() > 0.3 * SIDE


def test_a_line_has_no_gaps_however_far_its_points_are_apart() -> None:
    image = draw_strokes([line((0.0, 0.0), (1.0, 1.0), width=0.03)])
    assert (np.diagonal(image)[2:-2] == 255).all()


def test_an_eraser_takes_ink_away_and_a_later_stroke_puts_it_back() -> None:
    across, down = line((0.1, 0.5), (0.9, 0.5)), ((0.5, 0.1), (0.5, 0.9))
    erased = draw_strokes([across, line(*down, erase=True)])
    middle = SIDE // 2
    assert erased[middle, middle] == 0
    assert erased[middle, SIDE // 4] == 255
    assert draw_strokes([across, line(*down, erase=True), line(*down)])[middle, middle] == 255


def test_over_a_digit_its_ink_stays_where_nothing_is_drawn() -> None:
    under = np.zeros((28, 28), np.uint8)
    under[6:22, 7:21] = 200
    enlarged = draw_strokes([], under)
    assert enlarged.shape == (SIDE, SIDE)
    assert enlarged[SIDE // 2, SIDE // 2] == 200
    assert ink(enlarged) == pytest.approx(float(under.mean()) / 255, rel=0.05)
    erased = draw_strokes([line((0.5, 0.5), width=0.2, erase=True)], under)
    assert erased[SIDE // 2, SIDE // 2] == 0
    assert erased[round(0.3 * SIDE), round(0.3 * SIDE)] == 200


@pytest.mark.parametrize("place", [(-1.0, 0.5), (2.0, 2.0), (0.5, -1.0)])
def test_what_is_outside_leaves_no_ink(place: tuple[float, float]) -> None:
    assert not draw_strokes([line(place)]).any()


def test_a_line_that_leaves_the_square_is_cut_at_its_edge() -> None:
    image = draw_strokes([line((0.5, 0.5), (2.0, 0.5))])
    assert image[SIDE // 2, -1] == 255
    assert not image[:, : SIDE // 4].any()


def test_the_same_strokes_give_the_same_bytes() -> None:
    strokes = [Stroke(ZIGZAG), line((0.5, 0.5), erase=True)]
    assert draw_strokes(strokes).tobytes() == draw_strokes(strokes).tobytes()


def test_no_strokes_are_a_black_square() -> None:
    assert not draw_strokes([]).any()


def test_strokes_without_end_are_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    discs = [0]
    drawn = ImageDraw.ImageDraw.ellipse

    def ellipse(pen: ImageDraw.ImageDraw, *given: Any) -> None:  # noqa: ANN401
        discs[0] += 1
        drawn(pen, *given)

    monkeypatch.setattr(ImageDraw.ImageDraw, "ellipse", ellipse)
    there_and_back = line(*[(0, 0), (1, 1)] * 50, width=0)
    assert draw_strokes([there_and_back] * 500).any()
    assert discs[0] <= 20_000 + 500 * (100 + 1)


def test_a_line_that_is_drawn_too_often_for_all_of_its_discs_is_still_a_line() -> None:
    across = line((0.1, 0.5), (0.5, 0.5), (0.9, 0.5), width=0.05)
    assert ink(draw_strokes([across] * 600)) == pytest.approx(ink(draw_strokes([across])), rel=0.1)


def test_over_an_image_strokes_have_colours_and_an_eraser_takes_them_alone_away() -> None:
    image = np.full((30, 40, 3), (10, 20, 30), np.uint8)
    across = [(0.1, 0.3, 0.2), (0.9, 0.3, 0.2)]
    drawn = draw_over([Stroke(across, colour="#ff0000")], image)
    assert drawn.shape == image.shape
    assert drawn[12, 20].tolist() == [255, 0, 0]
    assert drawn[25, 20].tolist() == [10, 20, 30]
    erased = draw_over([Stroke(across, colour="#ff0000"), Stroke(across, erase=True)], image)
    np.testing.assert_array_equal(erased, image)


@pytest.mark.parametrize(("channels", "paper", "ink"), [(1, 0, 255), (3, 255, 0)])
def test_a_pen_without_a_colour_is_seen_on_blank_paper(channels: int, paper: int, ink: int) -> None:
    blank = blank_paper((20, 20, channels))
    drawn = draw_over([Stroke([(0.5, 0.5, 0.4)])], blank)
    assert (blank == paper).all()
    assert (drawn[10, 10] == ink).all()
    assert drawn.dtype == np.uint8


def test_strokes_over_a_large_image_are_drawn_small_and_the_image_stays_sharp() -> None:
    image = np.random.default_rng(1).integers(0, 256, (1200, 900, 3), np.uint8)
    drawn = draw_over([Stroke([(0.1, 0.1, 0.05)], colour="#00ff00")], image)
    assert drawn[120, 120].tolist() == [0, 255, 0]
    np.testing.assert_array_equal(drawn[600:], image[600:])
