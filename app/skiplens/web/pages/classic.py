"""The page of the 2016 figures, corrected: four per block, and what was wrong then."""

from dataclasses import replace
from typing import Final

from skiplens.core import grid_image
from skiplens.core.manifest import LayerInfo
from skiplens.core.value_range import Normalisation
from skiplens.service.analysis import ClassicBlock, classic_blocks, likeness_of_2016
from skiplens.service.images import LabelledKernelGrid, layer_grid
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages import figures
from skiplens.web.pages import format as fmt
from skiplens.web.pages.common import ViewPage
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import MapFigure, Picture

_MAP_SIDE: Final = 60  # pixels
_KERNEL_ZOOM: Final = 7
_SCALES: Final = {
    Normalisation.BLOCK: "each block by itself",
    Normalisation.NETWORK: "the whole network",
}


def classic_page(context: PageContext) -> ViewPage:
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
    return ViewPage(
        "classic.html",
        f"The 2016 figures in {manifest.title}",
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
    zoom = max(grid_image.MIN_ZOOM, min(_MAP_SIDE // max(layer.shape[:2]), grid_image.MAX_ZOOM))
    options = replace(links.options, zoom=zoom)
    grid = layer_grid(context.forward, layer, tuple(range(layer.filters)), options)
    title, name, tone = names
    return MapFigure(
        name=name,
        meta=title,
        tone=tone,
        href=links.layer(layer.name),
        picture=Picture.of(links.grid(layer.name, zoom=zoom), grid.geometry),
        alt=figures.alt_text(context.forward, layer, grid),
        legend=figures.legend(grid),
    )


def _kernels(context: PageContext, layer: LayerInfo, links: Links) -> MapFigure:
    kernel = context.engine.weights[f"{layer.name}/kernel"]
    grid = LabelledKernelGrid.of(kernel, links.palette, _KERNEL_ZOOM)
    address = links.kernels_png(layer.name, zoom=_KERNEL_ZOOM, indices="true")
    return MapFigure(
        name="kernels",
        meta="filters",
        href=links.layer(layer.name),
        picture=Picture.of(address, grid.geometry),
        alt=f"All kernels of {layer.name}: one row for each of its "
        f"{fmt.pluralise(layer.filters, 'filter')}, one column for each input map",
        legend=figures.legend_of(grid.range, "signed", "one value range for all kernels"),
    )


def _elsewhere(services: Services, links: Links) -> tuple[tuple[str, str], ...]:
    return tuple(
        (engine.manifest.title, links.with_network(engine.manifest).classic())
        for engine in services.registry.networks
        if classic_blocks(engine.manifest)
    )
