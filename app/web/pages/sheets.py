"""Digits cut from one picture: where each lies on its sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.digit import SIDE
from app.service.dataset.collection import Collection
from app.web import urls
from app.web.api.dataset import SHEET_COLUMNS
from app.web.pages.figures import Picture


@dataclass(frozen=True)
class Sheet:
    """Digits on one picture.

    Attributes:
        picture: all of them.
        boxes: of each, as an SVG view box has it.
    """

    picture: Picture
    boxes: tuple[str, ...]


def sheet_of(collection: Collection, places: Sequence[int]) -> Sheet:
    """The sheet that shows some digits of a collection.

    Args:
        collection: the samples, which have one sheet for all, or the data set.
        places: of the digits, at least one.
    """
    if collection.kind == "samples":
        picture = Picture(urls.samples_png(collection.ids), SIDE * len(collection), SIDE)
        corners = [(place * SIDE, 0) for place in places]
    else:
        columns = min(SHEET_COLUMNS, len(places))
        rows = -(-len(places) // columns)
        address = urls.dataset_png(places, collection.sha256)
        picture = Picture(address, columns * SIDE, rows * SIDE)
        corners = [(at % columns * SIDE, at // columns * SIDE) for at in range(len(places))]
    return Sheet(picture, tuple(f"{x} {y} {SIDE} {SIDE}" for x, y in corners))
