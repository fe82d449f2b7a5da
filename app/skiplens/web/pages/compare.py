"""The comparison page: two inputs in one network, or two networks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import numpy as np
from fastapi import Depends, Query

from skiplens.core.manifest import LayerInfo, Manifest
from skiplens.core.similarity import NetworkSimilarity
from skiplens.core.value_range import Normalisation
from skiplens.errors import InvalidParameterError
from skiplens.service.comparison import (
    LayerPair,
    Side,
    compare,
    comparison_grid,
    find_pair,
    is_one_network,
    layer_pairs,
    similarity,
)
from skiplens.service.digit_store import InputRecord
from skiplens.service.forward import ForwardPass, run_network
from skiplens.service.map_grids import Grid, GridCell, GridOptions
from skiplens.service.services import Services
from skiplens.web.api.comparisons import run_view
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.context import PageContext, get_page_context, known_label
from skiplens.web.pages.digit_tiles import picture_links, sample_links
from skiplens.web.pages.figures import (
    MOST_COLUMNS,
    FilterPart,
    Legend,
    MapAttributes,
    NumberCell,
    Picture,
    count_parts,
    filter_part,
    input_picture,
    legend_of,
    map_attributes,
    number_grid,
    ramp,
)
from skiplens.web.pages.network_page import NetworkPage, confusable_sample, network_links
from skiplens.web.pages.prediction import prediction_view
from skiplens.web.pages.templating import NetworkLinks
from skiplens.web.parameters import ScaleText, ServicesDep, ViewDep, parse_filters

_NAMES: Final[dict[Side, str]] = {"a": "A", "b": "B", "difference": f"A {fmt.MINUS} B"}
_OptionalView = Annotated[str | None, Query(max_length=160)]


def get_compared(
    services: ServicesDep,
    parameters: ViewDep,
    a: _OptionalView = None,
    b: _OptionalView = None,
    scale_a: ScaleText = None,
    scale_b: ScaleText = None,
) -> tuple[PageContext, ForwardPass]:
    """A's context and B.

    A is by default the first sample in the default network; B a sample that A's network confuses
    with A's input.
    """
    first = services.registry.networks[0].manifest
    default = f"{first.id}/{services.default_input(first).image.id}"
    forward = run_view(services, a or default, scale_a, "a")
    engine = services.registry.network(forward.manifest.id)
    stored = services.digits.get(forward.digit.id)
    context = get_page_context(services, engine, stored, forward, parameters)
    other = b or f"{forward.manifest.id}/{confusable_sample(context)}"
    return context, run_view(services, other, scale_b, "b")


ComparedDep = Annotated[tuple[PageContext, ForwardPass], Depends(get_compared)]


@dataclass(frozen=True)
class SideMaps:
    """The maps of A, of B, or of A - B."""

    layer: LayerInfo
    links: Links | None
    """Of the layer's input; ``None`` for a difference, which is no layer."""
    picture: Picture
    cells: tuple[GridCell, ...]
    label: str
    legend: Legend
    attributes: MapAttributes | None
    """``None`` for a difference, which has no array of values."""


@dataclass(frozen=True)
class HeatMapCell:
    """The CKA of two layers."""

    cell: NumberCell
    href: str
    text: str
    matched: bool
    current: bool


@dataclass(frozen=True)
class HeatMap:
    """CKA of A's layers, as rows, with B's, as columns."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[HeatMapCell, ...]
    digits: int


@dataclass(frozen=True)
class _Pair:
    """Two forward passes that are compared, and their addresses."""

    context: PageContext
    b: ForwardPass

    @property
    def a(self) -> ForwardPass:
        return self.context.forward

    @property
    def one_network(self) -> bool:
        return is_one_network(self.a, self.b)

    @property
    def equal(self) -> bool:
        """Whether there is nothing to compare: A is B."""
        inputs_equal = self.a.digit.id == self.b.digit.id
        return self.one_network and inputs_equal and self.a.scales == self.b.scales

    @property
    def links(self) -> Links:
        return self.context.links

    @property
    def other(self) -> Links:
        """Of B."""
        b = self.b
        version = b.manifest.version
        return replace(
            self.links, network=b.manifest.id, digit=b.digit.id, scales=b.scales, version=version
        )

    def manifest(self, network: str) -> Manifest:
        return self.context.services.registry.network(network).manifest

    def in_place_of_a(self, links: Links) -> Links:
        """B when A changes: two networks that have one input keep having one."""
        together = not self.one_network and self.a.digit.id == self.b.digit.id
        return self.other.with_digit(links.digit) if together else self.other

    def elsewhere(self, links: Links) -> str:
        """The page when A's network changes: one network stays one, and two stay two."""
        other = self.other
        if self.one_network:
            other = other.with_network(self.manifest(links.network))
        elif links.network == other.network:
            other = other.with_network(self.a.manifest)
        return links.compare(other)


