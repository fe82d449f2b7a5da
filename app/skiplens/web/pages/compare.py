"""The page of a comparison: two digits on one network, or one digit on two networks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from skiplens.core.manifest import LayerInfo
from skiplens.service.analysis import Side, common_layers, compare, comparison_grid
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web import links
from skiplens.web.links import Links
from skiplens.web.pages import common
from skiplens.web.pages import format as fmt
from skiplens.web.pages.common import (
    PredictionView,
    Samples,
    ViewPage,
    prediction_view,
    sample_links,
)
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import Legend, Picture, legend_of, ramp

_SIDES: Final[tuple[Side, ...]] = ("a", "b", "difference")
_NAMES: Final[dict[Side, str]] = {"a": "A", "b": "B", "difference": f"A {fmt.MINUS} B"}
_SHARED: Final = "one scale for A and B"


@dataclass(frozen=True)
class Reader:
    """One of the two.

    Attributes:
        name: ``A`` or ``B``.
        title: of its network, and which branches are scaled there.
        href: its gallery.
        input_png: its digit.
        reading: what it reads, held against the whole network.
        samples: to take in its place, in the same network.
        networks: to take in its place, with the same digit: title, address, and whether it is
            the one shown.
    """

    name: str
    title: str
    href: str
    input_png: str
    reading: PredictionView
    samples: Samples
    networks: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class SideFigure:
    """The chosen layer of A, of B, or their difference."""

    name: str
    picture: Picture
    alt: str
    legend: Legend


@dataclass(frozen=True)
class LayerRow:
    """One common layer in numbers."""

    name: str
    href: str
    current: bool
    norm_a: str
    norm_b: str
    norm_difference: str
    cosine: str


@dataclass(frozen=True)
class ComparePage(ViewPage):
    """A comparison.

    Attributes:
        readers: A and B.
        swap: the same with A and B in each other's place.
        layer: name of the layer that is drawn; nothing where the two share none.
        sides: its three pictures.
        rows: every common layer.
    """

    template: ClassVar[str] = "compare.html"

    readers: tuple[Reader, Reader]
    swap: str
    layer: str | None
    sides: tuple[SideFigure, ...]
    rows: tuple[LayerRow, ...]


def compare_page(
    services: Services, a: ForwardPass, b: ForwardPass, view: Links, layer: str | None
) -> ComparePage:
    """The page of a comparison; ``view`` is A's, and says how grids are drawn.

    Raises:
        InvalidParameterError: the two have no such layer of one shape.
    """
    chosen = layer or _first(common_layers(a, b))
    other = replace(view, network=b.manifest.id, digit=b.digit.id, scales=b.scales)
    return ComparePage(
        title=f"{a.manifest.title}, {a.digit.id} beside {b.digit.id}",
        **vars(common.shell(services, view)),
        readers=(
            _reader(services, a, _Place("A", view, lambda one, at: one.compare(other, at)), layer),
            _reader(services, b, _Place("B", other, view.compare), layer),
        ),
        swap=other.compare(view, layer),
        layer=chosen,
        sides=tuple(_side(a, b, chosen, side, view, other) for side in _SIDES) if chosen else (),
        rows=tuple(
            LayerRow(
                name=one.layer,
                href=view.compare(other, one.layer),
                current=one.layer == chosen,
                norm_a=fmt.number(one.norm_a),
                norm_b=fmt.number(one.norm_b),
                norm_difference=fmt.number(one.norm_difference),
                cosine=fmt.cosine(one.cosine),
            )
            for one in compare(a, b)
        ),
    )


def default_comparison_link(context: PageContext, layer: str | None = None) -> str:
    """The page that lays the first other sample beside a context."""
    view, samples = context.view, context.services.digits.samples
    other = next((digit for digit in samples if digit != view.digit), view.digit)
    return view.compare(view.with_digit(other), layer)


def _first(shared: tuple[LayerInfo, ...]) -> str | None:
    """The first output that both have; else their last layer."""
    outputs = [one.name for one in shared if one.role == "output"]
    return next(iter(outputs), shared[-1].name if shared else None)


def _side(
    a: ForwardPass, b: ForwardPass, layer: str, side: Side, view: Links, other: Links
) -> SideFigure:
    grid = comparison_grid(a, b, layer, side, view.options)
    low, high = grid.range
    name = _NAMES[side]
    size = grid.geometry
    return SideFigure(
        name=name,
        picture=Picture(view.compare_png(other, layer, side), size.width, size.height),
        alt=f"{layer} of {name}, values drawn from {fmt.number(low)} to {fmt.number(high)}",
        legend=legend_of(
            grid.range,
            ramp(grid),
            "its own scale, centred on zero" if side == "difference" else _SHARED,
        ),
    )


@dataclass(frozen=True)
class _Place:
    """A's place or B's: who stands there, and the page with another there."""

    name: str
    view: Links
    address: Callable[[Links, str | None], str]


def _reader(services: Services, forward: ForwardPass, place: _Place, layer: str | None) -> Reader:
    view = place.view
    title = forward.manifest.title
    if forward.scales:
        title += f" {fmt.describe_scales(forward.scales)}"
    return Reader(
        name=place.name,
        title=title,
        href=view.gallery(),
        input_png=links.input_png(forward.digit.id),
        reading=prediction_view(services, forward),
        samples=sample_links(
            services.digits.samples,
            view.digit,
            lambda digit: place.address(view.with_digit(digit), layer),
        ),
        networks=tuple(
            (
                engine.manifest.title,
                place.address(view.with_network(engine.manifest), None),
                engine.manifest.id == view.network,
            )
            for engine in services.registry.networks
        ),
    )
