"""The test-set page: digits by label and prediction, confusion matrix."""

from functools import partial
from typing import Any, Final

from skiplens.core.confusion_matrix import shade_errors
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.activation_index import (
    PER_PAGE,
    ActivationIndex,
    DigitChoice,
    ResultPage,
    SortOrder,
    browse,
)
from skiplens.service.registry import ModelRegistry
from skiplens.web import links as addresses
from skiplens.web.api.dataset import BrowsingParameters, check_classes
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.digit_tiles import digit_tiles
from skiplens.web.pages.network_page import NetworkPage

_NUMERALS: Final = tuple((str(digit), str(digit)) for digit in range(10))

# Name in the query, label, and value and text of each option.
_CHOOSERS: Final[tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]] = (
    ("label", "Labelled", (("", "any"), *_NUMERALS)),
    ("prediction", "classified as", (("", "any"), *_NUMERALS)),
    ("wrong", "show", (("", "all"), ("true", "misclassified"), ("false", "correct"))),
    (
        "order",
        "first",
        (
            (SortOrder.MISTAKES, "errors, most confident first"),
            (SortOrder.CONFIDENCE, "most confident"),
            (SortOrder.DOUBT, "least confident"),
            (SortOrder.INDEX, "by index"),
        ),
    ),
)


def dataset_page(context: PageContext, parameters: BrowsingParameters) -> NetworkPage:
    """The page of the test set, beside an input.

    Raises:
        NoDatasetError: there is no test set, or its labels are not the network's classes.
        InvalidParameterError: there is no such page of digits.
    """
    engine, links = context.engine, context.links
    indexes, manifest = context.services.indexes, engine.manifest
    progress = indexes.progress(engine)
    check_classes(engine)
    summary, confusion, shown, samples = None, None, None, None
    if progress.state == "ready":
        collection, index = indexes.dataset, indexes.dataset_index(engine)
        counts = index.confusion(collection.split.labels)
        summary = _describe_accuracy(int(counts.trace()), len(collection))
        shades, most = shade_errors(counts)
        confusion = {"counts": counts.tolist(), "shades": shades, "most": most}
        listing = browse(collection, index, parameters.choice, parameters.page)
        shown = _shown_digits(collection, index, listing, links, parameters.choice)
    else:
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
    title = f"Test set · {manifest.title}"
    page = parameters.page if parameters.page > 1 else None
    return NetworkPage(
        "dataset.html",
        title,
        context,
        address=lambda other: other.dataset(**_kept(parameters.choice), page=page),
        elsewhere=partial(_elsewhere, context.services.registry),
        part="Test set",
        values=values,
    )


def _elsewhere(registry: ModelRegistry, links: Links) -> str:
    """The test set in another network, or the gallery of one that classifies other images."""
    manifest = registry.network(links.network).manifest
    return links.dataset() if manifest.classifies_digits else links.gallery()


def _shown_digits(
    collection: LabelledDigits,
    index: ActivationIndex,
    listing: ResultPage,
    links: Links,
    choice: DigitChoice,
) -> dict[str, Any]:
    """The digits that were chosen, page by page; ``empty`` says why there are none."""

    def page(number: int) -> str | None:
        if not 1 <= number <= listing.pages:
            return None
        return links.dataset(**_kept(choice), page=number) + "#digits"

    return {
        "title": _describe_choice(choice),
        "extent": _describe_extent(listing),
        "empty": None if listing.total else _describe_no_digits(choice),
        "all": None if choice == DigitChoice() else f"{links.dataset()}#digits",
        "before": page(listing.page - 1),
        "after": page(listing.page + 1),
        "choosers": _CHOOSERS,
        "fields": _fields(choice),
        "tiles": digit_tiles(collection, index, listing.indices, links),
    }


def _fields(choice: DigitChoice) -> dict[str, str]:
    """A choice as the fields of the form."""
    return {
        "label": "" if choice.label is None else str(choice.label),
        "prediction": "" if choice.prediction is None else str(choice.prediction),
        "wrong": "" if choice.wrong is None else str(choice.wrong).lower(),
        "order": choice.order.value,
    }


def _kept(choice: DigitChoice) -> dict[str, str | None]:
    """A choice as the query of an address."""
    order = None if choice.order is DigitChoice().order else choice.order.value
    return {**_fields(choice), "order": order}


def _describe_accuracy(correct: int, digits: int) -> str:
    """How a network classifies the test set."""
    wrong = digits - correct
    errors = f"misclassifies {wrong:,}" if wrong else "misclassifies none"
    return (
        f"This network classifies {correct:,} of {digits:,} correctly, "
        f"{fmt.percent(correct / digits)}, and {errors}."
    )


def _describe_choice(choice: DigitChoice) -> str:
    """Which digits were chosen."""
    parts = []
    if choice.label is not None:
        parts.append(f"labelled {choice.label}")
    if choice.prediction is not None:
        parts.append(f"classified as {choice.prediction}")
    classes = fmt.join_and(parts) if parts else ""
    if choice.wrong is None:
        return f"Digits {classes}" if classes else "All test digits"
    which = "Misclassified digits" if choice.wrong else "Correctly classified digits"
    return f"{which}, {classes}" if classes else which


def _describe_extent(listing: ResultPage) -> str:
    """How many digits there are, and which of them are on this page."""
    count = fmt.pluralise(listing.total, "digit")
    if listing.pages == 1:
        return count
    first = (listing.page - 1) * PER_PAGE + 1
    return f"{count}, of which {first:,} to {first - 1 + len(listing.indices):,}"


def _describe_no_digits(choice: DigitChoice) -> str:
    """Why no digit was found."""
    label, prediction = choice.label, choice.prediction
    if label is not None and prediction not in (None, label) and choice.wrong is not False:
        return f"No digit labelled {label} is classified as {prediction}."
    if choice.wrong and prediction is None:
        every = "Every digit" if label is None else f"Every digit labelled {label}"
        return f"{every} is classified correctly."
    if choice.wrong and label is None:
        return f"Only digits labelled {prediction} are classified as {prediction}."
    return "No digits match these filters."
