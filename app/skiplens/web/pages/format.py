"""Numbers and words as people read them."""

import math
from collections.abc import Sequence
from typing import Final

from skiplens.core.manifest import LayerInfo, Scales, factor_text

MINUS: Final = "\N{MINUS SIGN}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
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
    """Values to one number of decimals, that of the largest to a few significant digits: so that
    a column can be added up by eye.
    """
    largest = max(map(abs, values), default=0.0)
    if not largest:
        return ("0",) * len(values)
    decimals = min(max(0, digits - 1 - math.floor(math.log10(largest))), _MOST_DECIMALS)
    return tuple(f"{value:.{decimals}f}".replace("-", MINUS) if value else "0" for value in values)


def cosine(value: float) -> str:
    """A cosine to two decimals, with its sign where it is not 0 to those: ``+0.12``."""
    rounded = round(value, 2)
    return f"{rounded:+.2f}".replace("-", MINUS) if rounded else "0.00"


def percent(share: float) -> str:
    """A share to two decimals; never 0 or 100 where it is not."""
    if 0 < share < _LEAST_SHARE:
        return f"<{NARROW}0.01{NARROW}%"
    if 1 - _LEAST_SHARE < share < 1:
        return f">{NARROW}99.99{NARROW}%"
    return f"{100 * share:.2f}{NARROW}%"


def thousands(count: int) -> str:
    """A count with commas: ``176,090``."""
    return f"{count:,}"


def shape(height: int, width: int, filters: int) -> str:
    """A shape, with multiplication signs: height, width, filters."""
    return f"{height} {TIMES} {width} {TIMES} {filters}"


def pluralise(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun: ``1 filter``, ``16 filters``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def join_and(names: Sequence[object]) -> str:
    """Names as a sentence has them: ``a, b and c``."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def branch_factor(factor: float) -> str:
    """A factor of a residual branch in full, with a true minus sign: ``0.5``."""
    return factor_text(factor).replace("-", MINUS)


def describe_scales(scales: Scales) -> str:
    """Which branches are scaled: ``without block2``, ``with block5 * 0.5``."""
    scaled = [
        f"{block} {TIMES} {branch_factor(factor)}" for block, factor in scales.factors if factor
    ]
    parts = [f"without {join_and(scales.off)}"] if scales.off else []
    return " and ".join([*parts, f"with {join_and(scaled)}"] if scaled else parts)


def with_article(label: str) -> str:
    """A digit with its article: ``a 3``, ``an 8``."""
    return f"{'an' if label == '8' else 'a'} {label}"


def silent(layer: LayerInfo, filters: Sequence[int], *, off: bool) -> str | None:
    """What to say of filters whose maps are zero everywhere, of a layer that may be off."""
    if off:
        return "Switched off, so every map is zero."
    if not filters:
        return None
    if len(filters) == layer.filters:
        return "Every filter is silent on this digit."
    verb = "is" if len(filters) == 1 else "are"
    return f"{pluralise(len(filters), 'filter')} {verb} silent on this digit."


def silent_map(*, off: bool) -> str:
    """What to say of a map that is zero everywhere, of a layer that may be off."""
    if off:
        return "Switched off, so its map is zero everywhere."
    return "This filter is silent on this digit: its map is zero everywhere."
