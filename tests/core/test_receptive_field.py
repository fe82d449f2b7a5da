"""Receptive fields, against what changes in a layer when one pixel of the input does."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.manifest import INPUT, OTHER, LayerInfo, Manifest
from skiplens.core.receptive_field import ReceptiveField, receptive_fields
from skiplens.engine.base import Engine

Array = NDArray[np.float32]

EXACT = ("stem.conv", "block1.sum", "block2.sum", "block3.identity", "block3.conv1", "block3.sum")
PIXELS = ((0, 0), (13, 14), (27, 27), (6, 27))


def window(
    name: str,
    before: str,
    shape: tuple[int, int],
    kernel: int,
    stride: int = 1,
    dilation: int = 1,
    *,
    pool: bool = False,
) -> LayerInfo:
    kind, role = ("MaxPooling2D", "pool") if pool else ("Conv2D", "conv")
    height, width = shape
    layer = LayerInfo(name, kind, role, None, (height, width, 1), inputs=(before,))
    if pool:
        return replace(layer, window=(kernel, kernel), strides=(stride, stride))
    return replace(
        layer,
        kernel=(kernel, kernel),
        strides=(stride, stride),
        dilation=(dilation, dilation),
    )


def merged(name: str, shape: tuple[int, int], *inputs: str) -> LayerInfo:
    return LayerInfo(name, "Add", "sum", None, (*shape, 1), inputs=inputs)


def convolve(
    given: Array, kernel: int, stride: int, dilation: int, shape: tuple[int, int]
) -> Array:
    """Every weight 1. Padding is shared out as TensorFlow documents it for ``same``: of an odd
    number the one left over goes behind.
    """
    reach = (kernel - 1) * dilation + 1
    padding = [
        max((after - 1) * stride + reach - before, 0)
        for before, after in zip(given.shape, shape, strict=True)
    ]
    padded = np.pad(given, [(one // 2, one - one // 2) for one in padding])
    out = np.zeros(shape, np.float32)
    for row, column in product(*map(range, shape)):
        top, left = row * stride, column * stride
        out[row, column] = padded[
            top : top + reach : dilation, left : left + reach : dilation
        ].sum()
    return out


def looked(layers: tuple[LayerInfo, ...], image: Array) -> Mapping[str, Array]:
    """What the layers make of an image."""
    found = {INPUT: image}
    for layer in layers:
        given = [found[name] for name in layer.inputs]
        (size, _), (step, _) = layer.kernel or layer.window or (1, 1), layer.strides or (1, 1)
        (dilation, _) = layer.dilation or (1, 1)
        total = np.sum(given, axis=0)
        found[layer.name] = (
            total if layer.kind == "Add" else convolve(total, size, step, dilation, layer.shape[:2])
        )
    return found


@pytest.mark.parametrize(
    ("sides", "layers"),
    [
        ((9, 7), (window("a", INPUT, (9, 7), 3), window("b", "a", (5, 4), 3, 2))),
        ((8, 8), (window("a", INPUT, (4, 4), 3, 2), window("b", "a", (2, 2), 3, 2))),
        ((9, 9), (window("a", INPUT, (7, 7), 3), window("b", "a", (3, 3), 5))),
        ((8, 8), (window("a", INPUT, (8, 8), 4), window("b", "a", (4, 4), 2, 2, pool=True))),
        ((9, 9), (window("a", INPUT, (9, 9), 3), window("b", "a", (4, 4), 3, 2, pool=True))),
        ((18, 18), (window("a", INPUT, (6, 6), 1, 3), window("b", "a", (2, 2), 3, 1, 2))),
        (
            (8, 8),
            (
                window("a", INPUT, (4, 4), 5, 2),
                window("short", INPUT, (4, 4), 1, 2),
                merged("sum", (4, 4), "a", "short"),
                window("b", "sum", (4, 4), 3),
                merged("end", (4, 4), "sum", "b"),
            ),
        ),
    ],
)
def test_a_value_changes_with_what_it_sees_and_with_nothing_else(
    sides: tuple[int, int], layers: tuple[LayerInfo, ...]
) -> None:
    fields = receptive_fields(layers, sides)
    changed = {layer.name: np.zeros((*layer.shape[:2], *sides), np.bool_) for layer in layers}
    for pixel in np.ndindex(sides):
        image = np.zeros(sides, np.float32)
        image[pixel] = 1
        for name, found in looked(layers, image).items():
            if name != INPUT:
                changed[name][:, :, *pixel] = found != 0
    for layer in layers:
        for place in np.ndindex(layer.shape[:2]):
            assert box_of(changed[layer.name][place]) == seen(fields[layer.name], place, sides)


def test_what_an_unknown_kind_of_layer_sees_is_everything() -> None:
    layer = LayerInfo("a", "Own", OTHER, None, (8, 8, 1), inputs=(INPUT,))
    assert seen(receptive_fields([layer], (8, 8))["a"], (3, 3), (8, 8)) == (0, 0, 8, 8)


def seen(
    field: ReceptiveField, position: tuple[int, ...], sides: tuple[int, int] = (28, 28)
) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of what a position depends on, clipped to the input."""
    starts = [
        start + stride * index
        for start, stride, index in zip(field.start, field.stride, position, strict=True)
    ]
    ends = [start + size for start, size in zip(starts, field.size, strict=True)]
    top, left = (min(max(start, 0), side) for start, side in zip(starts, sides, strict=True))
    bottom, right = (min(max(end, 0), side) for end, side in zip(ends, sides, strict=True))
    return top, left, bottom, right


