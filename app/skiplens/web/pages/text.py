"""Texts of the pages: explanations and symbols."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.input_image import SIDE, Digit
from skiplens.core.manifest import SUMS, BlockInfo, LayerInfo, Manifest
from skiplens.core.value_range import Normalisation
from skiplens.service.digit_store import InputRecord
from skiplens.web.pages.fmt import MINUS, TIMES, pluralise
from skiplens.web.parameters import PaletteChoice

SHARING: Final[dict[Normalisation, tuple[str, str]]] = {
    Normalisation.FILTER: ("each filter", "each filter has its own value range"),
    Normalisation.LAYER: ("each layer", "one value range for the whole layer"),
    Normalisation.BLOCK: ("each block", "one value range for x, F(x), sum and output"),
    Normalisation.NETWORK: ("the network", "one value range for the whole network"),
    Normalisation.SYMMETRIC: ("each layer, centred on zero", "one value range, centred on zero"),
}

SORTING: Final[dict[Sort, tuple[str, str]]] = {
    Sort.INDEX: ("index", "by index"),
    Sort.MEAN: ("mean", "largest mean first"),
    Sort.MAXIMUM: ("maximum", "largest value first"),
    Sort.ZEROS: ("zeros", "fewest zeros first, inactive filters last"),
}

_FROM_DARK: Final = "Dark is zero, bright is a large magnitude; each legend states the values."
ZERO: Final[dict[PaletteName, str]] = {
    PaletteName.DARK: _FROM_DARK,
    PaletteName.LIGHT: "Light is zero, dark is a large magnitude; each legend states the values.",
    PaletteName.GREY: "White is high, black is low; for signed values, grey is zero; "
    "each legend states the values.",
}
_BY_THEME: Final = "Zero has the tone of the page; each legend states the values."
PALETTES: Final[dict[str, tuple[str, str]]] = {
    PaletteChoice.THEME: ("by theme", _BY_THEME),
    **{name: (name, explanation) for name, explanation in ZERO.items()},
}

_SYMBOLS: Final = {"identity": "x", "residual": "F(x)", "output": "output", "gate": "T(x)"}
# Of a recurrent layer's gates: Cho et al. 2014, and Hochreiter and Schmidhuber 1997.
_GATES: Final = {
    "UpdateGate": ("z", "update gate", "1 keeps a unit's state and 0 replaces it."),
    "ResetGate": ("r", "reset gate", "how much the previous states count for a unit's new one."),
    "InputGate": ("i", "input gate", "how much of what is new enters a unit's memory."),
    "ForgetGate": ("f", "forget gate", "how much of a unit's memory is kept."),
    "OutputGate": ("o", "output gate", "how much of a unit's memory shows in its state."),
}


def symbol(layer: LayerInfo) -> str | None:
    """The role of a layer in its block: ``x``, ``F(x)``, ``sum`` (``merge`` where nothing is
    added), ``output`` or ``T(x)``; of a recurrent layer's gate, its letter.
    """
    if layer.kind in _GATES:
        return _GATES[layer.kind][0]
    if layer.role == "sum":
        return "sum" if layer.kind.lower() in SUMS else "merge"
    return _SYMBOLS.get(layer.role)


def tone(layer: LayerInfo) -> str:
    """Which of the two colours a layer has, if any: ``identity`` or ``residual``."""
    return layer.role if layer.role in {"identity", "residual"} else ""


def _convolution(layer: LayerInfo) -> str:
    height, width = layer.kernel or (1, 1)
    step = layer.strides[0] if layer.strides else 1
    halved = f" Its stride is {step}, so its maps are smaller." if step > 1 else ""
    return (
        f"A convolution: each of its {pluralise(layer.filters, 'filter')} slides a kernel of "
        f"{height} {TIMES} {width} weights over every input map and sums the products." + halved
    )


def _states(layer: LayerInfo) -> str:
    ways = (
        " Half of its units read from the first step on, half from the last."
        if layer.kind == "Bidirectional"
        else ""
    )
    return (
        "The states of a recurrent layer: at each step, what it has kept of the steps it has read."
        + ways
    )


def _gate(layer: LayerInfo) -> str:
    if layer.kind in _GATES:
        _, name, meaning = _GATES[layer.kind]
        return f"The {name}, between 0 and 1: at each step, {meaning}"
    return (
        "T(x), between 0 and 1: at each position, the share of F(x) that is used; the remaining "
        "share is x."
    )


def _pool(layer: LayerInfo) -> str:
    result = "largest value" if "Max" in layer.kind else "mean"
    over = "each map" if layer.kind.startswith("Global") else "each small window"
    return f"Pooling: {over} is reduced to its {result}."


def _logits(layer: LayerInfo) -> str:
    made = ": a weighted sum of all values of the layer before" if layer.kind == "Dense" else ""
    return f"One score for each class{made}."


def _activation(layer: LayerInfo) -> str:
    if layer.activation == "relu":
        return "ReLU: values below zero become zero, the others are unchanged."
    return f"An activation function, {layer.activation or layer.kind}, applied to each value."


_BY_ROLE: Final[dict[str, str | Callable[[LayerInfo], str]]] = {
    "conv": _convolution,
    "norm": "Batch normalisation: each filter's values are normalised by the mean and variance "
    "measured in training, then scaled and shifted by learned numbers.",
    "activation": _activation,
    "identity": "x, projected to the shape of F(x), so that the two can be added.",
    "states": _states,
    "gate": _gate,
    "pool": _pool,
    "logits": _logits,
    "probabilities": "Softmax: the scores as probabilities, which sum to 1.",
}


# Of layers without a role of their own.
_BY_KIND: Final = {
    "Dense": "A dense layer: each value is a weighted sum of the values before it.",
    "Reshape": "The values of the layer before in another shape.",
}


def describe_layer(manifest: Manifest, layer: LayerInfo) -> str:
    """The purpose of a layer, in a sentence or two."""
    if layer.role == "sum":
        return _describe_sum(block_ended_by(manifest, layer))
    block = block_with(manifest, layer)
    if layer.role == "residual":
        return _describe_residual(block)
    if layer.role == "output" and layer.activation not in (None, "relu"):
        return _activation(layer)
    if block is not None and layer.role == "output" and not block.rectified:
        return "Where the block ends: its values go on to the next layer unchanged."
    if block is not None and block.merge is None and layer.role in {"output", "activation"}:
        return "ReLU: values below zero become zero; the result is the next layer's input."
    other = _BY_KIND.get(layer.kind, f"A layer of type {layer.kind}.")
    explanation = _BY_ROLE.get(layer.role, other)
    if layer.role == "output":
        merged = "sum" if block is None or block.merge in SUMS else "merge"
        follows = ", and the next block's x" if is_x(manifest, layer.name) else ""
        explanation = f"ReLU of the {merged}: the block's output{follows}."
    return explanation if isinstance(explanation, str) else explanation(layer)


def _describe_residual(block: BlockInfo | None) -> str:
    if block is not None and block.gate is not None:
        return (
            "F(x): what the block's branch computes; the gate sets how much of it is used, and how "
            "much of x."
        )
    does = "adds to" if block is not None and block.merge == "add" else "computes from"
    return f"F(x), the residual: what the block's branch {does} its input."


def is_x(manifest: Manifest, layer: str) -> bool:
    """Whether a layer computes the input of a block."""
    return any(block.input == layer for block in manifest.blocks)


def _describe_sum(block: BlockInfo | None) -> str:
    """What a layer computes that merges x and F(x) of a block, or adds outside of blocks."""
    if block is None:
        return "The layers before it, added."
    if block.merge == "add":
        return "The sum: x plus F(x), at each position and in each filter."
    merged = _MERGED.get(block.merge or "", "a function of x and F(x)")
    return f"The merge of x and F(x): {merged}, at each position."


def step_noun(manifest: Manifest, layer: LayerInfo) -> str:
    """What a position of a sequence is called: a ``row`` where each is one of a digit's."""
    has_digits_rows = manifest.takes_digits and layer.is_sequence and layer.shape[1] == SIDE
    return "row" if has_digits_rows else "step"


