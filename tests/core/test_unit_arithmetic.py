"""The arithmetic behind one value."""

import math
from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.manifest import LayerInfo
from skiplens.core.unit_arithmetic import (
    ActivationStep,
    Arithmetic,
    BatchNorm,
    Convolution,
    Dense,
    Merge,
    Pooling,
    Softmax,
    UnitInputs,
    arithmetic,
    convolution,
    pooling,
)


def test_a_batch_norm() -> None:
    assert BatchNorm(7, mean=1, variance=3.75, epsilon=0.25, gamma=2, beta=-1).result == 5


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (ActivationStep(-2, "relu", None), 0),
        (ActivationStep(2, "relu", None), 2),
        (ActivationStep(-2, None, 1.0), -2),
        (ActivationStep(-2, None, 0.0), 0),
        (ActivationStep(math.log(3), "sigmoid", 1.0), 0.75),
        (ActivationStep(-10_000, "sigmoid", None), 0),
        (ActivationStep(1, "tanh", None), math.tanh(1)),
    ],
)
def test_functions_and_switches(found: ActivationStep, result: float) -> None:
    assert found.result == pytest.approx(result)


@pytest.mark.parametrize(
    ("operation", "terms", "result"),
    [
        ("add", (2, -5), -3),
        ("add", (1, 2, 3), 6),
        ("multiply", (2, -5), -10),
        ("average", (2, -5), -1.5),
        ("maximum", (2, -5), 2),
        ("highway", (8, 4, 0.25), 7),
    ],
)
def test_merges(operation: str, terms: tuple[float, ...], result: float) -> None:
    assert Merge(operation, terms).result == result


def test_a_softmax_neither_overflows_nor_depends_on_the_largest() -> None:
    scores = np.log(np.array([1, 2, 5], np.float32))
    assert Softmax(scores, 1).result == pytest.approx(0.25)
    assert Softmax(scores + 1000, 1).result == pytest.approx(0.25, rel=1e-4)
    assert Softmax(scores, 2).exponentials.tolist() == pytest.approx([0.2, 0.4, 1])


PATCH = np.array([[[1, 2], [3, 4]]], np.float32)  # one row, two columns, two maps
KERNEL = np.array([[[10, 1], [-1, 0.5]]], np.float32)


def test_a_convolution_is_products_added_up_map_by_map() -> None:
    inside = np.ones((1, 2), np.bool_)
    found = Convolution(PATCH, inside, KERNEL, None, (0, 0), (1, 1), 0)
    assert found.products.tolist() == [[[10, 2], [-3, 2]]]
    assert found.sums.tolist() == [7, 4]
    assert found.result == 11
    assert replace(found, bias=-12).result == -1


def test_products_are_wider_than_what_they_are_made_of() -> None:
    large = np.full((1, 1, 2), 1e30, np.float32)
    found = Convolution(large, np.ones((1, 1), np.bool_), large, None, (0, 0), (1, 1), 0)
    assert found.result == pytest.approx(2e60)


def test_a_weighted_sum() -> None:
    values, weights = (np.array(one, np.float32) for one in ([1, 2, 3], [4, -5, 0.5]))
    found = Dense(values, weights, 0.25)
    assert found.products.tolist() == [4, -10, 1.5]
    assert found.result == -4.25
    assert Dense(values, weights, None).result == -4.5


def test_pooling() -> None:
    window = np.array([[-1, 4], [2, 1]], np.float32)
    assert Pooling("max", window, (0, 0)).result == 4
    assert Pooling("mean", window, (0, 0)).result == 1.5


MAPS = np.arange(1, 6 * 5 * 2 + 1, dtype=np.float32).reshape(6, 5, 2)  # row 0: 1 2, 3 4, ...


