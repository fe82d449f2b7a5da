"""Receptive fields: the part of the input that one value of a layer depends on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from skiplens.core.manifest import DESCRIBED, INPUT, OTHER, LayerInfo


@dataclass(frozen=True)
class ReceptiveField:
    """The part of the input that each value of a layer depends on.

    The value at row ``r`` depends on ``size[0]`` input rows, from ``start[0] + stride[0] * r``
    on; the same holds for columns. Rows and columns outside the input are padding.
    """

    __pydantic_config__ = DESCRIBED

    start: tuple[int, int]
    """First input row and column that position (0, 0) depends on; negative in the padding."""
    stride: tuple[int, int]
    """Input rows and columns from one position to the next; 0 if all positions share one field."""
    size: tuple[int, int]
    """Number of input rows and columns, padding included."""


@dataclass(frozen=True)
class _AxisField:
    start: int
    stride: int
    size: int


_Axes = tuple[_AxisField, _AxisField]  # rows, columns


def receptive_fields(
    layers: Iterable[LayerInfo], input_shape: tuple[int, int]
) -> dict[str, ReceptiveField]:
    """The receptive field of every layer, by name.

    A convolution's padding follows from the shapes: none if they leave no room for it, otherwise
    as Keras pads with ``padding="same"``, the odd zero at the end. The field is the whole input if
    the shapes fit neither, if the layer combines all positions (dense layers), and for unknown
    kinds of layers: never too small.

    Args:
        layers: of a manifest, in forward order.
        input_shape: ``(height, width)`` of the input.
    """
    height, width = input_shape
    whole = _AxisField(0, 0, height), _AxisField(0, 0, width)
    found = {INPUT: (_AxisField(0, 1, 1), _AxisField(0, 1, 1))}
    shapes = {INPUT: input_shape}
    for layer in layers:
        found[layer.name] = _axes(layer, found, shapes) or whole
        shapes[layer.name] = layer.shape[:2]
    del found[INPUT]
    return {
        name: ReceptiveField(
            (rows.start, columns.start), (rows.stride, columns.stride), (rows.size, columns.size)
        )
        for name, (rows, columns) in found.items()
    }


def _axes(
    layer: LayerInfo, found: Mapping[str, _Axes], shapes: Mapping[str, tuple[int, int]]
) -> _Axes | None:
    input_shapes = {shapes.get(name) for name in layer.inputs}
    before = input_shapes.pop() if len(input_shapes) == 1 else None
    if before is None or layer.role == OTHER:
        return None
    window, strides = _window(layer), layer.strides or (1, 1)
    rows, columns = (
        _field_along_axis(
            [found[name][axis] for name in layer.inputs],
            before[axis],
            layer.shape[axis],
            window[axis],
            strides[axis],
        )
        for axis in (0, 1)
    )
    return (rows, columns) if rows and columns else None


def _window(layer: LayerInfo) -> tuple[int, int]:
    """Height and width that a kernel or pooling window spans, with dilation."""
    if layer.kernel is None:
        return layer.window or (1, 1)
    (height, width), (down, across) = layer.kernel, layer.dilation or (1, 1)
    return (height - 1) * down + 1, (width - 1) * across + 1


def _field_along_axis(
    fields: list[_AxisField], before: int, after: int, window: int, step: int
) -> _AxisField | None:
    """The field along one axis; None if no padding explains its length, or the inputs' strides
    differ.
    """
    if after not in (-(-before // step), (before - window) // step + 1):
        return None
    strides = {field.stride for field in fields}
    if len(strides) != 1:  # what the inputs depend on together differs from value to value
        return None
    stride = strides.pop()
    padding = max((after - 1) * step + window - before, 0) // 2
    start = min(field.start for field in fields)
    end = max(field.start + field.size for field in fields)
    return _AxisField(
        start=start - padding * stride,
        stride=stride * step,
        size=end - start + (window - 1) * stride,
    )
