"""All kernels of a convolution, each with its indices: row is filter, column is what it is given.

The picture that the API serves has no room for indices; this one is for looking a kernel up.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core import geometry, grid, numerals
from app.core.geometry import GAP, Geometry
from app.core.palettes import LABEL_LEVEL, PaletteName, colours
from app.core.scaling import to_levels

ZOOM: Final = 6


@dataclass(frozen=True, eq=False)
class IndexedKernels:
    """Kernels, ready to be drawn on one range, centred on zero.

    Attributes:
        kernel: float32 ``(h, w, in, out)``.
        geometry: where they lie, row by row; a filter's index stands left of its row.
        palette: its signed palette is used.
    """

    kernel: NDArray[np.float32]
    geometry: Geometry
    palette: PaletteName

    @classmethod
    def of(cls, kernel: NDArray[np.float32], palette: PaletteName) -> "IndexedKernels":
        """Lay kernels out."""
        height, width, channels, count = kernel.shape
        layout = geometry.lay_out_rows(count, channels, height, width, zoom=ZOOM)
        margin = len(str(count - 1)) * (numerals.WIDTH + 1) + GAP
        boxes = tuple((x + margin, *rest) for x, *rest in layout.boxes)
        return cls(
            kernel,
            replace(layout, width=layout.width + margin, boxes=boxes),  # type: ignore[arg-type]  # each still has four
            palette,
        )

    def png(self) -> bytes:
        """The picture."""
        height, width, channels, count = self.kernel.shape
        maps = self.kernel.transpose(0, 1, 3, 2).reshape(height, width, count * channels)
        reach = float(np.abs(maps).max())
        levels = to_levels(maps, ((-reach, reach),) * (count * channels), centred=True)
        indices = [*range(channels), *[None] * (channels * (count - 1))]
        drawn = grid.draw(levels, self.geometry, indices, [False] * len(levels))
        for row in range(count):
            _write(drawn, row, self.geometry.boxes[row * channels])
        return grid.encode(drawn, colours(self.palette, diverging=True))


def _write(drawn: NDArray[np.uint8], row: int, box: tuple[int, int, int, int]) -> None:
    """A row's index, to the left of its first kernel and level with its middle."""
    ink = numerals.draw(row)
    right, top = box[0] - GAP, box[1] + (box[3] - numerals.HEIGHT) // 2
    drawn[top : top + ink.shape[0], right - ink.shape[1] : right][ink] = LABEL_LEVEL
