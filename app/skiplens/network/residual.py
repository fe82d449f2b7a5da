"""Keras layers: Residual, which wraps any layer, and the merges of x and F(x)."""

import inspect
from collections.abc import Callable
from typing import Any, Final

import keras
from keras import ops

MergeFunction = Callable[[Any, Any], Any]
Shape = tuple[int | None, ...]


# By name, element by element on equal shapes; concatenating needs all axes but the last to be
# equal. He et al. 2015, "Deep Residual Learning", add: eq. 1.
MERGES: Final[dict[str, MergeFunction]] = {
    "add": ops.add,
    "multiply": ops.multiply,
    "average": lambda x, fx: ops.multiply(ops.add(x, fx), 0.5),
    "maximum": ops.maximum,
    "concatenate": lambda x, fx: ops.concatenate([x, fx], axis=-1),
}


def _with_layers(config: dict[str, Any], *names: str) -> dict[str, Any]:
    """A saved configuration whose entries of these names are layers or functions again."""
    deserialize = keras.saving.deserialize_keras_object
    return config | {
        name: deserialize(config[name]) for name in names if isinstance(config[name], dict)
    }


@keras.saving.register_keras_serializable(package="skiplens")
class HighwayGate(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """The gated merge ``T(x) * F(x) + (1 - T(x)) * x``.

    Srivastava, Greff and Schmidhuber 2015, "Highway Networks", eq. 3, with the carry gate
    ``C = 1 - T``. ``T`` is a sigmoid over a linear layer whose bias starts negative (section 2.2
    of the paper), so an untrained block passes ``x`` through almost unchanged.

    Args:
        layer: linear layer that computes the gate's logits from ``x``; its output must have the
            shape of ``F(x)``. A ``Dense`` over the last axis by default.
        bias: initial bias of the default layer.

    Raises:
        ValueError: when built, if the layer's output and ``F(x)`` differ in shape.
    """

    def __init__(
        self, layer: keras.layers.Layer | None = None, bias: float = -2.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.layer: Any = layer
        self.bias = bias
        self.supports_masking = True

    def build(self, x_shape: Shape, fx_shape: Shape | None = None) -> None:
        """Create the gate's weights; ``F(x)`` has the shape of ``x`` by default."""
        wanted = tuple(fx_shape or x_shape)
        if self.layer is None:
            self.layer = keras.layers.Dense(
                wanted[-1],
                bias_initializer=keras.initializers.Constant(self.bias),
                name=f"{self.name}.logits",
            )
        if not self.layer.built:
            self.layer.build(x_shape)
        found = output_shape(self.layer, x_shape)
        if found != wanted:
            raise ValueError(
                f"HighwayGate {self.name!r} cannot gate with layer {self.layer.name!r}: its output "
                f"has shape {found} and F(x) has shape {wanted}"
            )
        self.built = True

    def gate(self, x: Any, mask: Any = None) -> Any:
        """``T(x)`` in (0, 1), of the shape of ``F(x)``; the inner layer receives the mask."""
        return ops.sigmoid(_call_masked(self.layer, x, mask))

    def merge(self, x: Any, fx: Any, gate: Any) -> Any:
        """``gate * fx + (1 - gate) * x``."""
        return ops.add(ops.multiply(gate, fx), ops.multiply(ops.subtract(1.0, gate), x))

    def call(self, x: Any, fx: Any) -> Any:
        return self.merge(x, fx, self.gate(x))

    def compute_output_shape(self, x_shape: Shape, fx_shape: Shape | None = None) -> Shape:
        return x_shape

    def get_config(self) -> dict[str, Any]:
        layer = keras.saving.serialize_keras_object(self.layer) if self.layer else None
        return {**super().get_config(), "layer": layer, "bias": self.bias}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "HighwayGate":
        return cls(**_with_layers(config, "layer"))


def output_shape(layer: keras.layers.Layer, shape: Shape) -> Shape:
    """Shape of a layer's output for an input of the given shape."""
    try:
        return tuple(layer.compute_output_shape(shape))
    except NotImplementedError:  # a layer without compute_output_shape is traced
        return tuple(layer.compute_output_spec(keras.KerasTensor(shape, layer.compute_dtype)).shape)


def resolve_merge(merge: Any) -> MergeFunction:
    """The merge as a callable, from a name, a function or a layer.

    Raises:
        ValueError: it is neither a name in :data:`MERGES` nor ``"highway"`` nor a callable.
    """
    if merge == "highway":
        return HighwayGate()
    if isinstance(merge, str) and merge in MERGES:
        return MERGES[merge]
    if callable(merge):
        return merge  # type: ignore[no-any-return]  # checked just above
    known = ", ".join([*MERGES, "highway"])
    raise ValueError(f"merge must be one of {known} or a callable of (x, F(x)); got {merge!r}")


def serialize_merge(merge: MergeFunction) -> Any:
    """Name of a built-in merge; the serialised Keras object of any other.

    Raises:
        ValueError: the function or layer is not registered with Keras, so it could be saved but
            not loaded.
    """
    for name, function in MERGES.items():
        if merge is function:
            return name
    kind = type(merge) if isinstance(merge, keras.layers.Layer) else merge
    named = hasattr(kind, "__name__")  # Keras registers nothing without a name
    registered = keras.saving.get_registered_name(kind) if named else ""
    if keras.saving.get_registered_object(registered) is not kind:
        name = kind.__name__ if named else type(merge).__name__
        raise ValueError(
            f"merge {name!r} is not registered; decorate it with "
            "keras.saving.register_keras_serializable() so that the network can be loaded again"
        )
    return keras.saving.serialize_keras_object(merge)


@keras.saving.register_keras_serializable(package="skiplens")
class Residual(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """``merge(x, F(x))`` for any layer or model ``F``.

    Args:
        layer: ``F``, a Keras layer or model of one input and one output.
        merge: ``"add"`` (default), ``"multiply"``, ``"average"``, ``"maximum"``,
            ``"concatenate"``, ``"highway"``, a registered callable of ``(x, fx)``, or a layer
            called with ``(x, fx)``.
        shortcut: layer that projects ``x`` where ``F`` changes its shape (He et al. 2015,
            eq. 2); without one, ``x`` passes through unchanged.

    Raises:
        ValueError: when built, if ``x`` (or its projection) and ``F(x)`` have shapes that cannot
            be merged.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        merge: Any = "add",
        shortcut: keras.layers.Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, keras.layers.Layer):
            raise ValueError(f"layer must be a Keras layer or model; got {type(layer).__name__}")
        self.layer = layer
        self.merge = resolve_merge(merge)
        self.shortcut = shortcut
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Create all weights and check that the merge is possible."""
        for part in (self.layer, self.shortcut):
            if part is not None and not part.built:
                part.build(input_shape)
        identity, residual = self._merge_input_shapes(input_shape)
        self._merged_shape(identity, residual)
        if isinstance(self.merge, HighwayGate) and not self.merge.built:
            self.merge.build(input_shape, residual)
        self.built = True

    def _merge_input_shapes(self, input_shape: Shape) -> tuple[Shape, Shape]:
        """Shapes of the identity, after the shortcut if there is one, and of ``F(x)``."""
        identity = output_shape(self.shortcut, input_shape) if self.shortcut else tuple(input_shape)
        return identity, output_shape(self.layer, input_shape)

    def _merged_shape(self, identity: Shape, residual: Shape) -> Shape:
        """Shape of the merge; ValueError if the shapes cannot be merged."""
        what = "the projected input" if self.shortcut else "its input"
        mismatch = ValueError(
            f"Residual {self.name!r} cannot merge layer {self.layer.name!r}: {what} has shape "
            f"{identity} and its output has shape {residual}"
        )
        needs_equal = self.merge in MERGES.values() or isinstance(self.merge, HighwayGate)
        if needs_equal and self.merge is not MERGES["concatenate"]:
            if identity != residual:
                raise mismatch
            return identity
        try:
            return self._symbolic_shape(identity, residual)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise mismatch from error

    def _symbolic_shape(self, identity: Shape, residual: Shape) -> Shape:
        """Shape of the merge by calling it on symbolic tensors."""
        if isinstance(self.merge, keras.layers.Layer):
            x, fx = (keras.KerasTensor(shape, self.compute_dtype) for shape in (identity, residual))
            return tuple(self.merge(x, fx).shape)
        trial = keras.layers.Lambda(lambda pair: self.merge(*pair), dtype=self.dtype_policy)
        return tuple(trial.compute_output_shape([identity, residual]))

    def call(self, x: Any, mask: Any = None) -> Any:
        """``merge(x, F(x))``; the inner layers receive the mask."""
        identity = x if self.shortcut is None else _call_masked(self.shortcut, x, mask)
        fx = _call_masked(self.layer, x, mask)
        if isinstance(self.merge, HighwayGate):
            return self.merge.merge(identity, fx, self.merge.gate(x, mask))
        return self.merge(identity, fx)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask, or ``None`` if the merged output has no time axis for it any more."""
        if previous_mask is None:
            return None
        axes = len(previous_mask.shape)
        merged = self.compute_output_shape(tuple(inputs.shape))
        kept = len(merged) > axes and merged[:axes] == tuple(inputs.shape)[:axes]
        return previous_mask if kept else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self._merged_shape(*self._merge_input_shapes(input_shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "merge": serialize_merge(self.merge),
            "shortcut": keras.saving.serialize_keras_object(self.shortcut),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Residual":
        return cls(**_with_layers(config, "layer", "merge", "shortcut"))


class FunctionLayer(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """A function of a list of tensors as a layer.

    Args:
        name: of the layer; Keras' choice if ``None``.
        function: takes the tensors one by one.
        kind: what a record calls it.
    """

    def __init__(self, name: str | None, function: Callable[..., Any], kind: str = "") -> None:
        super().__init__(name=name)
        self.function = function
        self.kind = kind
        self.supports_masking = True

    def call(self, values: list[Any]) -> Any:
        return self.function(*values)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """That of the first tensor that has one."""
        return next((one for one in previous_mask or () if one is not None), None)


def _call_masked(layer: keras.layers.Layer, value: Any, mask: Any) -> Any:
    """Call a layer, with the mask if it accepts one."""
    if mask is None or "mask" not in inspect.signature(layer.call).parameters:
        return layer(value)
    return layer(value, mask=mask)
