"""Numbers as text, and phrases made of them."""

import math
from collections.abc import Sequence
from typing import Final

from skiplens.core.branch_scales import Scales, factor_text
from skiplens.core.manifest import LayerInfo

MINUS: Final = "\N{MINUS SIGN}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
ARROW: Final = "\N{RIGHTWARDS ARROW}"
EIGHTH: Final = "\N{VULGAR FRACTION ONE EIGHTH}"
NARROW: Final = "\N{NARROW NO-BREAK SPACE}"
_DIGITS: Final = 3
_LEAST_SHARE: Final = 0.0001
_SMALLEST: Final = 0.001
_LARGEST: Final = 100_000
_MOST_DECIMALS: Final = 9


def number(value: float, digits: int = _DIGITS) -> str:
    """A value to a few significant digits, with a true minus sign: ``41.2``, ``0.0312``."""
    if value == 0:
        return "0"
    size = abs(value)
    sign = MINUS if value < 0 else ""
    if not _SMALLEST <= size < _LARGEST:
        digit, power = f"{size:.{digits - 2}e}".split("e")
        return f"{sign}{digit}e{MINUS if int(power) < 0 else ''}{abs(int(power))}"
    rounded = float(f"{size:.{digits - 1}e}")  # may have a digit more: 9.999 is 10.0
    decimals = max(0, digits - 1 - math.floor(math.log10(rounded)))
    return sign + f"{size:.{decimals}f}"


def aligned(values: Sequence[float], digits: int = _DIGITS) -> tuple[str, ...]:
    """Values with the same number of decimals, the largest to a few significant digits."""
    largest = max(map(abs, values), default=0.0)
    if not largest:
        return ("0",) * len(values)
    decimals = min(max(0, digits - 1 - math.floor(math.log10(largest))), _MOST_DECIMALS)
    return tuple(f"{value:.{decimals}f}".replace("-", MINUS) if value else "0" for value in values)


def bar(value: float, largest: float = 1.0) -> float:
    """A length of 0..100."""
    return round(100 * value / largest, 2)


def cosine(value: float) -> str:
    """A cosine similarity to two decimals, signed unless it rounds to 0: ``+0.12``."""
    rounded = round(value, 2)
    return f"{rounded:+.2f}".replace("-", MINUS) if rounded else "0.00"


def percent(share: float) -> str:
    """A share to two decimals; only exact values are 0 % or 100 %."""
    if 0 < share < _LEAST_SHARE:
        return f"<{NARROW}0.01{NARROW}%"
    if 1 - _LEAST_SHARE < share < 1:
        return f">{NARROW}99.99{NARROW}%"
    return f"{100 * share:.2f}{NARROW}%"


def points(drop: float) -> str:
    """How much lower a share is than another, in percentage points: ``5.37 points lower``."""
    size = f"{100 * abs(drop):.2f}"
    if float(size) == 0:
        return "unchanged" if drop == 0 else "less than 0.01 points " + _side(drop)
    return f"{size}{NARROW}{'point' if size == '1.00' else 'points'} {_side(drop)}"


def _side(drop: float) -> str:
    return "lower" if drop > 0 else "higher"


def thousands(count: int) -> str:
    """A count with commas: ``176,090``."""
    return f"{count:,}"


def shape(height: int, width: int, filters: int) -> str:
    """A shape, with multiplication signs: height, width, filters."""
    return f"{height} {TIMES} {width} {TIMES} {filters}"


def pluralise(count: int, noun: str) -> str:
    """A count and its noun: ``1 filter``, ``16 filters``."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


_COUNTS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLACES: Final = ("", "second ", "third ", "fourth ", "fifth ")
_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}
_TEENS: Final = range(11, 14)


def count(number: int) -> str:
    """A count in a sentence, as a word below ten: ``six``."""
    return _COUNTS[number] if number < len(_COUNTS) else f"{number:,}"


def place(value: float, values: Sequence[float]) -> str:
    """Where a value stands among others, itself included: ``second largest``."""
    above, below = sum(other > value for other in values), sum(other < value for other in values)
    nearer, side = (above, "largest") if above <= below else (below, "smallest")
    order = _PLACES[nearer] if nearer < len(_PLACES) else f"{_ordinal(nearer + 1)} "
    return order + side


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in _TEENS else _ENDINGS.get(number % 10, "th")
    return f"{number:,}{ending}"


def join_and(names: Sequence[object]) -> str:
    """A list in a sentence: ``a, b and c``."""
    *first, last = map(str, names)
    return f"{', '.join(first)} and {last}" if first else last


def branch_factor(factor: float) -> str:
    """A factor of a residual branch in full, with a true minus sign: ``0.5``."""
    return factor_text(factor).replace("-", MINUS)


_MAX_NAMED: Final = 6


def describe_scales(scales: Scales) -> str:
    """Which branches are scaled: ``without block2``, ``with block5 * 0.5``; how many have a factor,
    where their names would make a long list.
    """
    blocks: dict[float, list[str]] = {}
    for block, factor in scales.factors:
        blocks.setdefault(factor, []).append(block)
    named = {factor: _named_or_counted(names) for factor, names in blocks.items()}
    parts = []
    if off := named.pop(0.0, ()):
        parts.append(f"without {join_and(off)}")
    if scaled := [
        f"{name} {TIMES} {branch_factor(factor)}"
        for factor, names in named.items()
        for name in names
    ]:
        parts.append(f"with {join_and(scaled)}")
    return " and ".join(parts)


def _named_or_counted(blocks: Sequence[str]) -> Sequence[str]:
    return blocks if len(blocks) <= _MAX_NAMED else (pluralise(len(blocks), "block"),)


def dead_filters_note(
    layer: LayerInfo, filters: Sequence[int], *, off: bool, noun: str
) -> str | None:
    """A note on filters whose maps are zero everywhere.

    Args:
        layer: of the filters.
        filters: their indices.
        off: whether the layer is disabled.
        noun: what the input is called.
    """
    if off:
        return "Switched off, so every map is zero."
    if not filters:
        return None
    if len(filters) == layer.filters:
        return f"Every {layer.filter_noun} is inactive on this {noun}."
    verb = "is" if len(filters) == 1 else "are"
    return f"{pluralise(len(filters), layer.filter_noun)} {verb} inactive on this {noun}."


def dead_map_note(layer: LayerInfo, *, off: bool, noun: str) -> str:
    """A note on a map that is zero everywhere; ``off`` if ``layer`` is disabled."""
    if off:
        return "Switched off, so its map is zero everywhere."
    return f"This {layer.filter_noun} is inactive on this {noun}: its map is zero everywhere."
