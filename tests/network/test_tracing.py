"""Traced networks: outputs of every layer, blocks, branch scales."""

import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from skiplens.core.manifest import BlockInfo
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.flattening import traced_calls
from skiplens.network.residual import Residual
from skiplens.network.tracing import InstrumentedModel, instrument, load_network
from tests.conftest import MODELS
from tests.network.tiny import (
    SAVES_WITH_KERAS,
    Array,
    Tensor,
    images,
    instrumented,
    numpy,
    randomise,
    sublayers,
    tiny_network,
)

BLOCKS = {"mnist-resnet": 6, "mnist-plain": 6, "mnist-highway": 6, "mnist-classic": 5}


@cache
def activations(name: str, off: tuple[str, ...] = ()) -> Mapping[str, Array]:
    """Every layer's output on two images, with some blocks switched off."""
    _, traced = instrumented(name)
    inputs = {"image": images(2)}
    if "branch_scales" in traced.model.input:
        switches = (block.name for block in traced.blocks if block.can_disable)
        branch_scales = np.array([switch not in off for switch in switches], np.float32)
        inputs["branch_scales"] = np.stack([branch_scales, branch_scales])
    outputs = traced.model(inputs, training=False)
    return {layer: numpy(value) for layer, value in outputs.items()}


@pytest.mark.parametrize(
    "name", sorted(path.parent.name for path in MODELS.glob("*/manifest.json"))
)
def test_the_network_that_ships_is_of_the_architecture_it_is_named_for(name: str) -> None:
    _, traced = instrumented(name)
    shipped = open_folder(MODELS / name).manifest
    assert shipped.layers == traced.layers
    assert shipped.blocks == traced.blocks


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_layer_is_reached_and_described_as_it_is(name: str) -> None:
    network, traced = instrumented(name)
    found = activations(name)
    assert [layer.name for layer in traced.layers] == list(found)
    unseen = (keras.layers.InputLayer, layers.Dropout, layers.Flatten, keras.Model, Residual)
    inside = {layer.name for layer in sublayers(network) if not isinstance(layer, unseen)}
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
    network, _ = instrumented(name)
    entry = network.inputs[0]
    outer = [layer for layer in network.layers if layer.name in activations(name)]
    outputs = keras.Model(entry, [layer.output for layer in outer])(images(2), training=False)
    for layer, output in zip(outer, outputs, strict=True):
        np.testing.assert_allclose(activations(name)[layer.name], numpy(output), atol=1e-5)
    assert outer[-1].name == "head.probabilities"


@pytest.mark.parametrize(("name", "blocks"), BLOCKS.items())
def test_the_networks_that_ship_have_their_blocks(name: str, blocks: int) -> None:
    assert len(instrumented(name)[1].blocks) == blocks


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_layers_come_in_forward_order_and_belong_to_their_blocks(name: str) -> None:
    _, traced = instrumented(name)
    places = [layer.block or layer.name.split(".", 1)[0] for layer in traced.layers]
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
    _, traced = instrumented("mnist-resnet")
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
        instrumented(name)[1].blocks for name in ("mnist-resnet", "mnist-plain", "mnist-highway")
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
    for block in instrumented(name)[1].blocks:
        assert block.merge == "add"
        assert block.identity
        assert block.sum
        total = found[block.identity] + found[block.residual]
        np.testing.assert_allclose(found[block.sum], total, atol=1e-5)
        assert np.array_equal(found[block.output], np.maximum(found[block.sum], 0))
        assert np.abs(found[block.residual]).max() > 0.01


def test_a_highway_sum_is_t_f_plus_the_rest_of_x() -> None:
    found = activations("mnist-highway")
    for block in instrumented("mnist-highway")[1].blocks:
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
    for block in instrumented("mnist-plain")[1].blocks:
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
    network, _ = instrumented(name)
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
    network, traced = instrumented("mnist-resnet")
    kept = {id(weight) for weight in traced.model.weights}
    assert kept == {id(weight) for weight in network.weights}


def test_routes_are_copies_of_a_blocks_input() -> None:
    network, _ = instrumented("mnist-classic")
    traced = instrument(network, paths=True)
    assert traced.paths[:2] == ("block1.x:identity", "block1.x:residual")
    assert len(traced.paths) == 2 * len(traced.blocks)
    found = traced.model({"image": images(), "branch_scales": np.ones((1, 5), np.float32)})
    for block in traced.blocks:
        for path in ("identity", "residual"):
            copy = found[f"{block.name}.x:{path}"]
            assert np.array_equal(numpy(copy), numpy(found[block.input]))
    assert instrument(network).paths == ()


