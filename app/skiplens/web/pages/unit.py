"""How one value of a map is computed, as a section of the filter page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from fastapi import Depends, Query
from numpy.typing import NDArray

from skiplens.core.colormaps import PaletteName
from skiplens.core.grid_image import Box
from skiplens.core.manifest import LayerInfo
from skiplens.core.unit_arithmetic import (
    ActivationStep,
    Arithmetic,
    BatchNorm,
    Convolution,
    Dense,
    GRUGate,
    GRUState,
    Pooling,
    Softmax,
    Unit,
)
from skiplens.core.value_range import Normalisation, ValueRange
from skiplens.errors import UnknownFilterError
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import GridOptions, layer_grid
from skiplens.service.units import explain, parse_position, strongest_position
from skiplens.web.pages import fmt, text
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import (
    Legend,
    NumberGrid,
    Picture,
    input_picture,
    legend_of,
    number_grid,
)
from skiplens.web.pages.unit_steps import (
    DIGITS,
    InputLabels,
    Step,
    Steps,
    Term,
    activation_steps,
    batch_norm_steps,
    convolution_steps,
    gru_gate_steps,
    gru_state_steps,
    merge_steps,
    term,
)
from skiplens.web.parameters import query_of

_ZOOM: Final = 4


@dataclass(frozen=True)
class InputWindow:
    """A window on a map."""

    picture: Picture
    box: str
    """``viewBox`` of the map and the window in the picture."""
    window: Box
    text: str
    range: ValueRange
    palette: PaletteName | None
    fixed_palette: bool

    def numbers(
        self, values: NDArray[np.float32], mask: NDArray[np.bool_] | None = None
    ) -> NumberGrid:
        """Values of the window, ``(H, W)``, in the colours of its map."""
        return number_grid(values, self.range, self.palette, mask=mask)


def input_window(
    forward: ForwardPass,
    labels: InputLabels,
    channel: int,
    corner: tuple[int, int],
    size: tuple[int, int],
) -> InputWindow:
    """A window, by its corner and size, on one of the input maps."""
    row, column = corner
    height, width = size
    layer, links = labels.layer(), labels.links
    palette = links.palette if layer else PaletteName.GREY
    name = labels.name() if layer is None else f"{layer.filter_noun} {channel} of {labels.name()}"
    places = f"{_span('row', row, height)} and {_span('column', column, width)}"
    if layer is None:
        picture = input_picture(forward)
        map_ = (0, 0, picture.width, picture.height)
        range_ = (0.0, 1.0)
    else:
        options = GridOptions(Normalisation.LAYER, zoom=_ZOOM, labels=False)
        grid = layer_grid(forward, layer, (channel,), options)
        shown = {"filters": channel, "zoom": _ZOOM, "labels": "false"}
        address = links.grid(layer.name, normalize="layer", **shown)
        picture = Picture.of(address, grid.layout)
        map_, range_ = grid.cells[0].box, grid.cells[0].range
    x, y, zoom = map_[0], map_[1], picture.zoom
    if layer is not None and layer.is_sequence:  # its steps, which are columns, run downwards
        places = _span(text.step_noun(forward.manifest, layer), column, width)
        row, column, height, width = column, row, width, height
    window = (x + column * zoom, y + row * zoom, width * zoom, height * zoom)
    return InputWindow(
        picture,
        _around(map_, window),
        window,
        f"{places} of {name}",
        range_,
        palette,
        fixed_palette=layer is None,
    )


def _around(map_: Box, window: Box) -> str:
    """The ``viewBox`` of both."""
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
class NumberRow:
    """A row of numbers, with the page that explains them, if they have one."""

    name: str
    href: str | None
    cells: tuple[str, ...]
    chosen: bool = False


@dataclass(frozen=True)
class NumberTable:
    """Numbers, and a summary of the rows left out."""

    text: str
    headings: tuple[str, ...]
    rows: tuple[NumberRow, ...]
    rest: str | None


@dataclass(frozen=True)
class WindowView:
    """A pooling's window, with its values unless they are too many."""

    input_window: InputWindow
    numbers: NumberGrid | None
    text: str


@dataclass(frozen=True)
class Channel:
    """What one input map contributes to a convolution."""

    index: int
    chosen: bool
    href: str
    patch: NumberGrid
    kernel: NumberGrid
    products: NumberGrid
    sum: str
    bar: tuple[float, float]
    """Left end and length, in -100..100 about zero."""


