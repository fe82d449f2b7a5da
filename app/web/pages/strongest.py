"""The digits that excite a filter most, for the filter's page."""

from collections import Counter
from dataclasses import dataclass

from app.core.manifest import LayerInfo
from app.service.dataset.collection import Collection
from app.service.dataset.index import Strong
from app.service.dataset.indexes import Indexes
from app.web.pages import wording
from app.web.pages.sheets import Sheet, sheet_of
from app.web.pages.subject import Subject


@dataclass(frozen=True)
class StrongTile:
    """A digit that excites the filter.

    Attributes:
        href: the filter's page on it.
        box: of it on the sheet.
        value: the largest of the filter's map, as text.
        words: the same in full.
        current: whether it is the digit that is shown.
    """

    href: str
    box: str
    value: str
    words: str
    current: bool


@dataclass(frozen=True)
class StrongRow:
    """The digits that excite a filter most.

    Attributes:
        sentence: where they were looked for.
        labels: how many there are of each label, in words; nothing where there is no digit.
        sheet: the picture that they are cut from; nothing where there is none.
        tiles: strongest first.
    """

    sentence: str
    labels: str | None
    sheet: Sheet | None
    tiles: tuple[StrongTile, ...]


def strong_row(subject: Subject, layer: LayerInfo, index: int) -> StrongRow:
    """The digits that excite a filter most: of the data set once it is indexed, else samples."""
    indexes = subject.services.indexes
    collection, found = indexes.best(subject.engine)
    strong = found.strongest(subject.engine.manifest, layer, index)
    sheet = sheet_of(collection, [one.place for one in strong]) if strong else None
    return StrongRow(
        sentence=_sentence(subject, indexes, collection, any_digit=bool(strong)),
        labels=_labels(collection, strong) if strong else None,
        sheet=sheet,
        tiles=tuple(
            _tile(subject, layer, index, collection, one, box)
            for one, box in zip(strong, sheet.boxes if sheet else (), strict=True)
        ),
    )


def _tile(
    subject: Subject,
    layer: LayerInfo,
    index: int,
    collection: Collection,
    strong: Strong,
    box: str,
) -> StrongTile:
    digit, label = collection.ids[strong.place], collection.label(strong.place)
    kind = "test digit" if collection.kind == "dataset" else "sample"
    value = wording.number(strong.value)
    return StrongTile(
        href=subject.view.of_digit(digit).filter(layer.name, index),
        box=box,
        value=value,
        words=f"{value} on {kind} {strong.place:,}, {wording.with_article(str(label))}",
        current=digit == subject.view.digit,
    )


def _sentence(
    subject: Subject, indexes: Indexes, collection: Collection, *, any_digit: bool
) -> str:
    count = f"{len(collection):,}"
    if collection.kind == "dataset":
        where = f"the {count} test digits"
        more = ""
    else:
        where = f"the {count} samples"
        more = (
            " The test set is still being indexed; then they are looked for there."
            if indexes.has_dataset
            else " Started with --data and a folder with MNIST, skiplens looks through its test "
            "digits."
        )
    found = (
        f"Of {where}, those on which its map reaches the largest values, written below each."
        if any_digit
        else f"None of {where} excites it: no value of its map is above zero on any of them."
    )
    whole = " Measured with every block on." if subject.view.off else ""
    return found + whole + more


def _labels(collection: Collection, strong: tuple[Strong, ...]) -> str:
    counts = Counter(collection.label(one.place) for one in strong)
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = wording.listed([f"{count} labelled {label}" for label, count in common])
    return f"Among them {listed}."
