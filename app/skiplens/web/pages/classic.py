"""The page of the pictures of 2016, put right: four of every block, and what was wrong then."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from skiplens.core import grid_image
from skiplens.core.manifest import LayerInfo
from skiplens.core.value_range import Normalisation
from skiplens.service.analysis import ClassicBlock, classic_blocks, likeness_of_2016
from skiplens.service.images import LabelledKernelGrid, layer_grid
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages import common, figures
from skiplens.web.pages import format as fmt
from skiplens.web.pages.common import DigitCard, ViewPage
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import Legend, Picture

_SIDE: Final = 84  # pixels that a map may take
_KERNEL_ZOOM: Final = 7
_SCALES: Final = {
    Normalisation.BLOCK: "each block by itself",
    Normalisation.NETWORK: "the whole network",
}


@dataclass(frozen=True)
class ClassicFigure:
    """One of a block's four pictures.

    Attributes:
        title: what it was called in 2016.
        symbol: what it is called here.
        tone: ``residual`` or nothing.
        href: the page of its layer.
        picture: the picture.
        alt: what it shows.
        legend: of its colours.
    """

    title: str
    symbol: str
    tone: str
    href: str
    picture: Picture
    alt: str
    legend: Legend


@dataclass(frozen=True)
class ClassicSection:
    """A block: its page, its four pictures, and how like F(x) its residual was drawn in 2016."""

    name: str
    href: str
    figures: tuple[ClassicFigure, ...]
    likeness: str | None


@dataclass(frozen=True)
class ClassicPage(ViewPage):
    """The pictures of 2016, or why this network has none.

    Attributes:
        digit: what the network is given.
        back: the gallery.
        blocks: in forward order; empty where the network's blocks are of another kind.
        kernels: of each block, all told.
        scales: what shares a scale: text, address, and whether it is what is shown.
        elsewhere: networks that have them: title and address.
    """

    template: ClassVar[str] = "classic.html"

    digit: DigitCard
    back: str
    blocks: tuple[ClassicSection, ...]
    kernels: int
    scales: tuple[tuple[str, str, bool], ...]
    elsewhere: tuple[tuple[str, str], ...]


def classic_page(context: PageContext) -> ClassicPage:
    """The page; a network whose blocks are of another kind has an empty one that says so."""
    manifest = context.engine.manifest
    found = classic_blocks(manifest)
    shared = Normalisation.NETWORK
    chosen = shared if context.view.normalize is shared else Normalisation.BLOCK
    view = replace(context.view, normalize=chosen)
    width = found[0].convolution.filters if found else 0
    return ClassicPage(
        title=f"The pictures of 2016 in {manifest.title}",
        **vars(common.shell(context.services, view)),
        digit=common.digit_card(context.stored),
        back=view.gallery(),
        blocks=tuple(_section(context, one, view) for one in found),
        kernels=width * width,
        scales=tuple(
            (text, replace(view, normalize=scale).classic(), scale is chosen)
            for scale, text in _SCALES.items()
        ),
        elsewhere=_elsewhere(context.services, view),
    )


def _section(context: PageContext, one: ClassicBlock, view: Links) -> ClassicSection:
    manifest, block = context.engine.manifest, one.block
    likeness = likeness_of_2016(context.forward, block)
    layers = {layer.name: layer for layer in manifest.layers}
    return ClassicSection(
        name=block.name,
        href=view.block(block.name),
        figures=(
            _maps(context, layers[block.residual], view, ("residual", "F(x)", "residual")),
            _kernels(context, one.convolution, view),
            _maps(context, layers[str(block.sum)], view, ("pre-activation", "sum", "")),
            _maps(context, layers[block.output], view, ("activation", "output", "")),
        ),
        likeness=None if likeness is None else fmt.cosine(likeness),
    )


def _maps(
    context: PageContext, layer: LayerInfo, view: Links, names: tuple[str, str, str]
) -> ClassicFigure:
    zoom = max(grid_image.MIN_ZOOM, min(_SIDE // max(layer.shape[:2]), grid_image.MAX_ZOOM))
    options = replace(view.options, zoom=zoom)
    grid = layer_grid(context.forward, layer, tuple(range(layer.filters)), options)
    return ClassicFigure(
        *names,
        href=view.layer(layer.name),
        picture=Picture(
            view.grid(layer.name, zoom=zoom), grid.geometry.width, grid.geometry.height
        ),
        alt=figures.alt_text(context.forward, layer, grid),
        legend=figures.legend(grid),
    )


def _kernels(context: PageContext, layer: LayerInfo, view: Links) -> ClassicFigure:
    kernel = context.engine.weights[f"{layer.name}/kernel"]
    drawing = LabelledKernelGrid.of(kernel, view.palette, _KERNEL_ZOOM)
    low, high = drawing.range
    address = view.kernels_png(layer.name, zoom=_KERNEL_ZOOM, indices="true")
    return ClassicFigure(
        title="filters",
        symbol="kernels",
        tone="",
        href=view.layer(layer.name),
        picture=Picture(address, drawing.geometry.width, drawing.geometry.height),
        alt=f"All kernels of {layer.name}: a row for each of its "
        f"{fmt.pluralise(layer.filters, 'filter')}, a column for each map that it is given",
        legend=Legend(
            fmt.number(low), True, fmt.number(high), "signed", "one scale for all kernels"
        ),
    )


def _elsewhere(services: Services, view: Links) -> tuple[tuple[str, str], ...]:
    return tuple(
        (engine.manifest.title, view.with_network(engine.manifest).classic())
        for engine in services.registry.networks
        if classic_blocks(engine.manifest)
    )