@dataclass(frozen=True)
class ConvolutionView:
    """A convolution: every input map, the largest contribution first."""

    source: str
    chosen: Channel
    chosen_href: str | None
    """The page that explains the middle of the patch, if it is on the map."""
    input_window: InputWindow
    beyond: bool
    """Whether part of the patch is outside the map."""
    legends: tuple[Legend, Legend, Legend]
    """Of patch, kernel and products."""
    channels: tuple[Channel, ...]
    drawn: int
    """How many channels are drawn; the others are listed."""
    rest: str | None
    lines: Steps


@dataclass(frozen=True)
class UnitExplanation:
    """How a value is computed, as far as it applies to its layer."""

    convolution: ConvolutionView | None = None
    window: WindowView | None = None
    table: NumberTable | None = None
    lines: Steps = ()


def dense_steps(found: Dense, labels: InputLabels) -> UnitExplanation:
    """A dense layer's ten largest products, and the sum."""
    products = found.products
    order = np.argsort(-np.abs(products), kind="stable")
    listed, others = order[:MOST_LISTED], order[MOST_LISTED:]
    shape = (1, 1, len(products)) if (layer := labels.layer()) is None else layer.shape
    at_position = len(products) == shape[-1]  # else of all positions together
    columns = (found.values, found.weights, products)
    written = [fmt.aligned(column[listed].tolist(), DIGITS) for column in columns]
    rows = []
    for at, *cells in zip(listed.tolist(), *written, strict=True):
        row, column, channel = map(int, np.unravel_index(at, shape))
        if at_position:
            (row, column), channel = labels.unit.position, at
        position = f" at {row},{column}" if shape[0] * shape[1] > 1 else ""
        name, href = f"{labels.name()}:{channel}{position}", labels.href(channel, row, column)
        rows.append(NumberRow(name, href, tuple(cells)))
    rest = float(products[others].sum())
    tokens: list[Term | str] = [term(float(products[listed].sum()), f"largest {len(listed)}")]
    if len(others):
        tokens += ["+", term(rest, f"other {len(others)}")]
    added = "All products are added."
    if found.bias is not None:
        added = "All products and the bias are added."
        tokens += ["+", term(found.bias, "bias")]
    table = NumberTable(
        text=f"Each of the {len(products):,} values of {labels.name()} is multiplied by its "
        "own weight; these products are the largest.",
        headings=("value of", "value", "weight", "product"),
        rows=tuple(rows),
        rest=f"{len(others):,} more, sum {fmt.number(rest, DIGITS)}" if len(others) else None,
    )
    line = Step(added, (*tokens, "=", term(found.total, "value")))
    return UnitExplanation(table=table, lines=(line,))


