"""How one value is computed, for each kind of layer: sentences and equations of linked numbers,
tables, and windows on the maps that it is computed from.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.colormaps import PaletteName
from skiplens.core.grid_image import Box
from skiplens.core.manifest import INPUT, LayerInfo, Manifest
from skiplens.core.unit_arithmetic import (
    ActivationStep,
    BatchNorm,
    Convolution,
    Dense,
    GRUGate,
    GRUState,
    Merge,
    Pooling,
    Softmax,
    Unit,
)
from skiplens.core.value_range import Normalisation, ValueRange
from skiplens.errors import UnknownFilterError
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import GridOptions, layer_grid
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
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


@dataclass(frozen=True)
class InputLabels:
    """Names, symbols and pages of the values that a unit is computed from."""

    unit: Unit
    manifest: Manifest
    links: Links

    def layer(self, at: int = 0) -> LayerInfo | None:
        """One of the inputs; ``None`` for the digit."""
        name = self.unit.layer.inputs[at]
        return None if name == INPUT else find_layer(self.manifest, name)

    def name(self, at: int = 0) -> str:
        """Name of one of the inputs."""
        layer = self.layer(at)
        return f"the {self.manifest.noun}" if layer is None else layer.name

    def href(self, filter_: int, row: int, column: int, at: int = 0) -> str | None:
        """The page that explains a value of one of the inputs; ``None`` for the digit."""
        layer = self.layer(at)
        if layer is None:
            return None
        return self.links.filter(layer.name, filter_, at=f"{row},{column}") + "#unit"

    def same_position(self, at: int = 0) -> str | None:
        """The page of the value at the same position and filter in one of the inputs."""
        return self.href(self.unit.filter, *self.unit.position, at)

    @property
    def normalised(self) -> bool:
        """Whether a batch norm follows the unit's layer."""
        name = self.unit.layer.name
        return any(layer.role == "norm" and name in layer.inputs for layer in self.manifest.layers)

    def part(self, at: int) -> str:
        """An input of a merge with its symbol, ``x: stem.output``."""
        role = self._role(at)
        known = {"identity": "x", "residual": "F(x)", "gate": "T(x)"}
        return f"{known[role]}: {self.name(at)}" if role in known else self.name(at)

    def tone(self, at: int) -> str:
        """Colour of an input of a merge."""
        role = self._role(at)
        return role if role in {"identity", "residual"} else ""

    def _role(self, at: int) -> str:
        block = text.block_ended_by(self.manifest, self.unit.layer)
        name = self.unit.layer.inputs[at]
        if block is None:
            return ""
        parts = {block.identity: "identity", block.residual: "residual", block.gate: "gate"}
        return parts.get(name, "")


DIGITS: Final = 4
_MOST_TERMS: Final = 4


@dataclass(frozen=True)
class Term:
    """A number of a step, with the page that it comes from, if it has one."""

    value: str
    label: str
    tone: str = ""
    href: str | None = None


@dataclass(frozen=True)
class Step:
    """One step of the arithmetic. Signs are plain text among the terms."""

    text: str
    tokens: tuple[Term | str, ...]


Steps = tuple[Step, ...]


def term(value: float, label: str, tone: str = "", href: str | None = None) -> Term:
    """A number to four digits."""
    return Term(fmt.number(value, DIGITS), label, tone, href)


def convolution_step(found: Convolution, order: list[int], labels: InputLabels) -> Step:
    """The last step of a convolution: the sum over maps and the bias."""
    tokens: list[Term | str] = []
    for at in order[:_MOST_TERMS]:
        label = f"map {found.first + at}" if len(order) > 1 else "sum of the products"
        tokens += ["+", term(float(found.sums[at]), label)]
    if others := order[_MOST_TERMS:]:
        tokens += ["+", term(float(found.sums[others].sum()), f"{len(others)} others")]
    words = "All maps are summed" if len(order) > 1 else f"There is one input map, {labels.name()}"
    if found.bias is None:
        reason = ", because the batch normalisation after it has one" if labels.normalised else ""
        words += f"; this layer has no bias{reason}."
    else:
        tokens += ["+", term(found.bias, "bias")]
        words += ", plus the filter's bias, one number for all positions."
    return Step(words, (*tokens[1:], "=", term(found.result, "value")))


