"""The LiteRT graph of all activations; how any graph is converted, and verified against Keras.

Each graph is converted from one concrete function without a trackable object: converting a module,
or two signatures at once, silently drops the weights.
"""

import ctypes
import gc
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from skiplens.core.manifest import GraphInfo
from skiplens.errors import CompileError
from skiplens.network.keras_calls import calls_as_keras
from skiplens.network.layer_records import is_operation
from skiplens.network.recurrent import unrolled
from skiplens.network.residual import FunctionLayer
from skiplens.network.tracing import InstrumentedModel

Array = NDArray[np.float32]
Arrays = Mapping[str, Array]
RunGraph = Callable[[bytes, GraphInfo, Arrays], dict[str, Array]]
Reference = Callable[[Arrays], dict[str, Array]]
Tensor = Any


@dataclass(frozen=True)
class Graph:
    """A compiled graph.

    Attributes:
        content: the LiteRT flatbuffer.
        inputs: input names, in order; all float32, batch size 1.
        outputs: output names, in the order the graph returns them.
    """

    content: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def compile_activations(traced: InstrumentedModel) -> Graph:
    """The graph of ``image (1, H, W, C)`` and ``branch_scales (1, n)`` to every layer's output."""
    names = tuple(layer.name for layer in traced.layers)

    def activations(**inputs: tf.Tensor) -> list[tf.Tensor]:
        outputs = traced.model(inputs, training=False)
        return [outputs[name] for name in names]

    return convert(activations, signature(traced), names)


def reference_activations(traced: InstrumentedModel) -> Reference:
    """The expected outputs of the graph of :func:`compile_activations`, by its inputs."""

    def reference(inputs: Arrays) -> dict[str, Array]:
        used = {name: inputs[name] for name in traced.model.input}
        outputs = traced.model(used, training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}

    return reference


def computable(layer: Any, x: Tensor) -> Tensor | None:
    """The layer's output from operations that LiteRT computes as Keras does; ``None`` where the
    layer itself consists of them.
    """
    is_unit = isinstance(layer, keras.layers.UnitNormalization) and calls_as_keras(layer)
    if is_unit or (is_operation(layer, "Normalize") and layer.order == _EUCLIDEAN):
        return FunctionLayer(None, partial(_of_unit_length, axis=layer.axis))([x])
    return unrolled(layer, x)


_EUCLIDEAN: Final = 2  # the order of the norm


def _of_unit_length(x: Tensor, axis: int | Sequence[int]) -> Tensor:
    """Vectors along an axis divided by their norm; LiteRT's own operation makes NaN of zeros."""
    axes = axis if isinstance(axis, int) else tuple(axis)
    norm = ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=True))
    return ops.divide(x, ops.add(norm, ops.cast(ops.equal(norm, 0.0), norm.dtype)))


def signature(traced: InstrumentedModel) -> dict[str, tf.TensorSpec]:
    """The inputs of a traced network, as those of a graph."""
    return {
        name: tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name=name)
        for name, tensor in traced.model.input.items()
    }