def block_with(manifest: Manifest, layer: LayerInfo) -> BlockInfo | None:
    """The block that a layer belongs to, if any."""
    return next((block for block in manifest.blocks if block.name == layer.block), None)


def block_ended_by(manifest: Manifest, layer: LayerInfo) -> BlockInfo | None:
    """The block whose x and F(x) a layer merges, if any."""
    return next((block for block in manifest.blocks if block.sum == layer.name), None)


_MERGED: Final = {
    "add": "x + F(x)",
    "highway": f"T(x) {TIMES} F(x) + (1 {MINUS} T(x)) {TIMES} x",
    "multiply": f"x {TIMES} F(x)",
    "average": "(x + F(x)) / 2",
    "maximum": "max(x, F(x))",
    "concatenate": "[x, F(x)]",
}


def formula(block: BlockInfo, output: LayerInfo | None = None) -> str:
    """The formula of a block; ``output`` is the layer that it ends in, if known."""
    merged = "F(x)" if block.merge is None else _MERGED.get(block.merge, "merge(x, F(x))")
    last = (block.sum, block.residual)
    unchanged = block.output in last or (output is not None and output.kind == "Identity")
    if not block.rectified and not unchanged:
        return f"output = activation({merged})"
    return f"output = ReLU({merged})" if block.rectified else f"output = {merged}"


