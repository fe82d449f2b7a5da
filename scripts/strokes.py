"""How people write digits: the hands, and the drawings that ``strokes.txt`` lists."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).with_suffix(".txt")


@dataclass(frozen=True)
class Hand:
    """How somebody holds a pen.

    Attributes:
        width: of the pen's line, in hundredths of a digit's height.
        slant: x gained per unit of height; positive leans to the right.
        pressure: share by which a downstroke is wider, and an upstroke narrower, than a level one.
        lift: width at the very end of a stroke as a share of its full width.
        wobble: largest departure from the intended path, in the unit of ``width``.
    """

    width: float
    slant: float
    pressure: float
    lift: float
    wobble: float


@dataclass(frozen=True)
class Drawing:
    """One digit as somebody writes it.

    Attributes:
        label: what it is meant to be, 0..9.
        style: how it is shaped, in a word; ``ambiguous`` where people may disagree.
        hand: whose pen it is.
        strokes: the pen's way from each landing to the next lifting, as in ``strokes.txt``.
    """

    label: int
    style: str
    hand: Hand
    strokes: tuple[str, ...]


HANDS: Final = {
    "upright": Hand(width=12.5, slant=0.02, pressure=0.12, lift=0.80, wobble=1.8),
    "slanted": Hand(width=11.5, slant=0.24, pressure=0.15, lift=0.65, wobble=1.6),
    "round": Hand(width=15.0, slant=0.05, pressure=0.10, lift=0.90, wobble=1.8),
    "quick": Hand(width=11.0, slant=0.16, pressure=0.20, lift=0.45, wobble=2.2),
}


def read_drawings(table: str) -> tuple[Drawing, ...]:
    """The drawings of a table such as ``strokes.txt``, in its order."""
    lines = [line for line in table.splitlines() if line and not line.startswith("#")]
    return tuple(_read_drawing(line) for line in lines)


def _read_drawing(line: str) -> Drawing:
    heading, strokes = line.split(":")
    label, style, hand = heading.split()
    return Drawing(int(label), style, HANDS[hand], tuple(strokes.split(";")))


DRAWINGS: Final = read_drawings(TABLE.read_text(encoding="utf-8"))
