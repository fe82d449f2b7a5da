"""What networks expect of images: presets, what is worked out, what is told."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from skiplens.core.manifest import Manifest
from skiplens.engine.litert import LiteRTEngine, run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.network import commands
from skiplens.network.input_contract import PRESETS, adapted, contract, prepared
from skiplens.network.own_network_files import (
    NetworkOptions,
    TrustedCode,
    network_id,
    parse_size,
    read_classes,
    trained_on_logits,
)
from tests.network.tiny import (
    SAVES_WITH_KERAS,
    Array,
    Tensor,
    numpy,
    randomise,
    without_gradients,
)

pytestmark = SAVES_WITH_KERAS
SHAPE = (10, 12, 3)


def network(
    *first: layers.Layer, shape: tuple[int | None, ...] = SHAPE, name: str = "mine"
) -> keras.Model:
    image = keras.Input(shape)
    x = image
    for layer in first:
        x = layer(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
    return randomise(keras.Model(image, layers.Dense(5, activation="softmax")(x), name=name))


def photo() -> Array:
    return np.random.default_rng(3).integers(0, 256, (1, *SHAPE)).astype(np.float32)


def compiled(
    model: keras.Model,
    folder: Path,
    options: NetworkOptions | None = None,
    *,
    gradients: bool = False,
) -> Manifest:
    model.save(folder / "mine.keras")
    with nullcontext() if gradients else without_gradients():
        found = commands.compile_file(
            folder / "mine.keras",
            folder / "models",
            None,
            run_once,
            measure=False,
            code=TrustedCode(),
            options=options,
        )
    return open_folder(found).manifest


MODULES = ("resnet50", "vgg16", "resnet_v2", "inception_v3", "xception", "nasnet", "densenet")
MORE = ("mobilenet", "mobilenet_v2", "mobilenet_v3", "efficientnet", "efficientnet_v2", "convnext")


@pytest.mark.parametrize("module", MODULES + MORE)
def test_presets_are_those_of_keras_applications(module: str) -> None:
    plain = network()
    found = contract(plain, SHAPE, 1.0, NetworkOptions(preprocess=module))
    wrapped = prepared(plain, found, 1.0)
    preprocess = import_module(f"keras.applications.{module}").preprocess_input
    wanted = numpy(plain(preprocess(photo().copy())))
    np.testing.assert_allclose(numpy(wrapped(photo() / 255)), wanted, atol=1e-5)


NO_APPLICATIONS = ("resnet", "resnet-20", "resnet_18", "densenet_40", "mobilenet_v2", "vgg11")


@pytest.mark.parametrize(
    ("model", "ranges", "source"),
    [
        (network(layers.Rescaling(1 / 255)), "0 to 255", "first layer"),
        (network(name="resnet50"), "blue -103.9", "resnet50 of keras.applications"),
        (network(name="mobilenetv2_1.00_224"), "-1 to 1", "mobilenetv2 of keras.applications"),
        (network(name="nasnet_mobile"), "-1 to 1", "nasnet of keras.applications"),
        (network(), "0 to 1", "nothing in the network"),
        *((network(name=name), "0 to 1", "nothing in the network") for name in NO_APPLICATIONS),
    ],
    ids=["rescaling", "resnet50", "mobilenetv2", "nasnet", "nothing", *NO_APPLICATIONS],
)
def test_what_is_not_told_is_worked_out(
    model: keras.Model, ranges: str, source: str, tmp_path: Path
) -> None:
    manifest = compiled(model, tmp_path)
    assert manifest.input.ranges.startswith(ranges)
    assert source in manifest.input.source
    assert manifest.input.kind == "image"
    assert manifest.input_shape == SHAPE


def test_a_grey_network_of_an_applications_name_takes_grey_images(tmp_path: Path) -> None:
    assert compiled(network(shape=(8, 8, 1), name="vgg16"), tmp_path).input.ranges == "0 to 1"


@pytest.mark.parametrize(("told", "scale"), [(None, (1 / 255,)), ("tf", (2 / 255,))])
def test_a_network_compiled_again_is_prepared_once(
    told: str | None, scale: tuple[float, ...], tmp_path: Path
) -> None:
    model = network(name="resnet50")
    folder = tmp_path / "models" / compiled(model, tmp_path).id
    options = NetworkOptions(preprocess=told)
    with without_gradients():
        manifest = commands.compile_folder(folder, None, run_once, measure=False, options=options)
    assert manifest.input.scale == scale
    assert [layer.name for layer in manifest.layers].count("preprocess") == 1
    engine = LiteRTEngine(open_folder(folder), 1, 0)
    found = engine.activations((photo() / 255).astype(np.float32), np.ones(0, np.float32))
    mode = told or "caffe"
    wanted = keras.applications.imagenet_utils.preprocess_input(photo(), mode=mode)
    np.testing.assert_allclose(found["preprocess"], wanted[0], atol=1e-3)


def test_a_network_that_was_refused_is_as_it_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "network.keras"
    network().save(file)
    content = file.read_bytes()
    wrong = NetworkOptions(preprocess="tf", classes=("one",))
    with pytest.raises(CompileError, match="has 5 classes; 1 names are given"):
        commands.compile_folder(tmp_path, None, run_once, measure=False, options=wrong)
    assert file.read_bytes() == content


@pytest.mark.parametrize("module", ["resnet50", "mobilenet_v2", "densenet", "efficientnet"])
def test_preprocessing_by_operations_in_the_network_is_found(module: str, tmp_path: Path) -> None:
    preprocess = import_module(f"keras.applications.{module}").preprocess_input
    image = keras.Input(SHAPE)
    base = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3, activation="relu")])
    first = [layers.Rescaling(1 / 255)] if module == "efficientnet" else []
    x = base(keras.Sequential(first)(preprocess(image)) if first else preprocess(image))
    x = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    model = randomise(keras.Model(image, x))
    manifest = compiled(model, tmp_path)
    assert manifest.input_scale == 255
    engine = LiteRTEngine(open_folder(tmp_path / "models" / manifest.id), 1, 0)
    given = (photo() / 255).astype(np.float32)
    found = engine.activations(given, np.ones(0, np.float32))[manifest.layers[-1].name]
    wanted = keras.ops.softmax(model(photo()))
    np.testing.assert_allclose(found.reshape(1, -1), numpy(wanted), atol=1e-5)


def test_the_compiled_network_computes_with_the_values_that_were_told(tmp_path: Path) -> None:
    model = network()
    manifest = compiled(model, tmp_path, NetworkOptions(preprocess="vgg16", classes=tuple("abcde")))
    assert manifest.classes == tuple("abcde")
    engine = LiteRTEngine(open_folder(tmp_path / "models" / manifest.id), 1, 0)
    found = engine.activations((photo() / 255).astype(np.float32), np.ones(0, np.float32))
    wanted = keras.applications.vgg16.preprocess_input(photo())
    np.testing.assert_allclose(found["preprocess"], wanted[0], atol=1e-3)
    probabilities = found[manifest.layers[-1].name].reshape(1, -1)
    np.testing.assert_allclose(probabilities, numpy(model(wanted)), atol=1e-5)


def test_an_open_size_is_told(tmp_path: Path) -> None:
    model = network(shape=(None, None, 3))
    manifest = compiled(model, tmp_path, NetworkOptions(size=(16, 20)))
    assert manifest.input_shape == (16, 20, 3)


def test_one_of_several_outputs_is_told(tmp_path: Path) -> None:
    image = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(image)
    outputs = [
        layers.Dense(size, activation="softmax", name=name)(x)
        for size, name in ((2, "two"), (7, "seven"))
    ]
    model = randomise(keras.Model(image, outputs))
    assert len(compiled(model, tmp_path, NetworkOptions(output="seven")).classes) == 7
    assert len(compiled(model, tmp_path, NetworkOptions(output="0")).classes) == 2
    with pytest.raises(CompileError, match="has no output 'three'; its outputs are two, seven"):
        compiled(model, tmp_path, NetworkOptions(output="three"))


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (network(), NetworkOptions(preprocess="resnet51"), "there is no preset 'resnet51'"),
        (network(shape=(8, 8, 1)), NetworkOptions(preprocess="caffe"), "takes grey ones"),
        (network(shape=(8, 8, 2)), NetworkOptions(), "images have one channel, or three"),
        (network(shape=(None, None, 3)), NetworkOptions(), "--size tells height and width"),
        (network(), NetworkOptions(classes=("one",)), "has 5 classes; 1 names are given"),
    ],
    ids=["preset", "colours", "channels", "size", "classes"],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    model: keras.Model, options: NetworkOptions, message: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError, match=message):
        compiled(model, tmp_path, options)
    assert list((tmp_path / "models").iterdir()) == []


def test_what_is_told_is_part_of_the_id(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(b"a")
    ids = {
        network_id(path, options)
        for options in (None, NetworkOptions(), NetworkOptions("tf"), NetworkOptions("caffe"))
    }
    assert len(ids) == 3


@pytest.mark.parametrize(
    "content",
    [
        *("cat\ndog\n", "\ufeffcat\r\ndog\r\n", '["cat", "dog"]'),
        '{"0": ["n01", "cat"], "1": ["n02", "dog"]}',
    ],
    ids=["lines", "lines of Windows", "list", "class index"],
)
def test_names_of_classes_are_read(content: str, tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text(content, encoding="utf-8")
    assert read_classes(path) == ("cat", "dog")


def test_sizes_are_read() -> None:
    assert parse_size("224") == (224, 224)
    assert parse_size("160x224") == (160, 224)
    for wrong in ("0", "ax3", "3x", "1x0"):
        with pytest.raises(CompileError, match="--size must be"):
            parse_size(wrong)


def test_every_preset_is_named() -> None:
    assert {"unit", "bytes", "tf", "torch", "caffe", "resnet50", "efficientnet"} <= set(PRESETS)


def test_a_layer_that_computes_nan_is_named(tmp_path: Path) -> None:
    model = network()
    kernel, bias = model.layers[1].get_weights()
    kernel[0, 0, 0, 0] = np.nan
    model.layers[1].set_weights([kernel, bias])
    with pytest.raises(
        CompileError, match=f"layer {model.layers[1].name} computes a value that is NaN"
    ):
        compiled(model, tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_in_a_sequence_without_an_input() -> None:
    parts = [layers.Flatten(), layers.Dense(4, activation="softmax")]
    outer = keras.Sequential([keras.Sequential([keras.Input(SHAPE), *parts])])
    assert not outer.built
    assert adapted(outer, NetworkOptions()).inputs[0].shape == (None, *SHAPE)


def test_one_probability_becomes_those_of_two_classes(tmp_path: Path) -> None:
    image = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    model = randomise(keras.Model(image, layers.Dense(1, activation="sigmoid")(x)))
    manifest = compiled(model, tmp_path, gradients=True)
    assert (len(manifest.classes), manifest.no_gradients) == (2, None)
    engine = LiteRTEngine(open_folder(tmp_path / "models" / manifest.id), 1, 0)
    given = (photo() / 255).astype(np.float32)
    found = engine.activations(given, np.ones(0, np.float32))[manifest.layers[-1].name]
    p = float(numpy(model(given))[0, 0])
    np.testing.assert_allclose(found.reshape(-1), [1 - p, p], atol=1e-6)


@pytest.mark.parametrize(
    ("end", "options", "loss"),
    [
        ([layers.Dense(1, name="z"), layers.Activation("sigmoid")], NetworkOptions(), None),
        ([layers.Dense(1, name="z"), ops.sigmoid], NetworkOptions(), None),
        (
            [layers.Dense(1, name="z"), layers.Activation("sigmoid")],
            NetworkOptions(classes=("cat", "dog")),
            None,
        ),
        ([layers.Dense(1, name="z")], NetworkOptions(classes=("cat", "dog")), None),
        ([layers.Dense(1, name="z")], NetworkOptions(), True),
        ([layers.Dense(2), layers.Dense(1), layers.Rescaling(2.0)], NetworkOptions(), True),
    ],
    ids=[
        *("a layer", "an operation", "a layer and two names"),
        *("two names", "trained on logits", "no dense layer"),
    ],
)
def test_one_value_is_read_as_that_of_two_classes(
    end: list[Callable[[Tensor], Tensor]], options: NetworkOptions, loss: bool, tmp_path: Path
) -> None:
    x = image = keras.Input(SHAPE)
    for part in (layers.GlobalAveragePooling2D(), *end):
        x = part(x)
    model = randomise(keras.Model(image, x))
    if loss:
        model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.save(tmp_path / "mine.keras")
    is_logit = trained_on_logits(tmp_path / "mine.keras")
    assert is_logit is bool(loss)
    both = numpy(adapted(model, options, is_logit=is_logit)(photo() / 255))
    value = model(photo() / 255)
    p = float(numpy(value if len(end) > 1 and not loss else ops.sigmoid(value))[0, 0])
    np.testing.assert_allclose(both, [[1 - p, p]], atol=1e-6)


def idle() -> layers.Layer:
    return layers.Activation("linear")


def probability() -> layers.Layer:
    return layers.Dense(1, activation="sigmoid")


def nested(*parts: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((3,)), *parts])


@pytest.mark.parametrize(
    ("end", "is_probability"),
    [
        (lambda: [nested(layers.Dense(4), probability())], True),
        (lambda: [nested(probability())], True),
        (lambda: [nested(layers.Dense(1)), layers.Activation("sigmoid")], True),
        (lambda: [probability(), idle()], True),
        (lambda: [nested(probability(), idle()), idle()], True),
        (lambda: [nested(layers.Dense(4), layers.Dense(1))], False),
        (lambda: [layers.Dense(1), idle()], False),
    ],
    ids=[
        *(
            "in a model",
            "all of a model",
            "after a model",
            "before nothing",
            "before nothing twice",
        ),
        *("logit in a model", "logit before nothing"),
    ],
)
@pytest.mark.parametrize("around", [False, True], ids=["alone", "in another"])
def test_an_end_in_a_model_or_before_an_idle_activation_is_found(
    end: Callable[[], list[layers.Layer]], is_probability: bool, around: bool
) -> None:
    model = keras.Sequential([keras.Input(SHAPE), layers.GlobalAveragePooling2D(), *end()])
    if around:
        image = keras.Input(SHAPE)
        model = keras.Model(image, model(image))
    randomise(model)
    value = model(photo() / 255)
    p = float(numpy(value if is_probability else ops.sigmoid(value))[0, 0])
    both = adapted(model, NetworkOptions(classes=("cat", "dog")))
    np.testing.assert_allclose(numpy(both(photo() / 255)), [[1 - p, p]], atol=1e-6)


def test_the_output_of_a_nested_model_that_is_shown_is_the_one_that_was_chosen() -> None:
    inside = keras.Input((3,))
    ends = [layers.Dense(1, activation="sigmoid", name=name)(inside) for name in "ab"]
    image = keras.Input(SHAPE)
    pooled = layers.GlobalAveragePooling2D()(image)
    model = randomise(keras.Model(image, keras.Model(inside, ends)(pooled)[1]))
    p = float(numpy(model(photo() / 255))[0, 0])
    both = adapted(model, NetworkOptions())
    np.testing.assert_allclose(numpy(both(photo() / 255)), [[1 - p, p]], atol=1e-6)


@pytest.mark.parametrize(
    "loss", ["mse", keras.losses.Huber(), keras.losses.log_cosh], ids=["name", "object", "function"]
)
def test_values_of_a_regression_are_no_classes(loss: object, tmp_path: Path) -> None:
    image = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(image)
    model = keras.Model(image, layers.Dense(4)(x))
    model.compile(loss=loss)
    with pytest.raises(CompileError, match=r"was trained with .*: its 4 values are a regression"):
        compiled(model, tmp_path)
    names = ("a", "b", "c", "d")
    assert compiled(model, tmp_path, NetworkOptions(classes=names)).classes == names
    probabilities = keras.Model(image, layers.Dense(4, activation="softmax")(x))
    probabilities.compile(loss=loss)
    assert compiled(probabilities, tmp_path).layers[-1].role == "probabilities"


def test_the_loss_is_that_of_the_output_that_is_shown(tmp_path: Path) -> None:
    image = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(image)
    ends = [layers.Dense(4, name=name)(x) for name in ("box", "kind")]
    model = keras.Model(image, ends)
    from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss={"box": "mse", "kind": from_logits})
    with pytest.raises(CompileError, match="was trained with mse"):
        compiled(model, tmp_path, NetworkOptions(output="box"))
    assert compiled(model, tmp_path, NetworkOptions(output="kind")).layers[-2].role == "logits"


def test_an_hdf5_file_tells_the_loss_too(tmp_path: Path) -> None:
    image = keras.Input(SHAPE)
    model = keras.Model(image, layers.Dense(1)(layers.GlobalAveragePooling2D()(image)))
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.save(tmp_path / "mine.h5")
    path, models = tmp_path / "mine.h5", tmp_path / "models"
    folder = commands.compile_file(path, models, None, run_once, measure=False, code=TrustedCode())
    assert open_folder(folder).manifest.classes == ("0", "1")


def test_a_layer_of_ones_own_that_is_called_preprocess_is_none_of_skiplens(tmp_path: Path) -> None:
    manifest = compiled(network(layers.Rescaling(2.0, -1.0, name="preprocess")), tmp_path)
    assert "nothing in the network" in manifest.input.source


def test_one_value_of_another_loss_is_refused(tmp_path: Path) -> None:
    image = keras.Input(SHAPE)
    model = keras.Model(image, layers.Dense(1)(layers.GlobalAveragePooling2D()(image)))
    model.compile(loss="mse")
    with pytest.raises(CompileError, match="where it is the logit of two, --classes names both"):
        compiled(model, tmp_path)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_networks_of_another_precision_are_computed_in_single(policy: str) -> None:
    image = keras.Input(SHAPE, name="image")
    inner = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3, dtype=policy)])
    x = layers.GlobalAveragePooling2D(dtype=policy)(inner(image))
    answer = layers.Dense(3, activation="softmax", dtype=policy, name="answer")(x)
    model = keras.Model({"image": image}, {"answer": answer}, name="half")
    found = adapted(model, NetworkOptions())
    assert {str(tensor.dtype) for tensor in (*found.weights, found.input, found.output)} == {
        "float32"
    }
    wanted = model({"image": photo() / 255})["answer"]
    np.testing.assert_allclose(numpy(found(photo() / 255)), numpy(wanted), atol=0.02)


def test_a_normalization_of_half_precision_keeps_its_mean() -> None:
    norm = layers.Normalization(dtype="mixed_float16")
    norm.adapt(np.random.default_rng(3).normal(120, 60, (8, *SHAPE)).astype(np.float32))
    inner = keras.Sequential([keras.Input(SHAPE), norm])
    image = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D(dtype="mixed_float16")(inner(image))
    model = keras.Model(image, layers.Dense(3, activation="softmax", name="answer")(x))
    found = numpy(adapted(model, NetworkOptions())(photo()))
    np.testing.assert_allclose(found, numpy(model(photo())), atol=0.02)


@pytest.mark.parametrize(
    "before",
    [
        layers.UpSampling2D(2),
        partial(ops.repeat, repeats=2, axis=1),
        layers.RandomCrop(8, 8),
        layers.Cropping2D(1),
    ],
    ids=["enlarged", "repeated", "cropped at random", "cropped"],
)
def test_a_scale_is_found_behind_what_keeps_values(
    before: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    image = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 127.5, -1)(before(image)))
    x = layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    assert compiled(randomise(keras.Model(image, x)), tmp_path).input_scale == 255


def test_the_logarithm_of_probabilities_is_taken_for_logits(tmp_path: Path) -> None:
    x = layers.GlobalAveragePooling2D()(image := keras.Input(SHAPE, name="image"))
    model = randomise(keras.Model({"image": image}, layers.Dense(3, "log_softmax")(x)))
    manifest = compiled(model, tmp_path, gradients=True)
    assert [layer.activation for layer in manifest.layers[-2:]] == ["log_softmax", "softmax"]
    assert manifest.no_gradients is None


def member(image: Tensor) -> Tensor:
    """Probabilities of one of several networks."""
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    return layers.Dense(3, activation="softmax")(x)


@keras.saving.register_keras_serializable(package="tests")
class OwnHead(layers.Layer):  # type: ignore[misc]  # keras ships no types
    """A user's own layer that ends in probabilities."""

    def __init__(self, **kwargs: Tensor) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.softmax
        self.conv = layers.Conv2D(3, SHAPE[:2])

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.conv.build(shape)

    def call(self, x: Tensor) -> Tensor:
        return self.activation(self.conv(x)[:, 0, 0])