def batch_norm_steps(found: BatchNorm, labels: InputLabels) -> Steps:
    """The steps of a batch norm."""
    deviation = math.sqrt(found.variance + found.epsilon)
    root = f"\N{SQUARE ROOT}({fmt.number(found.variance)} + {found.epsilon:g})"
    given = term(found.value, labels.name(0), href=labels.same_position(0))
    mean, spread = term(found.mean, "mean"), term(deviation, root)
    centred = term(found.value - found.mean, "")
    scaled = term((found.value - found.mean) / deviation, "")
    gamma, beta = term(found.gamma, "gamma"), term(found.beta, "beta")
    result = term(found.result, "value")
    divide = (
        "Divide by the standard deviation in training: the square root of the variance "
        "plus a small constant."
    )
    scale = "Scale and shift by two learned parameters."
    return (
        Step("Subtract the filter's mean in training.", (given, fmt.MINUS, mean, "=", centred)),
        Step(divide, (centred, "\N{DIVISION SIGN}", spread, "=", scaled)),
        Step(scale, (scaled, fmt.TIMES, gamma, "+", beta, "=", result)),
    )


def activation_steps(found: ActivationStep, labels: InputLabels) -> Steps:
    """The step of an activation function, of a disabled branch, or of neither."""
    tone = text.tone(labels.unit.layer)
    given = term(found.value, labels.name(0), tone, labels.same_position(0))
    words, *around = _ACTIVATIONS[found.function]
    tokens: tuple[Term | str, ...] = (around[0], given, around[1]) if around else (given,)
    if found.branch_scale not in (None, 1.0):
        label = "branch off" if found.branch_scale == 0 else "factor of the branch"
        tokens = (*tokens, fmt.TIMES, Term(fmt.branch_factor(found.branch_scale), label))
    if found.branch_scale == 0:
        words = "The block's branch is switched off, so its output is zero."
    elif found.function == "relu" and found.value > 0:
        words = "Above zero, so it is unchanged."
    result = term(found.result, text.symbol(labels.unit.layer) or "value", tone)
    return (Step(words.format(labels.name(0)), (*tokens, "=", result)),)


# What an activation function does, and the signs before and after its input.
_ACTIVATIONS: Final[dict[str | None, tuple[str, ...]]] = {
    None: ("The output of {}, unchanged.",),
    "relu": ("Not above zero, so the result is zero.", "max(0,", ")"),
    "sigmoid": (
        "The sigmoid maps any number to a value between 0 and 1.",
        f"1 \N{DIVISION SIGN} (1 + e^{fmt.MINUS}",
        ")",
    ),
    "tanh": ("The function tanh of its input.", "tanh(", ")"),
}


def merge_steps(found: Merge, labels: InputLabels) -> Steps:
    """The steps of a merge; x and F(x) have their colours."""
    terms = [
        term(value, labels.part(at), labels.tone(at), labels.same_position(at))
        for at, value in enumerate(found.terms)
    ]
    result = term(found.result, text.symbol(labels.unit.layer) or "value")
    if found.operation == "highway":
        return _highway(found.terms, terms, result)
    words, before, sign, after = _MERGES[found.operation]
    if found.operation == "add" and not text.block_ended_by(labels.manifest, labels.unit.layer):
        words = "The values of its inputs are added."
    tokens = [token for value in terms for token in (sign, value)][1:]
    last = (after.format(len(terms)),) if after else ()
    return (Step(words, (*before, *tokens, *last, "=", result)),)


def _highway(values: tuple[float, ...], terms: list[Term], result: Term) -> Steps:
    (x, fx, gate), (x_term, fx_term, gate_term) = values, terms
    taken = term(gate * fx, "of F(x)", "residual")
    carried = term((1 - gate) * x, "of x", "identity")
    rest = term(1 - gate, f"1 {fmt.MINUS} T(x)")
    return (
        Step(
            "The gate is the share of F(x) that is used.",
            (gate_term, fmt.TIMES, fx_term, "=", taken),
        ),
        Step("The remaining share is x.", (rest, fmt.TIMES, x_term, "=", carried)),
        Step("The two are added.", (taken, "+", carried, "=", result)),
    )


