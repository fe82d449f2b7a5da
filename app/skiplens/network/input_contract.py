"""The input that a user's network expects: told, by the name of a preset, or worked out."""

import re
from typing import Any, Final

import keras
import numpy as np
from keras import ops

from skiplens.core.input_image import WHITE, InputContract
from skiplens.errors import CompileError, quoted
from skiplens.network.keras_calls import has_graph
from skiplens.network.layer_records import is_idle, is_operation
from skiplens.network.own_network_files import NetworkOptions
from skiplens.network.tracing import copy_weights

_UNIT: Final = (1 / WHITE,)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, in 0..1
_PRESETS: Final[dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]]] = {
    "unit": ("rgb", _UNIT, (0.0,)),
    "bytes": ("rgb", (1.0,), (0.0,)),
    # The three modes of keras.applications.imagenet_utils.preprocess_input.
    "tf": ("rgb", (2 / WHITE,), (-1.0,)),
    "torch": (
        "rgb",
        tuple(1 / (WHITE * deviation) for deviation in _DEVIATION),
        tuple(-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)),
    ),
    "caffe": ("bgr", (1.0, 1.0, 1.0), (-103.939, -116.779, -123.68)),
}
_APPLICATIONS: Final = {
    **dict.fromkeys(("resnet", "resnet50", "resnet101", "resnet152", "vgg16", "vgg19"), "caffe"),
    **dict.fromkeys(("densenet", "densenet121", "densenet169", "densenet201"), "torch"),
    **dict.fromkeys(("resnet_v2", "resnet50v2", "resnet101v2", "resnet152v2"), "tf"),
    **dict.fromkeys(("inception_v3", "inception_resnet_v2", "xception", "nasnet"), "tf"),
    **dict.fromkeys(("mobilenet", "mobilenet_v2", "mobilenetv2"), "tf"),
    **dict.fromkeys(("mobilenet_v3", "mobilenetv3small", "mobilenetv3large"), "bytes"),
    **dict.fromkeys(("efficientnet", "efficientnet_v2", "convnext", "regnet"), "bytes"),
}
_NAMES: Final = re.compile(  # of models of keras.applications; the groups are names above
    r"((?:resnet|densenet|vgg)\d+(?:v2)?|inception_(?:resnet_v2|v3)|xception)"
    r"|(nasnet)_(?:large|mobile)|(mobilenet(?:v2)?)_\d\.\d\d_\d+"
)
PRESETS: Final = (*_PRESETS, *_APPLICATIONS)
PREPROCESSED: Final = "preprocess"  # the layer before a user's network
_SHAPE_AXES: Final = 4  # batch, height, width, channels
_COLOURS: Final = 3  # channels
_TWO: Final = 2  # classes that one value tells apart


def contract(
    network: keras.Model, shape: tuple[int, ...], scale: float, options: NetworkOptions
) -> InputContract:
    """What the network expects of an image.

    Args:
        network: as its user saved it.
        shape: ``(H, W, C)`` of its image.
        scale: the largest value that its first layer takes, as far as that layer tells.
        options: by the user.

    Raises:
        CompileError: there is no such preset, or it is of images of other colours.
    """
    kind = options.kind or ("digit" if shape == (28, 28, 1) else "image")
    grey = shape[-1] == 1
    preset, source = _preset(network, scale, options, grey=grey)
    colours, factor, offset = _PRESETS[preset]
    if grey and len(factor) > 1:
        raise CompileError(
            f"preset {preset} is of colour images; network {network.name} takes grey ones"
        )
    return InputContract(kind, "grey" if grey else colours, options.fit, factor, offset, source)  # type: ignore[arg-type]  # literals


