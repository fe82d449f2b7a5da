"""How one value of a map is computed, as a section of the filter page."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from fastapi import Depends, Query

from skiplens.core.colormaps import PaletteName
from skiplens.core.digit import SIDE
from skiplens.core.grid_image import Box
from skiplens.core.manifest import INPUT, LayerInfo, Manifest
from skiplens.core.unit_explanation import (
    ActivationStep,
    Arithmetic,
    BatchNorm,
    Convolution,
    Dense,
    Merge,
    Pooling,
    Softmax,
    Unit,
)
from skiplens.core.value_range import Normalisation, ValueRange
from skiplens.errors import UnknownFilterError
from skiplens.service.forward import ForwardPass
from skiplens.service.images import GridOptions, layer_grid
from skiplens.service.registry import find_layer
from skiplens.service.units import explain, place_named, strongest_place
from skiplens.web import links
from skiplens.web.links import Links
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import Legend, NumberGrid, Picture, legend_of, number_grid


@dataclass(frozen=True)
class Sources:
    """The inputs of a unit's layer.

    Attributes:
        unit: the value that is explained.
        manifest: of its network.
        view: for the links.
    """

    unit: Unit
    manifest: Manifest
    view: Links

    def layer(self, at: int = 0) -> LayerInfo | None:
        """One of the inputs; nothing for the digit."""
        name = self.unit.layer.inputs[at]
        return None if name == INPUT else find_layer(self.manifest, name)

    def name(self, at: int = 0) -> str:
        """What one of the inputs is called."""
        layer = self.layer(at)
        return "the digit" if layer is None else layer.name

    def href(self, filter_: int, row: int, column: int, at: int = 0) -> str | None:
        """The page that explains a value of one of the inputs; nothing for the digit."""
        layer = self.layer(at)
        if layer is None:
            return None
        return self.view.filter(layer.name, filter_, at=f"{row},{column}") + "#unit"

    def here(self, at: int = 0) -> str | None:
        """The page that explains the value at the same place and filter of one of the inputs."""
        return self.href(self.unit.filter, *self.unit.place, at)

    @property
    def symbol(self) -> str | None:
        """What the unit's layer is to its block, if that has a symbol."""
        return text.symbol(self.unit.layer)

    @property
    def own_tone(self) -> str:
        """The colour of the unit's layer."""
        return text.tone(self.unit.layer)

    @property
    def normalised(self) -> bool:
        """Whether a batch norm is given the unit's layer."""
        name = self.unit.layer.name
        return any(one.role == "norm" and name in one.inputs for one in self.manifest.layers)

    def part(self, at: int) -> str:
        """What one of the inputs is to the block that merges them, ``x: stem.output``."""
        role = self._role(at)
        known = {"identity": "x", "residual": "F(x)", "gate": "T(x)"}
        return f"{known[role]}: {self.name(at)}" if role in known else self.name(at)

    def tone(self, at: int) -> str:
        """The colour of one of the inputs, as the block that merges them has it."""
        role = self._role(at)
        return role if role in {"identity", "residual"} else ""

    def _role(self, at: int) -> str:
        block = text.block_with(self.manifest, self.unit.layer)
        name = self.unit.layer.inputs[at]
        if block is None or block.sum != self.unit.layer.name:
            return ""
        parts = {block.identity: "identity", block.residual: "residual", block.gate: "gate"}
        return parts.get(name, "")


DIGITS: Final = 4
_SIGMOID: Final = "sigmoid"
_MOST_TERMS: Final = 4


@dataclass(frozen=True)
class Term:
    """A number of a line.

    Attributes:
        value: as text.
        label: what it is.
        tone: ``identity``, ``residual`` or nothing.
        href: where it comes from, if it has a page.
    """

    value: str
    label: str
    tone: str = ""
    href: str | None = None


@dataclass(frozen=True)
class Line:
    """One step: what is done, and with which numbers. Signs are plain text among the terms."""

    words: str
    tokens: tuple[Term | str, ...]


def term(value: float, label: str, tone: str = "", href: str | None = None) -> Term:
    """A number to four digits."""
    return Term(fmt.number(value, DIGITS), label, tone, href)


