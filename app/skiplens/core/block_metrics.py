"""Metrics of one residual block on one digit: norms, angle, what ReLU clips."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import BlockInfo, BlockMetrics
from skiplens.core.published import Published

Array = NDArray[np.float32]


@dataclass(frozen=True)
class FilterMetrics(Published):
    """Metrics of one filter of a block's sum on one digit."""

    filter: int
    """Index of the filter in the sum, from 0."""
    norm_x: float | None
    """Norm of the identity's map that enters this filter; null if none does."""
    norm_residual: float | None
    """Norm of the residual's map that enters this filter; null if none does."""
    norm_sum: float
    """Norm of the filter's map in the sum."""
    ratio: float | None
    """norm_residual / norm_x; 0 if norm_x is 0; null if either norm is null, and where x is
    multiplied by F(x)."""
    cosine: float | None
    """Cosine of the angle between the two maps, -1 to 1; 0 if either is zero; null if either is
    missing."""
    relu_zeroed: float | None
    """Share of the filter's map that ReLU sets to zero, 0 to 1; null where no ReLU follows the
    sum."""


def block_metrics(block: BlockInfo, activations: Mapping[str, Array]) -> BlockMetrics:
    """Metrics of one block, from activations by layer name."""
    x, fx = merge_inputs(block, activations)
    total = activations[block.sum or block.residual]
    measured = _measure(x, fx, total, rectified=block.rectified)
    if not block.identity or x.shape != total.shape:
        measured["cosine"] = None
    if block.merge == "multiply":
        measured["ratio"] = None
    return BlockMetrics(block=block.name, **measured)


class BlockNorms(NamedTuple):
    """Euclidean norms of x and F(x) as they enter a block's sum, and of the sum."""

    x: float
    residual: float
    total: float

    @property
    def ratio(self) -> float:
        """Of F(x) to x; 0 if either is zero."""
        return self.residual / self.x if self.x and self.residual else 0.0


def block_norms(block: BlockInfo, activations: Mapping[str, Array]) -> BlockNorms:
    """The norms alone of :func:`block_metrics`."""
    parts = (*merge_inputs(block, activations), activations[block.sum or block.residual])
    return BlockNorms(*(norm(part) for part in parts))


def filter_metrics(block: BlockInfo, activations: Mapping[str, Array]) -> tuple[FilterMetrics, ...]:
    """Metrics of every filter of the block's sum, or of F(x) if there is no sum."""
    total = activations[block.sum or block.residual].astype(np.float64)
    count = total.shape[-1]
    x, fx = (
        _by_filter(part.astype(np.float64), first, count)
        for part, first in zip(
            merge_inputs(block, activations), first_columns(block, activations), strict=True
        )
    )
    if block.identity is None:
        x = (None,) * count
    found = tuple(
        FilterMetrics(
            filter=index,
            **_measure(x[index], fx[index], total[..., index], rectified=block.rectified),
        )
        for index in range(count)
    )
    if block.merge == "multiply":
        return tuple(replace(metrics, ratio=None) for metrics in found)
    return found


def _measure(
    x: NDArray[Any] | None, fx: NDArray[Any] | None, total: NDArray[Any], *, rectified: bool
) -> dict[str, Any]:
    """The fields that metrics of a block and of a filter share; None where a part is missing."""
    norm_x, norm_residual, norm_sum = (
        None if part is None else norm(part) for part in (x, fx, total)
    )
    ratio = angle = None
    if x is not None and fx is not None and norm_x is not None and norm_residual is not None:
        ratio = norm_residual / norm_x if norm_x and norm_residual else 0.0
        angle = cosine(x, fx, norms=norm_x * norm_residual) if x.shape == fx.shape else None
    return {
        "norm_x": norm_x,
        "norm_residual": norm_residual,
        "norm_sum": norm_sum,
        "ratio": ratio,
        "cosine": angle,
        "relu_zeroed": clipped_fraction(total) if rectified else None,
    }


def _by_filter(part: NDArray[Any], first: int, count: int) -> tuple[NDArray[Any] | None, ...]:
    """A part's map for each filter of the sum; None for a filter it does not contribute to."""
    filters = part.shape[-1]
    if first + filters > count:
        return (None,) * count
    return tuple(
        part[..., index - first] if first <= index < first + filters else None
        for index in range(count)
    )


def first_columns(block: BlockInfo, activations: Mapping[str, Array]) -> tuple[int, int]:
    """The first filters of the sum that identity and residual contribute to: 0, except that a
    concatenation has one of them after the other; a custom merge to as many filters is one that
    begins with the residual.
    """
    x = activations[block.identity or block.input].shape[-1]
    fx = activations[block.residual].shape[-1]
    if block.merge == "concatenate":
        return 0, x
    if block.merge == "custom" and block.sum and activations[block.sum].shape[-1] == x + fx:
        return fx, 0
    return 0, 0


def merge_inputs(block: BlockInfo, activations: Mapping[str, Array]) -> tuple[Array, Array]:
    """Identity and residual, ``(H, W, C)`` each, as they enter the block's sum."""
    x, fx = activations[block.identity or block.input], activations[block.residual]
    if block.gate is not None:
        gate = activations[block.gate]
        return x * (1 - gate), fx * gate
    if block.merge in {"add", "average", "maximum"} and block.sum:  # one of them may be broadcast
        shape = activations[block.sum].shape
        return np.broadcast_to(x, shape), np.broadcast_to(fx, shape)
    return x, fx


_CHUNK: Final = 8192  # doubles that fit into a core's cache; from 10,000 on OpenBLAS starts threads


def _chunks(*parts: NDArray[Any]) -> Iterator[list[NDArray[np.float64]]]:
    """Arrays of one shape, flat and chunk by chunk, as doubles: large ones are not copied whole."""
    flat = [part.reshape(-1) for part in parts]
    for start in range(0, len(flat[0]), _CHUNK):
        yield [part[start : start + _CHUNK].astype(np.float64) for part in flat]


def norm(part: NDArray[Any]) -> float:
    """The Euclidean norm of an array, accumulated in double precision."""
    return math.sqrt(sum(float(values.dot(values)) for (values,) in _chunks(part)))


def cosine(a: NDArray[Any], b: NDArray[Any], *, norms: float | None = None) -> float:
    """Cosine of the angle between two arrays of one shape, -1..1; 0 if either is zero.

    ``norms``: the product of their norms, if it is known.
    """
    norms = norm(a) * norm(b) if norms is None else norms
    dot = sum(float(one.dot(other)) for one, other in _chunks(a, b))
    return min(max(dot / norms, -1.0), 1.0) if norms else 0.0


def clipped_fraction(total: NDArray[Any]) -> float:
    """Magnitude of the negative values over that of all, 0..1: what ReLU clips; 0 if all are 0."""
    magnitude = negative = 0.0
    for (values,) in _chunks(total):
        magnitude += float(np.abs(values).sum())
        negative -= float(np.minimum(values, 0).sum())
    return negative / magnitude if magnitude else 0.0
