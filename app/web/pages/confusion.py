"""The confusion matrix: how many digits of each label are read as each class."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.service.dataset.browsing import Choice
from app.web.pages import wording
from app.web.pages.view import View

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
    counts: NDArray[np.intp], classes: tuple[str, ...], view: View, choice: Choice
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
            words=f"{wording.plural(count, 'digit')} labelled {label}, read as {classes[at]}",
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
    return wording.percent(int(counts[label]) / digits) if digits else ""
