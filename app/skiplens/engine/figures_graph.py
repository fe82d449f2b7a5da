"""Adds figures of every filter to a compiled graph, so that LiteRT computes them as it goes.

Each layer is reduced right after it is computed, while a processor's cache has it. That takes a
third of what NumPy takes afterwards, and only what is asked for has to be copied.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import GraphInfo, LayerInfo

LOW: Final = "low"
HIGH: Final = "high"
SUMS: Final = "sums"
_HUGE: Final = 3e38  # times any value but zero is 1 or more, down to 3e-39


class _Editor:
    """Adds tensors and operations to a graph.

    Args:
        content: a LiteRT graph.
    """

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert import schema_py_generated  # on demand: a second to import

        self.schema = schema_py_generated
        self._model = self.schema.ModelT.InitFromObj(self.schema.Model.GetRootAs(content, 0))
        self.graph = self._model.subgraphs[0]
        self._codes: dict[int, int] = {}
        self._axes: dict[int, int] = {}
        self._huge = self._constant(np.array(_HUGE, np.float32), self.schema.TensorType.FLOAT32)

    def finish(self, outputs: Sequence[int]) -> bytes:
        """The graph with these tensors as outputs."""
        self.graph.outputs = np.array(outputs, np.int32)
        self._model.signatureDefs = None  # they name the outputs it had
        builder = self.schema.flatbuffers.Builder(0)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def figures(self, tensor: int, *, signed: bool) -> tuple[list[int], list[Any]]:
        """The smallest and the largest value, the sum, that of squares, and the number of values
        that are not zero, of each filter: tensors ``(1, C)``, and the operations for them.
        """
        kinds = self.schema.BuiltinOperator
        square, squares = self._product(tensor, tensor)
        one, ones = self._product(tensor, self._huge, clamped=True)
        found, operations = [], [squares, ones]
        if signed:
            one, ones = self._product(one, one)
            operations.append(ones)
        for kind, values in (
            (kinds.REDUCE_MIN, tensor),
            (kinds.REDUCE_MAX, tensor),
            (kinds.SUM, tensor),
            (kinds.SUM, square),
            (kinds.SUM, one),
        ):
            reduced, reducing = self._reduced(kind, values)
            found.append(reduced)
            operations += reducing
        return found, operations

    def joined(self, tensors: Sequence[int], axis: int) -> int:
        """Tensors side by side; the operation is the last one so far."""
        shape = np.array(self._shape(tensors[0]))
        shape[axis] = sum(self._shape(one)[axis] for one in tensors)
        options = self.schema.ConcatenationOptionsT()
        options.axis = axis
        tensor, operation = self._operation(
            self.schema.BuiltinOperator.CONCATENATION, tensors, shape, "Concatenation", options
        )
        self.graph.operators.append(operation)
        return tensor

    def _product(self, one: int, other: int, *, clamped: bool = False) -> tuple[int, Any]:
        options = self.schema.MulOptionsT()
        kinds = self.schema.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU_N1_TO_1 if clamped else kinds.NONE
        kind = self.schema.BuiltinOperator.MUL
        return self._operation(kind, (one, other), self._shape(one), "Mul", options)

    def _reduced(self, kind: int, tensor: int) -> tuple[int, list[Any]]:
        shape = self._shape(tensor)
        between = len(shape) - 2  # axes, without those of the batch and of filters
        if not between:
            return tensor, []
        if between not in self._axes:
            axes = np.arange(1, between + 1, dtype=np.int32)
            self._axes[between] = self._constant(axes, self.schema.TensorType.INT32)
        reduced, operation = self._operation(
            kind,
            (tensor, self._axes[between]),
            (shape[0], shape[-1]),
            "Reducer",
            self.schema.ReducerOptionsT(),
        )
        return reduced, [operation]

    def _operation(
        self,
        kind: int,
        inputs: Sequence[int],
        shape: Sequence[int] | NDArray[np.int32],
        options_name: str,
        options: Any,  # noqa: ANN401  # LiteRT ships no types
    ) -> tuple[int, Any]:
        """A new tensor, and the operation that computes it."""
        if kind not in self._codes:
            code = self.schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = kind
            self._model.operatorCodes.append(code)
            self._codes[kind] = len(self._model.operatorCodes) - 1
        tensor = self._tensor(shape, self.schema.TensorType.FLOAT32)
        operation = self.schema.OperatorT()
        operation.opcodeIndex = self._codes[kind]
        operation.inputs = np.array(inputs, np.int32)
        operation.outputs = np.array([tensor], np.int32)
        operation.builtinOptionsType = getattr(self.schema.BuiltinOptions, f"{options_name}Options")
        operation.builtinOptions = options
        return tensor, operation

    def _constant(self, values: NDArray[Any], kind: int) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._tensor(values.shape, kind, len(self._model.buffers) - 1)

    def _tensor(self, shape: Sequence[int] | NDArray[np.int32], kind: int, buffer: int = 0) -> int:
        tensor = self.schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = np.array(shape, np.int32), kind, buffer
        tensor.name = f"figures{len(self.graph.tensors)}".encode()
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(int(size) for size in self.graph.tensors[tensor].shape)


def with_figures(
    content: bytes, info: GraphInfo, layers: Sequence[LayerInfo], kept: Sequence[str]
) -> tuple[bytes, GraphInfo]:
    """A graph that computes what another one does, and figures of every filter.

    Args:
        content: a LiteRT graph whose outputs are the layers.
        info: its record.
        layers: in forward order.
        kept: layers that stay outputs.

    Returns:
        The graph and its record. Its outputs are :data:`LOW` and :data:`HIGH` of every filter,
        float32 ``(1, F)``, :data:`SUMS` as in :class:`skiplens.engine.base.FilterFigures`, and the
        layers kept. A value below 3e-39 counts as zero in part.
    """
    editor = _Editor(content)
    tensors = dict(zip(info.outputs, (int(one) for one in editor.graph.outputs), strict=True))
    figures: dict[int, list[int]] = {}  # by tensor: several layers may be the same
    added: dict[int, list[Any]] = {}
    for layer in layers:
        tensor = tensors[layer.name]
        if tensor not in figures:
            figures[tensor], added[tensor] = editor.figures(tensor, signed=layer.signed)
    ordered = []
    for operation in editor.graph.operators:
        ordered.append(operation)
        for tensor in operation.outputs:
            ordered += added.get(int(tensor), [])
    editor.graph.operators = ordered
    rows = zip(*(figures[tensors[layer.name]] for layer in layers), strict=True)
    low, high, *sums = (editor.joined(row, axis=1) for row in rows)
    names = tuple(dict.fromkeys(kept))
    outputs = (low, high, editor.joined(sums, axis=0), *(tensors[name] for name in names))
    return editor.finish(outputs), replace(info, outputs=(LOW, HIGH, SUMS, *names))
