"""The page of the 2016 figures, corrected: four per block, and what was wrong then."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from skiplens.core import grid_image
from skiplens.core.block_metrics import cosine
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.core.value_range import Normalisation
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import Grid, LabelledKernelGrid, layer_grid
from skiplens.service.registry import find_layer
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages import figures, fmt
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import MapFigure, Picture, wider_pictures
from skiplens.web.pages.network_page import NetworkPage

_MAP_SIDES: Final = (60, 84, 112)  # pixels: usually, and on the wide screens
_KERNEL_ZOOMS: Final = (7, 10, 14)
_SCALES: Final = {
    Normalisation.BLOCK: "each block by itself",
    Normalisation.NETWORK: "the whole network",
}


@dataclass(frozen=True)
class ClassicBlock:
    """A block whose residual is one convolution, to which x is added unchanged."""

    block: BlockInfo
    convolution: LayerInfo


def classic_blocks(manifest: Manifest) -> tuple[ClassicBlock, ...]:
    """All blocks of a network if each is classic and their outputs have one shape; else none."""
    found = [
        ClassicBlock(block, convolution)
        for block in manifest.blocks
        if (convolution := _only_convolution(manifest, block)) is not None
    ]
    shapes = {find_layer(manifest, block.output).shape for block in manifest.blocks}
    return tuple(found) if len(found) == len(manifest.blocks) and len(shapes) == 1 else ()


def _only_convolution(manifest: Manifest, block: BlockInfo) -> LayerInfo | None:
    """The convolution of a classic block, else ``None``."""
    parts = {block.residual, block.sum, block.output}
    layers = [layer for layer in manifest.layers if layer.block == block.name]
    inner = [layer for layer in layers if layer.name not in parts]
    plainly_added = block.merge == "add" and block.identity == block.input
    return inner[0] if plainly_added and len(inner) == 1 and inner[0].kernel else None


def likeness_of_2016(forward: ForwardPass, block: BlockInfo) -> float | None:
    """Cosine of F(x) and what was drawn as the residual in 2016, -1..1; ``None`` in block 1.

    That was the sum of the previous block minus the sum of this one. Since ``x = ReLU(previous)``,
    it equals ``-F(x) + min(previous, 0)``.
    """
    before = next((other for other in forward.manifest.blocks if other.output == block.input), None)
    if before is None or before.sum is None or block.sum is None:
        return None
    maps = forward.activations
    drawn = maps[before.sum].astype(np.float64) - maps[block.sum]
    return cosine(drawn, maps[block.residual].astype(np.float64))


def classic_page(context: PageContext) -> NetworkPage:
    """The page; it is empty, and says so, if the network's blocks are not of that kind."""
    manifest = context.engine.manifest
    found = classic_blocks(manifest)
    network = Normalisation.NETWORK
    shared = network if context.links.normalize is network else Normalisation.BLOCK
    links = replace(context.links, normalize=shared)
    width = found[0].convolution.filters if found else 0
    values = {
        "blocks": tuple(_section(context, block, links) for block in found),
        "kernels": width * width,
        "scales": tuple(
            (text, replace(links, normalize=scale).classic(), scale is shared)
            for scale, text in _SCALES.items()
        ),
        "others": _elsewhere(context.services, links),
    }
    return NetworkPage(
        "classic.html",
        f"The 2016 figures · {manifest.title}",
        replace(context, links=links),
        address=Links.classic,
        values=values,
    )


def _section(
    context: PageContext, classic: ClassicBlock, links: Links
) -> tuple[str, tuple[MapFigure, ...], str | None]:
    """A block, its figures, and the cosine similarity of F(x) and its "residual" of 2016."""
    manifest, block = context.engine.manifest, classic.block
    likeness = likeness_of_2016(context.forward, block)
    layers = {layer.name: layer for layer in manifest.layers}
    return (
        block.name,
        (
            _maps(context, layers[block.residual], links, ("residual", "F(x)", "residual")),
            _kernels(context, classic.convolution, links),
            _maps(context, layers[str(block.sum)], links, ("pre-activation", "sum", "")),
            _maps(context, layers[block.output], links, ("activation", "output", "")),
        ),
        None if likeness is None else fmt.cosine(likeness),
    )


def _maps(
    context: PageContext, layer: LayerInfo, links: Links, names: tuple[str, str, str]
) -> MapFigure:
    def drawn(zoom: int) -> tuple[Grid, Picture]:
        options = replace(links.options, zoom=zoom)
        grid = layer_grid(context.forward, layer, tuple(range(layer.filters)), options)
        return grid, Picture.of(links.grid(layer.name, zoom=zoom), grid.layout)

    size = max(layer.shape[:2])
    zoom, *wider = (
        max(grid_image.MIN_ZOOM, min(side // size, grid_image.MAX_ZOOM)) for side in _MAP_SIDES
    )
    grid, picture = drawn(zoom)
    title, name, tone = names
    return MapFigure(
        name=name,
        meta=title,
        tone=tone,
        href=links.layer(layer.name),
        picture=picture,
        wider=wider_pictures(picture, wider, lambda zoom: drawn(zoom)[1]),
        alt=figures.alt_text(context.forward, layer, grid),
        legend=figures.legend(grid),
    )


def _kernels(context: PageContext, layer: LayerInfo, links: Links) -> MapFigure:
    kernel = context.engine.weights[f"{layer.name}/kernel"]

    def drawn(zoom: int) -> tuple[LabelledKernelGrid, Picture]:
        grid = LabelledKernelGrid.of(kernel, links.options.palette, zoom)
        address = links.kernels_png(layer.name, zoom=zoom, indices="true")
        return grid, Picture.of(address, grid.layout)

    usual, *wider = _KERNEL_ZOOMS
    grid, picture = drawn(usual)
    return MapFigure(
        name="kernels",
        meta="filters",
        href=links.layer(layer.name),
        picture=picture,
        wider=wider_pictures(picture, wider, lambda zoom: drawn(zoom)[1]),
        alt=f"All kernels of {layer.name}: one row for each of its "
        f"{fmt.pluralise(layer.filters, 'filter')}, one column for each input map",
        legend=figures.legend_of(grid.range, "signed", "one value range for all kernels"),
    )


def _elsewhere(services: Services, links: Links) -> tuple[tuple[str, str], ...]:
    return tuple(
        (manifest.title, links.with_network(manifest).classic())
        for manifest in services.registry.manifests.values()
        if classic_blocks(manifest)
    )
