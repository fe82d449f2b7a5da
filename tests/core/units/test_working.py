"""Which arithmetic each kind of layer has, and that what is not known is left open."""

from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.manifest import LayerInfo
from skiplens.core.unit_explanation import ActivationStep, Dense, Merge, Unit, explain_unit

X = np.array([[[1, -2], [3, -4]]], np.float32)
F = np.array([[[10, 20], [-30, 40]]], np.float32)
LAYER = LayerInfo("relu", "ReLU", "activation", None, (1, 2, 2), inputs=("x",), activation="relu")


def worked(layer: LayerInfo, *, branch_scale: float | None = None, **weights: np.ndarray) -> Unit:
    """The value in the second column of filter 1; the layer's own maps are those of F."""
    activations = {"x": X, "f": F, layer.name: F}
    named = {f"{layer.name}/{name}": value for name, value in weights.items()}
    return explain_unit(layer, 1, (0, 1), activations, named, branch_scale=branch_scale)


def test_a_unit_says_what_the_network_computed() -> None:
    unit = worked(LAYER)
    assert (unit.value, unit.place, unit.filter) == (40, (0, 1), 1)
    assert unit.arithmetic == ActivationStep(-4, "relu", None)


def test_a_branch_is_scaled() -> None:
    residual = replace(LAYER, kind="Residual", activation=None)
    assert worked(residual, branch_scale=0.0).arithmetic == ActivationStep(-4, None, 0.0)
    gate = replace(residual, kind="Gate")
    assert worked(gate, branch_scale=1.0).arithmetic == ActivationStep(-4, "sigmoid", 1.0)


def test_a_sum_has_a_term_for_each_input() -> None:
    layer = replace(LAYER, kind="Add", inputs=("x", "f"), activation=None)
    assert worked(layer).arithmetic == Merge("add", (-4, 40))


def test_a_dense_layer_takes_the_maps_whole_or_place_by_place() -> None:
    layer = replace(LAYER, kind="Dense", activation=None)
    place = worked(layer, kernel=np.ones((2, 2), np.float32)).arithmetic
    assert isinstance(place, Dense)
    assert place.values.tolist() == [3, -4]
    whole = worked(layer, kernel=np.ones((4, 2), np.float32)).arithmetic
    assert isinstance(whole, Dense)
    assert whole.values.tolist() == [1, -2, 3, -4]


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
        replace(LAYER, kind="Reshape", shape=(2, 1, 2)),
    ],
)
def test_what_is_not_known_is_left_open(layer: LayerInfo) -> None:
    assert worked(layer).arithmetic is None
