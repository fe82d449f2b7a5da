"""The test-set page: digits by label and prediction, confusion matrix."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from skiplens.engine.base import Engine
from skiplens.service.dataset.activation_index import DigitFilter, Index, ResultPage, browse
from skiplens.service.dataset.indexer import Progress
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.services import Services
from skiplens.web import links
from skiplens.web.api.dataset import BrowsingParameters
from skiplens.web.links import Links
from skiplens.web.pages import common
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text as words
from skiplens.web.pages.common import Tiles, ViewPage, read_tiles

LEVELS: Final = 5  # of shading


@dataclass(frozen=True)
class Cell:
    """How many digits of a label are read as a class.

    Attributes:
        count: how many.
        href: the page of these digits; nothing where there is none.
        words: the same in words.
        right: whether they are read correctly.
        level: shading of a mistake, 1 to 5; 0 where there is nothing to shade.
        current: whether its digits are those that are shown.
    """

    count: int
    href: str | None
    words: str
    right: bool
    level: int
    current: bool


@dataclass(frozen=True)
class Row:
    """A label.

    Attributes:
        label: what its digits are meant to be.
        href: the page of all of them.
        cells: one for each class.
        share: of its digits that is read correctly, as text.
    """

    label: str
    href: str
    cells: tuple[Cell, ...]
    share: str


@dataclass(frozen=True)
class Confusion:
    """The whole matrix.

    Attributes:
        columns: each class with the page of the digits read as it.
        rows: one for each label.
        most: the largest count of a mistake, which has the darkest shade.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    most: int


def confusion_table(
    counts: NDArray[np.intp], classes: tuple[str, ...], view: Links, choice: DigitFilter
) -> Confusion:
    """The matrix as a table.

    Args:
        counts: ``(labels, classes)``.
        classes: name of each class.
        view: builds the links.
        choice: the digits that are shown.
    """
    mistakes = counts.copy()
    np.fill_diagonal(mistakes, 0)
    most = int(mistakes.max())

    def cell(label: int, at: int) -> Cell:
        count = int(counts[label, at])
        return Cell(
            count=count,
            href=view.dataset(label=label, prediction=at) if count else None,
            words=f"{fmt.pluralise(count, 'digit')} labelled {label}, read as {classes[at]}",
            right=at == label,
            level=-(-LEVELS * int(mistakes[label, at]) // most) if most else 0,
            current=(label, at) == (choice.label, choice.prediction),
        )

    return Confusion(
        columns=tuple((name, view.dataset(prediction=at)) for at, name in enumerate(classes)),
        rows=tuple(
            Row(
                label=str(label),
                href=view.dataset(label=label),
                cells=tuple(cell(label, at) for at in range(len(classes))),
                share=_share(counts[label], label),
            )
            for label in range(len(counts))
        ),
        most=most,
    )


def _share(counts: NDArray[np.intp], label: int) -> str:
    """The share of a label's digits that is read correctly; nothing where there is no digit."""
    digits = int(counts.sum())
    return fmt.percent(int(counts[label]) / digits) if digits else ""


@dataclass(frozen=True)
class Option:
    """One option of a chooser."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Chooser:
    """A field to choose by: its name, the words before it, and what there is to choose."""

    name: str
    title: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Chosen:
    """The digits that were chosen.

    Attributes:
        title: which they are.
        extent: how many, and which of them are on this page.
        empty: why there is none; nothing where there are some.
        all: the page of every digit; nothing where this is it.
        before: the page before, if any.
        after: the page after, if any.
        choosers: of what is shown.
        tiles: the digits of this page.
    """

    title: str
    extent: str
    empty: str | None
    all: str | None
    before: str | None
    after: str | None
    choosers: tuple[Chooser, ...]
    tiles: Tiles


@dataclass(frozen=True)
class DatasetPage(ViewPage):
    """The data set.

    Attributes:
        action: where the choosers lead.
        hidden: what they hand on: name and value.
        home: the gallery.
        progress: how far the index is.
        state_url: where a script asks for that.
        summary: how the network reads the digits; nothing until that is known.
        confusion: how many digits of each label are read as each class.
        chosen: the digits that were chosen.
        samples: the samples, to look at until then.
    """

    template: ClassVar[str] = "dataset.html"

    action: str
    hidden: tuple[tuple[str, str], ...]
    home: str
    progress: Progress
    state_url: str
    summary: str | None
    confusion: Confusion | None
    chosen: Chosen | None
    samples: Tiles | None


def dataset_page(
    services: Services, engine: Engine, view: Links, parameters: BrowsingParameters
) -> DatasetPage:
    """The page of the data set; ``view`` says how grids are drawn behind the links.

    Raises:
        NoDatasetError: there is no data set.
        InvalidParameterError: there is no such page of digits.
    """
    indexes, manifest = services.indexes, engine.manifest
    progress = indexes.progress(engine)
    summary, confusion, chosen, samples = None, None, None, None
    if progress.state == "ready":
        collection, index = indexes.dataset, indexes.dataset_index(engine)
        counts = index.confusion(collection.split.labels)
        summary = words.summary(int(counts.trace()), len(collection))
        confusion = confusion_table(counts, manifest.classes, view, parameters.choice)
        listing = browse(collection, index, parameters.choice, parameters.page)
        chosen = _chosen(collection, index, listing, view, parameters)
    elif len(indexes.samples):
        places = tuple(range(len(indexes.samples)))
        samples = read_tiles(indexes.samples, indexes.sample_index(engine), places, view)
    return DatasetPage(
        title=f"The test set in {manifest.title}",
        **{
            **vars(common.shell(services, view)),
            "networks": common.network_links(services, view, Links.dataset),
        },
        action=links.dataset_page(manifest.id),
        hidden=tuple(
            (name, str(view.query[name])) for name in ("normalize", "palette") if view.query[name]
        ),
        home=view.gallery(),
        progress=progress,
        state_url=links.api_dataset(manifest.id),
        summary=summary,
        confusion=confusion,
        chosen=chosen,
        samples=samples,
    )


def _chosen(
    collection: LabelledDigits,
    index: Index,
    listing: ResultPage,
    view: Links,
    parameters: BrowsingParameters,
) -> Chosen:
    choice = parameters.choice
    kept = {
        **_fields(choice),
        "order": None if choice.order is DigitFilter().order else choice.order,
    }
    before, after = listing.page - 1, listing.page + 1
    return Chosen(
        title=words.title(choice),
        extent=words.extent(listing),
        empty=None if listing.total else words.empty(choice),
        all=None if choice == DigitFilter() else f"{view.dataset()}#digits",
        before=f"{view.dataset(**kept, page=before)}#digits" if before else None,
        after=f"{view.dataset(**kept, page=after)}#digits" if after <= listing.pages else None,
        choosers=_choosers(choice),
        tiles=read_tiles(collection, index, listing.places, view),
    )


def _choosers(choice: DigitFilter) -> tuple[Chooser, ...]:
    fields = _fields(choice)
    return tuple(
        Chooser(
            name,
            title,
            tuple(Option(value, text, value == fields[name]) for value, text in options),
        )
        for name, title, options in words.CHOOSERS
    )


def _fields(choice: DigitFilter) -> dict[str, str]:
    """A choice as the fields of a form; what is left open is empty."""
    return {
        "label": "" if choice.label is None else str(choice.label),
        "prediction": "" if choice.prediction is None else str(choice.prediction),
        "wrong": "" if choice.wrong is None else str(choice.wrong).lower(),
        "order": choice.order.value,
    }
