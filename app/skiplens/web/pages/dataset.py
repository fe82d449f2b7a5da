"""The test-set page: digits by label and prediction, confusion matrix."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skiplens.engine.base import Engine
from skiplens.service.dataset.activation_index import DigitFilter, Index, ResultPage, browse
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.api.dataset import BrowsingParameters
from skiplens.web.links import Links
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from skiplens.web.pages.common import SelectOption, ViewPage, digit_tiles

LEVELS: Final = 5  # of shading


@dataclass(frozen=True)
class ConfusionCell:
    """How many digits of a label are classified as a class."""

    count: int
    href: str | None
    text: str
    right: bool
    level: int
    """Shade of an error, 1..5; 0 if there is none."""
    current: bool
    """Whether its digits are shown."""


@dataclass(frozen=True)
class ConfusionRow:
    """A label: a cell for each class, and the share that is correct."""

    label: str
    href: str
    cells: tuple[ConfusionCell, ...]
    share: str


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix, with links to the digits of each class, label and cell."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[ConfusionRow, ...]
    most: int
    """The largest number of errors in a cell."""


def confusion_table(
    counts: NDArray[np.intp], classes: tuple[str, ...], links: Links, choice: DigitFilter
) -> Confusion:
    """The confusion matrix ``(labels, classes)`` as a table; ``choice`` marks the digits shown."""
    errors = counts.copy()
    np.fill_diagonal(errors, 0)
    most = int(errors.max())

    def cell(label: int, at: int) -> ConfusionCell:
        count = int(counts[label, at])
        return ConfusionCell(
            count=count,
            href=links.dataset(label=label, prediction=at) if count else None,
            text=f"{fmt.pluralise(count, 'digit')} labelled {label}, classified as {classes[at]}",
            right=at == label,
            level=-(-LEVELS * int(errors[label, at]) // most) if most else 0,
            current=(label, at) == (choice.label, choice.prediction),
        )

    return Confusion(
        columns=tuple((name, links.dataset(prediction=at)) for at, name in enumerate(classes)),
        rows=tuple(
            ConfusionRow(
                label=str(label),
                href=links.dataset(label=label),
                cells=tuple(cell(label, at) for at in range(len(classes))),
                share=fmt.percent(int(row[label]) / int(row.sum())) if row.any() else "",
            )
            for label, row in enumerate(counts)
        ),
        most=most,
    )


def dataset_page(
    services: Services, engine: Engine, links: Links, parameters: BrowsingParameters
) -> ViewPage:
    """The page of the test set; ``links`` have the display options.

    Raises:
        NoDatasetError: there is no test set.
        InvalidParameterError: there is no such page of digits.
    """
    indexes, manifest = services.indexes, engine.manifest
    progress = indexes.progress(engine)
    summary, confusion, shown, samples = None, None, None, None
    if progress.state == "ready":
        collection, index = indexes.dataset, indexes.dataset_index(engine)
        counts = index.confusion(collection.split.labels)
        summary = text.describe_accuracy(int(counts.trace()), len(collection))
        confusion = confusion_table(counts, manifest.classes, links, parameters.choice)
        listing = browse(collection, index, parameters.choice, parameters.page)
        shown = _shown_digits(collection, index, listing, links, parameters.choice)
    elif len(indexes.samples):
        every = range(len(indexes.samples))
        samples = digit_tiles(indexes.samples, indexes.sample_index(engine), every, links)
    return ViewPage(
        "dataset.html",
        f"The test set in {manifest.title}",
        services,
        links,
        {
            "action": addresses.dataset_page(manifest.id),
            "hidden": tuple(
                (name, str(value))
                for name in ("normalize", "palette")
                if (value := links.query[name])
            ),
            "progress": progress,
            "state_url": addresses.api_dataset(manifest.id),
            "summary": summary,
            "confusion": confusion,
            "chosen": shown,
            "samples": samples,
        },
        Links.dataset,
    )


def _shown_digits(
    collection: LabelledDigits, index: Index, listing: ResultPage, links: Links, choice: DigitFilter
) -> dict[str, Any]:
    """The digits that were chosen, page by page; ``empty`` says why there are none."""
    fields = _fields(choice)
    order = None if choice.order is DigitFilter().order else choice.order

    def page(number: int) -> str | None:
        if not 1 <= number <= listing.pages:
            return None
        return links.dataset(**{**fields, "order": order}, page=number) + "#digits"

    return {
        "title": text.describe_choice(choice),
        "extent": text.describe_extent(listing),
        "empty": None if listing.total else text.describe_no_digits(choice),
        "all": None if choice == DigitFilter() else f"{links.dataset()}#digits",
        "before": page(listing.page - 1),
        "after": page(listing.page + 1),
        "choosers": tuple(
            (
                name,
                title,
                tuple(
                    SelectOption(value, label, value == fields[name]) for value, label in options
                ),
            )
            for name, title, options in text.CHOOSERS
        ),
        "tiles": digit_tiles(collection, index, listing.indices, links),
    }


def _fields(choice: DigitFilter) -> dict[str, str]:
    """A choice as the fields of the form."""
    return {
        "label": "" if choice.label is None else str(choice.label),
        "prediction": "" if choice.prediction is None else str(choice.prediction),
        "wrong": "" if choice.wrong is None else str(choice.wrong).lower(),
        "order": choice.order.value,
    }