def _preset(
    network: keras.Model, scale: float, options: NetworkOptions, *, grey: bool
) -> tuple[str, str]:
    """The name of a preset, and where it is known from."""
    if options.preprocess is not None:
        name = options.preprocess.lower()
        if name not in PRESETS:
            raise CompileError(
                f"there is no preset {quoted(options.preprocess)}; there are {', '.join(PRESETS)}"
            )
        return _APPLICATIONS.get(name, name), f"as --preprocess {name} says"
    if scale != 1:
        return "bytes", "as its first layer scales such values"
    if is_prepared(network):
        return "unit", "as layers before it prepare them"
    for name in _applications(network):
        preset = _APPLICATIONS[name]
        if not (grey and len(_PRESETS[preset][1]) > 1):
            return preset, f"as networks named {name} of keras.applications take them"
    return "unit", "as nothing in the network tells of another range"


def _applications(network: keras.Model) -> list[str]:
    """What a network, and a model that its input enters first, are of keras.applications, as far as
    their names tell.
    """
    layers = [one for one in network.layers if not isinstance(one, keras.layers.InputLayer)]
    models = [network, *(one for one in layers[:1] if isinstance(one, keras.Model))]
    matches = [match for model in models if (match := _NAMES.fullmatch(model.name.lower()))]
    names = [str(match[match.lastindex or 0]) for match in matches]
    return [name for name in names if name in _APPLICATIONS]


def is_prepared(network: keras.Model) -> bool:
    """Whether it begins with the layers of :func:`prepared`, before a model of its name."""
    scaling = (one for one in network.layers if isinstance(one, keras.layers.Rescaling))
    last = network.layers[-1]
    holds_itself = isinstance(last, keras.Model) and last.name == network.name
    return holds_itself and any(layer.name == PREPROCESSED for layer in scaling)


def unprepared(network: keras.Model) -> keras.Model:
    """The network without the layers of :func:`prepared`."""
    return network.layers[-1] if is_prepared(network) else network


def prepared(network: keras.Model, found: InputContract, scale: float) -> keras.Model:
    """The network with layers before it that give it the values that it expects, of an image of
    0 to 1; the network itself where it needs none.

    Args:
        network: as its user saved it.
        found: what it expects.
        scale: the largest value that its first layer takes, as far as that layer tells.
    """
    own = _PRESETS["bytes" if scale != 1 else "unit"][1:]
    if (found.scale, found.offset) == own and found.colours != "bgr":
        return network
    image = keras.Input(network.inputs[0].shape[1:])
    x: Any = ops.flip(image, axis=-1) if found.colours == "bgr" else image
    factor, offset = [WHITE * one for one in found.scale], list(found.offset)
    if len(factor) == 1:
        x = keras.layers.Rescaling(factor[0], offset[0], name=PREPROCESSED)(x)
    else:
        x = keras.layers.Rescaling(factor, offset, name=PREPROCESSED)(x)
    return keras.Model(image, network(x), name=network.name)


def adapted(
    network: keras.Model, options: NetworkOptions, *, is_logit: bool = False
) -> keras.Model:
    """The network in float32 with one output, and an image of a fixed size, as far as the user
    tells them.

    Args:
        network: as its user saved it.
        options: by the user.
        is_logit: whether it was trained so that a single output is the logit of the second of two
            classes.

    Raises:
        CompileError: it has no such output, or its input is no image of an open size.
    """
    if isinstance(network, keras.Sequential) and not network.built and network.layers:
        first = network.layers[0]
        if has_graph(first):
            network.build(first.input_shape)  # that of a model in it, where it names none
    if not has_graph(network):
        return network
    network = _unpacked(_in_single_precision(network))
    if options.output is not None:
        shown = _output(network, options.output)
        network = _unpacked(keras.Model(network.inputs, shown, name=network.name))
    network = _with_two_classes(network, options, is_logit=is_logit)
    inputs: list[Any] = network.inputs
    if options.size is None or len(inputs) != 1 or None not in inputs[0].shape[1:]:
        return network
    shape = tuple(inputs[0].shape)
    if len(shape) != _SHAPE_AXES:
        raise CompileError(f"network {network.name} takes no images, so --size has no meaning")
    image = keras.Input((*options.size, shape[-1] or _COLOURS))
    return keras.Model(image, network(image), name=network.name)


_OTHER_PRECISION: Final = re.compile(r'"(?:mixed_)?b?float(?:16|64)"')


