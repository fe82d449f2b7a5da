"""The steps by which one value is computed, as sentences and equations of linked numbers."""

import math
from dataclasses import dataclass
from typing import Final

from skiplens.core.manifest import INPUT, LayerInfo, Manifest
from skiplens.core.unit_arithmetic import (
    ActivationStep,
    BatchNorm,
    Convolution,
    GRUGate,
    GRUState,
    Merge,
    Unit,
)
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages import fmt, text


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


def convolution_steps(found: Convolution, order: list[int], labels: InputLabels) -> Steps:
    """The last steps of a convolution: the sum over maps, the bias and the activation."""
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
    total = term(found.total, "total" if found.function else "value")
    lines = [Step(words, (*tokens[1:], "=", total))]
    if found.function:
        result = term(found.result, "value")
        lines.append(Step(f"Then {found.function}.", (f"{found.function}(", total, ") =", result)))
    return tuple(lines)


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
