"""The Residual layer: any Keras layer or model, wrapped so that its input skips past it.

``Residual(F)`` computes ``merge(x, F(x))``. Unlike an anonymous ``Add`` in a graph it keeps its
parts reachable by name (:meth:`Residual.parts`), which is what the rest of skiplens looks at.
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from app.network.merges import (
    MERGES,
    HighwayGate,
    Shape,
    output_shape,
    resolve_merge,
    serialize_merge,
)

Runner = Callable[[keras.layers.Layer, Any], Any]


@keras.saving.register_keras_serializable(package="skiplens")
class Residual(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """``merge(x, F(x))`` for any layer or model ``F``.

    Args:
        layer: ``F``, a Keras layer or model of one input and one output.
        merge: ``"add"`` (default), ``"multiply"``, ``"average"``, ``"maximum"``,
            ``"concatenate"``, ``"highway"``, a registered callable of ``(x, fx)``, or a layer
            called with ``(x, fx)``.
        shortcut: layer that projects ``x`` where ``F`` changes its shape (He et al. 2015,
            eq. 2); without one, ``x`` is passed on as it is.

    Raises:
        ValueError: when built, if the shapes of ``x`` (or its projection) and ``F(x)`` cannot
            be merged; the message names the layer and both shapes.
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

    @property
    def switchable(self) -> bool:
        """Whether :meth:`parts` can scale the branch down to nothing and leave the identity."""
        return self.merge is MERGES["add"] or isinstance(self.merge, HighwayGate)

    def build(self, input_shape: Shape) -> None:
        """Create all weights for ``x`` of the given shape and check that the merge is possible."""
        for part in (self.layer, self.shortcut):
            if part is not None and not part.built:
                part.build(input_shape)
        identity, residual = self._addend_shapes(input_shape)
        self._merged_shape(identity, residual)
        if isinstance(self.merge, HighwayGate) and not self.merge.built:
            self.merge.build(input_shape, residual)
        self.built = True

    def _addend_shapes(self, input_shape: Shape) -> tuple[Shape, Shape]:
        """Shapes of the identity, projected where there is a shortcut, and of ``F(x)``."""
        identity = output_shape(self.shortcut, input_shape) if self.shortcut else tuple(input_shape)
        return identity, output_shape(self.layer, input_shape)

    def _merged_shape(self, identity: Shape, residual: Shape) -> Shape:
        """Shape of the merge, or a ValueError where there can be none."""
        what = "the projected input" if self.shortcut else "its input"
        mismatch = ValueError(
            f"Residual {self.name!r} cannot merge layer {self.layer.name!r}: {what} has shape "
            f"{identity} and its output has shape {residual}"
        )
        if self.merge is MERGES["concatenate"]:
            if identity[:-1] != residual[:-1]:
                raise mismatch
            x, fx = identity[-1], residual[-1]
            return (*identity[:-1], None if x is None or fx is None else x + fx)
        if self.merge in MERGES.values() or isinstance(self.merge, HighwayGate):
            if identity != residual:
                raise mismatch
            return identity
        try:
            return self._custom_shape(identity, residual)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise mismatch from error

    def _custom_shape(self, identity: Shape, residual: Shape) -> Shape:
        """A merge of the caller's own decides for itself what it takes, so it is asked."""
        if isinstance(self.merge, keras.layers.Layer):
            x, fx = (keras.KerasTensor(shape, self.compute_dtype) for shape in (identity, residual))
            return tuple(self.merge(x, fx).shape)
        trial = keras.layers.Lambda(lambda pair: self.merge(*pair), dtype=self.dtype_policy)
        return tuple(trial.compute_output_shape([identity, residual]))

    def parts(
        self,
        x: Any,
        *,
        scale: Any = None,
        run: Runner | None = None,
        split: Callable[[Any, str], Any] | None = None,
    ) -> dict[str, Any]:
        """Every part of the block by its role.

        Args:
            x: what the block is given.
            scale: factor for the branch, broadcast against ``F(x)``: 1 is the block as trained,
                0 leaves the identity alone. Only for a :attr:`switchable` block. A highway
                block's gate is scaled, so that the carry path takes over what the branch loses.
            run: how to call an inner layer, ``run(layer, x)``; plain calls by default.
            split: ``split(x, route)`` makes the copy of ``x`` that feeds the route ``"identity"``
                or ``"residual"``, so that gradients can be told apart by route.

        Returns:
            ``identity`` (``x``, projected where there is a shortcut), ``residual`` (``F(x)``,
            times the scale), ``sum``; and for a highway ``gate`` (``T(x)`` times the scale;
            its ``residual`` is left unscaled, since the gate says how much of it is taken).
        """
        if not self.built:
            self.build(tuple(x.shape))
        run = run or (lambda layer, value: layer(value))
        split = split or (lambda value, route: value)
        identity = split(x, "identity")
        branch = split(x, "residual")
        if self.shortcut is not None:
            identity = run(self.shortcut, identity)
        fx = run(self.layer, branch)
        if isinstance(self.merge, HighwayGate):
            gate = _scaled(self.merge.openness(branch, run), scale)
            return {
                "identity": identity,
                "gate": gate,
                "residual": fx,
                "sum": self.merge.blend(identity, fx, gate),
            }
        fx = _scaled(fx, scale)
        return {"identity": identity, "residual": fx, "sum": self.merge(identity, fx)}

    def call(self, x: Any, mask: Any = None) -> Any:
        """``merge(x, F(x))``; a mask reaches the inner layer and passes through."""
        return self.parts(x, run=lambda layer, value: _call_masked(layer, value, mask))["sum"]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of ``x``, unchanged."""
        return previous_mask

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the merged output for ``x`` of the given shape."""
        return self._merged_shape(*self._addend_shapes(input_shape))

    def get_config(self) -> dict[str, Any]:
        """Arguments that rebuild this layer."""
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "merge": serialize_merge(self.merge),
            "shortcut": keras.saving.serialize_keras_object(self.shortcut),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Residual":
        """Rebuild from :meth:`get_config`."""
        config = dict(config)
        for key in ("layer", "merge", "shortcut"):
            if not isinstance(config[key], str | None):
                config[key] = keras.saving.deserialize_keras_object(config[key])
        return cls(**config)


def _scaled(value: Any, scale: Any) -> Any:
    return value if scale is None else ops.multiply(value, scale)


def _call_masked(layer: keras.layers.Layer, value: Any, mask: Any) -> Any:
    """Call a layer with the mask where it has a use for one."""
    if mask is None or "mask" not in inspect.signature(layer.call).parameters:
        return layer(value)
    return layer(value, mask=mask)
