"""Digits to choose from, each with its label and how it is read."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.service.dataset.collection import Collection
from app.service.dataset.index import Index
from app.web.pages import wording
from app.web.pages.sheets import Sheet, sheet_of
from app.web.pages.view import View


@dataclass(frozen=True)
class ReadTile:
    """A digit and how it is read.

    Attributes:
        href: the gallery of it.
        box: of it on the sheet.
        label: what it is meant to be.
        answer: what it is read as.
        share: how sure that is.
        wrong: whether the two differ.
        name: which digit it is.
    """

    href: str
    box: str
    label: str
    answer: str
    share: str
    wrong: bool
    name: str


@dataclass(frozen=True)
class Tiles:
    """Digits of a collection.

    Attributes:
        sheet: the picture that they are cut from; nothing where there is none.
        tiles: one for each.
    """

    sheet: Sheet | None
    tiles: tuple[ReadTile, ...]


def read_tiles(collection: Collection, index: Index, places: Sequence[int], view: View) -> Tiles:
    """Digits of a collection, as the index's network reads them; each leads to its gallery."""
    if not places:
        return Tiles(None, ())
    sheet = sheet_of(collection, places)
    pairs = zip(places, sheet.boxes, strict=True)
    return Tiles(sheet, tuple(_tile(collection, index, place, box, view) for place, box in pairs))


def _tile(collection: Collection, index: Index, place: int, box: str, view: View) -> ReadTile:
    label, answer = collection.label(place), int(index.predictions[place])
    share = wording.percent(float(index.confidences[place]))
    kind = "test digit" if collection.kind == "dataset" else "sample"
    return ReadTile(
        href=view.of_digit(collection.ids[place]).gallery(),
        box=box,
        label=str(label),
        answer=str(answer),
        share=share,
        wrong=label != answer,
        name=f"{kind} {place:,}",
    )
