"""Numbers as coloured squares."""

import numpy as np

from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.value_range import TOP_LEVEL
from skiplens.web.pages.figures import number_grid

VALUES = np.array([[0, 2], [-4, 4]], np.float32)


def test_each_number_stands_on_its_colour_of_the_palette() -> None:
    found = number_grid(VALUES, (-4.0, 4.0), PaletteName.DARK)
    assert (found.rows, found.columns, found.signed) == (2, 2, True)
    assert found.text == "0, 2.00, \N{MINUS SIGN}4.00, 4.00"
    table = colours(PaletteName.DARK, diverging=True)
    levels = [TOP_LEVEL // 2, 3 * TOP_LEVEL // 4, 0, TOP_LEVEL]
    assert [square.level for square in found.cells] == levels
    for square, level in zip(found.cells, levels, strict=True):
        assert square.colour == "#{:02x}{:02x}{:02x}".format(*table[level])
        assert square.bright == (table[level].mean() > 128)


def test_a_scale_from_zero_has_the_other_palette() -> None:
    found = number_grid(VALUES.clip(0), (0.0, 4.0), PaletteName.GREY)
    assert not found.signed
    assert found.cells[0].level == 0
    assert found.cells[3].colour == "#ffffff"


def test_what_is_not_there_has_no_colour() -> None:
    there = np.array([[True, False], [True, True]])
    found = number_grid(VALUES, (-4.0, 4.0), PaletteName.DARK, mask=there)
    assert [square.colour == "none" for square in found.cells] == [False, True, False, False]
    assert found.cells[1].text == "0"
