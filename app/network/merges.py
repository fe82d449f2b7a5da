"""Ways to merge what a block is given, ``x``, with what its branch computes, ``F(x)``.

A merge is a callable of ``(x, fx)``. The built-in ones go by name; any function registered with
``keras.saving.register_keras_serializable`` and any Keras layer of two tensors will do as well.
"""

from collections.abc import Callable
from typing import Any, Final

import keras
from keras import ops

Merge = Callable[[Any, Any], Any]
Shape = tuple[int | None, ...]


def add(x: Any, fx: Any) -> Any:
    """``x + F(x)``: He et al. 2015, "Deep Residual Learning", eq. 1. Shapes must be equal."""
    return ops.add(x, fx)


def multiply(x: Any, fx: Any) -> Any:
    """``x * F(x)``, element by element. Shapes must be equal."""
    return ops.multiply(x, fx)


def average(x: Any, fx: Any) -> Any:
    """``(x + F(x)) / 2``. Shapes must be equal."""
    return ops.multiply(ops.add(x, fx), 0.5)


def maximum(x: Any, fx: Any) -> Any:
    """The larger of ``x`` and ``F(x)``, element by element. Shapes must be equal."""
    return ops.maximum(x, fx)


def concatenate(x: Any, fx: Any) -> Any:
    """``x`` and ``F(x)`` side by side on the last axis; all other axes must be equal."""
    return ops.concatenate([x, fx], axis=-1)


MERGES: Final[dict[str, Merge]] = {
    "add": add,
    "multiply": multiply,
    "average": average,
    "maximum": maximum,
    "concatenate": concatenate,
}


@keras.saving.register_keras_serializable(package="skiplens")
class HighwayGate(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """The gated merge ``T(x) * F(x) + (1 - T(x)) * x``.

    Srivastava, Greff and Schmidhuber 2015, "Highway Networks", eq. 3, with the carry gate
    ``C = 1 - T``. ``T`` is a sigmoid over a linear layer whose bias starts negative (section 2.2
    of the paper), so that an untrained block passes ``x`` through almost unchanged.

    Args:
        layer: linear layer that computes the gate's logits from ``x``; its output must have the
            shape of ``F(x)``. By default a ``Dense`` over the last axis.
        bias: initial bias of the default layer.

    Raises:
        ValueError: when built, if the layer's output has another shape than ``F(x)``; the message
            names the layer and both shapes.
    """

    def __init__(
        self, layer: keras.layers.Layer | None = None, bias: float = -2.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.layer: Any = layer
        self.bias = bias
        self.supports_masking = True

    def build(self, x_shape: Shape, fx_shape: Shape | None = None) -> None:
        """Create the gate's weights for ``x`` and ``F(x)`` of the given shapes, or of the same."""
        wanted = tuple(fx_shape or x_shape)
        if self.layer is None:
            self.layer = keras.layers.Dense(
                wanted[-1],
                bias_initializer=keras.initializers.Constant(self.bias),
                name=f"{self.name}.logits",
            )
        if not self.layer.built:
            self.layer.build(x_shape)
        openness = output_shape(self.layer, x_shape)
        if openness != wanted:
            raise ValueError(
                f"HighwayGate {self.name!r} cannot gate with layer {self.layer.name!r}: its output "
                f"has shape {openness} and F(x) has shape {wanted}"
            )
        self.built = True

    def openness(self, x: Any, run: Callable[[Any, Any], Any] | None = None) -> Any:
        """``T(x)`` in (0, 1), of the shape of ``F(x)``: 1 takes ``F(x)`` alone, 0 ``x`` alone.

        ``run(layer, x)`` says how to call the inner layer; a plain call by default.
        """
        return ops.sigmoid(run(self.layer, x) if run else self.layer(x))

    def blend(self, x: Any, fx: Any, openness: Any) -> Any:
        """``openness * fx + (1 - openness) * x``."""
        return ops.add(ops.multiply(openness, fx), ops.multiply(ops.subtract(1.0, openness), x))

    def call(self, x: Any, fx: Any) -> Any:
        """Merge ``x`` and ``fx``, both of the same shape."""
        return self.blend(x, fx, self.openness(x))

    def compute_output_shape(self, x_shape: Shape, fx_shape: Shape | None = None) -> Shape:
        """The shape of ``x``."""
        return x_shape

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild this layer."""
        layer = keras.saving.serialize_keras_object(self.layer) if self.layer else None
        return {**super().get_config(), "layer": layer, "bias": self.bias}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "HighwayGate":
        """Rebuild from :meth:`get_config`."""
        config = dict(config)
        if config.get("layer") is not None:
            config["layer"] = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**config)


def output_shape(layer: keras.layers.Layer, shape: Shape) -> Shape:
    """Shape of a layer's output for an input of the given shape."""
    try:
        return tuple(layer.compute_output_shape(shape))
    except NotImplementedError:  # a layer that says nothing of shapes is traced
        return tuple(layer.compute_output_spec(keras.KerasTensor(shape, layer.compute_dtype)).shape)


def resolve_merge(merge: Any) -> Merge:
    """The callable behind a merge given by name, as a function or as a layer.

    Raises:
        ValueError: the name is not one of :data:`MERGES` or ``"highway"``, or it is no callable.
    """
    if merge == "highway":
        return HighwayGate()
    if isinstance(merge, str) and merge in MERGES:
        return MERGES[merge]
    if callable(merge):
        return merge  # type: ignore[no-any-return]  # checked just above
    known = ", ".join([*MERGES, "highway"])
    raise ValueError(f"merge must be one of {known} or a callable of (x, F(x)); got {merge!r}")


def serialize_merge(merge: Merge) -> Any:
    """A name for a built-in merge; Keras' own record of any other.

    Raises:
        ValueError: a function or a layer that was not registered with Keras, which could be saved
            but not loaded again.
    """
    for name, function in MERGES.items():
        if merge is function:
            return name
    kind = type(merge) if isinstance(merge, keras.layers.Layer) else merge
    name = getattr(kind, "__name__", type(merge).__name__)
    if keras.saving.get_registered_object(_registered_name(kind)) is not kind:
        raise ValueError(
            f"merge {name!r} is not registered; decorate it with "
            "keras.saving.register_keras_serializable() so that the network can be loaded again"
        )
    return keras.saving.serialize_keras_object(merge)


def _registered_name(kind: Any) -> str:
    """What Keras finds it by, if it was registered; objects without a name never are."""
    return keras.saving.get_registered_name(kind) if hasattr(kind, "__name__") else ""