def at_each_place(image: Tensor) -> Tensor:
    return layers.Conv2D(3, 3, activation="softmax")(image)


def at_one_place(image: Tensor) -> Tensor:
    return layers.Conv2D(3, SHAPE[:2], activation="softmax")(image)


ENDS: dict[str, Callable[[Tensor], Tensor]] = {
    "ensemble": lambda x: layers.Average()([member(x), member(x)]),
    "ensemble of models": lambda x: layers.Average()(
        [keras.Model(image := keras.Input(SHAPE), member(image))(x) for _ in range(3)]
    ),
    "ensemble by operators": lambda x: (member(x) + member(x)) / 2,
    "ensemble by functions": lambda x: ops.mean(ops.stack([member(x), member(x)]), axis=0),
    "flattened": lambda x: layers.Flatten()(at_one_place(x)),
    "reshaped": lambda x: layers.Reshape((3,))(at_one_place(x)),
    "squeezed": lambda x: ops.squeeze(at_one_place(x), (1, 2)),
    "mean over places": lambda x: layers.GlobalAveragePooling2D()(at_each_place(x)),
    "named": lambda x: layers.Identity()(layers.Activation("linear")(member(x))),
    "of one and the other": lambda x: layers.Concatenate()([1 - (p := member(x)[:, :1]), p]),
    "by number of axis": lambda x: layers.Softmax(axis=1)(layers.Dense(3)(member(x))),
    "own layer": OwnHead(),
    "function by number of axis": lambda x: ops.softmax(layers.Dense(3)(member(x)), axis=1),
}


