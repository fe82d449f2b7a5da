"""Every picture of an exhibit, by its path in the folder; drawn only when asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from app.core.geometry import Geometry
from app.core.manifest import BlockInfo
from app.export.exhibit import Exhibit
from app.service.grids import Grid, GridOptions, grid_of, kernel_grid, layer_grid
from app.service.kernels import IndexedKernels
from app.service.matrices import Matrix, block_strip

_FILES: Final = {"projected x": "x", "F(x)": "residual"}


class Drawing(Protocol):
    """Something that can be drawn."""

    @property
    def geometry(self) -> Geometry:
        """Its size and where its maps lie."""

    def png(self) -> bytes:
        """The picture."""


@dataclass(frozen=True)
class BlockPictures:
    """A block.

    Attributes:
        strip: x, F(x), sum and output as rows, on one range.
        parts: each of the rows as a grid, on the same range, by role.
        kernels: of its convolutions, with indices, by layer.
    """

    strip: Matrix
    parts: Mapping[str, Grid]
    kernels: Mapping[str, IndexedKernels]


@dataclass(frozen=True)
class Pictures:
    """All pictures: grids and kernels by layer, and blocks by name."""

    layers: Mapping[str, Grid]
    kernels: Mapping[str, Grid]
    blocks: Mapping[str, BlockPictures]

    def by_path(self) -> dict[str, Drawing]:
        """Every picture by its path in the folder."""
        found: dict[str, Drawing] = {}
        found |= {layer_path(name): grid for name, grid in self.layers.items()}
        found |= {kernels_path(name): grid for name, grid in self.kernels.items()}
        for name, block in self.blocks.items():
            found[part_path(name, "strip")] = block.strip
            found |= {part_path(name, role): grid for role, grid in block.parts.items()}
            found |= {
                indexed_kernels_path(name, layer): drawing
                for layer, drawing in block.kernels.items()
            }
        return found


def layer_path(layer: str) -> str:
    """Where a layer's grid lies."""
    return f"layers/{layer}.png"


def kernels_path(layer: str) -> str:
    """Where a convolution's kernels lie."""
    return f"kernels/{layer}.png"


def part_path(block: str, role: str) -> str:
    """Where a block's strip, or one of its parts, lies."""
    return f"blocks/{block}/{_FILES.get(role, role)}.png"


def indexed_kernels_path(block: str, layer: str) -> str:
    """Where the kernels of one of a block's convolutions lie, with indices."""
    return f"blocks/{block}/kernels.{layer.removeprefix(f'{block}.')}.png"


def draw(exhibit: Exhibit) -> Pictures:
    """Lay every picture out."""
    manifest, weights = exhibit.engine.manifest, exhibit.engine.weights
    options = GridOptions(palette=exhibit.options.palette)
    return Pictures(
        layers={
            layer.name: layer_grid(
                exhibit.examination, layer, tuple(range(layer.filters)), exhibit.options
            )
            for layer in manifest.layers
        },
        kernels={
            layer.name: kernel_grid(weights[f"{layer.name}/kernel"], options)
            for layer in manifest.layers
            if layer.kernel
        },
        blocks={block.name: _block(exhibit, block, options) for block in manifest.blocks},
    )


def _block(exhibit: Exhibit, block: BlockInfo, options: GridOptions) -> BlockPictures:
    strip = block_strip(exhibit.examination, block, options.palette)
    weights = exhibit.engine.weights
    return BlockPictures(
        strip,
        {
            row.role: grid_of(maps, (row.range,) * maps.shape[-1], options, diverging=True)
            for row, maps in zip(strip.rows, strip.maps, strict=True)
        },
        {
            layer.name: IndexedKernels.of(weights[f"{layer.name}/kernel"], options.palette)
            for layer in exhibit.engine.manifest.layers
            if layer.kernel and layer.block == block.name
        },
    )
