"""The networks that ship, opened up: every part reachable, true, and can_disable."""

from collections.abc import Iterator, Mapping
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.manifest import BlockInfo
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.layers import Residual
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.conftest import MODELS
from tests.network.tiny import Array, Tensor, images, numpy, randomise

BLOCKS = {"mnist-resnet": 6, "mnist-plain": 6, "mnist-highway": 6, "mnist-classic": 5}


@cache
def opened(name: str) -> tuple[keras.Model, InstrumentedModel]:
    """An architecture with random weights and batch norms that do something."""
    network = randomise(ARCHITECTURES[name]())
    return network, instrument(network)


@cache
def activations(name: str, off: tuple[str, ...] = ()) -> Mapping[str, Array]:
    """Every layer's output on two images, with some blocks switched off."""
    _, traced = opened(name)
    inputs = {"image": images(2)}
    if "branch_scales" in traced.model.input:
        switches = (block.name for block in traced.blocks if block.can_disable)
        branch_scales = np.array([switch not in off for switch in switches], np.float32)
        inputs["branch_scales"] = np.stack([branch_scales, branch_scales])
    outputs = traced.model(inputs, training=False)
    return {layer: numpy(value) for layer, value in outputs.items()}


def leaves(layer: Tensor) -> Iterator[layers.Layer]:
    """Every layer inside that computes something by itself."""
    if isinstance(layer, keras.Model):
        parts = layer.layers
    elif isinstance(layer, Residual):
        parts = [layer.layer, layer.shortcut, getattr(layer.merge, "layer", None)]
    else:
        parts = []
        yield layer
    for part in parts:
        if part is not None:
            yield from leaves(part)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_network_that_ships_is_of_the_architecture_it_is_named_for(name: str) -> None:
    _, traced = opened(name)
    shipped = open_folder(MODELS / name).manifest
    assert shipped.layers == traced.layers
    assert shipped.blocks == traced.blocks


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_layer_is_reached_and_described_as_it_is(name: str) -> None:
    network, traced = opened(name)
    found = activations(name)
    assert [layer.name for layer in traced.layers] == list(found)
    unseen = (keras.layers.InputLayer, layers.Dropout, layers.Flatten)
    inside = {leaf.name for leaf in leaves(network) if not isinstance(leaf, unseen)}
    parts = {layer.name for layer in traced.layers if layer.parameters == 0}
    assert inside <= set(found)
    assert set(found) - inside <= parts
    for layer in traced.layers:
        assert found[layer.name].reshape(2, *layer.shape).shape[-1] == layer.filters
        if not layer.signed:
            assert found[layer.name].min() >= 0
    assert (traced.layers[-2].role, traced.layers[-1].role) == ("logits", "probabilities")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_gates_left_open_change_nothing(name: str) -> None:
    network, _ = opened(name)
    entry = network.inputs[0]
    outer = [layer for layer in network.layers if layer.name in activations(name)]
    outputs = keras.Model(entry, [layer.output for layer in outer])(images(2), training=False)
    for layer, output in zip(outer, outputs, strict=True):
        np.testing.assert_allclose(activations(name)[layer.name], numpy(output), atol=1e-5)
    assert outer[-1].name == "head.probabilities"


@pytest.mark.parametrize(("name", "blocks"), BLOCKS.items())
def test_the_networks_that_ship_have_their_blocks(name: str, blocks: int) -> None:
    assert len(opened(name)[1].blocks) == blocks


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_layers_come_in_forward_order_and_belong_to_their_blocks(name: str) -> None:
    _, traced = opened(name)
    places = [layer.place for layer in traced.layers]
    stations = ["stem", *(f"block{at}" for at in range(1, len(traced.blocks) + 1)), "head"]
    assert list(dict.fromkeys(places)) == stations
    assert places == sorted(places, key=stations.index)
    order = {layer.name: at for at, layer in enumerate(traced.layers)}
    for block in traced.blocks:
        parts = [block.identity or block.input, block.residual, block.sum or block.residual]
        at = [order[part] for part in (block.input, *parts[1:], block.output)]
        assert at == sorted(at)
        assert order[parts[0]] < order[parts[2]] or block.sum is None


