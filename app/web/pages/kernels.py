"""A filter's kernel on its page: written out where it is small, drawn where it is not."""

from dataclasses import dataclass
from typing import Final

from app.core.geometry import near_square
from app.core.manifest import LayerInfo
from app.core.palettes import PaletteName, colours
from app.core.scaling import to_levels
from app.engine.protocol import Engine
from app.errors import UnknownLayerError
from app.service.catalogue import filter_of
from app.service.grids import Grid, GridOptions, kernel_grid
from app.web import urls
from app.web.pages import figures, wording
from app.web.pages.figures import Legend, Picture
from app.web.pages.subject import Subject

ZOOM: Final = 12
_BRIGHT: Final = 140  # luma above which dark text is read more easily


@dataclass(frozen=True)
class Weight:
    """One weight of a small kernel: its place, its colour, and the text on it."""

    x: int
    y: int
    colour: str
    text: str
    bright: bool


@dataclass(frozen=True)
class Kernel:
    """A filter's kernel.

    Attributes:
        picture: one map for each input channel.
        weights: every weight, where the layer is given one map only.
        legend: of the colours.
        rows: height of the kernel.
        columns: width of the kernel.
        side: both, as text.
        channels: number of maps that the layer is given, in words.
    """

    picture: Picture
    weights: tuple[Weight, ...]
    legend: Legend
    rows: int
    columns: int
    side: str
    channels: str


def filter_kernel_grid(engine: Engine, layer: LayerInfo, index: int, palette: PaletteName) -> Grid:
    """The grid of one filter's kernel, one map for each input channel.

    Raises:
        UnknownLayerError: the layer has no kernels.
        UnknownFilterError: the layer has no filter of that index.
    """
    filter_of(layer, index)
    if layer.kernel is None:
        raise UnknownLayerError(f"layer {layer.name} has no kernels; convolutions have")
    kernel = engine.weights[f"{layer.name}/kernel"][:, :, :, index : index + 1]
    columns = near_square(kernel.shape[2])
    return kernel_grid(kernel, GridOptions(palette=palette, zoom=ZOOM, columns=columns))


def kernel_of(subject: Subject, layer: LayerInfo, index: int) -> Kernel | None:
    """The kernel of a convolution's filter; nothing of other layers."""
    if layer.kernel is None:
        return None
    view = subject.view
    grid = filter_kernel_grid(subject.engine, layer, index, view.palette)
    address = urls.filter_kernel_png(view.network, layer.name, index)
    height, width, channels = grid.maps.shape
    return Kernel(
        picture=Picture(
            urls.with_query(address, {"palette": view.query["palette"]}),
            grid.geometry.width,
            grid.geometry.height,
        ),
        weights=_weights(grid) if channels == 1 else (),
        legend=figures.legend(grid),
        rows=height,
        columns=width,
        side=f"{height} {wording.TIMES} {width}",
        channels=wording.plural(channels, "map"),
    )


def _weights(grid: Grid) -> tuple[Weight, ...]:
    levels = to_levels(grid.maps, (grid.range,), centred=True)[0]
    table = colours(grid.options.palette, diverging=True)
    found = []
    for (y, x), level in zip(_places(levels.shape), levels.ravel(), strict=True):
        red, green, blue = (int(part) for part in table[level])
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        found.append(
            Weight(
                x=x,
                y=y,
                colour=f"#{red:02x}{green:02x}{blue:02x}",
                text=wording.number(float(grid.maps[y, x, 0])),
                bright=luma > _BRIGHT,
            )
        )
    return tuple(found)


def _places(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    return [(y, x) for y in range(shape[0]) for x in range(shape[1])]
