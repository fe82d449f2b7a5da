"""The pen: paths as text, and the ink they leave."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from scripts.pen import INK, MARGIN, PAPER, PIXELS_PER_UNIT, ink, parse
from scripts.strokes import Drawing, Hand

STEADY = Hand(width=10.0, slant=0.0, pressure=0.0, lift=1.0, wobble=0.0)
DOWN = Drawing(1, "bare", STEADY, ("50,0 50,100",))


def widths(sheet: NDArray[np.uint8]) -> list[int]:
    """Ink of each row that has some, in pixels, from top to bottom."""
    return [inked for inked in (sheet == INK).sum(axis=1).tolist() if inked]


def middle(sheet: NDArray[np.uint8], row: int) -> float:
    return float(np.flatnonzero(sheet[row] == INK).mean())


def test_a_corner_ends_one_run_and_starts_the_next() -> None:
    runs = parse("0,0 10,0^ 10,-5.5")
    assert [run.tolist() for run in runs] == [[[0, 0], [10, 0]], [[10, 0], [10, -5.5]]]


def test_a_line_has_the_width_of_the_pen_and_a_margin_around_it() -> None:
    sheet = ink(DOWN)
    assert set(np.unique(sheet)) == {INK, PAPER}
    assert abs(widths(sheet)[300] - 10 * PIXELS_PER_UNIT) <= 1
    rows, columns = np.nonzero(sheet == INK)
    radius = 5 * PIXELS_PER_UNIT
    assert rows.min() == columns.min() == MARGIN * PIXELS_PER_UNIT - radius
    assert abs(int(np.ptp(rows)) - (100 * PIXELS_PER_UNIT + 2 * radius)) <= 1


def test_a_slanted_hand_leans_to_the_right() -> None:
    sheet = ink(replace(DOWN, hand=replace(STEADY, slant=0.2)))
    top, foot = MARGIN * PIXELS_PER_UNIT, (MARGIN + 100) * PIXELS_PER_UNIT
    assert middle(sheet, top) - middle(sheet, foot) == pytest.approx(20 * PIXELS_PER_UNIT, abs=2)


def test_pressure_widens_a_downstroke_and_thins_an_upstroke() -> None:
    pressing = replace(STEADY, pressure=0.3)
    down = ink(replace(DOWN, hand=pressing))
    up = ink(replace(DOWN, hand=pressing, strokes=("50,100 50,0",)))
    assert widths(down)[300] == pytest.approx(13 * PIXELS_PER_UNIT, abs=2)
    assert widths(up)[300] == pytest.approx(7 * PIXELS_PER_UNIT, abs=2)


def test_a_lifted_stroke_ends_thin() -> None:
    sheet = ink(replace(DOWN, hand=replace(STEADY, lift=0.4)))
    assert widths(sheet)[-8 * PIXELS_PER_UNIT] < 0.8 * max(widths(sheet))


def test_a_wobbling_hand_strays_but_no_farther_than_it_may() -> None:
    plain, strayed = ink(DOWN), ink(replace(DOWN, hand=replace(STEADY, wobble=3.0)))
    centres = [middle(strayed, row) for row in range(200, 600, 10)]
    assert 1 < np.ptp(centres) <= 2 * 3.0 * PIXELS_PER_UNIT * 1.25
    assert np.ptp([middle(plain, row) for row in range(200, 600, 10)]) == 0


def test_a_curve_passes_through_its_points() -> None:
    arc = Drawing(0, "arc", replace(STEADY, width=2.0), ("0,0 40,30 10,60 30,100",))
    sheet = ink(arc)
    corner = MARGIN * PIXELS_PER_UNIT
    for x, y in ((0, 0), (40, 30), (10, 60), (30, 100)):
        around = sheet[
            corner + y * PIXELS_PER_UNIT - 9 : corner + y * PIXELS_PER_UNIT + 10,
            corner + x * PIXELS_PER_UNIT - 9 : corner + x * PIXELS_PER_UNIT + 10,
        ]
        assert INK in around


def test_a_style_has_a_tremble_of_its_own() -> None:
    trembling = replace(DOWN, hand=replace(STEADY, wobble=2.0))
    assert np.array_equal(ink(trembling), ink(trembling))
    assert not np.array_equal(ink(trembling), ink(replace(trembling, style="other")))
