"""Runs compiled graphs with LiteRT: a graph, a pool of interpreters, the engine."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Generic, TypeVar

import numpy as np

from skiplens.core.limits import InterpreterLimits
from skiplens.core.manifest import REORDERED, SPATIAL_RANK, GraphInfo
from skiplens.core.timing import timed
from skiplens.engine.base import (
    Activations,
    Array,
    FilterFigures,
    ReadActivations,
    RunForFigures,
    check_finite,
    layers_to_check,
    overloaded,
    read_only,
)
from skiplens.engine.figures_graph import HIGH, LOW, SUMS, with_figures
from skiplens.engine.model_folder import ModelFolder
from skiplens.errors import ModelError, OutOfResourcesError, SkiplensError, install

T = TypeVar("T")

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError as error:  # there are machines that it has no wheel for
    MISSING: str | None = str(error)
    Interpreter = None
else:
    MISSING = None


def require_litert() -> None:
    """Raise a ModelError where LiteRT cannot be loaded, see :data:`MISSING`."""
    if MISSING is not None:
        raise ModelError(
            f"LiteRT cannot be loaded on this machine ({MISSING}); run the networks with Keras "
            f"instead: {install('tensorflow')}, then skiplens serve --engine keras"
        )


class LiteRTGraph:
    """A compiled graph in an interpreter; runs on one thread.

    Raises:
        ModelError: the content is not a LiteRT graph, or not the one that ``info`` describes; or
            LiteRT cannot be loaded, see :data:`MISSING`.
    """

    def __init__(self, content: bytes, info: GraphInfo) -> None:
        require_litert()
        self._content = content
        try:
            opened = self._open()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{info.file} is not a LiteRT graph: {error}") from error
        inputs = {entry["name"]: entry["index"] for entry in opened.get_input_details()}
        outputs = [entry["index"] for entry in opened.get_output_details()]
        if set(inputs) != set(info.inputs) or len(outputs) != len(info.outputs):
            raise ModelError(
                f"{info.file} takes {', '.join(sorted(inputs))} and returns {len(outputs)} arrays; "
                f"its manifest says {', '.join(sorted(info.inputs))} and {len(info.outputs)}"
            )
        self._inputs = inputs
        self._outputs = dict(zip(info.outputs, outputs, strict=True))
        self._interpreter: Interpreter | None = opened
        self._is_allocated = False
        self._held: Mapping[str, Array] | None = None  # inputs of the last run

    def _open(self) -> Interpreter:
        return Interpreter(model_content=self._content, num_threads=1)

    def forget(self) -> None:
        """Free the interpreter, and open a new one for the next run; one that failed once keeps
        failing.
        """
        self._interpreter, self._is_allocated, self._held = None, False, None

    def run(
        self, inputs: Mapping[str, Array], names: Collection[str] | None = None
    ) -> dict[str, Array]:
        """Run the graph once.

        Args:
            inputs: float32 arrays by name, batch axis of 1 first.
            names: outputs to return, all by default; copying them takes half as long as the rest.

        Returns:
            float32 arrays by name, batch axis first; copies, owned by the caller.

        Raises:
            RuntimeError: LiteRT cannot run it.
        """
        interpreter = self._invoke(inputs)
        return {
            name: interpreter.get_tensor(index)
            for name, index in self._outputs.items()
            if names is None or name in names
        }

    def _invoke(self, inputs: Mapping[str, Array]) -> Interpreter:
        interpreter = self._interpreter = self._interpreter or self._open()
        if not self._is_allocated:  # takes far longer than opening it, and most of its memory
            interpreter.allocate_tensors()
            self._is_allocated = True
        self._held = None
        for name, index in self._inputs.items():
            interpreter.set_tensor(index, inputs[name])
        interpreter.invoke()
        return interpreter

    def holds(self, inputs: Mapping[str, Array]) -> bool:
        """Whether :meth:`inspect` ran with these inputs last."""
        held = self._held
        return held is not None and all(np.array_equal(held[name], inputs[name]) for name in held)

    def inspect(self, inputs: Mapping[str, Array], read: Callable[["Outputs", bool], T]) -> T:
        """Run a function on the outputs without copying them.

        Args:
            inputs: as in :meth:`run`, errors too; outputs that the graph still has from them are
                not computed again.
            read: gets the outputs, which are valid until it returns, and whether they were
                computed for this call.
        """
        interpreter, computed = self._interpreter, False
        if interpreter is None or not self.holds(inputs):
            interpreter, computed = self._invoke(inputs), True
            self._held = {name: inputs[name].copy() for name in self._inputs}
        try:
            return read(Outputs(interpreter, self._outputs), computed)
        except SkiplensError as error:
            # Its traceback would keep arrays, beside which the graph cannot run again.
            raise error.with_traceback(None) from None


class Outputs(Mapping[str, Array]):
    """Outputs of a graph by name, read-only, as views of its interpreter's memory."""

    def __init__(self, interpreter: Interpreter, outputs: Mapping[str, int]) -> None:
        self._interpreter = interpreter
        self._outputs = outputs

    def __getitem__(self, name: str) -> Array:
        found: Array = self._interpreter.tensor(self._outputs[name])()
        found.flags.writeable = False
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