def of_convolution(found: Convolution, order: list[int], sources: Sources) -> tuple[Line, ...]:
    """The last steps of a convolution: all maps in an order, and the bias; a function behind them
    has a line of its own.
    """
    tokens: list[Term | str] = []
    for at in order[:_MOST_TERMS]:
        label = f"map {found.first + at}" if len(order) > 1 else "sum of the products"
        tokens += ["+", term(float(found.sums[at]), label)]
    if others := order[_MOST_TERMS:]:
        tokens += ["+", term(float(found.sums[others].sum()), f"{len(others)} others")]
    words = "All maps are added up" if len(order) > 1 else "The digit is the only map"
    if found.bias is None:
        reason = ", as the batch norm behind it has one" if sources.normalised else ""
        words += f"; this layer has no bias{reason}."
    else:
        tokens += ["+", term(found.bias, "bias")]
        words += ", and the filter's bias, one number for all places."
    total = term(found.total, "total" if found.function else "value")
    lines = [Line(words, (*tokens[1:], "=", total))]
    if found.function:
        result = term(found.result, "value")
        lines.append(Line(f"Then {found.function}.", (f"{found.function}(", total, ") =", result)))
    return tuple(lines)


def of_norm(found: BatchNorm, sources: Sources) -> tuple[Line, ...]:
    """The steps of a batch norm."""
    centred = found.value - found.mean
    spread = math.sqrt(found.variance + found.epsilon)
    root = f"\N{SQUARE ROOT}({fmt.number(found.variance)} + {found.epsilon:g})"
    given = term(found.value, sources.name(0), href=sources.here(0))
    return (
        Line(
            "Take off the mean that this filter had in training.",
            (given, fmt.MINUS, term(found.mean, "mean"), "=", term(centred, "")),
        ),
        Line(
            "Divide by how far values strayed from it: the root of the variance, with a small "
            "number that keeps it from zero.",
            (
                *(term(centred, ""), "\N{DIVISION SIGN}", term(spread, root)),
                *("=", term(centred / spread, "")),
            ),
        ),
        Line(
            "Scale and shift by two numbers that training found.",
            (
                *(term(centred / spread, ""), fmt.TIMES, term(found.gamma, "gamma"), "+"),
                *(term(found.beta, "beta"), "=", term(found.result, "value")),
            ),
        ),
    )


def of_application(found: ActivationStep, sources: Sources) -> tuple[Line, ...]:
    """The step of a function, a factor, or neither."""
    tone = sources.own_tone
    given = term(found.value, sources.name(0), tone, sources.here(0))
    tokens: tuple[Term | str, ...] = _FORMS[found.function](given)
    if found.branch_scale not in (None, 1.0):
        label = "branch off" if found.branch_scale == 0 else "factor of the branch"
        tokens = (*tokens, fmt.TIMES, Term(fmt.branch_factor(found.branch_scale), label))
    result = term(found.result, sources.symbol or "value", tone)
    return (Line(_application_words(found, sources), (*tokens, "=", result)),)


_FORMS: Final[dict[str | None, Callable[[Term], tuple[Term | str, ...]]]] = {
    None: lambda given: (given,),
    "relu": lambda given: ("max(0,", given, ")"),
    "sigmoid": lambda given: (f"1 \N{DIVISION SIGN} (1 + e^{fmt.MINUS}", given, ")"),
    "tanh": lambda given: ("tanh(", given, ")"),
}


def _application_words(found: ActivationStep, sources: Sources) -> str:
    if found.branch_scale == 0:
        return "The block's branch is switched off, so nothing of it is taken."
    if found.function == "relu":
        return (
            "Above zero, so it goes on as it is."
            if found.value > 0
            else "Not above zero, so what goes on is zero."
        )
    if found.function == _SIGMOID:
        return "The sigmoid makes a share between 0 and 1 of any number."
    if found.function is not None:
        return f"The function {found.function} of what it is given."
    return f"What {sources.name(0)} puts out, as it is."


def of_merge(found: Merge, sources: Sources) -> tuple[Line, ...]:
    """The steps of a merge; its terms have the two colours where they are x and F(x)."""
    terms = [
        term(value, sources.part(at), sources.tone(at), sources.here(at))
        for at, value in enumerate(found.terms)
    ]
    result = term(found.result, sources.symbol or "value")
    if found.operation == "highway":
        return _highway(found.terms, terms, result)
    words, before, sign, behind = _MERGES[found.operation]
    tokens = [token for one in terms for token in (sign, one)][1:]
    last = (behind.format(len(terms)),) if behind else ()
    return (Line(words, (*before, *tokens, *last, "=", result)),)


