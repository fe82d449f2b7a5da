"""Receptive fields: the part of the input that one value of a layer depends on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from skiplens.core.manifest import INPUT, OTHER, LayerInfo
from skiplens.core.published import Published


@dataclass(frozen=True)
class ReceptiveField(Published):
    """The part of the input that each value of a layer depends on.

    The value at row ``r`` depends on ``size[0]`` input rows, from ``start[0] + stride[0] * r``
    on; the same holds for columns. Rows and columns outside the input are padding.
    """

    start: tuple[int, int]
    """First input row and column that position (0, 0) depends on; negative in the padding."""
    stride: tuple[int, int]
    """Input rows and columns from one position to the next; 0 if all positions share one field."""
    size: tuple[int, int]
    """Number of input rows and columns, padding included."""


_AxisField = tuple[int, int, int]  # start, stride, size
_Axes = tuple[_AxisField, _AxisField]  # rows, columns


def receptive_fields(
    layers: Iterable[LayerInfo], input_shape: tuple[int, int]
) -> dict[str, ReceptiveField]:
    """The receptive field of every layer, by name.

    A convolution's padding follows from the shapes: none if they leave no room for it, otherwise
    as Keras pads with ``padding="same"``, the odd zero at the end. The field is the whole input if
    the shapes fit neither, if the layer combines all positions (dense and recurrent layers), and
    for unknown kinds of layers: never too small.

    Args:
        layers: of a manifest, in forward order.
        input_shape: ``(height, width)`` of the input.
    """
    whole = (0, 0, input_shape[0]), (0, 0, input_shape[1])
    found: dict[str, _Axes] = {INPUT: ((0, 1, 1), (0, 1, 1))}
    shapes = {INPUT: input_shape}
    for layer in layers:
        rows, columns = (_field_along_axis(layer, axis, found, shapes) for axis in (0, 1))
        found[layer.name] = (rows, columns) if rows and columns else whole
        shapes[layer.name] = layer.shape[:2]
    del found[INPUT]
    return {name: ReceptiveField(*zip(*axes, strict=True)) for name, axes in found.items()}


def _field_along_axis(
    layer: LayerInfo,
    axis: int,
    found: Mapping[str, _Axes],
    shapes: Mapping[str, tuple[int, int]],
) -> _AxisField | None:
    """The field along one axis; None for an unknown kind of layer, if no padding explains its
    length, or if the inputs' lengths or strides differ.
    """
    fields = [found[name][axis] for name in layer.inputs]
    lengths, strides = (
        {shapes[name][axis] for name in layer.inputs},
        {stride for _, stride, _ in fields},
    )
    reads_all = layer.role in {OTHER, "states"} or (layer.role == "gate" and layer.kind != "Gate")
    if reads_all or len(lengths) != 1 or len(strides) != 1:
        return None  # with several strides, what a value depends on differs from value to value
    before, after, stride = lengths.pop(), layer.shape[axis], strides.pop()
    window, step = _window(layer)[axis], (layer.strides or (1, 1))[axis]
    if after not in (-(-before // step), (before - window) // step + 1):
        return None
    padding = max((after - 1) * step + window - before, 0) // 2
    start = min(start for start, _, _ in fields)
    end = max(start + size for start, _, size in fields)
    return start - padding * stride, stride * step, end - start + (window - 1) * stride


def _window(layer: LayerInfo) -> tuple[int, int]:
    """Height and width that a kernel or pooling window spans, with dilation."""
    if layer.kernel is None:
        return layer.window or (1, 1)
    (height, width), (down, across) = layer.kernel, layer.dilation or (1, 1)
    return (height - 1) * down + 1, (width - 1) * across + 1