def asked(
    place: tuple[int, int], shape: tuple[int, int, int], *, index: int = 0, **fields: object
) -> UnitInputs:
    defaults = {"kernel": (3, 3), "strides": (1, 1), "dilation": (1, 1), **fields}
    layer = LayerInfo("conv", "Conv2D", "conv", None, shape, **defaults)  # type: ignore[arg-type]
    height, width = layer.kernel or (3, 3)
    count = 2 if shape[2] == 1 else 1  # two filters: one group each
    kernel = np.ones((height, width, count, shape[2]), np.float32)
    kernel[..., 1:] *= 10
    return UnitInputs(layer, index, place, [MAPS], {"conv/kernel": kernel}, 1.0)


def test_beyond_the_edge_the_patch_is_zero() -> None:
    found = convolution(asked((0, 4), (6, 5, 1)))
    assert found is not None
    assert found.corner == (-1, 3)
    assert found.inside.tolist() == [[False] * 3, [True, True, False], [True, True, False]]
    assert found.patch[:, :, 1].tolist() == [[0, 0, 0], [8, 10, 0], [18, 20, 0]]
    assert found.sums.tolist() == [7 + 9 + 17 + 19, 8 + 10 + 18 + 20]


def test_without_padding_the_patch_begins_at_the_place() -> None:
    found = convolution(asked((3, 2), (4, 3, 1)))
    assert found is not None
    assert found.corner == (3, 2)
    assert found.inside.all()
    assert found.patch[0, :, 0].tolist() == [35, 37, 39]


@pytest.mark.parametrize(
    ("place", "shape", "corner"),
    [
        ((1, 1), (3, 3, 1), (2, 1)),  # 6 -> 3: one zero, behind; 5 -> 3: one on each side
        ((0, 0), (3, 3, 1), (0, -1)),
        ((1, 1), (2, 2, 1), (2, 2)),  # without padding
    ],
)
def test_strides(
    place: tuple[int, int], shape: tuple[int, int, int], corner: tuple[int, int]
) -> None:
    found = convolution(asked(place, shape, strides=(2, 2)))
    assert found is not None
    assert found.corner == corner


def test_dilation() -> None:
    found = convolution(asked((1, 0), (6, 5, 1), dilation=(2, 1)))
    assert found is not None
    assert found.corner == (-1, -1)
    assert found.patch[:, 1, 0].tolist() == [0, 11, 31]


def test_each_filter_of_a_group_has_its_own_maps() -> None:
    found = convolution(asked((2, 2), (6, 5, 2), index=1))
    assert found is not None
    assert (found.first, found.patch.shape, found.kernel[0, 0, 0]) == (1, (3, 3, 1), 10)
    assert found.patch[1, 1, 0] == MAPS[2, 2, 1]


def test_a_pooling_leaves_out_what_is_beyond_the_edge() -> None:
    layer = LayerInfo(
        "pool", "MaxPooling2D", "pool", None, (3, 3, 2), window=(2, 2), strides=(2, 2)
    )
    inner = pooling(UnitInputs(layer, 1, (1, 1), [MAPS], {}, 1.0))
    assert (inner.corner, inner.window.tolist()) == ((2, 2), [[26, 28], [36, 38]])
    edge = pooling(UnitInputs(layer, 1, (1, 2), [MAPS], {}, 1.0))
    assert (edge.corner, edge.window.tolist()) == ((2, 4), [[30], [40]])
    assert (edge.operation, edge.result) == ("max", 40)


def test_a_global_pooling_takes_the_whole_map() -> None:
    layer = LayerInfo("pool", "GlobalAveragePooling2D", "pool", None, (1, 1, 2))
    found = pooling(UnitInputs(layer, 0, (0, 0), [MAPS], {}, 1.0))
    assert found.window.shape == (6, 5)
    assert found.result == MAPS[:, :, 0].mean()


X = np.array([[[1, -2], [3, -4]]], np.float32)
F = np.array([[[10, 20], [-30, 40]]], np.float32)
LAYER = LayerInfo("relu", "ReLU", "activation", None, (1, 2, 2), inputs=("x",), activation="relu")