def compare_page(
    context: PageContext, b: ForwardPass, layer: str | None, layer_b: str | None, page: int = 1
) -> NetworkPage:
    """The page of a comparison; the context is that of A, of which ``layer`` is one, and ``page``
    the part of its filters.

    Raises:
        UnknownLayerError: A has no such layer, or B none of that name.
        InvalidParameterError: B has none to compare it with, or there is no such part.
    """
    pair = _Pair(context, b)
    a, links, other = context.forward, pair.links, pair.other
    pairs = layer_pairs(a.manifest, b.manifest)
    default = _first_output(a.manifest, pairs)
    shown = find_pair(a.manifest, b.manifest, layer, layer_b) if layer else default
    measured = similarity(a.manifest, b.manifest)
    sides: tuple[Side, ...] = ("a", "b", "difference") if pair.one_network else ("a", "b")
    part = filter_part(a, shown.a, links, MOST_COLUMNS, page) if shown else None
    values = {
        "one_network": pair.one_network,
        "equal": pair.equal,
        "modes": _modes(pair),
        "a": _card(context.services, a, "A", context.stored),
        "b": _card(context.services, b, "B", context.services.digits.get(b.digit.id)),
        "samples_b": sample_links(
            context.services.digits.samples,
            b.digit.id,
            lambda digit: links.compare(other.with_digit(digit), layer, layer_b),
        ),
        "pictures_b": picture_links(
            context,
            b.digit.id,
            lambda image: links.compare(other.with_digit(image), layer, layer_b),
        ),
        "networks_b": _networks_for_b(pair, layer),
        "same_input": _same_input(pair, layer, layer_b),
        "swap": _swapped(pair, shown if layer else None),
        "layer": shown,
        "pairs": pairs,
        "hidden": _hidden(pair),
        "maps": {side: _side_maps(pair, shown, side, part) for side in sides}
        if shown and part
        else {},
        "pages": part.links(lambda number: links.compare(other, layer, layer_b, page=number))
        if part
        else [],
        "heat_map": _heat_map(pair, pairs, shown, measured) if measured else None,
        "rows": tuple((found, links.compare(other, found.layer)) for found in compare(a, b)),
    }
    compared = "Two inputs" if pair.one_network else f"Compared with {b.manifest.title}"
    return NetworkPage(
        "compare.html",
        f"{compared} · {a.manifest.title}",
        context,
        address=lambda found: found.compare(
            pair.in_place_of_a(found), layer, layer_b, page=page if page > 1 else None
        ),
        elsewhere=pair.elsewhere,
        part="Compare",
        layer_name=shown.a.name if shown else None,
        values=values,
    )


def _first_output(manifest: Manifest, pairs: tuple[LayerPair, ...]) -> LayerPair | None:
    """The first block's output, else the last layer."""
    ends = {block.output for block in manifest.blocks}
    return next(iter([pair for pair in pairs if pair.a.name in ends] + list(pairs[-1:])), None)


def _modes(pair: _Pair) -> tuple[tuple[str, str, bool], ...]:
    """Text and address of each way to compare, and whether it is in force."""
    links = pair.links
    two_inputs = links.compare(links.with_digit(confusable_sample(pair.context)))
    modes = [("Two inputs", two_inputs, pair.one_network)]
    if twin := _most_similar(pair):
        two_networks = links.compare(links.with_network(twin))
        modes.append(("Two networks", two_networks, not pair.one_network))
    return tuple(modes)


def _most_similar(pair: _Pair) -> Manifest | None:
    """The other network with the most layers of equal place and shape."""
    own = pair.a.manifest
    others = pair.context.services.registry.manifests.values()

    def equal_layers(other: Manifest) -> int:
        return sum(found.a.shape == found.b.shape for found in layer_pairs(own, other))

    alike = [other for other in others if other.id != own.id and other.answers_like(own)]
    return max(alike, key=equal_layers, default=None)


def _card(
    services: Services, forward: ForwardPass, name: str, stored: InputRecord
) -> Mapping[str, Any]:
    """A or B in short: network, input, prediction."""
    prediction = prediction_view(services, forward)
    label = known_label(stored, forward.manifest)
    return {
        "name": name,
        "title": forward.manifest.title,
        "scaled": prediction.scaled or "",
        "input": input_picture(forward),
        "prediction": prediction,
        "wrong": label not in (None, forward.label),
        "label": label,
    }


def _swapped(pair: _Pair, shown: LayerPair | None) -> str:
    """The comparison of B with A, of the same layers."""
    if shown is None:
        return pair.other.compare(pair.links)
    counterparts = {
        found.a.name: found.b.name for found in layer_pairs(pair.b.manifest, pair.a.manifest)
    }
    at_one_place = counterparts.get(shown.b.name) == shown.a.name
    return pair.other.compare(pair.links, shown.b.name, None if at_one_place else shown.a.name)


def _networks_for_b(pair: _Pair, layer: str | None) -> NetworkLinks:
    """Networks to compare A's with, on B's input, in the same layer if it has a counterpart."""
    own = pair.a.manifest

    def address(links: Links) -> str:
        found = layer_pairs(own, pair.manifest(links.network))
        kept = layer if any(match.a.name == layer for match in found) else None
        return pair.links.compare(links, kept)

    every = network_links(pair.context.services, pair.other, address)
    return tuple(network for network in every if network[0].id != own.id)


