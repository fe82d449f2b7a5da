"""The graph of gradients up to the logits, of layers computed from operations that LiteRT has the
gradients of; and how exact its gradients are.

LiteRT has no operation for the gradients of ReLU and its kin, of pooling, and of depthwise and
grouped convolution. Each is computed here from operations that it has a gradient of, to the same
values and, where two values are equal, with the same subgradient as Keras.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from skiplens.core.manifest import GraphInfo
from skiplens.errors import CompileError
from skiplens.network.keras_calls import calls_as_keras
from skiplens.network.layer_records import is_operation, is_softmax
from skiplens.network.litert_graphs import (
    BY_LARGEST,
    Array,
    Arrays,
    Graph,
    Reference,
    RunGraph,
    Tensor,
    Tolerance,
    convert,
    signature,
    verify,
)
from skiplens.network.recurrent import is_masked, is_recurrent, unrolled
from skiplens.network.residual import FunctionLayer
from skiplens.network.tracing import InstrumentedModel, Rewrite, copy_weights, instrument

Function = Callable[[Tensor], Tensor]

_LOWEST: Final = -1e30  # stands for what lies outside a map: no value of a map is smaller
_SIX: Final = 6.0


def compile_gradients(network: keras.Model) -> Graph:
    """The graph of ``image``, ``branch_scales``, one-hot ``target (1, classes)`` to the gradient of
    the target's logit at every layer, and at each block's input by path.

    Of the logit and not of log p, whose gradient ``target - p`` at the logits is all but zero
    wherever the network is confident, in every layer alike.

    Raises:
        CompileError: the network does not end in logits and a softmax, or has a layer that LiteRT
            cannot differentiate.
    """
    traced = instrument(network, rewrite=differentiable, paths=True)
    logits = _logits(traced)
    names = gradient_names(traced)

    def gradients(target: tf.Tensor, **inputs: tf.Tensor) -> list[tf.Tensor]:
        return _gradients(traced.model, inputs, target, logits, names)

    given = signature(traced)
    given["target"] = tf.TensorSpec((1, traced.layers[-1].filters), tf.float32, name="target")
    return convert(gradients, given, names)


def gradient_names(traced: InstrumentedModel) -> tuple[str, ...]:
    """Outputs of the gradient graph in order: layers up to the logits, then the paths."""
    layers = (one.name for one in traced.layers[:-1] if one.name not in traced.beside)
    return (*layers, *traced.paths)


def reference_gradients(network: keras.Model, rewrite: Rewrite | None = None) -> Reference:
    """The gradient graph's expected outputs as a function of its inputs, by ``GradientTape`` on the
    unmodified network, or with its layers rewritten.

    As a graph, it leaves out the gradients of kernels, in which TensorFlow can crash.
    """
    traced = instrument(network, rewrite=rewrite, paths=True)
    logits, names = _logits(traced), gradient_names(traced)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def gradients(target: tf.Tensor, inputs: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        return _gradients(traced.model, inputs, target, logits, names)

    def reference(inputs: Arrays) -> dict[str, Array]:
        tensors = {name: tf.constant(inputs[name]) for name in traced.model.input}
        found = gradients(tf.constant(inputs["target"]), tensors)
        return {name: value.numpy() for name, value in zip(names, found, strict=True)}

    return reference


def gradients_in_double(network: keras.Model) -> tuple[Reference, Reference] | None:
    """The gradients of rewritten and of unmodified layers as of :func:`reference_gradients`, by a
    copy of the network that computes in float64; ``None`` if a layer cannot.
    """
    try:
        with _double_precision():
            copy = keras.models.model_from_json(network.to_json().replace("float32", "float64"))
            copy_weights(network, copy)
            found = reference_gradients(copy, differentiable), reference_gradients(copy)
    except (TypeError, ValueError):
        return None

    def in_double(gradients: Reference) -> Reference:
        def reference(inputs: Arrays) -> dict[str, Array]:
            with _double_precision():  # the first call traces
                return gradients({name: one.astype(np.float64) for name, one in inputs.items()})

        return reference

    return in_double(found[0]), in_double(found[1])


@contextmanager
def _double_precision() -> Iterator[None]:
    """New layers and tensors of Keras compute in float64."""
    kept, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(kept)
        keras.config.set_dtype_policy(policy)


def _gradients(
    model: keras.Model,
    inputs: Mapping[str, tf.Tensor],
    target: tf.Tensor,
    logits: str,
    names: tuple[str, ...],
) -> list[tf.Tensor]:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(list(inputs.values()))
        outputs = model(inputs, training=False)
    found: list[tf.Tensor | None] = tape.gradient(
        outputs[logits],
        [outputs[name] for name in names],
        output_gradients=target,
    )
    if any(one is None for one in found):
        raise CompileError("its logits have no gradient by the image")
    return found


def _logits(traced: InstrumentedModel) -> str:
    """The layer that the softmax at the end reads."""
    if traced.logits is None:
        raise CompileError(
            "gradients are those of the logits before a softmax; "
            f"this network ends in {traced.layers[-1].name!r} instead"
        )
    return traced.logits


# Where a ReLU is all but zero it can open in one engine alone, which changes single gradients.
BY_NORM: Final = Tolerance(lambda values: float(np.linalg.norm(values)), 1e-3)

# In large networks several ReLUs can; then the rewritten gradients have to be exact in TensorFlow.
WITH_FLIPS: Final = Tolerance(BY_NORM.size, 2e-2)
# Of the rewritten gradients in float64, which leaves nothing of rounding; an approximation that
# stands for the error function is good to 1.5e-7 in each layer.
IN_DOUBLE: Final = Tolerance(BY_LARGEST.size, 1e-5)
_NOISES: Final = 3  # of Keras that LiteRT may be off: each rounds in an order of its own


def verify_gradients(  # those of verify, and the network
    network: keras.Model,
    content: bytes,
    info: GraphInfo,
    run_graph: RunGraph,
    reference: Reference,
    traced: InstrumentedModel,
) -> float:
    """As :func:`verify`, for the graph of gradients, whose ReLUs can flip.

    Raises:
        CompileError: the graph deviates too far, and further than rounding explains; or flips hide
            whether the rewritten layers are right, and they are not.
    """

    def widest() -> float:
        return _NOISES * rounding_noise(network, traced, info, reference)

    measure = WITH_FLIPS._replace(beyond=widest)
    deviation = verify(content, info, run_graph, reference, traced, measure)
    check_flips(network, traced, info, reference, deviation)
    return deviation


def rounding_noise(
    network: keras.Model, traced: InstrumentedModel, info: GraphInfo, reference: Reference
) -> float:
    """How far Keras' own gradients in float32 are from those in float64, at most, by the norm of
    each: what rounding does, flips of ReLUs included. 0 if a layer cannot compute in float64.
    """
    found = gradients_in_double(network)
    if found is None:
        return 0.0
    of_any_size = Tolerance(BY_NORM.size, np.inf)
    return verify(b"", info, lambda _, __, given: reference(given), found[1], traced, of_any_size)


def check_flips(
    network: keras.Model,
    traced: InstrumentedModel,
    info: GraphInfo,
    reference: Reference,
    deviation: float,
) -> None:
    """Where ReLUs of a large network flip, verify in TensorFlow that rewritten layers have the
    gradients of the original ones: in float32, or where rounding adds up over very many layers, in
    float64.

    Raises:
        CompileError: they deviate too far.
    """
    if deviation <= BY_NORM.tolerance:
        return

    def compare(rewritten: Reference, expected: Reference, measure: Tolerance) -> None:
        verify(b"", info, lambda _, __, given: rewritten(given), expected, traced, measure)

    try:
        compare(reference_gradients(network, differentiable), reference, BY_LARGEST)
    except CompileError:
        found = gradients_in_double(network)
        if found is None:
            raise
        compare(*found, IN_DOUBLE)


def differentiable(layer: Any, x: Tensor) -> Tensor | None:
    """The layer's output from operations that LiteRT can differentiate; ``None`` where the layer
    itself consists of them, or is not known.

    Raises:
        CompileError: a mask has the state of a recurrent layer stand still, which takes a loop.
    """
    if is_recurrent(layer) and is_masked(x):
        raise CompileError("LiteRT lacks the gradient of a loop")
    function = _function_of(layer)
    return unrolled(layer, x) if function is None else FunctionLayer(None, function)([x])


def _function_of(layer: Any) -> Function | None:
    if (activation := _activation_of(layer)) is not None:
        return activation
    for kinds, make in _LAYERS:
        if isinstance(layer, kinds) and calls_as_keras(layer):
            return make(layer)
    return None


def _above(x: Tensor, threshold: float) -> Tensor:
    """1 where ``x`` exceeds the threshold, else 0."""
    return ops.cast(ops.greater(x, threshold), x.dtype)


def _relu(
    x: Tensor, slope: Any = 0.0, ceiling: float | None = None, threshold: float = 0.0
) -> Tensor:
    on = _above(x, threshold)
    y = ops.multiply(x, on)
    if not isinstance(slope, float) or slope:
        y = ops.add(y, ops.multiply(slope, ops.multiply(ops.subtract(x, threshold), 1.0 - on)))
    return y if ceiling is None else _below(y, ceiling)


def _below(x: Tensor, ceiling: float) -> Tensor:
    """``min(x, ceiling)``, without a gradient from the ceiling on."""
    over = ops.cast(ops.greater_equal(x, ceiling), x.dtype)
    return ops.add(ops.multiply(x, 1.0 - over), ops.multiply(ceiling, over))


def _elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    on = _above(x, 0.0)
    under = ops.subtract(ops.exp(ops.multiply(x, 1.0 - on)), 1.0)
    return ops.add(ops.multiply(x, on), ops.multiply(alpha, under))


def _selu(x: Tensor) -> Tensor:
    """Klambauer et al. 2017, "Self-Normalizing Neural Networks"."""
    return ops.multiply(1.0507009873554805, _elu(x, 1.6732632423543772))


def _silu(x: Tensor) -> Tensor:
    return ops.multiply(x, ops.sigmoid(x))


def _hard_sigmoid(x: Tensor) -> Tensor:
    return ops.divide(_relu(ops.add(x, _SIX / 2), ceiling=_SIX), _SIX)


def _hard_silu(x: Tensor) -> Tensor:
    return ops.multiply(x, _hard_sigmoid(x))


def _magnitude(x: Tensor) -> Tensor:
    return ops.multiply(x, ops.subtract(ops.multiply(2.0, _above(x, 0.0)), 1.0))


def _softplus(x: Tensor) -> Tensor:
    tail = ops.log(ops.add(1.0, ops.exp(ops.negative(_magnitude(x)))))
    return ops.add(_relu(x), tail)


def _log_sigmoid(x: Tensor) -> Tensor:
    return ops.negative(_softplus(ops.negative(x)))


def _softsign(x: Tensor) -> Tensor:
    return ops.divide(x, ops.add(1.0, _magnitude(x)))


def _mish(x: Tensor) -> Tensor:
    return ops.multiply(x, ops.tanh(_softplus(x)))


def _gelu(x: Tensor, *, approximate: bool = False) -> Tensor:
    """``x`` times the normal distribution's cumulative probability, or Keras' approximation."""
    if approximate:
        inner = ops.multiply(x, ops.add(1.0, ops.multiply(0.044715, ops.multiply(x, x))))
        share = ops.tanh(ops.multiply((2 / np.pi) ** 0.5, inner))
    else:
        share = _erf(ops.multiply(x, 0.5**0.5))
    return ops.multiply(ops.multiply(0.5, x), ops.add(1.0, share))


def _erf(x: Tensor) -> Tensor:
    """The error function to 1.5e-7: Abramowitz and Stegun 1964, 7.1.26."""
    on = ops.subtract(ops.multiply(2.0, _above(x, 0.0)), 1.0)
    magnitude = ops.multiply(x, on)
    t = ops.divide(1.0, ops.add(1.0, ops.multiply(0.3275911, magnitude)))
    series = t * 0.0
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = ops.multiply(t, ops.add(factor, series))
    decay = ops.exp(ops.negative(ops.multiply(x, x)))
    return ops.multiply(on, ops.subtract(1.0, ops.multiply(series, decay)))


_ACTIVATIONS: Final[dict[str, Function]] = {  # by Keras' name, without underscores
    "relu": _relu,
    "relu6": partial(_relu, ceiling=_SIX),
    "leakyrelu": partial(_relu, slope=0.2),
    "elu": _elu,
    "selu": _selu,
    "silu": _silu,
    "gelu": _gelu,
    "hardsigmoid": _hard_sigmoid,
    "hardsilu": _hard_silu,
    "softplus": _softplus,
    "softsign": _softsign,
    "logsigmoid": _log_sigmoid,
    "mish": _mish,
}


def _activation_of(layer: Any) -> Function | None:
    """The function of an activation layer, or of the operation behind a Keras function."""
    if isinstance(layer, keras.layers.Activation) and calls_as_keras(layer):
        function = layer.activation
        known = keras.activations.get(getattr(function, "__name__", "linear")) is function
        return _ACTIVATIONS.get(function.__name__.replace("_", "")) if known else None
    if isinstance(layer, keras.layers.Layer) or is_softmax(layer):
        return None
    if is_operation(layer, "LeakyRelu"):
        return partial(_relu, slope=float(layer.negative_slope))
    if is_operation(layer, "Elu"):
        return partial(_elu, alpha=float(layer.alpha))
    if is_operation(layer, "Gelu"):
        return partial(_gelu, approximate=layer.approximate)
    return _ACTIVATIONS.get(type(layer).__name__.lower())


def _relu_layer(layer: Any) -> Function:
    return partial(
        _relu,
        slope=float(layer.negative_slope),
        ceiling=None if layer.max_value is None else float(layer.max_value),
        threshold=float(layer.threshold),
    )


def _windows(x: Tensor, axis: int, window: "_Window", outside: float) -> list[Tensor]:
    """What stands at each place of the windows along one axis of ``x (N, ..., C)``: as many
    tensors as a window has places, each of the shape that pooling makes of ``x``.

    LiteRT has no gradient of a slice with a stride; the axis is cut into strides instead.
    """
    shape, rest = tuple(x.shape), int(np.prod(x.shape[axis + 1 :]))
    count, before = window.fit(shape[axis])
    strides = count + -(-window.size // window.stride)
    length = strides * window.stride
    pads = [(0, 0)] * len(shape)
    pads[axis] = (before, max(length - before - shape[axis], 0))
    x = _slice(tf.pad(x, pads, constant_values=outside), axis, 0, length)
    cut = tf.reshape(x, (-1, strides, window.stride, rest))  # rank 4: LiteRT pads no more axes
    found = []
    for at in range(window.size):
        start, within = divmod(at, window.stride)
        place = _slice(_slice(cut, 1, start, count), 2, within, 1)
        found.append(tf.reshape(place, (-1, *shape[1:axis], count, *shape[axis + 1 :])))
    return found


@dataclass(frozen=True)
class _Window:
    """A window on one axis."""

    size: int
    stride: int
    padding: str

    def fit(self, length: int) -> tuple[int, int]:
        """The number of windows, and of places by which the first begins before the axis."""
        if self.padding != "same":
            return (length - self.size) // self.stride + 1, 0
        count = -(-length // self.stride)
        return count, max((count - 1) * self.stride + self.size - length, 0) // 2


def _slice(x: Tensor, axis: int, start: int, length: int) -> Tensor:
    at, sizes = [0] * len(x.shape), [-1] * len(x.shape)
    at[axis], sizes[axis] = start, length
    return tf.slice(x, at, sizes)


def _windows_of(layer: Any) -> list[tuple[int, _Window]]:
    """A window for each axis; the last axis first, as windows are read row by row."""
    pairs = zip(layer.pool_size, layer.strides, strict=True)
    found = [(axis, _Window(*pair, layer.padding)) for axis, pair in enumerate(pairs, 1)]
    return found[::-1]


def _max_pooling(layer: Any) -> Function:
    def pooled(x: Tensor) -> Tensor:
        for axis, window in _windows_of(layer):
            x = _largest(_windows(x, axis, window, _LOWEST))
        return x

    return pooled


def _largest(values: Sequence[Tensor]) -> Tensor:
    """The largest, whose gradient goes to the first of equal values, as in Keras.

    After a ReLU whole windows are zero; sharing the gradient among them would be just as valid.
    """
    largest = values[0]
    for value in values[1:]:
        more = ops.cast(ops.greater(value, largest), value.dtype)
        largest = ops.add(ops.multiply(value, more), ops.multiply(largest, 1.0 - more))
    return largest


def _average_pooling(layer: Any) -> Function:
    def pooled(x: Tensor) -> Tensor:
        for axis, window in _windows_of(layer):
            shares = _shares(x.shape[axis], window)
            shares = shares.reshape(-1, *[1] * (len(x.shape) - axis - 1))
            x = ops.multiply(tf.add_n(_windows(x, axis, window, 0.0)), shares)
        return x

    return pooled


def _shares(length: int, window: _Window) -> NDArray[np.float32]:
    """One over the number of values in each window, as padding does not count."""
    count, before = window.fit(length)
    starts = np.arange(count) * window.stride - before
    ends = np.minimum(starts + window.size, length)
    return (1 / (ends - np.maximum(starts, 0))).astype(np.float32)


def _upsampling(layer: Any) -> Function | None:
    """Nearest values, whose gradient is the sum over the copies; others as :func:`_resizing`."""
    if layer.interpolation != "nearest":
        return _resizing(layer)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def enlarged(x: Tensor) -> tuple[Tensor, Function]:
        def backward(upstream: Tensor) -> Tensor:
            means = tf.nn.avg_pool2d(upstream, layer.size, layer.size, "VALID")
            return ops.multiply(means, float(np.prod(layer.size)))

        return layer(x), backward

    return cast(Function, enlarged)


def _resizing(layer: Any) -> Function:
    """Interpolation as a product with a matrix for each axis."""

    def resized(x: Tensor) -> Tensor:
        rows, columns = (_interpolation(layer, length) for length in x.shape[1:3])
        x = tf.einsum("hi,nijc->nhjc", rows[0], x)
        return tf.einsum("wj,nhjc->nhwc", columns[1], x)

    return resized


def _interpolation(layer: Any, length: int) -> tuple[Tensor, Tensor]:
    """The matrices ``(new, old)`` that a layer resizes rows and columns of a length by."""
    with tf.init_scope():
        basis = tf.eye(length)
        rows = layer(tf.reshape(basis, (1, length, 1, length)))[0, :, 0]
        columns = layer(tf.reshape(basis, (1, 1, length, length)))[0, 0]
        return tf.constant(rows), tf.constant(columns)


def _cropping(layer: Any) -> Function:
    def cropped(x: Tensor) -> Tensor:
        sides = layer.cropping if isinstance(layer.cropping[0], tuple) else (layer.cropping,)
        for axis, (before, after) in enumerate(sides, 1):
            x = _slice(x, axis, before, x.shape[axis] - before - after)
        return x

    return cropped


def _convolution(layer: Any) -> Function | None:
    """A grouped convolution as one convolution for each group."""
    if layer.groups == 1 or layer.data_format != "channels_last":
        return None

    def convolved(x: Tensor) -> Tensor:
        kernels = ops.split(layer.kernel, layer.groups, axis=-1)
        maps = ops.split(x, layer.groups, axis=-1)
        pairs = zip(maps, kernels, strict=True)
        found = [
            ops.conv(part, kernel, list(layer.strides), layer.padding, "channels_last")
            for part, kernel in pairs
        ]
        return _with_bias(layer, ops.concatenate(found, axis=-1))

    plain = all(one == 1 for one in layer.dilation_rate) and layer.padding in {"same", "valid"}
    return convolved if plain else None


def _with_bias(layer: Any, y: Tensor) -> Tensor:
    return ops.add(y, layer.bias) if layer.use_bias else y


def _depthwise(layer: Any) -> Function | None:
    if layer.data_format != "channels_last" or layer.padding not in {"same", "valid"}:
        return None

    def convolved(x: Tensor) -> Tensor:
        return _with_bias(layer, _depthwise_maps(layer, layer.kernel, x))

    return convolved


def _separable(layer: Any) -> Function | None:
    if layer.data_format != "channels_last" or layer.padding not in {"same", "valid"}:
        return None

    def convolved(x: Tensor) -> Tensor:
        maps = _depthwise_maps(layer, layer.depthwise_kernel, x)
        return _with_bias(layer, ops.conv(maps, layer.pointwise_kernel, 1, "valid"))

    return convolved


def _depthwise_maps(layer: Any, kernel: Tensor, x: Tensor) -> Tensor:
    """Depthwise convolution, of sequences as of maps of one row."""
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    if len(strides) > 1:
        return _depthwise_2d(x, kernel, strides, dilation, layer.padding)
    maps = _depthwise_2d(
        ops.expand_dims(x, 1),
        ops.expand_dims(kernel, 0),
        (strides[0], strides[0]),
        (1, dilation[0]),
        layer.padding,
    )
    return ops.squeeze(maps, 1)


def _depthwise_2d(
    x: Tensor, kernel: Tensor, strides: tuple[int, ...], dilation: tuple[int, ...], padding: str
) -> Tensor:
    """Depthwise convolution of ``x (N, H, W, C)`` with ``kernel (h, w, C, M)``.

    Its gradient is a depthwise convolution too: of the gradient above, spread to the strides, with
    the kernel turned round.
    """
    shape, kernel = tuple(x.shape), tf.convert_to_tensor(kernel)
    height, width, channels, copies = kernel.shape
    reach = [(size - 1) * rate for size, rate in zip((height, width), dilation, strict=True)]
    windows = [_Window(one + 1, by, padding) for one, by in zip(reach, strides, strict=True)]

    def backward(upstream: Tensor) -> Tensor:
        for axis, stride in ((1, strides[0]), (2, strides[1])):
            upstream = _spread(upstream, axis, stride)
        upstream = tf.pad(upstream, [(0, 0), (reach[0],) * 2, (reach[1],) * 2, (0, 0)])
        turned = tf.reshape(kernel[::-1, ::-1], (height, width, channels * copies, 1))
        found = tf.nn.depthwise_conv2d(upstream, turned, [1] * 4, "VALID", dilations=dilation)
        if copies > 1:
            sizes = (-1, *found.shape[1:3], channels, copies)
            found = tf.reduce_sum(tf.reshape(found, sizes), -1)
        for axis, window in ((1, windows[0]), (2, windows[1])):
            length = shape[axis]
            _, before = window.fit(length)
            pads = [(0, 0)] * 4
            pads[axis] = (0, max(before + length - found.shape[axis], 0))
            found = _slice(tf.pad(found, pads), axis, before, length)
        return found

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def convolve(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        y = tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), padding.upper(), dilations=dilation)
        return y, backward

    return convolve(x)


def _spread(x: Tensor, axis: int, stride: int) -> Tensor:
    """``x (N, H, W, C)`` with ``stride - 1`` zeros behind each value along an axis."""
    if stride == 1:
        return x
    shape = x.shape
    rest = int(np.prod(shape[axis + 1 :]))
    cut = tf.pad(tf.reshape(x, (-1, 1, rest)), [(0, 0), (0, stride - 1), (0, 0)])
    return tf.reshape(cut, (-1, *shape[1:axis], shape[axis] * stride, *shape[axis + 1 :]))


_LAYERS: Final[tuple[tuple[Any, Callable[[Any], Function | None]], ...]] = (
    (keras.layers.ReLU, _relu_layer),
    (keras.layers.LeakyReLU, lambda layer: partial(_relu, slope=float(layer.negative_slope))),
    (keras.layers.PReLU, lambda layer: partial(_relu, slope=layer.alpha)),
    (keras.layers.ELU, lambda layer: partial(_elu, alpha=float(layer.alpha))),
    ((keras.layers.MaxPooling1D, keras.layers.MaxPooling2D), _max_pooling),
    ((keras.layers.AveragePooling1D, keras.layers.AveragePooling2D), _average_pooling),
    (keras.layers.UpSampling2D, _upsampling),
    (keras.layers.Resizing, _resizing),
    ((keras.layers.Cropping1D, keras.layers.Cropping2D), _cropping),
    ((keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D), _depthwise),
    ((keras.layers.SeparableConv1D, keras.layers.SeparableConv2D), _separable),
    ((keras.layers.Conv1D, keras.layers.Conv2D), _convolution),
)
