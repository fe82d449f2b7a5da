"""Draws the samples that ship: the sheet ``digits.png`` and its list ``digits.json``.

Run as ``python -m scripts.draw_samples [FOLDER]``; FOLDER defaults to ``app/skiplens/samples``.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scripts.pen import ink
from scripts.strokes import DRAWINGS, Drawing
from skiplens.core.input_image import SIDE
from skiplens.core.preprocessing import preprocess
from skiplens.samples import FOLDER, LIST, SHEET

COLUMNS: Final = 10


def places(drawings: Sequence[Drawing]) -> list[tuple[int, int]]:
    """Top left corner ``(x, y)`` of each drawing's cell: a column for each label, row by row."""
    filled = [0] * COLUMNS
    corners = []
    for drawing in drawings:
        corners.append((drawing.label * SIDE, filled[drawing.label] * SIDE))
        filled[drawing.label] += 1
    return corners


def draw_sheet(drawings: Sequence[Drawing]) -> NDArray[np.uint8]:
    """Every drawing as MNIST would have it, in one uint8 sheet; ink 255 on ground 0."""
    corners = places(drawings)
    height = max(y for _, y in corners) + SIDE
    sheet = np.zeros((height, COLUMNS * SIDE), np.uint8)
    for drawing, (x, y) in zip(drawings, corners, strict=True):
        sheet[y : y + SIDE, x : x + SIDE] = preprocess(ink(drawing)).digit.pixels
    return sheet


def list_cells(drawings: Sequence[Drawing]) -> str:
    """The list that goes with the sheet, as JSON with one line for each drawing."""
    lines = [
        json.dumps({"label": drawing.label, "style": drawing.style, "x": x, "y": y})
        for drawing, (x, y) in zip(drawings, places(drawings), strict=True)
    ]
    return "[\n  " + ",\n  ".join(lines) + "\n]\n"


def write_samples(folder: Path) -> None:
    """Write sheet and list into an existing folder, over what is there."""
    Image.fromarray(draw_sheet(DRAWINGS)).save(folder / SHEET, optimize=True)
    (folder / LIST).write_text(list_cells(DRAWINGS), encoding="utf-8", newline="\n")


def main() -> None:
    """Draw the samples into the folder that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.draw_samples", description="Draw the samples that ship."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="existing folder")
    folder: Path = parser.parse_args().folder
    write_samples(folder)
    print(f"{len(DRAWINGS)} samples in {folder}")


if __name__ == "__main__":
    main()