@pytest.mark.parametrize("end", ENDS)
def test_probabilities_remain_as_they_are(end: str, tmp_path: Path) -> None:
    image = keras.Input(SHAPE)
    model = randomise(keras.Model(image, ENDS[end](image)))
    manifest = compiled(model, tmp_path, gradients=True)
    engine = LiteRTEngine(open_folder(tmp_path / "models" / manifest.id), 1, 0)
    given, scales = (photo() / 255).astype(np.float32), len(manifest.disableable_blocks)
    found = engine.activations(given, np.ones(scales, np.float32))[manifest.layers[-1].name]
    np.testing.assert_allclose(found.reshape(1, -1), numpy(model(given)), atol=1e-5)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: layers.Add()([member(x), member(x)]),
        lambda x: layers.Reshape((6,))(layers.Softmax()(layers.Reshape((2, 3))(x[:, 0, :6, 0]))),
    ],
    ids=["sum of two", "two at once"],
)
def test_probabilities_that_do_not_add_up_to_one_are_refused(
    end: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    image = keras.Input(SHAPE)
    with pytest.raises(
        CompileError, match="it must end in probabilities that add up to 1, or in logits"
    ):
        compiled(randomise(keras.Model(image, end(image))), tmp_path)


def test_an_activation_that_changes_nothing_leaves_logits(tmp_path: Path) -> None:
    x = layers.GlobalAveragePooling2D()(image := keras.Input(SHAPE))
    end = layers.Activation("linear", dtype="float32", name="last")
    model = randomise(keras.Model(image, end(layers.Dense(3, name="classes")(x))))
    manifest = compiled(model, tmp_path, gradients=True)
    assert [layer.name for layer in manifest.layers[-2:]] == ["last", "last.softmax"]
    assert manifest.layers[-2].role == "logits"
    assert manifest.no_gradients is None


def test_what_keras_cannot_run_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("Exception encountered when calling it.\n\n\x1b[1mshapes differ\x1b[0m")

    monkeypatch.setattr("skiplens.network.compiling.compile_network", fails)
    says = r"mine\.keras cannot be compiled: ValueError: shapes differ$"
    with pytest.raises(CompileError, match=says):
        compiled(network(), tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("unit", [layers.UnitNormalization(), ops.normalize], ids=["layer", "op"])
def test_vectors_of_zeros_keep_their_length(
    unit: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    dark = layers.Conv2D(
        4, 3, activation="relu", bias_initializer=keras.initializers.Constant(-1.0)
    )
    x = layers.GlobalAveragePooling2D()(unit(dark(image := keras.Input(SHAPE))))
    manifest = compiled(keras.Model(image, layers.Dense(3)(x)), tmp_path)
    assert manifest.graphs["activations"].deviation < 1e-5
