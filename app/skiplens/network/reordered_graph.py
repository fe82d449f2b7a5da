"""The graph whose blocks run in any order, and of which networks there is one."""

import math
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skiplens.network.litert_graphs import (
    Array,
    Arrays,
    Graph,
    Reference,
    convert,
    reference_activations,
    signature,
)
from skiplens.network.tracing import InstrumentedModel, instrument


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

    given = signature(traced)
    given["order"] = tf.TensorSpec((1, len(blocks)), tf.float32, name="order")
    return convert(reordered, given, names)


def reference_reordered(network: keras.Model) -> Reference:
    """The expected outputs of the graph of :func:`compile_reordered`: of a copy of the network,
    built with the blocks' weights in that order.
    """
    copy = keras.models.clone_model(network)
    traced, original = instrument(copy), instrument(network)
    activations = reference_activations(traced)
    blocks = [block.name for block in traced.blocks]

    def reference(inputs: Arrays) -> dict[str, Array]:
        order = inputs["order"][0].astype(int)
        for kind in ("trainable_variables", "non_trainable_variables"):
            given = _stacks(getattr(original.model, kind), blocks)
            for variable, (values, place) in zip(getattr(traced.model, kind), given, strict=True):
                variable.assign(values if place is None else values[order[place]])
        return activations(inputs)

    return reference


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
