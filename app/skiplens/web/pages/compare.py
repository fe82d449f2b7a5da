"""The comparison page: two digits in one network, or one digit in two networks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from skiplens.core.manifest import LayerInfo
from skiplens.service.analysis import Side, common_layers, compare, comparison_grid
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web.links import Links, input_png
from skiplens.web.pages import format as fmt
from skiplens.web.pages.common import ViewPage, network_links, prediction_view, sample_links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import MapFigure, Picture, legend_of, ramp

_NAMES: Final[dict[Side, str]] = {"a": "A", "b": "B", "difference": f"A {fmt.MINUS} B"}
_SHARED: Final = "one value range for A and B"

_Address = Callable[[Links, str | None], str]  # the page with another digit or network, at a layer


def compare_page(
    services: Services, a: ForwardPass, b: ForwardPass, links: Links, layer: str | None
) -> ViewPage:
    """The page of a comparison; ``links`` are A's, and have the display options.

    Raises:
        InvalidParameterError: the two have no such layer of one shape.
    """
    shown = layer or _first_output(common_layers(a, b))
    other = replace(links, network=b.manifest.id, digit=b.digit.id, scales=b.scales)

    def in_place_of_a(replacement: Links, layer: str | None) -> str:
        return replacement.compare(other, layer)

    values = {
        "compared": (
            _compared_pass(services, a, "A", links, in_place_of_a, layer),
            _compared_pass(services, b, "B", other, links.compare, layer),
        ),
        "swap": other.compare(links, layer),
        "layer": shown,
        "sides": tuple(_side(a, b, shown, side, links, other) for side in _NAMES) if shown else (),
        "rows": tuple((found, links.compare(other, found.layer)) for found in compare(a, b)),
    }
    title = f"{a.manifest.title}, {a.digit.id} and {b.digit.id}"
    return ViewPage("compare.html", title, services, links, values=values)


def default_comparison_link(context: PageContext, layer: str | None = None) -> str:
    """The comparison with the first other sample."""
    links, samples = context.links, context.services.digits.samples
    other = next((digit for digit in samples if digit != links.digit), links.digit)
    return links.compare(links.with_digit(other), layer)


def _first_output(layers: tuple[LayerInfo, ...]) -> str | None:
    """The first block's output, else the last layer."""
    outputs = [layer.name for layer in layers if layer.role == "output"]
    return next(iter(outputs), layers[-1].name if layers else None)


def _side(
    a: ForwardPass, b: ForwardPass, layer: str, side: Side, links: Links, other: Links
) -> MapFigure:
    grid = comparison_grid(a, b, layer, side, links.options)
    low, high = grid.range
    name = _NAMES[side]
    return MapFigure(
        name=name,
        picture=Picture.of(links.compare_png(other, layer, side), grid.geometry),
        alt=f"{layer} of {name}, values drawn from {fmt.number(low)} to {fmt.number(high)}",
        legend=legend_of(
            grid.range,
            ramp(grid),
            "its own value range, centred on zero" if side == "difference" else _SHARED,
        ),
    )


def _compared_pass(
    services: Services,
    forward: ForwardPass,
    name: str,
    links: Links,
    address: _Address,
    layer: str | None,
) -> dict[str, Any]:
    """A or B, with the samples and networks to replace it by."""
    scaled = f" {fmt.describe_scales(forward.scales)}" if forward.scales else ""
    return {
        "name": name,
        "title": forward.manifest.title + scaled,
        "href": links.gallery(),
        "input_png": input_png(forward.digit.id),
        "prediction": prediction_view(services, forward),
        "samples": sample_links(
            services.digits.samples,
            links.digit,
            lambda digit: address(links.with_digit(digit), layer),
        ),
        "networks": network_links(services, links, lambda replacement: address(replacement, None)),
    }