def test_roles_and_kinds_of_the_default_network() -> None:
    _, traced = opened("mnist-resnet")
    described = {layer.name: (layer.kind, layer.role) for layer in traced.layers}
    assert list(described.items())[:3] == [
        ("stem.conv", ("Conv2D", "conv")),
        ("stem.norm", ("BatchNormalization", "norm")),
        ("stem.output", ("ReLU", "activation")),
    ]
    third = {name: what for name, what in described.items() if name.startswith("block3")}
    assert third == {
        "block3.shortcut.pool": ("AveragePooling2D", "pool"),
        "block3.shortcut.conv": ("Conv2D", "conv"),
        "block3.shortcut.norm": ("BatchNormalization", "norm"),
        "block3.conv1": ("Conv2D", "conv"),
        "block3.norm1": ("BatchNormalization", "norm"),
        "block3.relu1": ("ReLU", "activation"),
        "block3.conv2": ("Conv2D", "conv"),
        "block3.norm2": ("BatchNormalization", "norm"),
        "block3.identity": ("Projection", "identity"),
        "block3.residual": ("Residual", "residual"),
        "block3.sum": ("Add", "sum"),
        "block3.output": ("ReLU", "output"),
    }
    convs = {layer.name: layer for layer in traced.layers if layer.role == "conv"}
    assert (convs["block3.conv1"].kernel, convs["block3.conv1"].strides) == ((3, 3), (2, 2))
    assert convs["block3.conv1"].parameters == 3 * 3 * 16 * 32
    unsigned = {layer.name for layer in traced.layers if not layer.signed}
    assert {"stem.output", "block3.relu1", "block3.output"} <= unsigned
    assert {"block3.shortcut.pool", "head.pool"} <= unsigned


def test_blocks_name_their_parts() -> None:
    resnet, plain, highway = (
        opened(name)[1].blocks for name in ("mnist-resnet", "mnist-plain", "mnist-highway")
    )
    assert (resnet[0].input, resnet[0].identity) == ("stem.output", "stem.output")
    assert (resnet[2].input, resnet[2].identity) == ("block2.output", "block3.identity")
    assert (highway[0].merge, highway[0].gate) == ("highway", "block1.gate")
    assert plain[0] == BlockInfo(
        "block1", None, "stem.output", None, "block1.norm2", None, None, "block1.output", False
    )
    assert all(block.can_disable for block in (*resnet, *highway))


@pytest.mark.parametrize("name", ["mnist-resnet", "mnist-classic"])
def test_the_sum_is_x_plus_f_and_the_output_its_positive_part(name: str) -> None:
    found = activations(name)
    for block in opened(name)[1].blocks:
        assert block.merge == "add"
        assert block.identity
        assert block.sum
        total = found[block.identity] + found[block.residual]
        np.testing.assert_allclose(found[block.sum], total, atol=1e-5)
        assert np.array_equal(found[block.output], np.maximum(found[block.sum], 0))
        assert np.abs(found[block.residual]).max() > 0.01


def test_a_highway_sum_is_t_f_plus_the_rest_of_x() -> None:
    found = activations("mnist-highway")
    for block in opened("mnist-highway")[1].blocks:
        assert block.identity
        assert block.gate
        assert block.sum
        gate, x = found[block.gate], found[block.identity]
        assert 0 < gate.min() < gate.max() < 1
        logits = found[f"{block.gate}.conv"]
        np.testing.assert_allclose(gate, 1 / (1 + np.exp(-logits)), atol=1e-6)
        total = gate * found[block.residual] + (1 - gate) * x
        np.testing.assert_allclose(found[block.sum], total, atol=1e-5)
        assert np.array_equal(found[block.output], np.maximum(found[block.sum], 0))


