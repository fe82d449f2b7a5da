"""All kernels of a convolution, each with its indices: row is filter, column is what it is given.

The picture of kernels alone is the denser one; this one is for looking a kernel up.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.core import geometry, grid, numerals
from app.core.geometry import GAP, Geometry
from app.core.palettes import LABEL_LEVEL, PaletteName, colours
from app.core.scaling import Range, to_levels
from app.service.bounds import bounded
from app.service.grids import KERNEL_ZOOM


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

    @property
    def range(self) -> Range:
        """The values at the ends of the palette."""
        reach = float(np.abs(self.kernel).max())
        return -reach, reach

    @classmethod
    def of(
        cls, kernel: NDArray[np.float32], palette: PaletteName, zoom: int = KERNEL_ZOOM
    ) -> "IndexedKernels":
        """Lay kernels out.

        Raises:
            InvalidParameterError: the picture would have more than 16 million pixels.
        """
        height, width, channels, count = kernel.shape
        layout = geometry.lay_out_rows(count, channels, height, width, zoom=zoom)
        margin = len(str(count - 1)) * (numerals.WIDTH + 1) + GAP
        boxes = tuple((x + margin, y, across, down) for x, y, across, down in layout.boxes)
        return cls(
            kernel,
            bounded(replace(layout, width=layout.width + margin, boxes=boxes)),
            palette,
        )

    def png(self) -> bytes:
        """The picture."""
        height, width, channels, count = self.kernel.shape
        maps = self.kernel.transpose(0, 1, 3, 2).reshape(height, width, count * channels)
        levels = to_levels(maps, (self.range,) * (count * channels), centred=True)
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
