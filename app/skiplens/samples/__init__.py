"""The shipped digits: a sprite sheet of 28x28 cells and a list that describes each cell; and a
picture for networks of other images.

``scripts/draw_samples.py`` draws both files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from skiplens.core.image_decoding import decode, decode_colour, decode_reduced
from skiplens.core.image_stripping import essential
from skiplens.core.input_image import SIDE, WHITE, Digit, InputImage
from skiplens.core.preprocessing import PreprocessedDigit, find_digits
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


_HEIGHT, _WIDTH = 256, 320  # of the picture
PICTURE: Final = "a drawn landscape"


def draw_picture() -> InputImage:
    """A landscape with all colours, smooth areas and edges: sky, sun, hills and a striped field."""
    down, across = np.mgrid[0 : 1 : _HEIGHT * 1j, 0 : 1 : _WIDTH * 1j]
    sky = np.stack([0.35 + 0.5 * down, 0.55 + 0.35 * down, 0.95 - 0.1 * down], -1)
    sun = np.hypot((across - 0.72) * _WIDTH / _HEIGHT, down - 0.26) < 0.11  # noqa: PLR2004  # radius
    picture = np.where(sun[..., None], (1.0, 0.85, 0.3), sky)
    for height, wave, colour in ((0.52, 7.0, (0.32, 0.42, 0.55)), (0.64, 4.0, (0.2, 0.45, 0.25))):
        ridge = height + 0.05 * np.sin(wave * across + 1) + 0.02 * np.sin(29 * across)
        picture = np.where((down > ridge)[..., None], colour, picture)
    field = down > 0.78 + 0.03 * np.sin(5 * across)
    stripes = np.sin(260 * (across - 0.5) / (down + 0.1)) > 0
    rows = np.where(stripes[..., None], (0.75, 0.6, 0.25), (0.55, 0.3, 0.15))
    picture = np.where(field[..., None], rows, picture)
    grain = np.random.default_rng(28).normal(0, 0.02, picture.shape)
    return InputImage.of((np.clip(picture + grain, 0, 1) * WHITE).astype(np.uint8))


def read_picture(path: Path, longest: int) -> InputImage:
    """An image file in colour, its longer side at most ``longest``.

    Raises:
        StartupError: it cannot be read, or is no image.
    """
    with _reading(path):
        return InputImage.of(decode_colour(essential(path.read_bytes()), longest))


def read_digit(path: Path) -> PreprocessedDigit:
    """The digit in an image file.

    Raises:
        StartupError: it cannot be read, is no image, or is blank.
    """
    with _reading(path):
        return find_digits(*decode_reduced(essential(path.read_bytes())))[0]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Name the image that cannot be read."""
    try:
        yield
    except OSError as error:
        raise StartupError(f"image {path} cannot be read: {error.strerror}") from error
    except SkiplensError as error:
        raise StartupError(f"{path}: {error}") from error


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
