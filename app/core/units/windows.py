"""Works out what looks at a window of the maps: convolutions and poolings."""

import numpy as np
from numpy.typing import NDArray

from app.core.units.question import Question
from app.core.units.sums import Convolution, Pooling


def convolution(question: Question) -> Convolution | None:
    """A value of a convolution; nothing where its weights are not to be had."""
    layer, maps, weights = question.layer, question.given[0], question.weight("kernel")
    if weights is None or layer.kernel is None or layer.strides is None:
        return None
    dilation = layer.dilation or (1, 1)
    rows, columns = (
        _span(question, axis, layer.kernel[axis], layer.strides[axis], dilation[axis])
        for axis in (0, 1)
    )
    on_rows = (rows >= 0) & (rows < maps.shape[0])
    on_columns = (columns >= 0) & (columns < maps.shape[1])
    inside = on_rows[:, None] & on_columns[None, :]
    count = weights.shape[2]
    first = count * (question.filter // (layer.filters // (maps.shape[2] // count)))
    patch = np.zeros((*layer.kernel, count), np.float32)
    channels = np.arange(first, first + count)
    seen = maps[np.ix_(rows[on_rows], columns[on_columns], channels)]
    patch[inside] = seen.reshape(-1, count)
    return Convolution(
        patch=patch,
        inside=inside,
        kernel=weights[:, :, :, question.filter],
        bias=question.scalar("bias"),
        corner=(int(rows[0]), int(columns[0])),
        dilation=dilation,
        first=first,
        function=layer.activation,
    )


def _span(
    question: Question, axis: int, length: int, stride: int, dilation: int
) -> NDArray[np.intp]:
    """Rows or columns of the maps given that a window lies over; some may be beyond the edge.

    How much padding there is follows from the shapes: see :class:`app.core.manifest.LayerInfo`.
    """
    before, behind = question.given[0].shape[axis], question.layer.shape[axis]
    reach = (length - 1) * dilation + 1
    padding = max((behind - 1) * stride + reach - before, 0)
    start = question.place[axis] * stride - padding // 2
    return np.arange(start, start + reach, dilation)


def pooling(question: Question) -> Pooling:
    """A value of a pooling."""
    layer, maps = question.layer, question.given[0][:, :, question.filter]
    operation = "max" if "Max" in layer.kind else "mean"
    if layer.window is None or layer.strides is None:
        return Pooling(operation, maps, (0, 0))
    rows, columns = (
        _span(question, axis, layer.window[axis], layer.strides[axis], dilation=1).clip(0)
        for axis in (0, 1)
    )
    window = maps[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Pooling(operation, window, (int(rows[0]), int(columns[0])))
