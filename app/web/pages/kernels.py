"""A filter's kernel on its page: written out where it is small, drawn where it is not."""

from dataclasses import dataclass
from typing import Final

from app.core.geometry import near_square
from app.core.manifest import LayerInfo
from app.core.palettes import PaletteName
from app.engine.protocol import Engine
from app.errors import UnknownLayerError
from app.service.catalogue import filter_of
from app.service.grids import Grid, GridOptions, kernel_grid
from app.web.pages import figures, wording
from app.web.pages.figures import Legend, Picture
from app.web.pages.subject import Subject
from app.web.pages.swatches import Swatches, swatches

ZOOM: Final = 12


@dataclass(frozen=True)
class Kernel:
    """A filter's kernel.

    Attributes:
        picture: one map for each input channel.
        weights: written out, where the layer is given one map only.
        legend: of the colours.
        side: both, as text.
        channels: number of maps that the layer is given, in words.
    """

    picture: Picture
    weights: Swatches | None
    legend: Legend
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
    height, width, channels = grid.maps.shape
    return Kernel(
        picture=Picture(
            view.kernel_png(layer.name, index), grid.geometry.width, grid.geometry.height
        ),
        weights=swatches(grid.maps[:, :, 0], grid.range, view.palette) if channels == 1 else None,
        legend=figures.legend(grid),
        side=f"{height} {wording.TIMES} {width}",
        channels=wording.plural(channels, "map"),
    )
