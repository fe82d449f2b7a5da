"""Numbers as coloured squares with the number written on each: kernels, patches, products."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.palettes import PaletteName, colours
from app.core.scaling import Range, to_levels
from app.web.pages import wording

_BRIGHT: Final = 140  # luma above which dark text is read more easily


@dataclass(frozen=True)
class Swatch:
    """One number.

    Attributes:
        x: column.
        y: row.
        level: of the palette.
        colour: as SVG takes it; ``none`` for what is not there.
        text: the number.
        bright: whether dark text is read more easily on it.
    """

    x: int
    y: int
    level: int
    colour: str
    text: str
    bright: bool


@dataclass(frozen=True)
class Swatches:
    """A small array as coloured squares.

    Attributes:
        rows: height.
        columns: width.
        squares: row by row.
        signed: whether the signed palette is used.
        pinned: whether it stays as it is when the page takes another palette.
        text: every number, row by row.
    """

    rows: int
    columns: int
    squares: tuple[Swatch, ...]
    signed: bool
    pinned: bool

    @property
    def text(self) -> str:
        """Every number, row by row."""
        return ", ".join(square.text for square in self.squares)


def swatches(
    values: NDArray[np.floating],
    scale: Range,
    palette: PaletteName,
    *,
    there: NDArray[np.bool_] | None = None,
    pinned: bool = False,
) -> Swatches:
    """An array as coloured squares.

    Args:
        values: ``(H, W)``.
        scale: values at the ends of the palette; the signed one where the lower is below zero.
        palette: which pair of palettes.
        there: bool ``(H, W)``, which of the values exist; all by default.
        pinned: whether the palette is another than the page's.
    """
    centred = scale[0] < 0
    maps = np.asarray(values, np.float32)[:, :, None]
    levels = to_levels(maps, (scale,), centred=centred)[0]
    table = colours(palette, diverging=centred)
    height, width = values.shape
    texts = wording.aligned(maps.ravel().tolist())
    return Swatches(
        height,
        width,
        tuple(
            _swatch(x, y, int(levels[y, x]), table, texts[y * width + x])
            if there is None or there[y, x]
            else Swatch(x, y, 0, "none", "0", bright=False)
            for y in range(height)
            for x in range(width)
        ),
        signed=centred,
        pinned=pinned,
    )


def _swatch(x: int, y: int, level: int, table: NDArray[np.uint8], text: str) -> Swatch:
    red, green, blue = (int(part) for part in table[level])
    # Luma, as ITU-R BT.601 weighs the primaries.
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > _BRIGHT
    return Swatch(x, y, level, f"#{red:02x}{green:02x}{blue:02x}", text, bright)
