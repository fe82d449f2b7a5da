"""Digits as small pictures that lead to pages: samples, and digits of a collection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from skiplens.core.input_image import SIDE
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.activation_index import ActivationIndex
from skiplens.service.digit_store import InputRecord
from skiplens.web import links as addresses
from skiplens.web.api.dataset import SHEET_COLUMNS
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import Picture


@dataclass(frozen=True)
class Tile:
    """A link with an image that is cut from another by ``box``, its ``viewBox``."""

    href: str
    text: str
    box: str
    current: bool
    caption: str = ""


@dataclass(frozen=True)
class Samples:
    """The samples, a column for each label."""

    sheet: Picture
    columns: tuple[tuple[Tile, ...], ...]


def sample_links(
    samples: Mapping[str, InputRecord], current: str, address: Callable[[str], str]
) -> Samples:
    """The samples, by id, as links; ``address`` is the page of an id."""
    columns: dict[int, list[Tile]] = {}
    for position, (digit, stored) in enumerate(samples.items()):
        label = stored.label or 0
        box = f"{position * SIDE} 0 {SIDE} {SIDE}"
        tile = Tile(address(digit), f"{label}, {stored.style}", box, digit == current)
        columns.setdefault(label, []).append(tile)
    return Samples(
        sheet=Picture(addresses.samples_png(samples), SIDE * len(samples), SIDE),
        columns=tuple(tuple(columns[label]) for label in sorted(columns)),
    )


PictureLink = tuple[Picture, str, str, bool]
"""A sample: picture, name, address of the page about it, and whether that is the current one."""


def picture_links(
    context: PageContext, current: str, address: Callable[[str], str]
) -> list[PictureLink]:
    """The images that the user gave, or one that is drawn; ``address`` is the page of an id."""
    manifest = context.forward.manifest
    height, width, _ = manifest.input_shape
    return [
        (
            Picture(addresses.input_png(image, manifest.id), width, height),
            stored.style or "",
            address(image),
            image == current,
        )
        for image, stored in context.services.pictures(manifest).items()
    ]


def sprite_sheet(
    collection: LabelledDigits, indices: Sequence[int]
) -> tuple[Picture, tuple[str, ...]]:
    """The image of some digits, at least one, and the ``viewBox`` of each.

    Samples have one image for all of them.
    """
    if collection.kind == "samples":
        picture = Picture(addresses.samples_png(collection.ids), SIDE * len(collection), SIDE)
        corners = [(index * SIDE, 0) for index in indices]
    else:
        columns = min(SHEET_COLUMNS, len(indices))
        rows = -(-len(indices) // columns)
        address = addresses.dataset_png(indices, collection.sha256)
        picture = Picture(address, columns * SIDE, rows * SIDE)
        corners = [(at % columns * SIDE, at // columns * SIDE) for at in range(len(indices))]
    return picture, tuple(f"{x} {y} {SIDE} {SIDE}" for x, y in corners)


@dataclass(frozen=True)
class DigitTile:
    """A labelled digit and its prediction."""

    href: str
    box: str
    label: int
    prediction: int
    share: float
    name: str


@dataclass(frozen=True)
class DigitTiles:
    """Digits of a collection, cut from one image; ``None`` if there are no digits."""

    sheet: Picture | None
    tiles: tuple[DigitTile, ...]


def digit_tiles(
    collection: LabelledDigits, index: ActivationIndex, indices: Sequence[int], links: Links
) -> DigitTiles:
    """Digits of a collection with the predictions of the index; each leads to its gallery."""
    if not indices:
        return DigitTiles(None, ())
    sheet, boxes = sprite_sheet(collection, indices)
    kind = "test digit" if collection.kind == "dataset" else "sample"
    return DigitTiles(
        sheet,
        tuple(
            DigitTile(
                href=links.with_digit(collection.ids[position]).gallery(),
                box=box,
                label=collection.label(position),
                prediction=int(index.predictions[position]),
                share=float(index.confidences[position]),
                name=f"{kind} {position:,}",
            )
            for position, box in zip(indices, boxes, strict=True)
        ),
    )
