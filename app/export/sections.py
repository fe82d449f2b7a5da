"""The parts of the exported page: a layer, and a block with its strip, its parts and kernels."""

from dataclasses import dataclass
from typing import Final

from app.core.figures import BlockFigures
from app.core.manifest import BlockInfo, LayerInfo
from app.export.exhibit import Exhibit
from app.export.pictures import (
    Drawing,
    Pictures,
    indexed_kernels_path,
    kernels_path,
    layer_path,
    part_path,
)
from app.service.blocks import figures
from app.web.pages import explanations, strips, symbols, wording
from app.web.pages.figures import Legend, Picture, alt_text, legend, matrix_legend
from app.web.pages.symbols import Symbols

_WORDS: Final = {
    "x": "what the block is given",
    "projected x": "what the block is given, in the shape of F(x)",
    "F(x)": "the residual: what the block adds",
    "gated F(x)": "the residual: what the block works out, before the gate weighs it",
    "gate": "T(x): the share of F(x) that is taken",
    "sum": "the pre-activation: both together",
    "output": "the activation: what the block hands on",
}
_INDEXED: Final = "a row for each filter, a column for each map that it is given, with indices"


@dataclass(frozen=True)
class Figure:
    """A picture with its name.

    Attributes:
        name: of the layer, or the role in the block.
        tone: ``identity``, ``residual`` or nothing.
        words: what it shows, in a phrase or a sentence.
        meta: kind and shape; nothing of parts and kernels.
        picture: the picture.
        alt: what it shows, for people who do not see it.
        legend: of its colours; nothing where a block's one holds for it.
    """

    name: str
    tone: str
    words: str
    meta: str
    picture: Picture
    alt: str
    legend: Legend | None


@dataclass(frozen=True)
class BlockSection:
    """A block.

    Attributes:
        name: of the block.
        figures: in numbers.
        residual: whether it has an identity path.
        symbols: what the two that are added are called.
        strip: its parts as rows.
        strip_alt: what the strip shows.
        legend: of the strip and the parts.
        parts: each part as a grid.
        kernels: of its convolutions, with indices.
        layers: every layer, each on the scale that was asked for.
    """

    name: str
    figures: BlockFigures
    residual: bool
    symbols: Symbols
    strip: Picture
    strip_alt: str
    legend: Legend
    parts: tuple[Figure, ...]
    kernels: tuple[Figure, ...]
    layers: tuple[Figure, ...]


def place_figures(exhibit: Exhibit, pictures: Pictures, place: str) -> tuple[Figure, ...]:
    """The layers of the stem, the head, or a block."""
    layers = exhibit.engine.manifest.layers
    return tuple(_layer(exhibit, pictures, one) for one in layers if one.place == place)


def kernel_figures(pictures: Pictures) -> tuple[Figure, ...]:
    """The kernels of every convolution."""
    return tuple(
        _plain(name, "", kernels_path(name), drawing, f"Every kernel of {name}")
        for name, drawing in pictures.kernels.items()
    )


def block_sections(exhibit: Exhibit, pictures: Pictures) -> tuple[BlockSection, ...]:
    """Every block, in forward order."""
    blocks = zip(exhibit.engine.manifest.blocks, figures(exhibit.examination), strict=True)
    return tuple(_block(exhibit, pictures, block, one) for block, one in blocks)


def _block(
    exhibit: Exhibit, pictures: Pictures, block: BlockInfo, numbers: BlockFigures
) -> BlockSection:
    drawn, name = pictures.blocks[block.name], block.name
    roles = wording.listed(list(drawn.parts))
    return BlockSection(
        name=name,
        figures=numbers,
        residual=block.identity is not None,
        symbols=symbols.of_block(block),
        strip=_picture(part_path(name, "strip"), drawn.strip),
        strip_alt=f"{roles} of {name} as rows, one column for each filter, on one scale",
        legend=matrix_legend(drawn.strip),
        parts=tuple(
            _plain(role, _words(block, role), part_path(name, role), grid, f"{role} of {name}")
            for role, grid in drawn.parts.items()
        ),
        kernels=tuple(
            _plain(layer, _INDEXED, indexed_kernels_path(name, layer), one, f"Kernels of {layer}")
            for layer, one in drawn.kernels.items()
        ),
        layers=place_figures(exhibit, pictures, name),
    )


def _words(block: BlockInfo, role: str) -> str:
    return _WORDS.get(f"gated {role}" if block.gate else role, _WORDS[role])


def _layer(exhibit: Exhibit, pictures: Pictures, layer: LayerInfo) -> Figure:
    grid = pictures.layers[layer.name]
    return Figure(
        name=layer.name,
        tone=explanations.tone(layer),
        words=explanations.of_layer(exhibit.engine.manifest, layer),
        meta=f"{layer.kind}, {wording.shape(*layer.shape)}",
        picture=_picture(layer_path(layer.name), grid),
        alt=alt_text(exhibit.examination, layer, grid),
        legend=legend(grid),
    )


def _plain(name: str, words: str, path: str, drawing: Drawing, alt: str) -> Figure:
    return Figure(name, strips.tone(name), words, "", _picture(path, drawing), alt, None)


def _picture(path: str, drawing: Drawing) -> Picture:
    return Picture(path, drawing.geometry.width, drawing.geometry.height)