_OF_MERGE: Final = {
    None: "This block has no identity path: its output is computed by F(x) alone.",
    "highway": "A gate T(x) between 0 and 1 sets at each position how much of F(x) is used; "
    "the remaining share is x itself.",
    "multiply": "The block computes F(x), a factor for each value of its input x.",
    "average": "The block computes F(x); its output is the mean of x and F(x).",
    "maximum": "The block computes F(x); at each position its output is the larger of x and F(x).",
    "concatenate": "The block concatenates the maps of x and of F(x). Nothing is added to x, so "
    "filters of x and F(x) do not correspond, and they have no cosine similarity.",
}


def describe_block(block: BlockInfo, manifest: Manifest) -> str:
    """The purpose of a block, in a sentence or two; its network tells the shapes of x and F(x)."""
    shapes = {layer.name: layer for layer in manifest.layers}
    x, fx = shapes.get(block.identity or ""), shapes.get(block.residual)
    if block.merge == "multiply" and x and fx and x.shape[:2] != fx.shape[:2] == (1, 1):
        return f"The block computes F(x), a factor for each {x.filter_noun} of its input x."
    if block.merge != "add":
        custom = "The block computes F(x) and merges it with x by a custom function."
        return _OF_MERGE.get(block.merge, custom)
    if block.identity in {other.sum for other in manifest.blocks}:
        return (
            "F(x) is computed from the x of an earlier block, and added to the sum of that x and "
            "what the earlier block computes from it."
        )
    if block.identity != block.input:
        return (
            "x takes two paths: through the layers of the block, which compute F(x), and past "
            "them, along the skip connection. There, a projection gives x the shape of F(x), so "
            "that the two can be added."
            + (" ReLU then sets values below zero to zero." if block.rectified else "")
        )
    added = "are added, and ReLU sets values below zero to zero"
    if not block.rectified:
        ends = block.output == block.sum
        added = "are added" if ends else "are added, and an activation function follows"
    return (
        "x takes two paths: past the block along the skip connection, unchanged, and through its "
        f"layers, which compute a change to it, F(x). The two {added}. If F(x) were zero, the sum "
        "would be x itself."
    )


def describe_disabled(block: BlockInfo) -> str:
    """The behaviour of a block whose branch is switched off, in a sentence."""
    if block.gate is not None:
        return (
            "The branch is off: its gate is closed, so T(x) is zero, and x passes through "
            "unchanged."
        )
    if block.identity != block.input:
        return "The branch is off: F(x) is zero, and only the projected x passes through."
    return "The branch is off: F(x) is zero, and x passes through unchanged."


@dataclass(frozen=True)
class Symbols:
    """The names of identity and residual as they enter the sum, in sentences and headings."""

    x: str
    f: str
    norm_x: str
    norm_residual: str
    ratio: str

    @property
    def norms(self) -> tuple[str, str]:
        """Both norms, as headings."""
        return self.norm_x, self.norm_residual

    @property
    def over(self) -> str:
        """The ratio, in a phrase."""
        return f"{self.f} over {self.x}"

    @property
    def cosine(self) -> str:
        """Their cosine similarity, in a phrase."""
        return f"cosine of {self.x} and {self.f}"


PLAIN: Final = Symbols("x", "F(x)", "|x|", "|F|", "F / x")
_CARRIED: Final = f"(1{MINUS}T)·x"
GATED: Final = Symbols(_CARRIED, "T·F(x)", f"|{_CARRIED}|", "|T·F|", f"|T·F| / |{_CARRIED}|")
# For a network in which only some blocks have a gate.
COMMON: Final = Symbols("the identity", "the residual", "identity", "residual", "ratio")


def symbols_of_block(block: BlockInfo) -> Symbols:
    """The symbols of one block."""
    return PLAIN if block.gate is None else GATED


def symbols_of_blocks(blocks: Sequence[BlockInfo]) -> Symbols:
    """Symbols that hold for each of these blocks."""
    found = {symbols_of_block(block) for block in blocks}
    return found.pop() if len(found) == 1 else COMMON


def describe_provenance(stored: InputRecord) -> str:
    """Where a digit comes from, in a sentence."""
    if stored.dataset_index is not None:
        return f"Digit {stored.dataset_index:,} of the test set, labelled {stored.label}."
    if not isinstance(stored.image, Digit):
        height, width = stored.image.pixels.shape[:2]
        name = stored.style or "Your image"
        return f"{name[0].upper()}{name[1:]}, {width} by {height} pixels as it is stored."
    if stored.label is not None:
        return f"A sample digit of skiplens, labelled {stored.label}."
    if stored.inverted:
        return "Your image: dark on a light background, so it was inverted, cropped and centred."
    return "Your image: light on a dark background, cropped and centred like MNIST's digits."