def _highway(values: tuple[float, ...], terms: list[Term], result: Term) -> tuple[Line, ...]:
    (x, fx, gate), (x_term, fx_term, gate_term) = values, terms
    taken = term(gate * fx, "of F(x)", "residual")
    carried = term((1 - gate) * x, "of x", "identity")
    rest = term(1 - gate, f"1 {fmt.MINUS} T(x)")
    return (
        Line("Of F(x) the gate takes its share.", (gate_term, fmt.TIMES, fx_term, "=", taken)),
        Line("Of x the rest is carried on.", (rest, fmt.TIMES, x_term, "=", carried)),
        Line("The two are added.", (taken, "+", carried, "=", result)),
    )


_MERGES: Final[dict[str, tuple[str, tuple[str, ...], str, str]]] = {
    "add": ("What the block was given and what its branch found are added.", (), "+", ""),
    "multiply": ("The two are multiplied.", (), fmt.TIMES, ""),
    "average": ("The mean of the two is taken.", ("(",), "+", ") \N{DIVISION SIGN} {}"),
    "maximum": ("The larger of the two is taken.", ("max(",), ",", ")"),
}


_ZOOM: Final = 4


@dataclass(frozen=True)
class InputWindow:
    """A map and a window on it.

    Attributes:
        picture: that it is cut from.
        box: of the map and the window in the picture, as an SVG view box has it.
        window: ``(x, y, width, height)`` of the window in the picture.
        text: what the window is, in words.
        scale: values at the ends of the map's palette.
        palette: which pair of palettes.
        pinned: whether that is the same on every page: of the digit itself.
    """

    picture: Picture
    box: str
    window: Box
    text: str
    scale: ValueRange
    palette: PaletteName
    pinned: bool


def input_window(
    forward: ForwardPass,
    sources: Sources,
    channel: int,
    corner: tuple[int, int],
    size: tuple[int, int],
) -> InputWindow:
    """The window of a size at a corner of one of the maps that the unit's layer is given."""
    row, column = corner
    height, width = size
    name = sources.name()
    layer, view = sources.layer(), sources.view
    where = name if layer is None else f"filter {channel} of {name}"
    text = f"{_span('row', row, height)} and {_span('column', column, width)} of {where}"
    if layer is None:
        picture = Picture(links.input_png(view.digit), SIDE, SIDE)
        window = (column, row, width, height)
        box = _around((0, 0, SIDE, SIDE), window)
        return InputWindow(picture, box, window, text, (0.0, 1.0), PaletteName.GREY, pinned=True)
    options = GridOptions(Normalisation.LAYER, view.palette, _ZOOM, labels=False)
    grid = layer_grid(forward, layer, (channel,), options)
    (cell,) = grid.cells
    x, y, _, _ = cell.box
    window = (x + column * _ZOOM, y + row * _ZOOM, width * _ZOOM, height * _ZOOM)
    address = view.grid(layer.name, normalize="layer", filters=channel, zoom=_ZOOM, labels="false")
    return InputWindow(
        Picture(address, grid.geometry.width, grid.geometry.height),
        _around(cell.box, window),
        window,
        text,
        cell.range,
        view.palette,
        pinned=False,
    )


def _around(map_: Box, window: Box) -> str:
    """The smallest box that holds both."""
    boxes = (map_, window)
    left, top = (min(box[axis] for box in boxes) for axis in (0, 1))
    right, bottom = (max(box[axis] + box[axis + 2] for box in boxes) for axis in (0, 1))
    return f"{left} {top} {right - left} {bottom - top}"


def _span(noun: str, first: int, length: int) -> str:
    ends = [str(at).replace("-", fmt.MINUS) for at in (first, first + length - 1)]
    return f"{noun} {ends[0]}" if length == 1 else f"{noun}s {ends[0]} to {ends[1]}"


MOST_LISTED: Final = 10
_MOST_WRITTEN: Final = 64


@dataclass(frozen=True)
class Row:
    """A row of numbers.

    Attributes:
        name: of what they belong to.
        href: the page that explains it, if it has one.
        cells: the numbers.
        chosen: whether it is the one asked for.
    """

    name: str
    href: str | None
    cells: tuple[str, ...]
    chosen: bool = False


