import numpy as np
import pytest

from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.analysis import common_layers, compare, comparison_grid
from skiplens.service.forward import ForwardPass, ModelRunner
from skiplens.service.images import GridOptions
from skiplens.service.registry import find_layer
from tests.conftest import switched_off


def test_a_digit_compared_with_itself_differs_nowhere(
    forward_passes: dict[str, ForwardPass],
) -> None:
    one = forward_passes["mnist-resnet"]
    assert {found.norm_difference for found in compare(one, one)} == {0.0}
    assert len(common_layers(one, one)) == len(one.manifest.layers)


def test_a_difference_is_signed_and_both_sides_share_a_range(
    engine: Engine, forward_passes: dict[str, ForwardPass]
) -> None:
    a = forward_passes["mnist-resnet"]
    b = ModelRunner().run(engine, a.digit, switched_off("block1"))
    options = GridOptions()
    sides = [comparison_grid(a, b, "block2.output", side, options) for side in ("a", "b")]
    assert sides[0].range == sides[1].range
    difference = comparison_grid(a, b, "block2.output", "difference", options)
    assert difference.diverging
    assert difference.range[0] == -difference.range[1]
    expected = a.activations["block2.output"] - b.activations["block2.output"]
    assert np.array_equal(difference.maps, expected)
    with pytest.raises(InvalidParameterError, match="layer must be one that both have"):
        comparison_grid(a, b, "nope", "a", options)


def test_networks_of_different_shape_share_what_they_share(
    forward_passes: dict[str, ForwardPass],
) -> None:
    shared = common_layers(forward_passes["mnist-resnet"], forward_passes["mnist-classic"])
    assert {layer.name for layer in shared} >= {"head.logits", "head.probabilities"}
    for layer in shared:
        assert find_layer(forward_passes["mnist-classic"].manifest, layer.name).shape == layer.shape
