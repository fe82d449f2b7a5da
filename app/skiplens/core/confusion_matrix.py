"""The confusion matrix: how many digits of each label are classified as each class."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LABELS: Final = 10
LEVELS: Final = 5
"""Of shading."""


def confusion_matrix(
    labels: NDArray[np.uint8], predictions: NDArray[np.intp], classes: int
) -> NDArray[np.intp]:
    """Number of digits by label and predicted class, ``(10, classes)``."""
    counts = np.zeros((LABELS, classes), np.intp)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def shade_errors(counts: NDArray[np.intp]) -> tuple[list[list[int]], int]:
    """The shade of each count of a confusion matrix, and the largest count of errors.

    Shades are 1..5, in proportion to the largest count of errors; 0 where there are none.
    """
    errors = counts.copy()
    np.fill_diagonal(errors, 0)
    most = int(errors.max())
    return (-(-LEVELS * errors // max(most, 1))).tolist(), most
