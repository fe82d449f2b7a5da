"""What the manifest says of each layer's inputs: every layer is recomputed from them alone."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import pytest
from keras import layers

from skiplens.core.manifest import INPUT, LayerInfo
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.layers import Residual
from skiplens.network.tracing import InstrumentedModel, instrument
from tests.network.tiny import Array, Tensor, images, numpy, randomise, tiny_network

NETWORKS: dict[str, Callable[[], keras.Model]] = {**ARCHITECTURES, "tiny": tiny_network}
GATE = 0.75


def sublayers(layer: Tensor) -> Iterator[layers.Layer]:
    """Every layer inside, itself included."""
    yield layer
    if isinstance(layer, keras.Model):
        inside = layer.layers
    elif isinstance(layer, Residual):
        inside = [layer.layer, layer.shortcut, getattr(layer.merge, "layer", None)]
    else:
        inside = []
    for part in inside:
        if part is not None:
            yield from sublayers(part)


def recomputed(info: LayerInfo, given: list[Array], known: dict[str, layers.Layer]) -> Array:
    """What a layer makes of its inputs: by its Keras layer, parts of a block by their formula.

    Every can_disable block's gate stands at :data:`GATE`.
    """
    if info.kind == "Projection":
        return given[0]
    if info.kind == "Residual":  # a highway's gate is scaled, not its residual
        return given[0] if f"{info.block}.gate" in known else GATE * given[0]
    if info.kind == "Gate":
        return numpy(GATE / (1 + np.exp(-given[0])))
    if info.kind == "Highway":
        x, fx, gate = given
        return gate * fx + (1 - gate) * x
    if info.kind == "Add":
        return given[0] + given[1]
    if info.kind == "Dense":
        given = [given[0].reshape(len(given[0]), -1)]
    return numpy(known[info.name](given[0]))


def opened(name: str) -> tuple[InstrumentedModel, dict[str, layers.Layer], dict[str, Array]]:
    """A network opened up, its layers by name, and their outputs at branch scales of one half."""
    network = randomise(NETWORKS[name]())
    known = {layer.name: layer for layer in sublayers(network)}
    for layer in list(known.values()):
        if isinstance(layer, Residual) and isinstance(layer.merge, layers.Layer):
            known[layer.merge.name] = layer.merge
    traced = instrument(network)
    given: dict[str, Tensor] = {"image": images(2)}
    if "branch_scales" in traced.model.input:
        given["branch_scales"] = np.full(
            (2, traced.model.input["branch_scales"].shape[-1]), GATE, np.float32
        )
    found = traced.model(given, training=False)
    return (
        traced,
        known,
        {INPUT: images(2), **{key: numpy(value) for key, value in found.items()}},
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_follows_from_its_inputs(name: str) -> None:
    traced, known, found = opened(name)
    for info in traced.layers:
        assert info.inputs, info.name
        made = recomputed(info, [found[source] for source in info.inputs], known)
        np.testing.assert_allclose(found[info.name], made, rtol=1e-4, atol=1e-5, err_msg=info.name)
    assert traced.layers[0].inputs == (INPUT,)


@pytest.mark.parametrize("name", NETWORKS)
def test_inputs_come_before_what_is_computed_from_them(name: str) -> None:
    seen = {INPUT}
    for info in instrument(NETWORKS[name]()).layers:
        assert seen.issuperset(info.inputs), info.name
        seen.add(info.name)


def test_a_sum_names_the_identity_first_and_a_gate_last() -> None:
    inputs = {info.name: info.inputs for info in instrument(tiny_network()).layers}
    assert inputs["block1.sum"] == ("stem.output", "block1.residual")
    assert inputs["block2.sum"] == ("block2.identity", "block2.residual")
    assert inputs["block2.identity"] == ("block2.shortcut",)
    assert inputs["block3.sum"] == ("block2.output", "block3.residual", "block3.gate")
    assert inputs["block3.gate"] == ("block3.gate.conv",)


def test_dropout_and_flattening_are_looked_through() -> None:
    inputs = {
        info.name: info.inputs for info in instrument(ARCHITECTURES["mnist-classic"]()).layers
    }
    assert inputs["head.logits"] == ("head.pool",)


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_follows_from_shapes(name: str) -> None:
    traced, known, _ = opened(name)
    shapes = {INPUT: (28, 28, 1), **{info.name: info.shape for info in traced.layers}}
    for info in traced.layers:
        if info.kernel is None or info.strides is None:
            continue
        before = shapes[info.inputs[0]]
        padding = [
            max((info.shape[axis] - 1) * info.strides[axis] + info.kernel[axis] - before[axis], 0)
            for axis in (0, 1)
        ]
        edges = [(added // 2, added - added // 2) for added in padding]
        valid = layers.Conv2D(info.filters, info.kernel, strides=info.strides, use_bias=False)
        valid.build((1, *before))
        layer: Tensor = known[info.name]
        valid.kernel.assign(layer.kernel)
        x = np.random.default_rng(0).normal(size=(1, *before)).astype(np.float32)
        made = numpy(valid(np.pad(x, ((0, 0), *edges, (0, 0)))))
        bias = numpy(layer.bias) if layer.use_bias else 0
        np.testing.assert_allclose(made + bias, numpy(layer(x)), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "activation"),
    [
        (layers.Conv2D(2, 3), None),
        (layers.Conv2D(2, 3, activation="relu"), "relu"),
        (layers.ReLU(), "relu"),
        (layers.Activation("sigmoid"), "sigmoid"),
        (layers.LeakyReLU(), None),
        (layers.Softmax(), "softmax"),
    ],
)
def test_what_a_unit_needs_to_be_worked_out(layer: layers.Layer, activation: str | None) -> None:
    image = keras.Input((28, 28, 1))
    info = instrument(keras.Model(image, layer(image))).layers[-1]
    assert info.activation == activation


def test_windows_dilation_and_epsilon() -> None:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(2, 3, dilation_rate=(2, 3), name="conv")(image)
    x = layers.BatchNormalization(epsilon=0.5, name="norm")(x)
    x = layers.AveragePooling2D((3, 2), name="pool")(x)
    x = layers.GlobalMaxPooling2D(name="global")(x)
    conv, norm, pool, whole = instrument(keras.Model(image, x)).layers
    assert (conv.dilation, conv.window, conv.epsilon) == ((2, 3), None, None)
    assert (norm.dilation, norm.window, norm.epsilon) == (None, None, 0.5)
    assert (pool.dilation, pool.window, pool.strides) == (None, (3, 2), (3, 2))
    assert (whole.window, whole.strides) == (None, None)