def test_rewrite_replaces_the_calls_that_it_answers() -> None:
    network, _ = instrumented("mnist-classic")

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


def stateful() -> keras.Model:
    parts = [layers.Reshape((8, 8)), layers.LSTM(4, stateful=True, name="own"), layers.Dense(3)]
    return keras.Sequential([keras.Input((8, 8, 1), batch_size=1), *parts])


def quantised() -> keras.Model:
    parts = [layers.Flatten(), layers.Dense(3, name="own")]
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.Sequential(parts)])
    model.layers[0].layers[1].quantize("int8")
    return model


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (stateful, "layer 'own' is stateful; build it with stateful=False"),
        (quantised, "layer 'own' is quantised to int8; save the network before quantize()"),
    ],
)
def test_a_layer_that_litert_cannot_run_as_it_is_is_named(
    make: Callable[[], keras.Model], says: str
) -> None:
    with pytest.raises(CompileError) as caught:
        instrument(make())
    assert says in str(caught.value)


def test_a_network_of_text_is_told_what_can_be_shown() -> None:
    parts = [layers.Embedding(5, 4), layers.Bidirectional(layers.LSTM(3)), layers.Dense(1)]
    words = keras.Sequential([keras.Input((400,), dtype="int32"), *parts])  # 400 is a square
    with pytest.raises(CompileError, match=r"reads text; .* GRUs and LSTMs too, .* mnist-rows"):
        instrument(words)


WIDTH = 3


def conv(name: str) -> layers.Layer:
    return layers.Conv2D(WIDTH, 3, padding="same", name=name)


