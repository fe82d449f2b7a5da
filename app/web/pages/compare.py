"""The page of a comparison: two digits on one network, or one digit on two networks."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from app.service.comparison import Side, common_layers, compare, comparison_grid
from app.service.examination import Examination
from app.service.services import Services
from app.web import urls
from app.web.pages import shell, wording
from app.web.pages.figures import Legend, Picture
from app.web.pages.samples import Samples, sample_links
from app.web.pages.shell import ViewPage
from app.web.pages.view import View

_SIDES: Final[tuple[Side, ...]] = ("a", "b", "difference")
_NAMES: Final[dict[Side, str]] = {"a": "A", "b": "B", "difference": f"A {wording.MINUS} B"}
_SHARED: Final = "one scale for A and B"


@dataclass(frozen=True)
class Reader:
    """One of the two: what it is, and what is read there."""

    name: str
    title: str
    href: str
    input_png: str
    label: str
    share: str


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
        layer: name of the layer that is drawn.
        sides: its three pictures.
        rows: every common layer.
        samples: to take as B, on A's network.
        others: A's digit in each other network: name and address.
    """

    template: ClassVar[str] = "compare.html"

    readers: tuple[Reader, Reader]
    layer: str
    sides: tuple[SideFigure, ...]
    rows: tuple[LayerRow, ...]
    samples: Samples
    others: tuple[tuple[str, str], ...]


def compare_page(
    services: Services, a: Examination, b: Examination, view: View, layer: str | None
) -> ComparePage:
    """The page of a comparison; ``view`` is A's, and says how grids are drawn.

    Raises:
        InvalidParameterError: the two have no such layer of one shape.
    """
    shared = common_layers(a, b)
    chosen = layer or next((one.name for one in shared if one.role == "output"), shared[-1].name)
    other = replace(view, network=b.manifest.id, digit=b.digit.id, off=b.off)
    return ComparePage(
        title=f"{a.manifest.title}, {a.digit.id} beside {b.digit.id}",
        **vars(shell.shell(services, view)),
        readers=(_reader("A", a, view), _reader("B", b, other)),
        layer=chosen,
        sides=tuple(_side(a, b, chosen, side, view, other) for side in _SIDES),
        rows=tuple(
            LayerRow(
                name=one.layer,
                href=view.beside(other, layer=one.layer),
                current=one.layer == chosen,
                norm_a=wording.number(one.norm_a),
                norm_b=wording.number(one.norm_b),
                norm_difference=wording.number(one.norm_difference),
                cosine=wording.cosine(one.cosine),
            )
            for one in compare(a, b)
        ),
        samples=sample_links(
            services.digits.samples,
            b.digit.id,
            lambda digit: view.beside(view.of_digit(digit), layer=layer),
        ),
        others=tuple(
            (engine.manifest.title, view.beside(view.in_network(engine.manifest)))
            for engine in services.catalogue.networks
            if engine.manifest.id != a.manifest.id
        ),
    )


def _side(
    a: Examination, b: Examination, layer: str, side: Side, view: View, other: View
) -> SideFigure:
    grid = comparison_grid(a, b, layer, side, view.options)
    low, high = grid.range
    name = _NAMES[side]
    size = grid.geometry
    return SideFigure(
        name=name,
        picture=Picture(view.beside_png(other, layer, side), size.width, size.height),
        alt=f"{layer} of {name}, values drawn from {wording.number(low)} to {wording.number(high)}",
        legend=Legend(
            low=wording.number(low),
            zero=grid.diverging,
            high=wording.number(high),
            ramp="signed" if grid.diverging else "positive",
            sharing="its own scale, centred on zero" if side == "difference" else _SHARED,
        ),
    )


def _reader(name: str, examination: Examination, view: View) -> Reader:
    title = examination.manifest.title
    if examination.off:
        title += f" without {wording.listed(examination.off)}"
    return Reader(
        name=name,
        title=title,
        href=view.gallery(),
        input_png=urls.input_png(examination.digit.id),
        label=examination.manifest.classes[examination.label],
        share=wording.percent(float(examination.probabilities[examination.label])),
    )