def test_the_plain_twin_computes_all_of_its_output() -> None:
    found = activations("mnist-plain")
    for block in opened("mnist-plain")[1].blocks:
        assert np.array_equal(found[block.output], np.maximum(found[block.residual], 0))


def without(network: keras.Model, off: tuple[str, ...]) -> dict[str, Tensor]:
    """The output of each outer layer of the same network built without those blocks' branches."""
    x, outputs = network.inputs[0], {}
    for layer in network.layers[1:]:
        if layer.name not in off:
            x = layer(x)
        elif layer.shortcut is not None:
            x = layer.shortcut(x)
        outputs[layer.name] = x
    return outputs


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("mnist-resnet", ("block2",)),
        ("mnist-resnet", ("block3",)),
        ("mnist-resnet", ("block1", "block4", "block5")),
        ("mnist-highway", ("block1",)),
        ("mnist-highway", ("block3", "block6")),
        ("mnist-classic", ("block5",)),
        ("mnist-classic", ("block1", "block2", "block3", "block4", "block5")),
    ],
)
def test_off_equals_a_network_built_without_the_branch(name: str, off: tuple[str, ...]) -> None:
    network, _ = opened(name)
    built = without(network, off)
    outputs = keras.Model(network.inputs[0], built)(images(2), training=False)
    found, changed = activations(name, off), activations(name)
    for layer in built.keys() & found.keys():
        np.testing.assert_allclose(found[layer], numpy(outputs[layer]), atol=1e-5, err_msg=layer)
    last = "head.probabilities"
    assert np.abs(found[last] - changed[last]).max() > 1e-4
    for block in off:
        scaled = f"{block}.gate" if name == "mnist-highway" else f"{block}.residual"
        assert not found[scaled].any()


def test_weights_are_those_of_the_network() -> None:
    network, traced = opened("mnist-resnet")
    kept = {id(weight) for weight in traced.model.weights}
    assert kept == {id(weight) for weight in network.weights}


def test_routes_are_copies_of_a_blocks_input() -> None:
    network, _ = opened("mnist-classic")
    traced = instrument(network, routes=True)
    assert traced.routes[:2] == ("block1.x:identity", "block1.x:residual")
    assert len(traced.routes) == 2 * len(traced.blocks)
    found = traced.model({"image": images(), "branch_scales": np.ones((1, 5), np.float32)})
    for block in traced.blocks:
        for route in ("identity", "residual"):
            copy = found[f"{block.name}.x:{route}"]
            assert np.array_equal(numpy(copy), numpy(found[block.input]))
    assert instrument(network).routes == ()


def test_rewrite_replaces_the_calls_that_it_answers() -> None:
    network, _ = opened("mnist-classic")

    def rewrite(layer: Tensor, x: Tensor) -> Tensor:
        return keras.ops.multiply(x, 2.0) if layer.name == "stem.relu1" else None

    traced = instrument(network, rewrite=rewrite)
    found = traced.model({"image": images(), "branch_scales": np.ones((1, 5), np.float32)})
    assert np.array_equal(numpy(found["stem.relu1"]), 2 * numpy(found["stem.conv1"]))
    assert numpy(found["stem.output"]).min() == 0


class Subclassed(keras.Model):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor) -> Tensor:
        return x


def two_inputs() -> keras.Model:
    entries = [keras.Input((8, 8, 1)), keras.Input((8, 8, 1))]
    return keras.Model(entries, layers.Add()(entries))


def flat_input() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), Residual(layers.Dense(4))])


def open_size() -> keras.Model:
    return keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(2, 3)])


@pytest.mark.parametrize("make", [Subclassed, two_inputs, flat_input, open_size])
def test_what_is_no_network_of_one_image_is_refused(make: type[keras.Model]) -> None:
    with pytest.raises(
        CompileError, match=r"must be a functional or sequential model of one image"
    ):
        instrument(make())