def _in_single_precision(network: keras.Model) -> keras.Model:
    """The network with layers that all compute in float32, as LiteRT does."""
    text, changed = _OTHER_PRECISION.subn('"float32"', network.to_json())
    if not changed:
        return network
    copy = keras.models.model_from_json(text)
    copy_weights(network, copy)
    return copy


def _unpacked(network: keras.Model) -> keras.Model:
    """The network of one tensor where its input, or its output, is a structure of one."""
    inputs, outputs = network.inputs, network.outputs
    if isinstance(network, keras.Sequential) or len(inputs) > 1:
        return network
    output = outputs[0] if len(outputs) == 1 else network.output
    if network.input is inputs[0] and network.output is output:
        return network
    return keras.Model(inputs[0], output, name=network.name)


def _with_two_classes(
    network: keras.Model, options: NetworkOptions, *, is_logit: bool
) -> keras.Model:
    """The network with probabilities of two classes in place of one of the second, p, or of its
    logit z: the softmax of the logits 0 and z is 1 - p and p, where p is the sigmoid of z.
    """
    inputs, outputs = network.inputs, network.outputs
    if len(inputs) > 1 or len(outputs) > 1 or outputs[0].shape != (None, 1):
        return network
    is_logit = is_logit or len(options.classes) == _TWO
    last, taken = _end(outputs[0])
    logit = outputs[0]
    activation = getattr(last, "activation", None)
    is_sigmoid = activation is keras.activations.sigmoid or is_operation(last, "Sigmoid")
    if isinstance(last, keras.layers.Dense) and (
        is_sigmoid or (is_logit and activation is keras.activations.linear)
    ):
        both = keras.layers.Dense(_TWO, "softmax", use_bias=last.use_bias, name=last.name)
        weights = [np.concatenate([0 * one, one], axis=-1) for one in last.get_weights()]
        logit = taken
    elif is_sigmoid or is_logit:
        both = keras.layers.Dense(_TWO, "softmax", use_bias=False, name="two_classes")
        weights = [np.array([[0.0, 1.0]])]
        logit = taken if is_sigmoid else logit
    else:
        return network
    output = both(logit)
    both.set_weights(weights)
    return keras.Model(inputs[0], output, name=network.name)


def _end(output: Any) -> tuple[Any, Any]:
    """The operation that computed an output, and what it takes. Models at the end are opened, and
    an activation that changes nothing is passed over.
    """
    operation, node, index = output._keras_history  # noqa: SLF001  # Keras has no public name for it
    taken = operation._inbound_nodes[node].input_tensors  # noqa: SLF001
    if has_graph(operation) and len(taken) == 1:
        last, inner = _end(operation.outputs[index])
        if inner is operation.inputs[0]:
            return last, taken[0]
        before = keras.Model(operation.inputs, inner, name=operation.name)
        return last, before(taken[0])
    if is_idle(operation):
        return _end(taken[0])
    return operation, taken[0] if taken else output


def _output(network: keras.Model, name: str) -> Any:  # a symbolic tensor
    """An output of a network, by the name of its layer or by number, from 0."""
    outputs: list[Any] = list(network.outputs)
    names = list(getattr(network, "output_names", []))
    if name in names:
        return outputs[names.index(name)]
    if name.isdecimal() and int(name) < len(outputs):
        return outputs[int(name)]
    raise CompileError(
        f"network {network.name} has no output {quoted(name)}; its outputs are {', '.join(names)}"
    )


def described(found: InputContract, shape: tuple[int, ...]) -> str:
    """The contract in a sentence."""
    height, width, _ = shape
    colours = {"grey": "grey", "rgb": "RGB", "bgr": "BGR"}[found.colours]
    fits = {"crop": "cropped", "pad": "padded", "stretch": "stretched"}
    how = "prepared as MNIST's digits were" if found.kind == "digit" else fits[found.fit]
    return (
        f"{found.kind}s of {height} x {width} pixels, {colours}, {how}; "
        f"values of {found.ranges}, {found.source}"
    )