def run_once(content: bytes, info: GraphInfo, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Load a graph and run it once; see :meth:`LiteRTGraph.run`."""
    return LiteRTGraph(content, info).run(inputs)


class InterpreterPool(Generic[T]):
    """A pool of up to ``size`` items, each made when the others are in use.

    Args:
        make: creates an item.
        size: number of items.
        max_waiting: callers that may wait for an item.
    """

    def __init__(self, make: Callable[[], T], size: int, max_waiting: int) -> None:
        self._make = make
        self._unmade = size
        self._free: list[T] = []
        self._max_waiting = max_waiting
        self._waiting = 0
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """Number of callers waiting."""
        return self._waiting

    @contextmanager
    def acquire(self, prefer: Callable[[T], bool] = lambda _: False) -> Iterator[T]:
        """Lend an item for a ``with`` block.

        Args:
            prefer: which to take if it is free; otherwise the one returned last, while its caches
                are warm.

        Raises:
            BusyError: too many callers are waiting.
        """
        item = self._take(prefer)
        try:
            yield item
        finally:
            with self._changed:
                self._free.append(item)
                self._changed.notify()

    def _take(self, prefer: Callable[[T], bool]) -> T:
        with self._changed:
            if not self._is_available():
                self._wait()
            if self._free:
                preferred = (at for at, item in enumerate(self._free) if prefer(item))
                return self._free.pop(next(preferred, -1))
            self._unmade -= 1
        try:
            return self._make()
        except BaseException:
            with self._changed:
                self._unmade += 1
                self._changed.notify()
            raise

    def _is_available(self) -> bool:
        return bool(self._free or self._unmade)

    def _wait(self) -> None:
        if self._waiting >= self._max_waiting:
            raise overloaded(self._waiting, self._max_waiting)
        self._waiting += 1
        try:
            with timed("wait"):
                self._changed.wait_for(self._is_available)
        finally:
            self._waiting -= 1


class IdleInterpreters:
    """Those that no one uses, of several graphs. Each keeps its arrays for the next run; of too
    many, the one unused for longest gives them up, which takes some milliseconds to undo.

    Args:
        limit: that keep their arrays.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: dict[LiteRTGraph, None] = {}

    def take(self, interpreter: LiteRTGraph) -> None:
        """It is used now."""
        with self._lock:
            self._idle.pop(interpreter, None)

    def put(self, interpreter: LiteRTGraph) -> None:
        """It is not used any more; before anyone else may use it."""
        with self._lock:
            self._idle[interpreter] = None
            if len(self._idle) > self._limit:
                oldest = next(iter(self._idle))
                del self._idle[oldest]
                oldest.forget()


class LiteRTEngine:
    """Runs a model folder's compiled graphs; implements :class:`skiplens.engine.base.Engine`.

    Args:
        folder: an open model folder.
        size: interpreters for each graph; more than one a core is of no use. A large network has
            fewer, as each holds all activations.
        max_waiting: callers that may wait for an interpreter.
        idle: those that nobody uses, of this engine and of others.
        limits: of the memory that interpreters hold.

    Graphs are read at their first use, which raises a ModelError if one is damaged or is not the
    one the manifest describes.

    Raises:
        ModelError: LiteRT cannot be loaded.
    """

    name = "litert"
    device = "CPU"

    def __init__(
        self,
        folder: ModelFolder,
        size: int,
        max_waiting: int,
        idle: IdleInterpreters | None = None,
        limits: InterpreterLimits = InterpreterLimits(),  # noqa: B008  # it cannot be changed
    ) -> None:
        require_litert()
        self._idle = idle or IdleInterpreters(limits.idle)
        self.manifest, self._folder = folder.manifest, folder
        layers = folder.manifest.layers
        self._shapes = {layer.name: layer.shape for layer in layers}
        for block in folder.manifest.blocks:
            for path in ("identity", "residual"):
                self._shapes[f"{block.name}.x:{path}"] = self._shapes[block.input]
        self._checked_layers = layers_to_check(layers)
        each = folder.manifest.activation_bytes
        self._size = max(1, min(size, limits.activation_bytes // max(each, 1)))
        self._max_waiting = max_waiting

        def pool(info: GraphInfo) -> InterpreterPool[LiteRTGraph]:
            read = cache(folder.read)
            return self._pool(lambda: LiteRTGraph(read(info.file), info))

        self._pools = {name: pool(info) for name, info in folder.manifest.graphs.items()}

    def _pool(self, make: Callable[[], LiteRTGraph]) -> InterpreterPool[LiteRTGraph]:
        return InterpreterPool(make, self._size, self._max_waiting)

    @property
    def weights(self) -> Mapping[str, Array]:
        return self._folder.weights

    @property
    def waiting(self) -> int:
        return sum(pool.waiting for pool in self._pools.values())

    def activations(self, image: Array, branch_scales: Array) -> Activations:
        inputs = {"image": image, "branch_scales": branch_scales[None]}
        outputs = self._run("activations", inputs)
        check_finite(outputs, self._checked_layers)
        return read_only(outputs)

    def filter_figures(self, layers: Sequence[str]) -> RunForFigures:
        info = self.manifest.graphs["activations"]
        content, figures = with_figures(
            self._folder.read(info.file), info, self.manifest.layers, layers
        )
        pool = self._pool(lambda: LiteRTGraph(content, figures))

        def run(image: Array, branch_scales: Array) -> FilterFigures:
            with self._lend(pool) as interpreter:
                found = interpreter.run({"image": image, "branch_scales": branch_scales[None]})
            maps = {name: self._as_maps(name, found[name][0]) for name in layers}
            return FilterFigures(found[LOW][0], found[HIGH][0], found[SUMS], maps)

        return run

    def inspect(self, image: Array, branch_scales: Array, read: ReadActivations[T]) -> T:
        inputs = {"image": image, "branch_scales": branch_scales[None]}

        def read_maps(found: Outputs, computed: bool) -> T:
            return read(_Maps(found, self._as_maps), computed=computed)

        with self._lend(
            self._pools["activations"], lambda graph: graph.holds(inputs)
        ) as interpreter:
            return interpreter.inspect(inputs, read_maps)

    def outputs(self, images: Array, branch_scales: Array, layer: str) -> Array:
        with self._lend(self._pools["activations"]) as interpreter:
            found = [
                interpreter.run({"image": image[None], "branch_scales": row[None]}, {layer})[layer]
                for image, row in zip(images, branch_scales, strict=True)
            ]
        outputs = np.concatenate(found).reshape(-1, *self._shapes[layer])
        check_finite({layer: outputs})
        return outputs

    def reordered(self, image: Array, branch_scales: Array, order: Array) -> Activations:
        if not self.manifest.can_reorder:
            raise ModelError(f"network {self.manifest.id} has no graph to reorder its blocks")
        inputs = {"image": image, "branch_scales": branch_scales[None], "order": order[None]}
        outputs = self._run(REORDERED, inputs)
        check_finite(outputs, self._checked_layers)
        return read_only(outputs)

    def gradients(self, image: Array, branch_scales: Array, target: int) -> Activations:
        one_hot = np.zeros((1, len(self.manifest.classes)), np.float32)
        one_hot[0, target] = 1.0
        inputs = {"image": image, "branch_scales": branch_scales[None], "target": one_hot}
        outputs = self._run("gradients", inputs)
        check_finite(outputs)
        return outputs

    @contextmanager
    def _lend(
        self,
        pool: InterpreterPool[LiteRTGraph],
        prefer: Callable[[LiteRTGraph], bool] = lambda _: False,
    ) -> Iterator[LiteRTGraph]:
        """An interpreter for a ``with`` block.

        Raises:
            BusyError: too many callers are waiting.
            OutOfResourcesError: LiteRT cannot run the graph. It ran when it was compiled, so what
                lacks is memory for its arrays.
        """
        with pool.acquire(prefer) as interpreter, timed("infer"):
            self._idle.take(interpreter)
            try:
                yield interpreter
            except RuntimeError as error:
                interpreter.forget()
                raise OutOfResourcesError(
                    f"network {self.manifest.id} cannot be run, for lack of memory: {error}"
                ) from error
            finally:
                self._idle.put(interpreter)

    def _run(self, graph: str, inputs: Mapping[str, Array]) -> Activations:
        with self._lend(self._pools[graph]) as interpreter:
            outputs = interpreter.run(inputs)
        return {name: self._as_maps(name, value[0]) for name, value in outputs.items()}

    def _as_maps(self, name: str, array: Array) -> Array:
        """A layer's vector, or its sequence, as maps ``(H, W, C)``."""
        if array.ndim == SPATIAL_RANK or name not in self._shapes:
            return array
        return array.reshape(self._shapes[name])

    def close(self) -> None:
        """Nothing to release: interpreters are freed with the object."""


class _Maps(Mapping[str, Array]):
    """A graph's outputs as maps ``(H, W, C)`` by layer."""

    def __init__(self, outputs: Outputs, as_maps: Callable[[str, Array], Array]) -> None:
        self._outputs = outputs
        self._as_maps = as_maps

    def __getitem__(self, name: str) -> Array:
        return self._as_maps(name, self._outputs[name][0])

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)