def _same_input(pair: _Pair, layer: str | None, layer_b: str | None) -> str | None:
    """The comparison with A's input as B's, and no branch of B scaled, if it is another one."""
    other = pair.other.with_digit(pair.a.digit.id).all_on()
    return None if other == pair.other else pair.links.compare(other, layer, layer_b)


def _hidden(pair: _Pair) -> tuple[tuple[str, str], ...]:
    """Name and value of what the form of the layer passes on."""
    return tuple(
        (name, value)
        for name, value in (
            ("a", f"{pair.links.network}/{pair.links.digit}"),
            ("b", f"{pair.other.network}/{pair.other.digit}"),
            ("scale_a", str(pair.links.scales)),
            ("scale_b", str(pair.other.scales)),
        )
        if value
    )


def _side_maps(pair: _Pair, shown: LayerPair, side: Side, part: FilterPart) -> SideMaps:
    normalisation = Normalisation.LAYER  # of two networks; in one, A and B share a range
    options = replace(pair.links.options, normalize=normalisation, labels=False)
    layer, links = (shown.b, pair.other) if side == "b" else (shown.a, pair.links)
    if side == "b" and not pair.one_network:  # its filters are others
        number = min(part.number, count_parts(layer, MOST_COLUMNS))
        part = filter_part(pair.b, layer, links, MOST_COLUMNS, number)
    grid = comparison_grid(pair.a, pair.b, shown, side, options, part.filters)
    asked = {"labels": "false", **part.query}
    if not pair.one_network:
        asked |= {"normalize": normalisation, "layer_b": shown.b.name}
    own = None if side == "difference" else links
    address = pair.links.compare_png(pair.other, shown.a.name, side, **asked)
    low, high = map(fmt.number, grid.range)
    return SideMaps(
        layer=layer,
        links=own,
        picture=Picture.of(address, grid.layout),
        cells=grid.cells,
        label=f"{layer.name} of {_NAMES[side]}, values drawn from {low} to {high}",
        legend=_legend(grid, side, one_network=pair.one_network),
        attributes=map_attributes(layer, grid, own) if own else None,
    )


def _legend(grid: Grid, side: Side, *, one_network: bool) -> Legend:
    sharing = "one value range for A and B" if one_network else "one value range for the layer"
    if side == "difference":
        sharing = "its own value range, centred on zero"
    return legend_of(grid.range, ramp(grid), sharing)


def live_comparison(
    services: Services, drawn: ForwardPass, query: Mapping[str, str], options: GridOptions
) -> tuple[Grid, Legend]:
    """One side of a comparison while A's input is drawn, which may be B's in another network.

    Args:
        services: run B.
        drawn: A's forward pass.
        query: of the side's image, as the page has it.
        options: that the query names.

    Raises:
        InvalidParameterError: the query has no such side, the layer has no counterpart, or B is
            not of its form.
        NotFoundError: there is no B, or no such layer.
    """
    b = run_view(services, query.get("b", ""), query.get("scale_b"), "b")
    one_network = is_one_network(drawn, b)
    if not one_network and query.get("a", "").endswith(f"/{b.digit.id}"):
        engine = services.registry.network(b.manifest.id)
        b = run_network(engine, drawn.digit, b.scales)
    side = next((side for side in _NAMES if side == query.get("side")), None)
    if side is None:
        raise InvalidParameterError(f"pictures: side must be one of {', '.join(_NAMES)}")
    found = find_pair(drawn.manifest, b.manifest, query.get("layer", ""), query.get("layer_b"))
    filters = parse_filters(found.b if side == "b" else found.a, query.get("filters"))
    grid = comparison_grid(drawn, b, found, side, options, filters)
    return grid, _legend(grid, side, one_network=one_network)


def _heat_map(
    pair: _Pair,
    pairs: tuple[LayerPair, ...],
    shown: LayerPair | None,
    measured: NetworkSimilarity,
) -> HeatMap:
    matched = {(found.a.name, found.b.name) for found in pairs}
    current = (shown.a.name, shown.b.name) if shown else None
    grid = number_grid(np.array(measured.cka), (0.0, 1.0), pair.links.palette)
    cells = []
    for cell in grid.cells:
        names = measured.layers[cell.y], measured.other_layers[cell.x]
        at_one_place = names in matched
        value = f"{measured.cka[cell.y][cell.x]:.2f}"
        cells.append(
            HeatMapCell(
                cell=replace(cell, text=value),
                href=pair.links.compare(pair.other, names[0], None if at_one_place else names[1]),
                text=f"{names[0]} of A, {names[1]} of B: {value}",
                matched=at_one_place,
                current=names == current,
            )
        )
    rows, columns = map(_short_names, (measured.layers, measured.other_layers))
    return HeatMap(rows, columns, tuple(cells), measured.digits)


def _short_names(layers: tuple[str, ...]) -> tuple[str, ...]:
    """Layers as the heat map names them: by block, and stem and head."""
    parts = (layer.rpartition(".") for layer in layers)
    return tuple(owner if last in {"output", "sum"} else last for owner, _, last in parts)
