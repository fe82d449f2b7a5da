"""The shipped digits: a sprite sheet of 28x28 cells and a list that describes each cell.

``scripts/draw_samples.py`` draws both files.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from skiplens.core.digit import SIDE, Digit
from skiplens.core.image_decoding import decode
from skiplens.errors import SkiplensError, StartupError

FOLDER: Final = Path(__file__).parent
SHEET: Final = "digits.png"
LIST: Final = "digits.json"


@dataclass(frozen=True)
class Sample:
    """A shipped digit.

    Attributes:
        digit: network input.
        label: class it is drawn as, 0..9.
        style: its shape in one word; ``ambiguous`` if people may disagree about the label.
    """

    digit: Digit
    label: int
    style: str


class _Cell(BaseModel):
    """One entry of the list, with the top left corner of its cell in pixels."""

    model_config = ConfigDict(strict=True, extra="forbid")

    label: int = Field(ge=0, le=9)
    style: str = Field(min_length=1)
    x: int = Field(ge=0)
    y: int = Field(ge=0)


_CELLS: Final = TypeAdapter(list[_Cell])


def load_samples(folder: Path = FOLDER) -> tuple[Sample, ...]:
    """The samples of a folder, in the order of its list.

    Raises:
        StartupError: sheet or list is missing or damaged, or they do not match.
    """
    cells = _read_list(folder / LIST)
    sheet = _read_sheet(folder / SHEET)
    return tuple(Sample(_cut(sheet, cell), cell.label, cell.style) for cell in cells)


def _read_list(path: Path) -> list[_Cell]:
    try:
        return _CELLS.validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StartupError(
            f"the samples' {path.name} is missing or damaged; "
            "expected a JSON list of label (0 to 9), style, x and y"
        ) from error


def _read_sheet(path: Path) -> NDArray[np.uint8]:
    try:
        return decode(path.read_bytes())
    except (OSError, SkiplensError) as error:
        raise StartupError(
            f"the samples' {path.name} is missing or damaged; expected an 8-bit greyscale PNG"
        ) from error


def _cut(sheet: NDArray[np.uint8], cell: _Cell) -> Digit:
    height, width = sheet.shape
    if cell.x + SIDE > width or cell.y + SIDE > height:
        raise StartupError(
            f"the samples' list has a cell at ({cell.x}, {cell.y}); "
            f"a {SIDE}x{SIDE} cell must lie within the sheet of {width}x{height} pixels"
        )
    return Digit.of(sheet[cell.y : cell.y + SIDE, cell.x : cell.x + SIDE])
