"""Matrices of maps: one row a layer, one column a filter, one range for all.

The strip of a block is one (x, F(x), sum, output), and a filter followed through the depth another.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core import geometry, grid
from app.core.geometry import Geometry
from app.core.manifest import BlockInfo, LayerInfo, Manifest
from app.core.palettes import PaletteName, colours
from app.core.scaling import Range, to_levels
from app.core.stages import stage
from app.errors import InvalidParameterError
from app.service.catalogue import layer_of
from app.service.examination import Examination

Array = NDArray[np.float32]

_COMFORTABLE_WIDTH: Final = 960
_GATE_RANGE: Final = (-1.0, 1.0)  # a gate lies in 0..1: the upper half of the palette
STREAM_ROLES: Final = ("output", "residual", "sum", "gate")


@dataclass(frozen=True)
class Row:
    """One row of a matrix.

    Attributes:
        role: what its maps are: ``x``, ``projected x``, ``F(x)``, ``gate``, ``sum``, ``output``.
        layer: the layer they come from.
        range: the values at the ends of the palette.
    """

    role: str
    layer: LayerInfo
    range: Range


@dataclass(frozen=True, eq=False)
class Matrix:
    """A matrix, ready to be stated or drawn.

    Attributes:
        rows: top to bottom.
        geometry: where the maps lie, row by row.
        maps: float32 ``(H, W, C)`` of each row.
        palette: its signed palette is used.
    """

    rows: tuple[Row, ...]
    geometry: Geometry
    maps: tuple[Array, ...]
    palette: PaletteName

    @property
    def range(self) -> Range:
        """The one range that all rows but a gate share."""
        return next(row.range for row in self.rows if row.role != "gate")

    def png(self) -> bytes:
        """The picture; maps of one value alone are framed."""
        filters = self.geometry.columns
        with stage("render"):
            levels = np.concatenate(
                [
                    to_levels(maps, (row.range,) * filters, centred=True)
                    for row, maps in zip(self.rows, self.maps, strict=True)
                ]
            )
            flat = [maps.reshape(-1, filters) for maps in self.maps]
            flagged = np.concatenate([one.min(axis=0) == one.max(axis=0) for one in flat])
            indices = [*range(filters), *[None] * (filters * (len(self.rows) - 1))]
            drawn = grid.draw(levels, self.geometry, indices, flagged.tolist())
        with stage("encode"):
            return grid.encode(drawn, colours(self.palette, diverging=True))


def block_strip(
    examination: Examination, block: BlockInfo, palette: PaletteName, zoom: int | None = None
) -> Matrix:
    """The strip of a block: x, F(x), sum and output, and a highway's gate, on one range.

    Where the block changes shape, the first row is the projected x. A block without an identity
    path has F(x) and output alone.
    """
    named = {
        "x" if block.identity == block.input else "projected x": block.identity,
        "F(x)": block.residual,
        "gate": block.gate,
        "sum": block.sum,
        "output": block.output,
    }
    layers = {role: name for role, name in named.items() if name is not None}
    return _matrix(examination, layers.items(), palette, zoom)


def streams(manifest: Manifest) -> tuple[tuple[BlockInfo, ...], ...]:
    """Runs of blocks whose outputs have one shape, so that a filter's index can be followed."""
    runs: list[list[BlockInfo]] = []
    shape = None
    for block in manifest.blocks:
        here = layer_of(manifest, block.output).shape
        if here != shape:
            runs.append([])
        runs[-1].append(block)
        shape = here
    return tuple(tuple(run) for run in runs)


def stream_matrix(
    examination: Examination, stream: int, role: str, palette: PaletteName, zoom: int | None = None
) -> Matrix:
    """One filter through the depth: a row a block, a column a filter.

    Args:
        examination: of the digit.
        stream: which run of :func:`streams`, counted from 1.
        role: ``output``, ``residual``, ``sum`` or ``gate``.
        palette: its signed palette is used.
        zoom: pixels a value.

    Raises:
        InvalidParameterError: the network has no such stream, or its blocks no such part.
    """
    runs = streams(examination.manifest)
    if not 1 <= stream <= len(runs):
        raise InvalidParameterError(f"stream must be 1 to {len(runs)}; got {stream}")
    parts = [(block.name, getattr(block, role)) for block in runs[stream - 1]]
    if any(layer is None for _, layer in parts):
        raise InvalidParameterError(
            f"role {role} is not to be had: blocks of network {examination.manifest.id} have none"
        )
    return _matrix(examination, parts, palette, zoom)


def _matrix(
    examination: Examination,
    parts: Iterable[tuple[str, str]],
    palette: PaletteName,
    zoom: int | None,
) -> Matrix:
    pairs = list(parts)
    layers = [layer_of(examination.manifest, name) for _, name in pairs]
    maps = tuple(examination.maps(layer) for layer in layers)
    values = [one for one, layer in zip(maps, layers, strict=True) if layer.role != "gate"] or list(
        maps
    )
    reach = max(float(np.abs(one).max()) for one in values)
    rows = tuple(
        Row(role, layer, _GATE_RANGE if layer.role == "gate" else (-reach, reach))
        for (role, _), layer in zip(pairs, layers, strict=True)
    )
    height, width, filters = layers[0].shape
    chosen = zoom or _comfortable_zoom(height, width, filters)
    layout = geometry.lay_out_rows(len(rows), filters, height, width, zoom=chosen)
    return Matrix(rows, layout, maps, palette)


def _comfortable_zoom(height: int, width: int, filters: int) -> int:
    fitting = _COMFORTABLE_WIDTH // (filters * width)
    return max(geometry.MIN_ZOOM, min(geometry.comfortable_zoom(height, width), fitting))
