"""Test digits as points on the two principal components of what the head sees at every depth."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skiplens.core.experiment_results import POINTS_FILE, Curve, Plane, curve_point
from skiplens.mnist import Split
from skiplens.network.block_chain import Array, BlockChain
from skiplens.network.evaluation import OnStep


def mean_features(chain: BlockChain, test: Split) -> list[Array]:
    """The mean of every filter over all positions, at each depth: ``(digits, C)``."""
    found = [
        [maps.reshape(len(maps), -1, maps.shape[-1]).mean(axis=1) for maps in chain.states(images)]
        for images, _ in test.batches()
    ]
    return [np.concatenate(depth) for depth in zip(*found, strict=True)]


def planes(features: list[Array]) -> list[Plane]:
    """The plane of every depth, each turned so that digits move as little as possible."""
    found: list[Plane] = []
    for at, depth in enumerate(features):
        plane = principal_plane(depth)
        found.append(facing(plane, depth, found[-1].points(features[at - 1])) if at else plane)
    return found


def principal_plane(features: Array) -> Plane:
    """The plane of the first two principal components of features ``(N, C)``, C at least 2."""
    mean = features.mean(axis=0)
    _, sizes, axes = np.linalg.svd(features - mean, full_matrices=False)
    variances = sizes.astype(np.float64) ** 2
    total = float(variances.sum()) or 1.0
    return Plane(mean, np.asarray(axes[:2], np.float32), float(variances[:2].sum()) / total)


def facing(plane: Plane, features: Array, before: Array) -> Plane:
    """The same plane with its axes turned round where that brings examples closer to where they
    were ``before``, ``(N, 2)``: a component has no sign of its own.
    """
    signs = np.sign((plane.points(features) * before).sum(axis=0))
    signs[signs == 0] = 1
    return replace(plane, axes=plane.axes * signs[:, None].astype(np.float32))


Store = Callable[[list[Array], list[Plane]], None]


def measure_classes(
    chain: BlockChain,
    test: Split,
    on_step: OnStep,
    store: Store = lambda features, found: None,
) -> tuple[Curve, ...]:
    """The share of variance on two principal components after each block, and of the digits whose
    nearest class mean on all of them is that of their class.

    ``store`` gets the features and the plane of every depth.
    """
    features = mean_features(chain, test)
    found = planes(features)
    store(features, found)
    explained = [plane.explained for plane in found]
    nearest = [nearest_mean_accuracy(depth, test.labels) for depth in features]
    on_step(1, 1)
    return tuple(
        Curve(name, tuple(curve_point(at, [value]) for at, value in enumerate(values)))
        for name, values in (("nearest", nearest), ("explained", explained))
    )


def nearest_mean_accuracy(features: Array, labels: NDArray[np.uint8]) -> float:
    """The share of examples ``(N, C)`` that are nearest to the mean of their own class."""
    classes = np.unique(labels)
    means = np.stack([features[labels == one].mean(axis=0) for one in classes])
    distances = ((features[:, None] - means) ** 2).sum(axis=-1)
    return float(np.mean(classes[distances.argmin(axis=1)] == labels))


def write_points(
    folder: Path, test: Split, sha256: str, features: list[Array], found: list[Plane]
) -> None:
    """Store the planes, and where the digits are on them, beside the network."""
    points = [plane.points(depth) for plane, depth in zip(found, features, strict=True)]
    arrays: dict[str, np.ndarray] = {
        "sha256": np.array(sha256),
        "labels": test.labels,
        "points": np.stack(points).astype(np.float16),
    }
    for at, plane in enumerate(found):
        arrays |= {f"mean{at}": plane.mean, f"axes{at}": plane.axes}
    np.savez_compressed(folder / POINTS_FILE, allow_pickle=False, **arrays)