_MERGES: Final[dict[str, tuple[str, tuple[str, ...], str, str]]] = {
    "add": ("The block's input and what its branch computes are added.", (), "+", ""),
    "multiply": ("The two are multiplied.", (), fmt.TIMES, ""),
    "average": ("The result is the mean of the two.", ("(",), "+", ") \N{DIVISION SIGN} {}"),
    "maximum": ("The result is the larger of the two.", ("max(",), ",", ")"),
}


def gru_gate_steps(found: GRUGate, labels: InputLabels) -> Steps:
    """The step of a GRU's gate."""
    words = (
        "The sigmoid \N{GREEK SMALL LETTER SIGMA} of two weighted sums, each with a bias: one of "
        f"{labels.name()} at this step, one of the states at the step before."
    )
    return (Step(words, _sigmoid(found, term(found.result, "value"))),)


def gru_state_steps(found: GRUState, labels: InputLabels) -> Steps:
    """The steps of a GRU: update gate, reset gate, candidate, new state."""
    (z, r), layer = found.gates, labels.unit.layer.name
    at = ",".join(map(str, labels.unit.position))

    def gate(name: str, value: float, sign: str) -> Term:
        href = labels.links.filter(f"{layer}.{name}", labels.unit.filter, at=at)
        return term(value, sign, href=f"{href}#unit")

    update, reset = gate("update", z, "z"), gate("reset", r, "r")
    given, held = found.candidate
    new, earlier = term(found.new, "candidate"), None
    if found.step_before is not None:
        at = f"{labels.unit.position[0]},{found.step_before}"
        earlier = labels.links.filter(layer, labels.unit.filter, at=at) + "#unit"
    before = term(found.before, "state before", href=earlier)
    sums = f"{labels.name()} at this step, and the states at the step before"
    first = "" if earlier else " There is no state before the first step, so it counts as zero."
    return (
        Step(
            "The update gate z is the share of the state that is kept: the sigmoid "
            f"\N{GREEK SMALL LETTER SIGMA} of two weighted sums, of {sums}.{first}",
            _sigmoid(GRUGate(found.update), update),
        ),
        Step(
            "The reset gate r has weights of its own for the same two.",
            _sigmoid(GRUGate(found.reset), reset),
        ),
        Step(
            "The candidate for the new state takes the states before as far as r lets them in.",
            (
                *("tanh(", term(given, "input"), "+", reset, fmt.TIMES),
                *(term(held, "states before"), ") =", new),
            ),
        ),
        Step(
            "The new state: the share z of the state before, plus the share "
            f"1 {fmt.MINUS} z of the candidate.",
            (
                *(update, fmt.TIMES, before, "+", term(1 - z, f"1 {fmt.MINUS} z"), fmt.TIMES, new),
                *("=", term(found.result, "value")),
            ),
        ),
    )


def _sigmoid(gate: GRUGate, result: Term) -> tuple[Term | str, ...]:
    given, held = gate.terms
    return (
        *("\N{GREEK SMALL LETTER SIGMA}(", term(given, "input"), "+"),
        *(term(held, "states before"), ") =", result),
    )


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
    line = Step(added, (*tokens, "=", term(found.result, "value")))
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
        lines=(convolution_step(found, order, labels),),
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


def explanation(context: PageContext, unit: Unit, channel: int | None) -> UnitExplanation | None:
    """How a value is computed; ``None`` for an unknown kind of layer.

    Args:
        context: of the page.
        unit: the value.
        channel: the input map of a convolution to show in numbers; by default the one that
            contributes most.

    Raises:
        UnknownFilterError: the convolution has no such input map.
    """
    forward, found = context.forward, unit.arithmetic
    labels = InputLabels(unit, context.engine.manifest, context.links)
    match found:
        case None:
            return None
        case Convolution():
            shown = convolution_view(found, labels, forward, channel)
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