def network(body: Callable[[Tensor], Tensor]) -> keras.Model:
    """A stem, what is to be unrolled, and a head."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(WIDTH, 3, strides=4, padding="same", name="stem.conv")(image)
    x = layers.GlobalAveragePooling2D(name="head.pool")(body(x))
    return randomise(keras.Model(image, layers.Dense(4, name="head.logits")(x)))


def outputs(
    traced: InstrumentedModel, branch_scales: list[float] | None = None
) -> dict[str, Array]:
    inputs = {"image": images()}
    if "branch_scales" in traced.model.input:
        width = traced.model.input["branch_scales"].shape[-1]
        inputs["branch_scales"] = np.array([branch_scales or [1.0] * width], np.float32)
    return {name: numpy(value) for name, value in traced.model(inputs, training=False).items()}


def agrees(model: keras.Model) -> dict[str, Array]:
    """What the traced network puts out, after it was held against the network itself."""
    found = outputs(instrument(model))
    wanted = numpy(model(images(), training=False))
    np.testing.assert_allclose(found["head.logits"], wanted, rtol=1e-4, atol=1e-6)
    return found


def forking_branch(entry: Tensor) -> keras.Model:
    left, right = conv("block1.left")(entry), conv("block1.right")(entry)
    return keras.Model(entry, layers.Multiply(name="block1.product")([left, right]))


def test_a_functional_branch_is_instrumented() -> None:
    branch = forking_branch(keras.Input((7, 7, WIDTH)))
    found = agrees(network(Residual(branch, name="block1")))
    product = found["block1.left"] * found["block1.right"]
    np.testing.assert_allclose(found["block1.product"], product, rtol=1e-5)
    assert np.array_equal(found["block1.residual"], found["block1.product"])


def test_a_sum_of_kerass_own_is_recorded_with_both_its_inputs() -> None:
    def body(x: Tensor) -> Tensor:
        x = layers.ReLU(name="stem.output")(x)
        return layers.Add(name="block1.sum")([x, conv("block1.conv")(x)])

    model = network(body)
    found = agrees(model)
    total = found["stem.output"] + found["block1.conv"]
    np.testing.assert_allclose(found["block1.sum"], total, rtol=1e-6)
    info = next(layer for layer in instrument(model).layers if layer.name == "block1.sum")
    assert (info.kind, info.role, info.block) == ("Add", "sum", "block1")


def test_functions_of_keras_count_as_layers_without_weights() -> None:
    def body(x: Tensor) -> Tensor:
        return ops.relu(x) + ops.multiply(conv("second")(x), 0.5)

    model = network(body)
    agrees(model)
    kinds = {layer.kind: layer.parameters for layer in instrument(model).layers}
    assert kinds["Relu"] == kinds["Multiply"] == kinds["Add"] == 0


def test_models_in_models_are_instrumented() -> None:
    inner = keras.Sequential([conv("inner.conv"), layers.ReLU(name="inner.relu")], name="inner")
    outer = keras.Sequential([inner, conv("outer.conv")], name="outer")
    found = agrees(network(outer))
    assert np.array_equal(found["inner.relu"], np.maximum(found["inner.conv"], 0))
    assert "outer" not in found


def nested() -> keras.Model:
    inside = Residual(conv("block1.inner.conv"), name="inner")
    branch = keras.Sequential([inside, conv("block1.conv")], name="block1.branch")

    def body(x: Tensor) -> Tensor:
        x = Residual(branch, name="block1")(x)
        return Residual(conv("block2.conv"), merge="maximum", name="block2")(x)

    return network(body)


def test_nested_blocks_are_each_opened_and_switched_by_their_own_gate() -> None:
    model = nested()
    traced = instrument(model, paths=True)
    whole = agrees(model)
    assert [block.name for block in traced.blocks] == ["inner", "block1", "block2"]
    assert [block.can_disable for block in traced.blocks] == [True, True, False]
    inner, block1 = traced.blocks[:2]
    assert inner.input == block1.input == "stem.conv"
    without_inner = outputs(traced, [0.0, 1.0])
    assert np.array_equal(without_inner["inner.sum"], whole["stem.conv"])
    assert without_inner["block1.residual"].any()
    without_outer = outputs(traced, [1.0, 0.0])
    assert np.array_equal(without_outer["block1.sum"], whole["stem.conv"])
    assert without_outer["inner.residual"].any()


def test_vectors_can_be_switched_too() -> None:
    def body(x: Tensor) -> Tensor:
        x = layers.GlobalMaxPooling2D(name="stem.pool", keepdims=False)(x)
        x = Residual(layers.Dense(WIDTH, name="block1.dense"), name="block1")(x)
        return layers.Reshape((1, 1, WIDTH), name="reshape")(x)

    model = network(body)
    found, off = agrees(model), outputs(instrument(model), [0.0])
    assert found["block1.residual"].shape == (1, WIDTH)
    assert np.array_equal(off["block1.sum"], found["stem.pool"])


def test_dropout_before_a_block_is_looked_through() -> None:
    def body(x: Tensor) -> Tensor:
        x = layers.ReLU(name="stem.output")(x)
        x = layers.Dropout(0.5, name="stem.dropout")(x, training=True)
        return Residual(conv("block1.conv"), name="block1")(x)

    traced = instrument(network(body))
    assert traced.blocks[0].input == "stem.output"
    assert "stem.dropout" not in {layer.name for layer in traced.layers}
    found = outputs(traced)
    total = found["stem.output"] + found["block1.residual"]
    np.testing.assert_allclose(found["block1.sum"], total, atol=1e-6)


def test_a_block_without_an_activation_puts_out_its_sum() -> None:
    block = instrument(network(Residual(conv("block1.conv"), name="block1"))).blocks[0]
    assert block.output == block.sum == "block1.sum"


class Opaque(keras.Model):  # type: ignore[misc]  # keras ships no types
    """A model that can be called but not walked."""

    def __init__(self) -> None:
        super().__init__(name="opaque")
        self.inside = conv("inside")

    def call(self, x: Tensor) -> Tensor:
        return self.inside(x)


def test_a_subclassed_model_inside_counts_as_one_layer() -> None:
    found = agrees(network(Opaque()))
    assert "opaque" in found
    assert "inside" not in found


class DoubledConv(layers.Conv2D):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor) -> Tensor:
        return 2.0 * super().call(x)


class ResidualSequence(keras.Sequential):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        return x + super().call(x, training=training)


class Halved(layers.Dropout):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor) -> Tensor:
        return 0.5 * x


class Squared(layers.MaxPooling2D):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor) -> Tensor:
        return -ops.square(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DoubledConv(WIDTH, 3, padding="same", activation="relu", name="own"),
        lambda: ResidualSequence([layers.Input((7, 7, WIDTH)), conv("inside")], name="own"),
        lambda: Halved(0.5, name="own"),
        lambda: Squared(name="own"),
    ],
    ids=["convolution", "sequence", "dropout", "pooling"],
)
def test_a_layer_that_overrides_its_call_is_one_layer(make: Callable[[], layers.Layer]) -> None:
    model = network(lambda x: layers.ReLU(name="relu")(make()(x)))
    found = agrees(model)
    assert "own" in found
    assert not {"own.relu", "inside"} & set(found)
    (own,) = (layer for layer in instrument(model).layers if layer.name == "own")
    assert own.signed or found["own"].min() >= 0


def test_a_layer_that_overrides_its_call_makes_no_projection() -> None:
    def body(x: Tensor) -> Tensor:
        bent = DoubledConv(WIDTH, 1, name="bent")(x)
        return layers.Add()([bent, layers.Activation("tanh")(x)])

    assert instrument(network(body)).blocks == ()


def test_a_network_that_overrides_its_call_is_refused() -> None:
    with pytest.raises(CompileError, match="has a call method of its own"):
        instrument(ResidualSequence([keras.Input((8, 8, 1)), conv("first")]))


def test_a_layer_called_twice_is_two_layers() -> None:
    shared = layers.ReLU(name="relu")
    found = agrees(network(lambda x: shared(conv("second")(shared(x)))))
    assert np.array_equal(found["relu"], np.maximum(found["stem.conv"], 0))
    assert np.array_equal(found["relu@2"], np.maximum(found["second"], 0))


def test_layers_that_share_a_name_are_told_by_the_models_they_lie_in() -> None:
    twins = [keras.Sequential([conv("same")], name=name) for name in ("first", "second")]
    found = agrees(network(lambda x: twins[1](twins[0](x))))
    assert {"first.same", "second.same"} <= set(found)
    assert "same" not in found


def test_a_model_called_twice_is_opened_twice() -> None:
    inner = keras.Sequential([conv("inner.conv"), layers.ReLU(name="inner.relu")], name="inner")
    found = agrees(network(lambda x: inner(inner(x))))
    assert np.array_equal(found["inner.relu@2"], np.maximum(found["inner.conv@2"], 0))
    assert not np.array_equal(found["inner.conv"], found["inner.conv@2"])


def test_a_block_on_the_bare_image_is_none_as_its_input_has_no_maps() -> None:
    block = Residual(layers.Conv2D(1, 3, padding="same", name="conv"), name="block1")
    traced = instrument(keras.Sequential([keras.Input((8, 8, 1)), block]))
    assert [layer.name for layer in traced.layers] == ["conv", "block1.sum"]
    assert traced.blocks == ()


def forked() -> keras.Model:
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3, name="conv")(image)
    left = layers.Dropout(0.5, name="dropout")(x, training=True)
    return keras.Model(image, layers.Add(name="sum")([left, layers.ReLU(name="relu")(x)]))


def test_calls_come_in_order_with_what_they_were_given() -> None:
    source = keras.Input((8, 8, 1))
    steps, result = traced_calls(forked(), source)
    made = {layer.name: out for layer, _, _, out in steps}
    names = [layer.name for layer, _, _, _ in steps]
    assert names.index("conv") < names.index("dropout") < names.index("sum")
    assert set(names) >= {"conv", "dropout", "relu", "sum"}
    given = {layer.name: args for layer, args, _, _ in steps}
    assert given["conv"][0] is source
    assert given["relu"][0] is made["conv"]
    assert [id(one) for one in given["sum"][0]] == [id(made["dropout"]), id(made["relu"])]
    assert result is made["sum"]


def test_what_matters_in_training_alone_is_left_out() -> None:
    steps, _ = traced_calls(forked(), keras.Input((8, 8, 1)))
    assert all(not keywords for _, _, keywords, _ in steps)


pytestmark = SAVES_WITH_KERAS


class Unknown(layers.Layer):  # type: ignore[misc]  # keras ships no types
    def call(self, x: Tensor) -> Tensor:
        return x


def test_a_saved_network_is_the_same_when_loaded_and_tapped(tmp_path: Path) -> None:
    network, path = tiny_network(), tmp_path / "network.keras"
    network.save(path)
    wanted = numpy(network(images()))
    assert np.array_equal(numpy(load_network(path)(images())), wanted)
    inputs = {"image": images(), "branch_scales": np.ones((1, 3), np.float32)}
    found = instrument(load_network(path)).model(inputs)["head.probabilities"]
    np.testing.assert_allclose(numpy(found), wanted, atol=1e-6)


def damaged(folder: Path) -> Path:
    path = folder / "damaged.keras"
    path.write_bytes(b"PK\x03\x04 and no more")
    return path


def empty_archive(folder: Path) -> Path:
    path = folder / "empty.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nothing.txt", "")
    return path


def of_an_unknown_layer(folder: Path) -> Path:
    path = folder / "unknown.keras"
    keras.Sequential([keras.Input((4,)), Unknown()]).save(path)
    return path


@pytest.mark.parametrize(
    "make", [lambda folder: folder / "missing.keras", damaged, empty_archive, of_an_unknown_layer]
)
def test_what_cannot_be_loaded_is_told_in_one_line(make: type[Path], tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"\.keras is not a Keras network") as caught:
        load_network(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
