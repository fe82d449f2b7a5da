"""Numerals of 3 by 5 pixels, for the indices beside the maps of a grid."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

HEIGHT: Final = 5
WIDTH: Final = 3

_ROWS: Final = {
    "0": "### #.# #.# #.# ###",
    "1": ".#. ##. .#. .#. ###",
    "2": "### ..# ### #.. ###",
    "3": "### ..# .## ..# ###",
    "4": "#.# #.# ### ..# ..#",
    "5": "### #.. ### ..# ###",
    "6": "### #.. ### #.# ###",
    "7": "### ..# .#. .#. .#.",
    "8": "### #.# ### #.# ###",
    "9": "### #.# ### ..# ###",
}
_GLYPHS: Final = {
    numeral: np.array([[pixel == "#" for pixel in row] for row in rows.split()])
    for numeral, rows in _ROWS.items()
}


def draw(number: int) -> NDArray[np.bool_]:
    """The number's pixels, ``(5, 4 * numerals - 1)``, true where there is ink."""
    glyphs = [_GLYPHS[numeral] for numeral in str(number)]
    picture = np.zeros((HEIGHT, (WIDTH + 1) * len(glyphs) - 1), np.bool_)
    for at, glyph in enumerate(glyphs):
        picture[:, at * (WIDTH + 1) : at * (WIDTH + 1) + WIDTH] = glyph
    return picture
