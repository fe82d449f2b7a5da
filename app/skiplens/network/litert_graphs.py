"""LiteRT graphs of a traced network: all activations, the same with blocks in another order, and
gradients up to the logits.

Each graph is converted from one concrete function without a trackable object: converting a module,
or two signatures at once, silently drops the weights.
"""

import ctypes
import gc
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from skiplens.errors import CompileError
from skiplens.network.differentiable import differentiable
from skiplens.network.tracing import InstrumentedModel, Rewrite, copy_weights, instrument

Array = NDArray[np.float32]
Arrays = Mapping[str, Array]


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

    return _convert(activations, _signature(traced), names)


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

    signature = _signature(traced)
    signature["target"] = tf.TensorSpec((1, traced.layers[-1].filters), tf.float32, name="target")
    return _convert(gradients, signature, names)


def blocks_are_alike(traced: InstrumentedModel) -> bool:
    """Whether there are several blocks, and any two of them can swap places: all have the same
    layers of the same shapes, x passes each of them unchanged, nothing lies between them, and the
    names of their weights tell which block they are of.
    """
    kinds = {
        (
            block.merge,
            block.identity in {None, block.input},
            tuple(
                (
                    *(layer.name.removeprefix(block.name), layer.kind, layer.activation),
                    *(layer.shape, layer.parameters, layer.strides, layer.dilation, layer.epsilon),
                )
                for layer in traced.layers
                if layer.block == block.name
            ),
        )
        for block in traced.blocks
    }
    names = [block.name for block in traced.blocks]
    inside = sum(layer.parameters for layer in traced.layers if layer.block in names)
    told = sum(
        math.prod(one.shape)
        for one in traced.model.variables
        if _place_of(one, names)[1] is not None and "float" in str(one.dtype)
    )
    return (
        len(names) > 1
        and len(kinds) == 1
        and next(iter(kinds))[1]
        and all(one.output == after.input for one, after in pairwise(traced.blocks))
        and inside == told
    )


def compile_reordered(traced: InstrumentedModel) -> Graph:
    """The graph of ``image``, ``branch_scales`` and ``order (1, blocks)`` to every layer's output.

    ``order`` is the index of the block that runs at each place: a place takes its weights from a
    stack of those of all blocks. ``branch_scales`` and the names of the outputs go by place.
    """
    names = tuple(layer.name for layer in traced.layers)
    blocks = [block.name for block in traced.blocks]
    variables = (traced.model.trainable_variables, traced.model.non_trainable_variables)
    stacks = [_stacks(kind, blocks) for kind in variables]

    def reordered(order: tf.Tensor, **inputs: tf.Tensor) -> list[tf.Tensor]:
        indices = tf.cast(order[0], tf.int32)
        weights = [[_chosen(*stack, indices) for stack in kind] for kind in stacks]
        outputs, _ = traced.model.stateless_call(*weights, inputs, training=False)
        return [outputs[name] for name in names]

    signature = _signature(traced)
    signature["order"] = tf.TensorSpec((1, len(blocks)), tf.float32, name="order")
    return _convert(reordered, signature, names)


def _stacks(variables: list[Any], blocks: list[str]) -> list[tuple[Array, int | None]]:
    """For each variable its value and ``None``; for one of a block the values of the same variable
    in all blocks, and the block's place.
    """
    places = [_place_of(variable, blocks) for variable in variables]
    same: dict[str, list[Array]] = {}
    for variable, (part, place) in zip(variables, places, strict=True):
        if place is not None:
            same.setdefault(part, []).append(np.asarray(variable.value))
    stacks = {part: np.stack(values) for part, values in same.items()}
    return [
        (np.asarray(variable.value) if place is None else stacks[part], place)
        for variable, (part, place) in zip(variables, places, strict=True)
    ]


def _place_of(variable: Any, blocks: list[str]) -> tuple[str, int | None]:
    """The name of a variable without its block's, and the block's place."""
    for place, block in enumerate(blocks):
        before, found, rest = variable.path.rpartition(f"{block}.")
        if found:
            return before.rpartition("/")[2] + rest, place
    return variable.path, None


def _chosen(values: Array, place: int | None, indices: tf.Tensor) -> tf.Tensor:
    return tf.constant(values) if place is None else tf.gather(values, indices[place])


def reference_reordered(network: keras.Model) -> Callable[[Arrays], dict[str, Array]]:
    """The expected outputs of the graph of :func:`compile_reordered`: of a copy of the network,
    built with the blocks' weights in that order.
    """
    copy = keras.models.clone_model(network)
    traced, original = instrument(copy), instrument(network)
    blocks = [block.name for block in traced.blocks]

    def reference(inputs: Arrays) -> dict[str, Array]:
        order = inputs["order"][0].astype(int)
        for kind in ("trainable_variables", "non_trainable_variables"):
            given = _stacks(getattr(original.model, kind), blocks)
            for variable, (values, place) in zip(getattr(traced.model, kind), given, strict=True):
                variable.assign(values if place is None else values[order[place]])
        used = {name: inputs[name] for name in traced.model.input}
        outputs = traced.model(used, training=False)
        return {name: np.asarray(value) for name, value in outputs.items()}

    return reference


def gradient_names(traced: InstrumentedModel) -> tuple[str, ...]:
    """Outputs of the gradient graph in order: layers up to the logits, then the paths."""
    layers = (one.name for one in traced.layers[:-1] if one.name not in traced.beside)
    return (*layers, *traced.paths)


def reference_gradients(
    network: keras.Model, rewrite: Rewrite | None = None
) -> Callable[[Arrays], dict[str, Array]]:
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


def gradients_in_double(
    network: keras.Model,
) -> tuple[Callable[[Arrays], dict[str, Array]], Callable[[Arrays], dict[str, Array]]] | None:
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

    def in_double(gradients: Callable[[Arrays], dict[str, Array]]) -> Any:
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


def _signature(traced: InstrumentedModel) -> dict[str, tf.TensorSpec]:
    return {
        name: tf.TensorSpec((1, *tensor.shape[1:]), tf.float32, name=name)
        for name, tensor in traced.model.input.items()
    }


def _convert(function: Any, signature: dict[str, tf.TensorSpec], outputs: tuple[str, ...]) -> Graph:
    _tell_glibc("mallopt", _MMAP_THRESHOLD, _LARGE_ARRAY)
    concrete = tf.function(function, autograph=False).get_concrete_function(**signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    try:
        with _silent_stderr():
            content = converter.convert()
    except Exception as error:  # the converter's own error is not public
        missing = re.findall(r"(?:Select|Custom) ops: (.+)", str(error))
        what = f"operation {missing[0]}" if missing else "an operation of the network"
        if "/while" in str(error):
            what = "the gradient of a loop"
        raise CompileError(f"LiteRT lacks {what}") from error
    inputs = tuple(tensor.name.split(":")[0] for tensor in concrete.inputs[: len(signature)])
    del concrete, converter
    return_memory(len(content))
    return Graph(content, inputs, outputs)


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
