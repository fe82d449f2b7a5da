"""Recurrent layers of a fixed length, step by step, from operations that LiteRT has.

Keras computes them in a loop; LiteRT has no gradient of a loop. GRU and LSTM are read with their
gates:
Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", eq. 5 to 8, and
Hochreiter and Schmidhuber 1997 with the forget gate of Gers, Schmidhuber and Cummins 2000.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import keras
from keras import ops

from skiplens.network.keras_calls import calls_as_keras
from skiplens.network.residual import FunctionLayer

Tensor = Any

_KINDS: Final = (keras.layers.GRU, keras.layers.LSTM, keras.layers.SimpleRNN)
_MERGES: Final[dict[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "concat": lambda ahead, back: ops.concatenate([ahead, back], axis=-1),
    "sum": ops.add,
    "mul": ops.multiply,
    "ave": lambda ahead, back: ops.multiply(ops.add(ahead, back), 0.5),
}


def is_recurrent(layer: Any) -> bool:
    """Whether :func:`states` can stand in for the layer: a GRU, LSTM or SimpleRNN, or a
    Bidirectional of one, that returns one tensor and keeps no state from one input to the next.
    """
    if isinstance(layer, keras.layers.Bidirectional):
        directions = (layer.forward_layer, layer.backward_layer)
        return layer.merge_mode in _MERGES and all(is_recurrent(one) for one in directions)
    is_kind = isinstance(layer, _KINDS) and calls_as_keras(layer)
    return is_kind and not layer.return_state and not layer.stateful


def is_masked(x: Tensor) -> bool:
    """Whether steps of a symbolic sequence are left out."""
    return getattr(x, "_keras_mask", None) is not None


def unrolled(layer: Any, x: Tensor) -> Tensor | None:
    """A rewrite for :func:`skiplens.network.tracing.instrument`: the symbolic output of
    :func:`states`; ``None`` for other layers, and where a mask has the state stand still.
    """
    if not is_recurrent(layer) or is_masked(x):
        return None
    part = FunctionLayer(None, partial(states, layer))
    part.layer = layer  # so that the model knows its weights
    return part([x])


def traced_gates(layer: Any, x: Tensor, output: Tensor) -> dict[str, Tensor]:
    """:func:`gates` of symbolic tensors; nothing for layers that are not recurrent."""
    if not is_recurrent(layer) or not gates(layer, x, output):
        return {}
    found: dict[str, Tensor] = FunctionLayer(None, partial(gates, layer))([x, output])
    return found


def states(layer: Any, x: Tensor) -> Tensor:
    """The layer's output, computed step by step.

    Args:
        layer: one that :func:`is_recurrent` knows, built.
        x: ``(N, T, C)`` of a fixed ``T``.

    Returns:
        ``(N, T, units)``, or ``(N, units)`` if the layer returns its last state only.
    """
    if isinstance(layer, keras.layers.Bidirectional):
        ahead, back = states(layer.forward_layer, x), states(layer.backward_layer, x)
        if layer.return_sequences:
            back = _reversed(back)  # to the order of the steps
        return _MERGES[layer.merge_mode](ahead, back)
    steps = ops.unstack(_project(layer.cell, x), axis=1)
    state = memory = ops.zeros_like(steps[0][:, : layer.units])
    found = []
    for step in reversed(steps) if layer.go_backwards else steps:
        state, memory = _step(layer.cell, step, state, memory)
        found.append(state)
    return ops.stack(found, axis=1) if layer.return_sequences else found[-1]


def gates(layer: Any, x: Tensor, output: Tensor) -> dict[str, Tensor]:
    """The layer's gates by name, each in the shape of its states: ``update`` and ``reset`` of a
    GRU, ``input``, ``forget`` and ``output`` of an LSTM; units of both directions side by side.

    An update gate of 1 keeps the state, one of 0 replaces it.

    Args:
        layer: one that :func:`is_recurrent` knows, built.
        x: its input, ``(N, T, C)``.
        output: its output for it, ``(N, T, units)``.

    Returns:
        In (0, 1). Nothing for a layer without gates, of two kinds in its two directions, or whose
        output does not hold the state of every direction at every step.
    """
    if not layer.return_sequences:
        return {}
    if not isinstance(layer, keras.layers.Bidirectional):
        return _gates(layer, x, output)
    one, other = layer.forward_layer, layer.backward_layer
    if layer.merge_mode != "concat" or type(one) is not type(other) or one.units != other.units:
        return {}
    ahead = _gates(one, x, output[..., : one.units])
    back = _gates(other, x, _reversed(output[..., one.units :]))
    return {name: ops.concatenate([ahead[name], _reversed(back[name])], axis=-1) for name in ahead}


def _gates(layer: Any, x: Tensor, output: Tensor) -> dict[str, Tensor]:
    """Gates of one direction, in the order in which it takes the steps."""
    if isinstance(layer, keras.layers.SimpleRNN):
        return {}
    taken = _reversed(x) if layer.go_backwards else x
    before = ops.concatenate([ops.zeros_like(output[:, :1]), output[:, :-1]], axis=1)
    logits = ops.add(_project(layer.cell, taken), _recur(layer.cell, before))
    opened = layer.cell.recurrent_activation
    if isinstance(layer, keras.layers.GRU):
        update, reset, _ = _split(logits, 3)
        return {"update": opened(update), "reset": opened(reset)}
    entry, forget, _, leave = _split(logits, 4)
    return {"input": opened(entry), "forget": opened(forget), "output": opened(leave)}


def _reversed(x: Tensor) -> Tensor:
    """The steps last to first."""
    return ops.flip(x, axis=1)


def _split(x: Tensor, parts: int) -> Sequence[Tensor]:
    """The parts of the last axis. LiteRT has the gradient of unstacking, not of a slice."""
    shape = (-1, *x.shape[1:-1], parts, x.shape[-1] // parts)
    found: Sequence[Tensor] = ops.unstack(ops.reshape(x, shape), axis=-2)
    return found


def _two_biases(cell: Any) -> bool:
    return cell.use_bias and len(cell.bias.shape) > 1


def _project(cell: Any, x: Tensor) -> Tensor:
    """The contribution of the input to a cell's gates, ``(N, T, gates * units)``."""
    product = ops.matmul(x, cell.kernel)
    if not cell.use_bias:
        return product
    return ops.add(product, cell.bias[0] if _two_biases(cell) else cell.bias)


