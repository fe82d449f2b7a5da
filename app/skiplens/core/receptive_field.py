"""Receptive fields: which part of the digit one value of a layer depends on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from skiplens.core.manifest import INPUT, OTHER, LayerInfo

_EVERYWHERE: Final = 0  # the stride of a value that sees the same wherever it stands


@dataclass(frozen=True)
class AxisField:
    """What values see along one axis.

    Attributes:
        start: first input that position 0 sees; below zero where it sees padding.
        stride: inputs between what one position sees and the next; 0 where all see the same.
        size: number of inputs, padding among them.
    """

    start: int
    stride: int
    size: int

    def at(self, position: int, side: int) -> tuple[int, int]:
        """First input that a position sees, and the one after the last, of ``side`` inputs."""
        first = self.start + self.stride * position
        return min(max(first, 0), side), min(max(first + self.size, 0), side)

    def through(self, window: int, step: int, padding: int) -> "AxisField":
        """What a window sees that is laid over these values."""
        return AxisField(
            start=self.start - padding * self.stride,
            stride=self.stride * step,
            size=self.size + (window - 1) * self.stride,
        )


@dataclass(frozen=True)
class ReceptiveField:
    """What each value of a layer sees of the input.

    Attributes:
        rows: along rows.
        columns: along columns.
        input_shape: ``(height, width)`` of the input.
    """

    rows: AxisField
    columns: AxisField
    input_shape: tuple[int, int]

    def at(self, row: int, column: int) -> tuple[int, int, int, int]:
        """The box that one value sees, cut to the input.

        Returns:
            ``(top, left, bottom, right)``: first row and column, and the ones after the last.
        """
        height, width = self.input_shape
        (top, bottom), (left, right) = self.rows.at(row, height), self.columns.at(column, width)
        return top, left, bottom, right


def receptive_fields(
    layers: Iterable[LayerInfo], input_shape: tuple[int, int]
) -> dict[str, ReceptiveField]:
    """The receptive field of every layer, by name.

    A convolution's padding follows from the shapes: none where they leave no room for it, else as
    Keras has it with ``padding="same"``, the odd one behind. Where a layer's shape cannot be
    explained so, where all positions are taken together, as in a dense layer, and of a kind of
    layer that is not known, the field is the whole input: never too small.

    Args:
        layers: of a manifest, in forward order.
        input_shape: ``(height, width)`` of the input.
    """
    found = {INPUT: _of_input(input_shape)}
    shapes = {INPUT: input_shape}
    for layer in layers:
        found[layer.name] = _of_layer(layer, found, shapes, input_shape)
        shapes[layer.name] = layer.shape[:2]
    del found[INPUT]
    return found


def _of_input(shape: tuple[int, int]) -> ReceptiveField:
    return ReceptiveField(AxisField(0, 1, 1), AxisField(0, 1, 1), shape)


def _whole(shape: tuple[int, int]) -> ReceptiveField:
    height, width = shape
    return ReceptiveField(
        AxisField(0, _EVERYWHERE, height), AxisField(0, _EVERYWHERE, width), shape
    )


def _of_layer(
    layer: LayerInfo,
    found: Mapping[str, ReceptiveField],
    shapes: Mapping[str, tuple[int, int]],
    input_shape: tuple[int, int],
) -> ReceptiveField:
    sources = {shapes.get(name) for name in layer.inputs}
    before = sources.pop() if len(sources) == 1 else None
    if before is None or layer.role == OTHER:
        return _whole(input_shape)
    fields = [found[name] for name in layer.inputs]
    window, steps = _window(layer), layer.strides or (1, 1)
    axes = (
        _field_along_axis(
            [(field.rows, field.columns)[axis] for field in fields],
            before[axis],
            layer.shape[axis],
            window[axis],
            steps[axis],
        )
        for axis in (0, 1)
    )
    rows, columns = axes
    if rows is None or columns is None:
        return _whole(input_shape)
    return ReceptiveField(rows, columns, input_shape)


def _window(layer: LayerInfo) -> tuple[int, int]:
    """Values that a kernel or a pooling lies over, from the first to the last."""
    if layer.kernel is None:
        return layer.window or (1, 1)
    (height, width), (down, across) = layer.kernel, layer.dilation or (1, 1)
    return (height - 1) * down + 1, (width - 1) * across + 1


def _field_along_axis(
    reaches: list[AxisField], before: int, after: int, window: int, step: int
) -> AxisField | None:
    """What a layer sees along one axis; nothing where its length cannot be explained."""
    if after not in (-(-before // step), (before - window) // step + 1):
        return None
    padding = max((after - 1) * step + window - before, 0) // 2
    joined = _union(reaches)
    return joined and joined.through(window, step, padding)


def _union(reaches: list[AxisField]) -> AxisField | None:
    """What several routes see together; nothing where they do not move alike."""
    strides = {reach.stride for reach in reaches}
    if len(strides) != 1:
        return None
    start = min(reach.start for reach in reaches)
    end = max(reach.start + reach.size for reach in reaches)
    return AxisField(start, strides.pop(), end - start)