def softmax_steps(found: Softmax, labels: InputLabels) -> UnitExplanation:
    """Every score, its exponential, and its share."""
    exponentials, total = found.exponentials, float(found.exponentials.sum())
    classes, count = labels.manifest.classes, len(found.scores)
    names = classes if len(classes) == count else tuple(map(str, range(count)))
    row, column = labels.unit.position
    rows = tuple(
        NumberRow(
            name=label,
            href=labels.href(at, row, column),
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
        text=f"The largest score, {largest}, is subtracted from each, and the exponential taken: "
        "all are above zero then, and the largest is 1.",
        headings=("class", "score", "exponential", "share"),
        rows=rows,
        rest=None,
    )
    tokens = (
        term(float(exponentials[found.index]), f"of class {names[found.index]}"),
        *("\N{DIVISION SIGN}", term(total, "sum of all"), "="),
        term(found.result, "value"),
    )
    step = Step("Divided by their sum, they sum to 1.", tokens)
    return UnitExplanation(table=table, lines=(step,))


def pooling_steps(found: Pooling, labels: InputLabels, forward: ForwardPass) -> UnitExplanation:
    """A window, and its largest value or its mean."""
    height, width = found.window.shape
    seen = input_window(forward, labels, labels.unit.filter, found.corner, (height, width))
    few = found.window.size <= _MOST_WRITTEN
    source = labels.layer()
    in_steps = source is not None and source.is_sequence
    window = WindowView(
        input_window=seen,
        numbers=seen.numbers(found.window.T if in_steps else found.window) if few else None,
        text=f"{height} {fmt.TIMES} {width} values: {seen.text}",
    )
    result = term(found.result, "value")
    if found.operation == "max":
        words = f"Of {found.window.size} values, the largest is the result."
        line = Step(words, (f"the largest of {found.window.size} =", result))
        return UnitExplanation(window=window, lines=(line,))
    total = term(float(found.window.sum(dtype=float)), f"sum of {found.window.size} values")
    tokens = (total, "\N{DIVISION SIGN}", Term(str(found.window.size), "values"), "=", result)
    return UnitExplanation(window=window, lines=(Step("The result is their mean.", tokens),))


MOST_DRAWN: Final = 16
_BAR: Final = 100


def convolution_view(
    found: Convolution, labels: InputLabels, forward: ForwardPass, requested: int | None
) -> ConvolutionView:
    """A convolution; by default the input map that contributes most is shown in numbers.

    Raises:
        UnknownFilterError: the convolution has no such input map.
    """
    order = [int(at) for at in np.argsort(-np.abs(found.sums), kind="stable")]
    at = order[0] if requested is None else _position(found, requested)
    height, width = (
        (side - 1) * step + 1 for side, step in zip(found.inside.shape, found.dilation, strict=True)
    )
    seen = input_window(forward, labels, found.first + at, found.corner, (height, width))
    channels = _channels(found, labels, seen, order, at)
    middle = (found.corner[0] + height // 2, found.corner[1] + width // 2)
    signed = "signed" if seen.range[0] < 0 else "positive"
    on_map = bool(found.inside[found.inside.shape[0] // 2, found.inside.shape[1] // 2])
    return ConvolutionView(
        source=labels.name(),
        chosen=next(channel for channel in channels if channel.chosen),
        chosen_href=labels.href(found.first + at, *middle) if on_map else None,
        input_window=seen,
        beyond=not found.inside.all(),
        legends=(
            legend_of(seen.range, "grey" if seen.fixed_palette else signed, ""),
            legend_of(_symmetric_range(found.kernel), "signed", ""),
            legend_of(_symmetric_range(found.products), "signed", ""),
        ),
        channels=channels,
        drawn=MOST_DRAWN,
        rest=_rest(found, order[MOST_DRAWN:]),
        lines=convolution_steps(found, order, labels),
    )


def _position(found: Convolution, requested: int) -> int:
    last = found.first + len(found.sums) - 1
    if not found.first <= requested <= last:
        raise UnknownFilterError(
            f"the convolution has no input map {requested}; its maps are {found.first} to {last}"
        )
    return requested - found.first


def _symmetric_range(values: np.ndarray) -> ValueRange:
    largest = float(np.abs(values).max())
    return -largest, largest


def _channels(
    found: Convolution, labels: InputLabels, seen: InputWindow, order: list[int], chosen: int
) -> tuple[Channel, ...]:
    unit, links = labels.unit, labels.links
    products, sums = found.products, found.sums
    palette = links.palette
    kernels, made = _symmetric_range(found.kernel), _symmetric_range(products)
    largest = float(np.abs(sums).max()) or 1.0
    position = ",".join(map(str, unit.position))
    written = fmt.aligned(sums.tolist(), DIGITS)
    return tuple(
        Channel(
            index=found.first + at,
            chosen=at == chosen,
            href=links.filter(unit.layer.name, unit.filter, at=position, channel=found.first + at)
            + "#unit",
            patch=seen.numbers(found.patch[:, :, at], found.inside),
            kernel=number_grid(found.kernel[:, :, at], kernels, palette),
            products=number_grid(products[:, :, at], made, palette, mask=found.inside),
            sum=written[at],
            bar=_bar(float(sums[at]) / largest),
        )
        for at in order
    )


def _bar(share: float) -> tuple[float, float]:
    length = round(_BAR * abs(share), 1)
    return (0.0 if share >= 0 else -length), length


def _rest(found: Convolution, others: list[int]) -> str | None:
    if not others:
        return None
    together = fmt.number(float(found.sums[others].sum()), DIGITS)
    return f"{fmt.pluralise(len(others), 'more map')}, sum {together}"


_CHECK_DIGITS: Final = 6


@dataclass(frozen=True)
class UnitQuery:
    """The value to explain, ``5,12`` or by default the largest, and the channel to show."""

    at: Annotated[str | None, Query(max_length=16)] = None
    channel: Annotated[int | None, Query(ge=0, le=99_999)] = None


UnitQueryDep = Annotated[UnitQuery, Depends(query_of(UnitQuery))]


@dataclass(frozen=True)
class Neighbour:
    """A position next to this one; without an address, it is outside the map."""

    sign: str
    text: str
    href: str | None


@dataclass(frozen=True)
class PositionPicker:
    """Links to other positions on the map."""

    rows: int
    columns: int
    steps: tuple[Neighbour, ...]
    largest: str
    smallest: str


@dataclass(frozen=True)
class UnitSection:
    """The explanation of one value."""

    row: int
    column: int
    value: str
    picker: PositionPicker | None
    """``None`` if the map has one position."""
    explanation: UnitExplanation | None
    """``None`` for an unknown kind of layer."""
    sum: str
    """Result of the arithmetic, to six digits, as is the exact value."""
    exact: str


def unit_section(
    context: PageContext, layer: LayerInfo, index: int, query: UnitQuery
) -> UnitSection:
    """The explanation of one value of a filter's map.

    Raises:
        InvalidParameterError: the query names no position.
        UnknownUnitError: the map has no such position.
        UnknownFilterError: the convolution has no such input map.
    """
    forward = context.forward
    if query.at is None:
        position = strongest_position(forward, layer, index)
    else:
        position = parse_position(layer, query.at)
    unit = explain(context.engine, forward, layer, index, position)
    found = unit.arithmetic
    return UnitSection(
        row=position[0],
        column=position[1],
        value=fmt.number(unit.value, DIGITS),
        picker=_picker(context, unit) if layer.spatial else None,
        explanation=None if found is None else _explain(context, unit, found, query),
        sum="" if found is None else fmt.number(found.result, _CHECK_DIGITS),
        exact=fmt.number(unit.value, _CHECK_DIGITS),
    )


def _explain(
    context: PageContext, unit: Unit, found: Arithmetic, query: UnitQuery
) -> UnitExplanation:
    forward = context.forward
    labels = InputLabels(unit, context.engine.manifest, context.links)
    match found:
        case Convolution():
            shown = convolution_view(found, labels, forward, query.channel)
            return UnitExplanation(convolution=shown)
        case Pooling():
            return pooling_steps(found, labels, forward)
        case Dense():
            return dense_steps(found, labels)
        case Softmax():
            return softmax_steps(found, labels)
        case BatchNorm():
            steps = batch_norm_steps(found, labels)
        case ActivationStep():
            steps = activation_steps(found, labels)
        case GRUGate():
            steps = gru_gate_steps(found, labels)
        case GRUState():
            steps = gru_state_steps(found, labels)
        case _:
            steps = merge_steps(found, labels)
    return UnitExplanation(lines=steps)


_IN_TIME: Final = (
    ("\N{UPWARDS ARROW}", "step earlier", 0, -1),
    ("\N{DOWNWARDS ARROW}", "step later", 0, 1),
)
_ON_MAP: Final = (
    ("\N{LEFTWARDS ARROW}", "to the left", 0, -1),
    ("\N{UPWARDS ARROW}", "up", -1, 0),
    ("\N{DOWNWARDS ARROW}", "down", 1, 0),
    ("\N{RIGHTWARDS ARROW}", "to the right", 0, 1),
)


def neighbours(
    layer: LayerInfo, position: tuple[int, int], page: Callable[[int, int], str], stride: int = 1
) -> tuple[Neighbour, ...]:
    """The positions around one, or before and after it in a sequence, ``stride`` away."""
    height, width, _ = layer.shape

    def neighbour(sign: str, text: str, down: int, across: int) -> Neighbour:
        row, column = position[0] + down * stride, position[1] + across * stride
        inside = 0 <= row < height and 0 <= column < width
        named = f"one {text}" if stride == 1 else text
        return Neighbour(sign, named, page(row, column) if inside else None)

    return tuple(neighbour(*way) for way in (_IN_TIME if layer.is_sequence else _ON_MAP))


def _picker(context: PageContext, unit: Unit) -> PositionPicker:
    layer, index = unit.layer, unit.filter
    height, width, _ = layer.shape
    flat = context.forward.maps(layer)[:, :, index]

    def page(row: int, column: int) -> str:
        return context.links.filter(layer.name, index, at=f"{row},{column}") + "#unit"

    def extreme(at: np.intp) -> str:
        found = np.unravel_index(at, flat.shape)
        return page(int(found[0]), int(found[1]))

    return PositionPicker(
        rows=height,
        columns=width,
        steps=neighbours(layer, unit.position, page),
        largest=extreme(flat.argmax()),
        smallest=extreme(flat.argmin()),
    )
