"""The two principal components of features, and the points of examples on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane along which features vary most.

    Attributes:
        mean: of the features, float32 ``(C,)``.
        axes: unit vectors, float32 ``(2, C)``, the one of larger variance first.
        explained: the share of the variance along both, 0 to 1.
    """

    mean: Features
    axes: Features
    explained: float

    def points(self, features: Features) -> Features:
        """Where examples ``(N, C)`` are on the plane: float32 ``(N, 2)``."""
        return np.asarray((features - self.mean) @ self.axes.T, np.float32)

    def facing(self, features: Features, before: Features) -> "Plane":
        """The same plane with its axes turned round where that brings examples closer to where they
        were ``before``, ``(N, 2)``: a component has no sign of its own.
        """
        signs = np.sign((self.points(features) * before).sum(axis=0))
        signs[signs == 0] = 1
        return Plane(self.mean, self.axes * signs[:, None].astype(np.float32), self.explained)


def principal_plane(features: Features) -> Plane:
    """The plane of the first two principal components of features ``(N, C)``, C at least 2."""
    mean = features.mean(axis=0)
    _, sizes, axes = np.linalg.svd(features - mean, full_matrices=False)
    variances = sizes.astype(np.float64) ** 2
    total = float(variances.sum()) or 1.0
    return Plane(mean, np.asarray(axes[:2], np.float32), float(variances[:2].sum()) / total)
