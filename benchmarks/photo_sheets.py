"""Photographs to look at, with what became of each: ``python -m benchmarks.photo_sheets FOLDER``.

One sheet for each kind: a row for each strength, a column for each hand; the box in which the digit
was found, what the network was given, and its answer.
"""

import argparse
import io
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmarks import addresses
from benchmarks.photo_kinds import KINDS, STRENGTHS, take
from benchmarks.photo_scene import Photo
from benchmarks.photos import Predict, causes, predictor
from benchmarks.writers import DEVELOPMENT
from skiplens.core.image_decoding import decode_reduced
from skiplens.core.input_image import SIDE
from skiplens.core.preprocessing import PreprocessedDigit, find_digits
from skiplens.engine.litert import LiteRTEngine
from skiplens.errors import SkiplensError

_PICTURE: Final = (200, 150)
_GIVEN: Final = 2 * SIDE
_LINE: Final = 16
_CELL: Final = (_PICTURE[0] + _GIVEN + 12, _PICTURE[1] + _LINE + 6)
_CLEAR: Final = (120, 160, 220)  # what shows through where a picture is transparent
_RIGHT: Final = (120, 220, 120)
_WRONG: Final = (255, 110, 90)


def sheet(kind: str, seeds: Collection[int], predict: Predict) -> Image.Image:
    """All strengths of a kind by some hands."""
    width, height = _CELL
    made = Image.new("RGB", (width * len(seeds), height * len(STRENGTHS)), (50, 50, 50))
    for row in range(len(STRENGTHS)):
        for column, seed in enumerate(seeds):
            made.paste(_cell(take(kind, row, seed), predict), (column * width, row * height))
    return made


def _cell(photo: Photo, predict: Predict) -> Image.Image:
    made = Image.new("RGB", _CELL, (50, 50, 50))
    picture = _picture(photo.data)
    scale = _PICTURE[0] / max(picture.width * 1.0, picture.height * _PICTURE[0] / _PICTURE[1])
    size = round(picture.width * scale), round(picture.height * scale)
    made.paste(picture.resize(size, Image.Resampling.BOX, reducing_gap=2), (0, _LINE))
    try:
        prepared, *_ = find_digits(*decode_reduced(photo.data))
    except SkiplensError as error:
        _say(made, type(error).__name__, _WRONG)
        return made
    _mark(made, prepared, scale)
    label, probability = predict(prepared.digit)
    said = " ".join([f"{label}, {probability:.0%}", *sorted(causes(prepared.warnings))])
    _say(made, said, _RIGHT if label in photo.labels else _WRONG)
    return made


def _mark(made: Image.Image, prepared: PreprocessedDigit, scale: float) -> None:
    """The box, and beside the picture what the network is given."""
    x, y, width, height = (scale * side for side in prepared.box)
    around = (x, y + _LINE, x + width, y + height + _LINE)
    ImageDraw.Draw(made).rectangle(around, outline=(255, 60, 200), width=2)
    given = Image.fromarray(prepared.digit.pixels).resize(
        (_GIVEN, _GIVEN), Image.Resampling.NEAREST
    )
    made.paste(given, (_PICTURE[0] + 4, _LINE))


def _say(made: Image.Image, text: str, colour: tuple[int, int, int]) -> None:
    font = ImageFont.load_default(12)
    ImageDraw.Draw(made).text((2, 1), text, fill=colour, font=font)


def _picture(data: bytes) -> Image.Image:
    """As a person sees it: upright, and over a colour where it is transparent."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        return Image.fromarray((deep * (255 / deep.max())).astype(np.uint8)).convert("RGB")
    over = Image.new("RGBA", image.size, _CLEAR)
    over.alpha_composite(image.convert("RGBA"))
    return over.convert("RGB")


def main() -> None:
    """Write the sheets of some kinds, all by default, into a folder."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.photo_sheets", description="Write contact sheets, a PNG a kind."
    )
    parser.add_argument("folder", type=Path, help="made if it does not exist")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="all by default")
    parser.add_argument("--hands", type=int, default=4, help="how many; 4 by default")
    given = parser.parse_args()
    unknown = set(given.kinds) - set(KINDS)
    if unknown:
        parser.error(f"there is no kind of that name; there are {', '.join(KINDS)}")
    given.folder.mkdir(parents=True, exist_ok=True)
    predict = predictor(LiteRTEngine(addresses.folder(), 1, 0))
    for kind in given.kinds or KINDS:
        name = kind.replace(",", "").replace(" ", "-")
        sheet(kind, DEVELOPMENT[: given.hands], predict).save(given.folder / f"{name}.png")


if __name__ == "__main__":
    main()
