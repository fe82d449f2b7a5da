"""The test-set page: digits by label and prediction, confusion matrix."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skiplens.service.dataset.activation_index import DigitFilter, Index, ResultPage, browse
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.web import links as addresses
from skiplens.web.api.dataset import BrowsingParameters
from skiplens.web.links import Links
from skiplens.web.pages import text
from skiplens.web.pages.common import ViewPage, digit_tiles
from skiplens.web.pages.context import PageContext

LEVELS: Final = 5  # of shading


def shade_errors(counts: NDArray[np.intp]) -> tuple[list[list[int]], int]:
    """The shade of each count of a confusion matrix, and the largest count of errors.

    Shades are 1..5, in proportion to the largest count of errors; 0 where there are none.
    """
    errors = counts.copy()
    np.fill_diagonal(errors, 0)
    most = int(errors.max())
    return (-(-LEVELS * errors // max(most, 1))).tolist(), most


def dataset_page(context: PageContext, parameters: BrowsingParameters) -> ViewPage:
    """The page of the test set, beside an input.

    Raises:
        NoDatasetError: there is no test set.
        InvalidParameterError: there is no such page of digits.
    """
    engine, links = context.engine, context.links
    indexes, manifest = context.services.indexes, engine.manifest
    progress = indexes.progress(engine)
    summary, confusion, shown, samples = None, None, None, None
    if progress.state == "ready":
        collection, index = indexes.dataset, indexes.dataset_index(engine)
        counts = index.confusion(collection.split.labels)
        summary = text.describe_accuracy(int(counts.trace()), len(collection))
        shades, most = shade_errors(counts)
        confusion = {"counts": counts.tolist(), "shades": shades, "most": most}
        listing = browse(collection, index, parameters.choice, parameters.page)
        shown = _shown_digits(collection, index, listing, links, parameters.choice)
    elif len(indexes.samples):
        every = range(len(indexes.samples))
        samples = digit_tiles(indexes.samples, indexes.sample_index(engine), every, links)
    values = {
        "action": addresses.dataset_page(manifest.id),
        "progress": progress,
        "state_url": addresses.api_dataset(manifest.id),
        "summary": summary,
        "classes": manifest.classes,
        "choice": parameters.choice,
        "confusion": confusion,
        "chosen": shown,
        "sample_tiles": samples,
    }
    title = f"The test set in {manifest.title}"
    return ViewPage(
        "dataset.html",
        title,
        context,
        address=Links.dataset,
        elsewhere=Links.dataset,
        part="Test set",
        values=values,
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
        "choosers": text.CHOOSERS,
        "fields": fields,
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