def worked(
    layer: LayerInfo, *, branch_scale: float | None = None, **weights: np.ndarray
) -> Arithmetic | None:
    """The value in the second column of filter 1."""
    inputs = [{"x": X, "f": F}[name] for name in layer.inputs]
    named = {f"{layer.name}/{name}": value for name, value in weights.items()}
    return arithmetic(UnitInputs(layer, 1, (0, 1), inputs, named, branch_scale))


def test_an_activation_is_of_the_value_at_the_same_position() -> None:
    assert worked(LAYER) == ActivationStep(-4, "relu", None)


def test_a_branch_is_scaled() -> None:
    residual = replace(LAYER, kind="Residual", role="residual", activation=None)
    assert worked(residual, branch_scale=0.0) == ActivationStep(-4, None, 0.0)
    gate = replace(residual, kind="Gate", role="gate")
    assert worked(gate, branch_scale=1.0) == ActivationStep(-4, "sigmoid", 1.0)


def test_a_sum_has_a_term_for_each_input() -> None:
    layer = replace(LAYER, kind="Add", inputs=("x", "f"), activation=None)
    assert worked(layer) == Merge("add", (-4, 40))


def test_a_dense_layer_takes_the_maps_whole_or_place_by_place() -> None:
    layer = replace(LAYER, kind="Dense", activation=None)
    place = worked(layer, kernel=np.ones((2, 2), np.float32))
    assert isinstance(place, Dense)
    assert place.values.tolist() == [3, -4]
    whole = worked(layer, kernel=np.ones((4, 2), np.float32))
    assert isinstance(whole, Dense)
    assert whole.values.tolist() == [1, -2, 3, -4]


@pytest.mark.parametrize(
    "kind",
    ["BatchNormalization", "Softmax", "Projection", "Residual", "Gate", "Identity", "Dense"],
)
def test_values_that_a_layer_moves_which_is_not_shown_are_left_open(kind: str) -> None:
    """As Flatten does, which makes ``(1, 4, 1)`` of ``(1, 2, 2)``."""
    activation = "softmax" if kind == "Softmax" else None
    role = {"Projection": "identity", "Residual": "residual", "Gate": "gate"}.get(kind, "any")
    layer = LayerInfo("flat", kind, role, None, (1, 4, 1), inputs=("x",), activation=activation)
    one = np.ones(1, np.float32)
    weights = {"flat/moving_mean": one, "flat/moving_variance": one, "flat/kernel": one[None]}
    assert arithmetic(UnitInputs(layer, 0, (0, 3), [X], weights, None)) is None


@pytest.mark.parametrize("kind", ["BatchNormalization", "Dense"])
def test_weights_of_another_axis_than_the_filters_are_left_open(kind: str) -> None:
    three = np.ones((3, 2), np.float32)
    layer = replace(LAYER, kind=kind, activation=None)
    found = worked(layer, moving_mean=three[:, 0], moving_variance=three[:, 0], kernel=three)
    assert found is None


@pytest.mark.parametrize(
    "layer",
    [
        replace(LAYER, activation="gelu"),
        replace(LAYER, inputs=()),
        replace(LAYER, kind="Add", activation=None),  # of a tensor and a constant
        replace(LAYER, kind="Conv2D", activation=None),  # without its weights
        replace(LAYER, kind="BatchNormalization", activation=None),
        replace(LAYER, kind="Dense", activation=None),
        replace(LAYER, kind="GroupNormalization", activation=None),
        *(  # a user's own layers of these names
            replace(LAYER, kind=kind, role="other", activation=None)
            for kind in ("Residual", "Projection", "Gate")
        ),
        replace(LAYER, kind="Reshape", shape=(2, 1, 2)),
    ],
)
def test_what_is_not_known_is_left_open(layer: LayerInfo) -> None:
    assert worked(layer) is None
