"""Chooses digits of a data set by label, answer and correctness, in an order, page by page."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidParameterError
from app.service.dataset.collection import Collection
from app.service.dataset.index import Index

PER_PAGE: Final = 100


class Order(StrEnum):
    """What comes first."""

    MISTAKES = "mistakes"  # misread digits, the surest first; then the others, the surest last
    CONFIDENCE = "confidence"  # the surest answers
    DOUBT = "doubt"  # the least sure
    INDEX = "index"  # the data set's own order


@dataclass(frozen=True)
class Choice:
    """Which digits, and in what order.

    Attributes:
        label: what they are meant to be; any, if ``None``.
        prediction: index of the class that they are read as; any, if ``None``.
        wrong: whether they are misread; either, if ``None``.
        order: what comes first.
    """

    label: int | None = None
    prediction: int | None = None
    wrong: bool | None = None
    order: Order = Order.MISTAKES


@dataclass(frozen=True)
class Listing:
    """A page of the digits that were chosen.

    Attributes:
        total: digits on all pages.
        page: number of this one, from 1.
        pages: how many there are, at least one.
        places: of its digits, at most :data:`PER_PAGE`.
    """

    total: int
    page: int
    pages: int
    places: tuple[int, ...]


def browse(collection: Collection, index: Index, choice: Choice, page: int) -> Listing:
    """A page of the digits that are chosen.

    Raises:
        InvalidParameterError: there is no such page.
    """
    chosen = _ordered(collection, index, choice)
    pages = max(1, -(-len(chosen) // PER_PAGE))
    if not 1 <= page <= pages:
        raise InvalidParameterError(f"page must be from 1 to {pages}; got {page}")
    places = chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Listing(len(chosen), page, pages, tuple(places.tolist()))


def _ordered(collection: Collection, index: Index, choice: Choice) -> NDArray[np.intp]:
    labels = collection.split.labels
    wrong = index.predictions != labels
    chosen = np.ones(len(labels), np.bool_)
    if choice.label is not None:
        chosen &= labels == choice.label
    if choice.prediction is not None:
        chosen &= index.predictions == choice.prediction
    if choice.wrong is not None:
        chosen &= wrong == choice.wrong
    places = np.flatnonzero(chosen)
    sure, misread = index.confidences[places], wrong[places]
    ranks = {
        Order.MISTAKES: np.lexsort((np.where(misread, -sure, sure), ~misread)),
        Order.CONFIDENCE: np.argsort(-sure, kind="stable"),
        Order.DOUBT: np.argsort(sure, kind="stable"),
        Order.INDEX: np.arange(len(places)),
    }
    ordered: NDArray[np.intp] = places[ranks[choice.order]]
    return ordered