def convert(function: Any, inputs: dict[str, tf.TensorSpec], outputs: tuple[str, ...]) -> Graph:
    """The graph of a function of tensors by name to a list of them.

    Raises:
        CompileError: LiteRT lacks an operation.
    """
    _tell_glibc("mallopt", _MMAP_THRESHOLD, _LARGE_ARRAY)
    concrete = tf.function(function, autograph=False).get_concrete_function(**inputs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    try:
        with _silent_stderr():
            content = converter.convert()
    except Exception as error:  # the converter's own error is not public
        missing = re.findall(r"(?:Select|Custom) ops: (.+)", str(error))
        named = re.findall(r"error: ('\w+\.\w+' op .+)", str(error))
        what = f"operation {missing[0]}" if missing else "an operation of the network"
        what += f": {named[0]}" if named and not missing else ""
        if "/while" in str(error):
            what = "the gradient of a loop"
        raise CompileError(f"LiteRT lacks {what}") from error
    names = tuple(tensor.name.split(":")[0] for tensor in concrete.inputs[: len(inputs)])
    del concrete, converter
    return_memory(len(content))
    return Graph(content, names, outputs)


def return_memory(size: int) -> None:
    """Give the system back what is free, where a graph has so many bytes that it matters: glibc
    keeps it, and converting takes many times the weights.
    """
    if size > _LARGE_GRAPH:
        gc.collect()
        _tell_glibc("malloc_trim", 0)


_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of mallopt: what is larger is returned when freed
_LARGE_ARRAY: Final = 4 << 20  # bytes
_LARGE_GRAPH: Final = 20 << 20  # bytes


def _tell_glibc(function: str, *arguments: int) -> None:
    """Call a function of the C library, if it has it."""
    with suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), function)(*arguments)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """The converter writes pages of its own code to the standard error of the process."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


_TRIALS: Final = 6
_MANY_WEIGHTS: Final = 5_000_000  # half as many trials take a minute then
_MIN_MAGNITUDE: Final = 1e-3  # of an output, for its relative deviation


def trials(traced: InstrumentedModel) -> list[dict[str, Array]]:
    """Inputs to verify graphs with: noise images, branch scales of 1, 0 and between, orders."""
    rng, orders = np.random.default_rng(28), np.random.default_rng(27)
    classes = np.eye(traced.layers[-1].filters)
    found = []
    many = traced.model.count_params() > _MANY_WEIGHTS
    for trial in range(_TRIALS // 2 if many else _TRIALS):
        shapes = {name: (1, *tensor.shape[1:]) for name, tensor in traced.model.input.items()}
        image = np.clip(rng.normal(0.1, 0.6, shapes["image"]), 0, 1)
        if trial % 3 == 1:
            image[:, : image.shape[1] // 4] = 0  # as above a digit: steps that masks leave out
        order = orders.permutation(len(traced.blocks))[None].astype(float)
        inputs = {"image": image, "target": classes[[trial % len(classes)]], "order": order}
        if "branch_scales" in shapes:
            branch_scales = (np.ones, np.zeros, rng.random)[trial % 3]
            inputs["branch_scales"] = branch_scales(shapes["branch_scales"])
        found.append({name: value.astype(np.float32) for name, value in inputs.items()})
    return found


class Tolerance(NamedTuple):
    """How far an output may be off: the size of the difference over the size of the output.

    Attributes:
        size: of an array.
        tolerance: of the difference.
        beyond: tells a wider tolerance where that is exceeded, as to find it takes time.
    """

    size: Callable[[Array], float]
    tolerance: float
    beyond: Callable[[], float] | None = None


BY_LARGEST: Final = Tolerance(lambda values: float(np.max(np.abs(values))), 1e-4)


def differ(found: Array, expected: Array) -> bool:
    """Whether two outputs differ by more than rounding."""
    size = max(BY_LARGEST.size(expected), _MIN_MAGNITUDE)
    return BY_LARGEST.size(found - expected) > BY_LARGEST.tolerance * size


def verify(
    content: bytes,
    info: GraphInfo,
    run_graph: RunGraph,
    reference: Reference,
    traced: InstrumentedModel,
    measure: Tolerance = BY_LARGEST,
) -> float:
    """The largest deviation of a graph from its reference over all trials and outputs.

    Args:
        content: the LiteRT flatbuffer.
        info: names of its inputs and outputs.
        run_graph: runs it.
        reference: computes the expected outputs from the same inputs.
        traced: the network, for the shapes of its inputs.
        measure: of deviations.

    Returns:
        The deviation, relative to the largest size of each output over all trials.

    Raises:
        CompileError: it exceeds the tolerance or is NaN, or an output is missing.
    """
    magnitudes = dict.fromkeys(info.outputs, _MIN_MAGNITUDE)
    deviations = dict.fromkeys(info.outputs, 0.0)
    for inputs in trials(traced):
        expected = reference(inputs)
        return_memory(len(content))  # what the reference took: the graph takes as much again
        found = run_graph(content, info, {key: inputs[key] for key in info.inputs})
        for name in info.outputs:
            if not np.isfinite(expected[name]).all():
                raise CompileError(
                    f"layer {name} computes a value that is NaN or infinite, so the network cannot "
                    "be shown; the usual reason is weights that became NaN or infinite in training"
                )
            deviation = _deviation(found.get(name), expected[name], measure)
            deviations[name] = float(np.maximum(deviations[name], deviation))  # keeps NaN
            magnitudes[name] = max(magnitudes[name], measure.size(expected[name]))
        del expected, found
        return_memory(len(content))
    relative = {name: deviations[name] / magnitudes[name] for name in info.outputs}
    tolerance = measure.tolerance
    if measure.beyond and not all(deviation <= tolerance for deviation in relative.values()):
        tolerance = max(tolerance, measure.beyond())
    for name, deviation in relative.items():
        if not deviation <= tolerance:
            raise CompileError(
                f"compiled {info.file} differs from Keras at {name} by {deviation:.3g}; "
                f"at most {tolerance:.3g} is allowed"
            )
    return max(relative.values())


def _deviation(found: Array | None, expected: Array, measure: Tolerance) -> float:
    """Size of the difference; infinite if the output is missing or has another shape."""
    if found is None or found.shape != expected.shape:
        return np.inf
    return measure.size(found - expected)