def box_of(marked: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(marked)
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def covers(
    field: ReceptiveField, shape: tuple[int, ...], pixel: tuple[int, int]
) -> NDArray[np.bool_]:
    """The positions of a layer that see a pixel."""
    down = [seen(field, (row, 0)) for row in range(shape[0])]
    across = [seen(field, (0, column)) for column in range(shape[1])]
    rows = [top <= pixel[0] < bottom for top, _, bottom, _ in down]
    columns = [left <= pixel[1] < right for _, left, _, right in across]
    return np.outer(rows, columns)


def changes(engine: Engine, pixel: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Where each layer changes, in any filter, when one pixel goes from white to black."""
    noise = np.random.default_rng(7).random((1, 28, 28, 1), np.float32)
    noise[0, *pixel, 0] = 1
    branch_scales = np.ones(len(engine.manifest.disableable_blocks), np.float32)
    before = engine.activations(noise, branch_scales)
    noise = noise.copy()
    noise[0, *pixel, 0] = 0
    after = engine.activations(noise, branch_scales)
    return {name: (before[name] != after[name]).any(axis=-1) for name in before}


@pytest.mark.parametrize("pixel", PIXELS)
def test_no_layer_of_a_network_that_ships_changes_beyond_its_fields(
    engines: Mapping[str, Engine], pixel: tuple[int, int]
) -> None:
    for engine in engines.values():
        fields = receptive_fields(engine.manifest.layers, (28, 28))
        shapes = {layer.name: layer.shape for layer in engine.manifest.layers}
        for name, changed in changes(engine, pixel).items():
            assert not (changed & ~covers(fields[name], shapes[name], pixel)).any(), name


@pytest.mark.parametrize("pixel", PIXELS)
@pytest.mark.parametrize("name", EXACT)
def test_every_position_that_sees_a_pixel_changes_with_it(
    engine: Engine, name: str, pixel: tuple[int, int]
) -> None:
    field = receptive_fields(engine.manifest.layers, (28, 28))[name]
    changed = changes(engine, pixel)[name]
    np.testing.assert_array_equal(changed, covers(field, changed.shape, pixel))


def test_odd_padding_goes_behind() -> None:
    layers = (window("a", INPUT, (14, 14), 3, 2),)
    assert receptive_fields(layers, (28, 28))["a"] == ReceptiveField((0, 0), (2, 2), (3, 3))


def test_where_routes_meet_the_hull_of_both_counts() -> None:
    layers = (
        window("a", INPUT, (8, 8), 3),
        window("b", "a", (8, 8), 5),
        merged("sum", (8, 8), "a", "b"),
    )
    fields = receptive_fields(layers, (8, 8))
    assert fields["sum"] == fields["b"]
    assert fields["sum"] == ReceptiveField((-3, -3), (1, 1), (7, 7))


@pytest.mark.parametrize(
    "layer",
    [
        LayerInfo("a", "Dense", "logits", None, (1, 1, 10), inputs=("first",)),
        LayerInfo("a", "GlobalAveragePooling2D", "pool", None, (1, 1, 3), inputs=("first",)),
        LayerInfo("a", "UpSampling2D", "activation", None, (12, 12, 3), inputs=("first",)),
        LayerInfo("a", "Conv2D", "conv", None, (6, 6, 3)),
    ],
)
def test_what_cannot_be_told_sees_the_whole_input(layer: LayerInfo) -> None:
    layers = (window("first", INPUT, (6, 6), 3), layer, merged("after", layer.shape[:2], "a"))
    fields = receptive_fields(layers, (6, 6))
    assert seen(fields["a"], (0, 0), (6, 6)) == (0, 0, 6, 6)
    assert seen(fields["after"], (0, 0), (6, 6)) == (0, 0, 6, 6)


def test_the_highest_layers_of_a_network_see_everything(engine: Engine) -> None:
    manifest: Manifest = engine.manifest
    fields = receptive_fields(manifest.layers, (28, 28))
    assert list(fields) == [layer.name for layer in manifest.layers]
    assert seen(fields["head.probabilities"], (0, 0)) == (0, 0, 28, 28)
    assert seen(fields["block6.output"], (3, 3)) == (0, 0, 28, 28)
