"""Texts of the pages: explanations, symbols, messages about the test set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.core.value_range import Normalisation
from skiplens.service.dataset.activation_index import PER_PAGE, DigitFilter, ResultPage, SortOrder
from skiplens.web.pages import format as fmt
from skiplens.web.pages.format import MINUS, TIMES, pluralise

_Sentence = Callable[[LayerInfo], str]

SHARING: Final[dict[Normalisation, tuple[str, str]]] = {
    Normalisation.FILTER: ("each filter", "each filter has a scale of its own"),
    Normalisation.LAYER: ("the layer", "one scale for the whole layer"),
    Normalisation.BLOCK: ("the block", "one scale for x, F(x), sum and output"),
    Normalisation.NETWORK: ("the network", "one scale for the whole network"),
    Normalisation.SYMMETRIC: ("the layer, centred on zero", "one scale, centred on zero"),
}

SORTING: Final[dict[Sort, tuple[str, str]]] = {
    Sort.INDEX: ("index", "as they are in the network"),
    Sort.MEAN: ("mean", "largest mean first"),
    Sort.MAXIMUM: ("maximum", "largest value first"),
    Sort.ZEROS: ("zeros", "fewest zeros first, silent filters last"),
}

_FROM_DARK: Final = "Dark is zero, bright is far from it; each legend has the numbers."
ZERO: Final[dict[PaletteName, str]] = {
    PaletteName.DARK: _FROM_DARK,
    PaletteName.LIGHT: "Light is zero, dark is far from it; each legend has the numbers.",
    PaletteName.BLUE_ORANGE: _FROM_DARK,
    PaletteName.GREY: "White is high, black is low, and where values have a sign, grey is zero; "
    "each legend has the numbers.",
}

_SYMBOLS: Final = {"residual": "F(x)", "sum": "sum", "output": "output", "gate": "T(x)"}


def symbol(layer: LayerInfo) -> str | None:
    """What a layer is to its block: ``x``, ``F(x)``, ``sum``, ``output`` or ``T(x)``."""
    return "x" if layer.role == "identity" else _SYMBOLS.get(layer.role)


def tone(layer: LayerInfo) -> str:
    """Which of the two colours a layer has, if any: ``identity`` or ``residual``."""
    return layer.role if layer.role in {"identity", "residual"} else ""


def _convolution(layer: LayerInfo) -> str:
    height, width = layer.kernel or (1, 1)
    step = layer.strides[0] if layer.strides else 1
    halved = f" It moves {step} places at a time, so its maps are smaller." if step > 1 else ""
    return (
        f"A convolution: each of its {pluralise(layer.filters, 'filter')} slides a kernel of "
        f"{height} {TIMES} {width} weights over every map it is given and adds the products up."
        + halved
    )


def _pool(layer: LayerInfo) -> str:
    kept = "largest value" if "Max" in layer.kind else "mean"
    over = "each map" if layer.kind.startswith("Global") else "each small window"
    return f"Pooling: of {over} only the {kept} goes on."


def _activation(layer: LayerInfo) -> str:
    if layer.activation == "relu":
        return "ReLU: what is below zero becomes zero, the rest stays as it is."
    return f"An activation, {layer.activation or layer.kind}: a function of each value by itself."


def _normalised(_: LayerInfo) -> str:
    return (
        "Batch normalisation: each filter's values are shifted and scaled by what was usual "
        "in training, so that no filter drowns another."
    )


def _sentence(text: str) -> _Sentence:
    return lambda _: text


_BY_ROLE: Final[dict[str, _Sentence]] = {
    "conv": _convolution,
    "norm": _normalised,
    "activation": _activation,
    "identity": _sentence(
        "x, brought to the shape of F(x) by a projection, so that the two can be added."
    ),
    "residual": _sentence("F(x): what the block's branch adds to what the block was given."),
    "gate": _sentence(
        "T(x), between 0 and 1: at each place, the share of F(x) that is taken; "
        "the rest is taken from x."
    ),
    "sum": _sentence("The sum: x plus F(x), place by place and filter by filter."),
    "output": _sentence("ReLU of the sum: what the block hands on. It is the next block's x."),
    "pool": _pool,
    "logits": _sentence("One score for each class: a weighted sum of everything before it."),
    "probabilities": _sentence("Softmax: the scores as probabilities, which add up to 1."),
}


def of_layer(manifest: Manifest, layer: LayerInfo) -> str:
    """What a layer does, in a sentence or two."""
    block = block_with(manifest, layer)
    if block is not None and block.merge not in (None, "add") and layer.role == "sum":
        merged = _MERGED.get(block.merge or "", "x and F(x) in a way of its own")
        return f"The merge of the two: {merged}, place by place."
    if block is not None and block.gate is not None and layer.role == "residual":
        return (
            "F(x): what the block's branch would put in the place of x; the gate says how much of "
            "it is taken."
        )
    if block is not None and block.merge is None and layer.role in {"output", "activation"}:
        return "ReLU: what is below zero becomes zero, the rest goes on to the next layer."
    explain = _BY_ROLE.get(layer.role)
    return explain(layer) if explain else f"A layer of the kind {layer.kind}."


def block_with(manifest: Manifest, layer: LayerInfo) -> BlockInfo | None:
    """The block that a layer belongs to, if any."""
    return next((block for block in manifest.blocks if block.name == layer.block), None)


_MERGED: Final = {
    "add": "x + F(x)",
    "highway": f"T(x) {TIMES} F(x) + (1 {MINUS} T(x)) {TIMES} x",
    "multiply": f"x {TIMES} F(x)",
    "average": "(x + F(x)) / 2",
    "maximum": "max(x, F(x))",
    "concatenate": "[x, F(x)]",
}


def formula(block: BlockInfo) -> str:
    """What a block computes, as a formula."""
    merged = "F(x)" if block.merge is None else _MERGED.get(block.merge, "merge(x, F(x))")
    return f"output = {merged if block.output == block.sum else f'ReLU({merged})'}"


_OF_MERGE: Final = {
    "multiply": "The block is given x and works out a factor for each of its values, F(x).",
    "average": "The block is given x and works out F(x); what it hands on lies halfway between.",
    "maximum": "The block is given x and works out F(x); at each place the larger one goes on.",
    "concatenate": "The block keeps the maps of x and lays those of F(x) behind them. Nothing is "
    "added to x, so no filter of x stands against a filter of F(x), and they have no cosine.",
}


def explain_block(block: BlockInfo) -> str:
    """What a block does, in a sentence or two."""
    if block.merge is None:
        return "No identity path leads past this block: what it hands on is all that F(x) makes."
    if block.merge == "highway":
        return (
            "A gate T(x) between 0 and 1 says at each place how much of F(x) is taken; "
            "the rest of the way x itself is carried on."
        )
    if block.merge in _OF_MERGE:
        return _OF_MERGE[block.merge]
    if block.merge != "add":
        return "The block is given x, works out F(x), and merges the two in a way of its own."
    if block.identity != block.input:
        return (
            "x takes two ways: through the layers of the block, which work out F(x), and past "
            "them, which is the skip. On its way past, a projection brings x to the shape of F(x), "
            "so that the two can be added, and ReLU cuts what is below zero."
        )
    return (
        "x takes two ways: past the block as it is, which is the skip, and through its layers, "
        "which work out a change to it, F(x). The two are added, and ReLU cuts what is below zero. "
        "Were F(x) zero, x would pass as it is."
    )


def when_off(block: BlockInfo) -> str:
    """What a block does whose branch is switched off, in a sentence."""
    if block.gate is not None:
        return "The branch is off: its gate is shut, so T(x) is zero, and x passes as it came."
    if block.identity != block.input:
        return "The branch is off: F(x) is zero, and only the projected x passes."
    return "The branch is off: F(x) is zero, and x passes as it came."


@dataclass(frozen=True)
class Symbols:
    """Names of the two.

    Attributes:
        x: the identity as it enters the sum.
        f: the residual as it enters the sum.
        norm_x: size of the identity, as a heading.
        norm_residual: size of the residual, as a heading.
        ratio: size of the residual over that of the identity, as a heading.
    """

    x: str
    f: str
    norm_x: str
    norm_residual: str
    ratio: str

    @property
    def norms(self) -> tuple[str, str]:
        """Both sizes, as headings."""
        return self.norm_x, self.norm_residual

    @property
    def over(self) -> str:
        """The ratio in words."""
        return f"{self.f} over {self.x}"

    @property
    def cosine(self) -> str:
        """The cosine of the two in words."""
        return f"cosine of {self.x} and {self.f}"


PLAIN: Final = Symbols("x", "F(x)", "|x|", "|F|", "F / x")
_CARRIED: Final = f"(1{MINUS}T)·x"
GATED: Final = Symbols(_CARRIED, "T·F(x)", f"|{_CARRIED}|", "|T·F|", f"|T·F| / |{_CARRIED}|")
# Of blocks of which some have a gate and some have none.
COMMON: Final = Symbols("the identity", "the residual", "identity", "residual", "ratio")


def symbols_of_block(block: BlockInfo) -> Symbols:
    """The names in one block."""
    return PLAIN if block.gate is None else GATED


def of_blocks(blocks: Sequence[BlockInfo]) -> Symbols:
    """Names that hold in each of these blocks."""
    found = {symbols_of_block(block) for block in blocks}
    return found.pop() if len(found) == 1 else COMMON


_NUMERALS: Final = tuple((str(one), str(one)) for one in range(10))

# Name in the query, words before it, and value and words of each option.
CHOOSERS: Final[tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]] = (
    ("label", "Labelled", (("", "any"), *_NUMERALS)),
    ("prediction", "read as", (("", "any"), *_NUMERALS)),
    ("wrong", "show", (("", "all"), ("true", "misread"), ("false", "read correctly"))),
    (
        "order",
        "first",
        (
            (SortOrder.MISTAKES, "the misread, surest first"),
            (SortOrder.CONFIDENCE, "the surest answers"),
            (SortOrder.DOUBT, "the least sure answers"),
            (SortOrder.INDEX, "as in the test set"),
        ),
    ),
)


def summary(correct: int, digits: int) -> str:
    """How a network reads the data set."""
    wrong = digits - correct
    misread = f"misreads {wrong:,}" if wrong else "misreads none"
    return (
        f"This network reads {correct:,} of {digits:,} correctly, "
        f"{fmt.percent(correct / digits)}, and {misread}."
    )


def title(choice: DigitFilter) -> str:
    """Which digits were chosen."""
    parts = []
    if choice.label is not None:
        parts.append(f"labelled {choice.label}")
    if choice.prediction is not None:
        parts.append(f"read as {choice.prediction}")
    said = fmt.join_and(parts) if parts else ""
    if choice.wrong is None:
        return f"Digits {said}" if said else "Every test digit"
    which = "Misread digits" if choice.wrong else "Digits read correctly"
    return f"{which}, {said}" if said else which


def extent(listing: ResultPage) -> str:
    """How many digits there are, and which of them are on this page."""
    count = fmt.pluralise(listing.total, "digit")
    if listing.pages == 1:
        return count
    first = (listing.page - 1) * PER_PAGE + 1
    return f"{count}, of which {first:,} to {first - 1 + len(listing.places):,}"


def empty(choice: DigitFilter) -> str:
    """Why no digit was found."""
    label, answer = choice.label, choice.prediction
    if label is not None and answer is not None and label != answer and choice.wrong is not False:
        return f"No digit labelled {label} is read as {answer}."
    if choice.wrong and answer is None:
        every = "Every digit" if label is None else f"Every digit labelled {label}"
        return f"{every} is read correctly."
    if choice.wrong and label is None:
        return f"Only digits labelled {answer} are read as {answer}."
    return "No digit is all of this at once."