def _recur(cell: Any, state: Tensor) -> Tensor:
    """The contribution of the previous state."""
    product = ops.matmul(state, cell.recurrent_kernel)
    return ops.add(product, cell.bias[1]) if _two_biases(cell) else product


def _step(cell: Any, projected: Tensor, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """The next state and an LSTM's next memory, ``(N, units)`` each."""
    if isinstance(cell, keras.layers.GRUCell):
        return _gru_step(cell, projected, state), memory
    if isinstance(cell, keras.layers.SimpleRNNCell):
        return cell.activation(ops.add(projected, _recur(cell, state))), memory
    parts = _split(ops.add(projected, _recur(cell, state)), 4)
    entry, forget, leave = (cell.recurrent_activation(parts[at]) for at in (0, 1, 3))
    memory = ops.add(ops.multiply(forget, memory), ops.multiply(entry, cell.activation(parts[2])))
    return ops.multiply(leave, cell.activation(memory)), memory


def _gru_step(cell: Any, projected: Tensor, state: Tensor) -> Tensor:
    recurrent = _split(_recur(cell, state), 3)
    update, reset, new = _split(projected, 3)
    update = cell.recurrent_activation(ops.add(update, recurrent[0]))
    reset = cell.recurrent_activation(ops.add(reset, recurrent[1]))
    if cell.reset_after:
        kept = ops.multiply(reset, recurrent[2])
    else:
        kernel = cell.recurrent_kernel[:, 2 * cell.units :]
        kept = ops.matmul(ops.multiply(reset, state), kernel)
    candidate = cell.activation(ops.add(new, kept))
    return ops.add(candidate, ops.multiply(update, ops.subtract(state, candidate)))