@dataclass(frozen=True)
class NumberTable:
    """Numbers, and what is left out.

    Attributes:
        words: what is done with them.
        headings: of the name and of each cell.
        rows: the rows.
        rest: what the rows left out come to together, in words.
    """

    words: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    rest: str | None


@dataclass(frozen=True)
class WindowView:
    """A pooling's window.

    Attributes:
        input_window: where it is on the map.
        numbers: its values, where they are few enough to be written out.
        text: what they are.
    """

    input_window: InputWindow
    numbers: NumberGrid | None
    text: str


def of_weighted_sum(found: Dense, sources: Sources) -> tuple[NumberTable, tuple[Line, ...]]:
    """A dense layer's ten largest products, and the sum."""
    products = found.products
    order = np.argsort(-np.abs(products), kind="stable")
    listed, others = order[:MOST_LISTED], order[MOST_LISTED:]
    shape = (1, 1, len(products)) if (layer := sources.layer()) is None else layer.shape
    columns = (found.values, found.weights, products)
    written = [fmt.aligned(column[listed].tolist(), DIGITS) for column in columns]
    rows = []
    for at, *cells in zip(listed.tolist(), *written, strict=True):
        row, column, channel = (int(one) for one in np.unravel_index(at, shape))
        spot = f" at {row},{column}" if shape[0] * shape[1] > 1 else ""
        name, href = f"{sources.name()}:{channel}{spot}", sources.href(channel, row, column)
        rows.append(Row(name, href, tuple(cells)))
    rest = float(products[others].sum())
    tokens: list[Term | str] = [term(float(products[listed].sum()), f"largest {len(listed)}")]
    if len(others):
        tokens += ["+", term(rest, f"other {len(others)}")]
    if found.bias is not None:
        tokens += ["+", term(found.bias, "bias")]
    table = NumberTable(
        words=f"Each of the {len(products):,} values of {sources.name()} is multiplied by a weight "
        "of its own; these products are the largest.",
        headings=("value of", "value", "weight", "product"),
        rows=tuple(rows),
        rest=f"{len(others):,} more, together {fmt.number(rest, DIGITS)}" if len(others) else None,
    )
    line = Line("All products and the bias are added.", (*tokens, "=", term(found.total, "value")))
    return table, (line,)


def of_softmax(
    found: Softmax, sources: Sources, classes: tuple[str, ...]
) -> tuple[NumberTable, tuple[Line, ...]]:
    """Every score, its exponential, and its share."""
    exponentials, total = found.exponentials, float(found.exponentials.sum())
    names = (
        classes if len(classes) == len(found.scores) else tuple(map(str, range(len(found.scores))))
    )
    row, column = sources.unit.place
    rows = tuple(
        Row(
            name=label,
            href=sources.href(at, row, column),
            cells=(
                fmt.number(float(found.scores[at]), DIGITS),
                fmt.number(float(exponentials[at]), DIGITS),
                fmt.percent(float(exponentials[at]) / total),
            ),
            chosen=at == found.index,
        )
        for at, label in enumerate(names)
    )
    largest = fmt.number(float(found.scores.max()), DIGITS)
    table = NumberTable(
        words=f"Each score, less the largest of them, {largest}, becomes a power of e: all are "
        "above zero then, and the largest is 1.",
        headings=("class", "score", "power of e", "share"),
        rows=rows,
        rest=None,
    )
    tokens = (
        term(float(exponentials[found.index]), f"of class {names[found.index]}"),
        *("\N{DIVISION SIGN}", term(total, "of all together"), "="),
        term(found.result, "value"),
    )
    return table, (Line("Divided by their sum they add up to 1.", tokens),)


def of_pooling(
    found: Pooling, sources: Sources, forward: ForwardPass
) -> tuple[WindowView, tuple[Line, ...]]:
    """A window, and its largest value or its mean."""
    height, width = found.window.shape
    seen = input_window(forward, sources, sources.unit.filter, found.corner, (height, width))
    few = found.window.size <= _MOST_WRITTEN
    view = WindowView(
        input_window=seen,
        numbers=number_grid(found.window, seen.scale, seen.palette, pinned=seen.pinned)
        if few
        else None,
        text=f"{height} {fmt.TIMES} {width} values: {seen.text}",
    )
    result = term(found.result, "value")
    if found.operation == "max":
        words = f"Of {found.window.size} values the largest goes on."
        return view, (Line(words, (f"the largest of {found.window.size} =", result)),)
    total = term(float(found.window.sum(dtype=float)), f"sum of {found.window.size} values")
    tokens = (total, "\N{DIVISION SIGN}", Term(str(found.window.size), "values"), "=", result)
    return view, (Line("Their mean goes on: one number for the whole of it.", tokens),)


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
    patch: NumberGrid
    kernel: NumberGrid
    products: NumberGrid
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
        input_window: where the patch is on that map.
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
    input_window: InputWindow
    beyond: bool
    scales: Scales
    channels: tuple[Channel, ...]
    drawn: int
    rest: str | None
    lines: tuple[Line, ...]


