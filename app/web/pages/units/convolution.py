"""A convolution explained: patch times kernel, added up map by map, and the bias."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.scaling import Range
from app.core.units.sums import Convolution
from app.errors import UnknownFilterError
from app.service.examination import Examination
from app.web.pages import wording
from app.web.pages.figures import Legend, legend_of
from app.web.pages.swatches import Swatches, swatches
from app.web.pages.units.lines import DIGITS, Line, of_convolution
from app.web.pages.units.lookout import Lookout, lookout
from app.web.pages.units.sources import Sources

MOST_DRAWN: Final = 16
_BAR: Final = 100


@dataclass(frozen=True)
class Channel:
    """What one of the maps given contributes.

    Attributes:
        index: of the map.
        chosen: whether it is the one written out.
        href: this page with it written out.
        patch: what the kernel lies over.
        kernel: the weights.
        products: of the two.
        sum: of the products, as text.
        bar: its left end and its length, in -100..100 about zero.
    """

    index: int
    chosen: bool
    href: str
    patch: Swatches
    kernel: Swatches
    products: Swatches
    sum: str
    bar: tuple[float, float]


@dataclass(frozen=True)
class Scales:
    """The three scales of the colours: of patch, kernel and products."""

    patch: Legend
    kernel: Legend
    products: Legend


@dataclass(frozen=True)
class ConvolutionView:
    """A convolution.

    Attributes:
        source: the layer whose maps it is given.
        chosen: the map that is written out.
        chosen_href: the page that explains the middle of the patch, if there is one.
        lookout: where the patch is on that map.
        beyond: whether part of the patch is beyond the edge.
        scales: of the colours.
        channels: every map, largest contribution first.
        drawn: how many of them are drawn; the others are listed.
        rest: what the others come to together, in words.
        lines: the last steps, with the bias.
    """

    source: str
    chosen: Channel
    chosen_href: str | None
    lookout: Lookout
    beyond: bool
    scales: Scales
    channels: tuple[Channel, ...]
    drawn: int
    rest: str | None
    lines: tuple[Line, ...]


def convolution_view(
    found: Convolution, sources: Sources, examination: Examination, wanted: int | None
) -> ConvolutionView:
    """The view of a convolution.

    Args:
        found: its numbers.
        sources: where they come from.
        examination: for the map that it looks at.
        wanted: index of the map to write out; by default the one that contributes most.

    Raises:
        UnknownFilterError: the convolution is not given that map.
    """
    order = [int(at) for at in np.argsort(-np.abs(found.sums), kind="stable")]
    at = order[0] if wanted is None else _position(found, wanted)
    height, width = (
        (side - 1) * step + 1 for side, step in zip(found.inside.shape, found.dilation, strict=True)
    )
    seen = lookout(examination, sources, found.first + at, found.corner, (height, width))
    channels = _channels(found, sources, seen, order, at)
    middle = (found.corner[0] + height // 2, found.corner[1] + width // 2)
    on_map = bool(found.inside[found.inside.shape[0] // 2, found.inside.shape[1] // 2])
    return ConvolutionView(
        source=sources.name(),
        chosen=next(one for one in channels if one.chosen),
        chosen_href=sources.href(found.first + at, *middle) if on_map else None,
        lookout=seen,
        beyond=not found.inside.all(),
        scales=_scales(found, seen, digit=seen.pinned),
        channels=channels,
        drawn=MOST_DRAWN,
        rest=_rest(found, order[MOST_DRAWN:]),
        lines=of_convolution(found, order, sources),
    )


def _position(found: Convolution, wanted: int) -> int:
    last = found.first + len(found.sums) - 1
    if not found.first <= wanted <= last:
        raise UnknownFilterError(
            f"the convolution is given no map {wanted}; its maps are {found.first} to {last}"
        )
    return wanted - found.first


def _reach(values: np.ndarray) -> Range:
    reach = float(np.abs(values).max())
    return -reach, reach


def _channels(
    found: Convolution, sources: Sources, seen: Lookout, order: list[int], chosen: int
) -> tuple[Channel, ...]:
    unit, view = sources.unit, sources.view
    products, sums = found.products, found.sums
    palette = view.palette
    kernels, made = _reach(found.kernel), _reach(products)
    largest = float(np.abs(sums).max()) or 1.0
    place = ",".join(map(str, unit.place))
    written = wording.aligned(sums.tolist(), DIGITS)
    return tuple(
        Channel(
            index=found.first + at,
            chosen=at == chosen,
            href=view.filter(unit.layer.name, unit.filter, at=place, channel=found.first + at)
            + "#unit",
            patch=swatches(
                found.patch[:, :, at],
                seen.scale,
                seen.palette,
                there=found.inside,
                pinned=seen.pinned,
            ),
            kernel=swatches(found.kernel[:, :, at], kernels, palette),
            products=swatches(products[:, :, at], made, palette, there=found.inside),
            sum=written[at],
            bar=_bar(float(sums[at]) / largest),
        )
        for at in order
    )


def _bar(share: float) -> tuple[float, float]:
    length = round(_BAR * abs(share), 1)
    return (0.0 if share >= 0 else -length), length


def _scales(found: Convolution, seen: Lookout, *, digit: bool) -> Scales:
    signed = "signed" if seen.scale[0] < 0 else "positive"
    return Scales(
        legend_of(seen.scale, "grey" if digit else signed, ""),
        legend_of(_reach(found.kernel), "signed", ""),
        legend_of(_reach(found.products), "signed", ""),
    )


def _rest(found: Convolution, others: list[int]) -> str | None:
    if not others:
        return None
    together = wording.number(float(found.sums[others].sum()), DIGITS)
    return f"{wording.plural(len(others), 'more map')}, together {together}"
