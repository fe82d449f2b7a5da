"""A layer's grid on a page: the picture, its legend, and what to say about it."""

from dataclasses import dataclass
from typing import Final

from app.core import geometry
from app.core.geometry import Geometry
from app.core.manifest import LayerInfo
from app.core.palettes import colours
from app.core.scaling import TOP_LEVEL, Normalisation, Range
from app.service.examination import Examination
from app.service.grids import Grid, layer_grid
from app.service.matrices import Matrix
from app.web.pages import explanations, wording
from app.web.pages.plates import Plate, plate
from app.web.pages.view import View

SLIM_WIDTH: Final = 300  # pixels that a grid may take beside the rail on the narrowest screen
RAMP_STOPS: Final = 21


@dataclass(frozen=True)
class Picture:
    """A picture and its size in CSS pixels."""

    src: str
    width: int
    height: int


@dataclass(frozen=True)
class ZoomedPicture(Picture):
    """A picture of maps, with the pixels along a side of one value."""

    zoom: int

    @classmethod
    def of(cls, src: str, layout: Geometry) -> "ZoomedPicture":
        """A picture that is laid out so."""
        return cls(src, layout.width, layout.height, layout.zoom)


@dataclass(frozen=True)
class Legend:
    """What the colours of a grid stand for.

    Attributes:
        low: value at the lower end, as text.
        zero: whether zero is in the middle of the ramp.
        high: value at the upper end, as text.
        ramp: ``signed`` or ``positive``.
        sharing: what shares the scale.
    """

    low: str
    zero: bool
    high: str
    ramp: str
    sharing: str


@dataclass(frozen=True)
class LayerFigure:
    """A layer in the gallery.

    Attributes:
        name: of the layer.
        symbol: what it is to its block, if that has a symbol.
        tone: ``identity``, ``residual`` or nothing.
        kind: class or operation.
        shape: as text.
        href: the layer's page.
        plate: the grid as a script finds it.
        picture: the grid.
        slim: the same for narrow screens.
        alt: what the grid shows.
        legend: of its colours.
        note: about silent filters, or that the layer is switched off.
    """

    name: str
    symbol: str | None
    tone: str
    kind: str
    shape: str
    href: str
    plate: Plate
    picture: Picture
    slim: ZoomedPicture | None
    alt: str
    legend: Legend
    note: str | None


def layer_figure(examination: Examination, layer: LayerInfo, view: View) -> LayerFigure:
    """A layer's figure."""
    grid = layer_grid(examination, layer, tuple(range(layer.filters)), view.options)
    dead = sorted(cell.filter for cell in grid.cells if cell.dead)
    return LayerFigure(
        name=layer.name,
        symbol=explanations.symbol(layer),
        tone=explanations.tone(layer),
        kind=layer.kind,
        shape=wording.shape(*layer.shape),
        href=view.layer(layer.name),
        plate=plate(examination, layer, grid, view),
        picture=Picture(view.grid(layer.name), grid.geometry.width, grid.geometry.height),
        slim=_slim(layer, grid, view),
        alt=alt_text(examination, layer, grid),
        legend=legend(grid),
        note=wording.silent(layer, dead, off=bool(examination.switched(layer))),
    )


def _slim(layer: LayerInfo, grid: Grid, view: View) -> ZoomedPicture | None:
    """A grid for narrow screens, with as large a zoom as fits; nothing where the usual one fits."""
    if grid.geometry.width <= SLIM_WIDTH:
        return None
    height, width, count = layer.shape
    for zoom in range(grid.geometry.zoom - 1, 0, -1):
        layout = geometry.lay_out(
            count, height, width, columns=grid.geometry.columns, zoom=zoom, labels=True
        )
        if layout.width <= SLIM_WIDTH:
            return ZoomedPicture.of(view.grid(layer.name, zoom=zoom), layout)
    return None


def alt_text(examination: Examination, layer: LayerInfo, grid: Grid) -> str:
    """What a grid shows, for people who do not see it."""
    height, width, count = layer.shape
    low, high = float(grid.maps.min()), float(grid.maps.max())
    text = (
        f"Activation maps of the {wording.plural(count, 'filter')} of {layer.name}, "
        f"{height} by {width}, values from {wording.number(low)} to {wording.number(high)}"
    )
    if examination.switched(layer):
        return f"{text}; switched off"
    dead = sorted(cell.filter for cell in grid.cells if cell.dead)
    return f"{text}; silent: {wording.listed(dead)}" if dead else text


def legend(grid: Grid) -> Legend:
    """The legend of a grid."""
    low, high = grid.range
    _, sharing = explanations.SHARING[grid.options.normalisation]
    if low == high or grid.options.normalisation is not Normalisation.FILTER:
        return legend_of(grid.range, ramp(grid), sharing)
    return Legend(
        low="lowest" if low < 0 else wording.number(low),
        zero=low < 0,
        high="highest",
        ramp=ramp(grid),
        sharing=f"{sharing}, at most {wording.number(high)}",
    )


def legend_of(scale: Range, ramp: str, sharing: str) -> Legend:
    """The legend of maps on one scale, which is a point where all of them are zero."""
    low, high = scale
    if low == high:
        return Legend("", zero=False, high="", ramp=ramp, sharing="zero everywhere")
    return Legend(wording.number(low), low < 0, wording.number(high), ramp, sharing)


def matrix_legend(matrix: Matrix) -> Legend:
    """The legend of a matrix."""
    gated = any(row.role == "gate" for row in matrix.rows)
    sharing = "one scale for every row" + ("; the gate from 0 to 1" if gated else "")
    return legend_of(matrix.range, "signed", sharing)


def ramp(grid: Grid) -> str:
    """Which of a palette's two ramps a grid is drawn with."""
    return "signed" if grid.diverging else "positive"


@dataclass(frozen=True)
class Stop:
    """A colour stop of a ramp: where, and what colour, as SVG takes them."""

    offset: str
    colour: str


def ramp_stops(view: View, *, diverging: bool) -> tuple[Stop, ...]:
    """A palette as the stops of a gradient."""
    table = colours(view.palette, diverging=diverging)
    levels = [round(at * TOP_LEVEL / (RAMP_STOPS - 1)) for at in range(RAMP_STOPS)]
    return tuple(
        Stop(f"{100 * level / TOP_LEVEL:.1f}%", "#{:02x}{:02x}{:02x}".format(*table[level]))
        for level in levels
    )