def convolution_view(
    found: Convolution, sources: Sources, forward: ForwardPass, wanted: int | None
) -> ConvolutionView:
    """The view of a convolution.

    Args:
        found: its numbers.
        sources: where they come from.
        forward: for the map that it looks at.
        wanted: index of the map to write out; by default the one that contributes most.

    Raises:
        UnknownFilterError: the convolution is not given that map.
    """
    order = [int(at) for at in np.argsort(-np.abs(found.sums), kind="stable")]
    at = order[0] if wanted is None else _position(found, wanted)
    height, width = (
        (side - 1) * step + 1 for side, step in zip(found.inside.shape, found.dilation, strict=True)
    )
    seen = input_window(forward, sources, found.first + at, found.corner, (height, width))
    channels = _channels(found, sources, seen, order, at)
    middle = (found.corner[0] + height // 2, found.corner[1] + width // 2)
    on_map = bool(found.inside[found.inside.shape[0] // 2, found.inside.shape[1] // 2])
    return ConvolutionView(
        source=sources.name(),
        chosen=next(one for one in channels if one.chosen),
        chosen_href=sources.href(found.first + at, *middle) if on_map else None,
        input_window=seen,
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


def _reach(values: np.ndarray) -> ValueRange:
    reach = float(np.abs(values).max())
    return -reach, reach


def _channels(
    found: Convolution, sources: Sources, seen: InputWindow, order: list[int], chosen: int
) -> tuple[Channel, ...]:
    unit, view = sources.unit, sources.view
    products, sums = found.products, found.sums
    palette = view.palette
    kernels, made = _reach(found.kernel), _reach(products)
    largest = float(np.abs(sums).max()) or 1.0
    place = ",".join(map(str, unit.place))
    written = fmt.aligned(sums.tolist(), DIGITS)
    return tuple(
        Channel(
            index=found.first + at,
            chosen=at == chosen,
            href=view.filter(unit.layer.name, unit.filter, at=place, channel=found.first + at)
            + "#unit",
            patch=number_grid(
                found.patch[:, :, at],
                seen.scale,
                seen.palette,
                there=found.inside,
                pinned=seen.pinned,
            ),
            kernel=number_grid(found.kernel[:, :, at], kernels, palette),
            products=number_grid(products[:, :, at], made, palette, there=found.inside),
            sum=written[at],
            bar=_bar(float(sums[at]) / largest),
        )
        for at in order
    )


def _bar(share: float) -> tuple[float, float]:
    length = round(_BAR * abs(share), 1)
    return (0.0 if share >= 0 else -length), length


def _scales(found: Convolution, seen: InputWindow, *, digit: bool) -> Scales:
    signed = "signed" if seen.scale[0] < 0 else "positive"
    return Scales(
        legend_of(seen.scale, "grey" if digit else signed, ""),
        legend_of(_reach(found.kernel), "signed", ""),
        legend_of(_reach(found.products), "signed", ""),
    )


def _rest(found: Convolution, others: list[int]) -> str | None:
    if not others:
        return None
    together = fmt.number(float(found.sums[others].sum()), DIGITS)
    return f"{fmt.pluralise(len(others), 'more map')}, together {together}"


_CHECK_DIGITS: Final = 6


@dataclass(frozen=True)
class UnitQuery:
    """What a reader asks to see.

    Attributes:
        at: a place, ``5,12``; the map's largest value by default.
        channel: which of the maps that a convolution is given is written out.
    """

    at: Annotated[str | None, Query(max_length=16)] = None
    channel: Annotated[int | None, Query(ge=0, le=99_999)] = None


UnitQueryDep = Annotated[UnitQuery, Depends()]


@dataclass(frozen=True)
class Step:
    """A place beside this one; without an address it would be beyond the edge."""

    sign: str
    text: str
    href: str | None


@dataclass(frozen=True)
class PositionPicker:
    """Ways to another place.

    Attributes:
        rows: how many there are.
        columns: how many there are.
        steps: left, up, down and right.
        largest: the place of the map's largest value.
        smallest: the place of its smallest.
    """

    rows: int
    columns: int
    steps: tuple[Step, ...]
    largest: str
    smallest: str


@dataclass(frozen=True)
class Working:
    """How the value comes about; what does not apply to its layer is left out."""

    convolution: ConvolutionView | None = None
    window: WindowView | None = None
    table: NumberTable | None = None
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class UnitSection:
    """One value explained.

    Attributes:
        row: from the top.
        column: from the left.
        value: at that place, to four digits.
        picker: ways to another place; nothing where the map has but one.
        working: how it comes about; nothing of a kind of layer that is not known.
        kind: of the layer.
        sum: what the arithmetic comes to, to six digits.
        exact: the map's value, to six digits.
    """

    row: int
    column: int
    value: str
    picker: PositionPicker | None
    working: Working | None
    kind: str
    sum: str
    exact: str


def unit_section(
    context: PageContext, layer: LayerInfo, index: int, wish: UnitQuery
) -> UnitSection:
    """One value of a filter's map explained.

    Raises:
        InvalidParameterError: the wish names no place.
        UnknownUnitError: the map has no such place.
        UnknownFilterError: the convolution is not given the map that is wished for.
    """
    forward = context.forward
    if wish.at is None:
        place = strongest_place(forward, layer, index)
    else:
        place = place_named(layer, wish.at)
    unit = explain(context.engine, forward, layer, index, place)
    found = unit.arithmetic
    return UnitSection(
        row=place[0],
        column=place[1],
        value=fmt.number(unit.value, DIGITS),
        picker=_picker(context, unit) if layer.spatial else None,
        working=None if found is None else _working(context, unit, found, wish),
        kind=layer.kind,
        sum="" if found is None else fmt.number(found.result, _CHECK_DIGITS),
        exact=fmt.number(unit.value, _CHECK_DIGITS),
    )


def _working(context: PageContext, unit: Unit, found: Arithmetic, wish: UnitQuery) -> Working:
    sources = Sources(unit, context.engine.manifest, context.view)
    match found:
        case Convolution():
            view = convolution_view(found, sources, context.forward, wish.channel)
            return Working(convolution=view)
        case BatchNorm():
            return Working(lines=of_norm(found, sources))
        case ActivationStep():
            return Working(lines=of_application(found, sources))
        case Merge():
            return Working(lines=of_merge(found, sources))
        case _:
            return _of_many(context, found, sources)


def _of_many(context: PageContext, found: Dense | Softmax | Pooling, sources: Sources) -> Working:
    match found:
        case Dense():
            table, steps = of_weighted_sum(found, sources)
            return Working(table=table, lines=steps)
        case Softmax():
            table, steps = of_softmax(found, sources, context.engine.manifest.classes)
            return Working(table=table, lines=steps)
        case Pooling():
            window, steps = of_pooling(found, sources, context.forward)
            return Working(window=window, lines=steps)


def _picker(context: PageContext, unit: Unit) -> PositionPicker:
    layer, index = unit.layer, unit.filter
    height, width, _ = layer.shape
    flat = context.forward.maps(layer)[:, :, index]
    row, column = unit.place

    def page(row: int, column: int) -> str:
        return context.view.filter(layer.name, index, at=f"{row},{column}") + "#unit"

    def step(sign: str, text: str, down: int, across: int) -> Step:
        there = (row + down, column + across)
        inside = 0 <= there[0] < height and 0 <= there[1] < width
        return Step(sign, text, page(*there) if inside else None)

    def extreme(at: np.intp) -> str:
        found = np.unravel_index(at, flat.shape)
        return page(int(found[0]), int(found[1]))

    return PositionPicker(
        rows=height,
        columns=width,
        steps=(
            step("\N{LEFTWARDS ARROW}", "one to the left", 0, -1),
            step("\N{UPWARDS ARROW}", "one up", -1, 0),
            step("\N{DOWNWARDS ARROW}", "one down", 1, 0),
            step("\N{RIGHTWARDS ARROW}", "one to the right", 0, 1),
        ),
        largest=extreme(flat.argmax()),
        smallest=extreme(flat.argmin()),
    )
