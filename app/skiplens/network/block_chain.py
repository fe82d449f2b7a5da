"""A network as a chain of blocks that can be left out, scaled, and run in another order."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.experiment_results import Curve
from skiplens.core.input_image import SIDE
from skiplens.core.manifest import DIGIT_CLASSES, logits_are_a_sum
from skiplens.errors import TrainingError
from skiplens.mnist import Split
from skiplens.network.evaluation import OnStep
from skiplens.network.tracing import image_shape, instrument

Array = NDArray[np.float32]
SEED: Final = 28
"""Of everything that an experiment draws at random."""


class BlockChain:
    """A network as a stem, blocks and a head, so that its blocks can be left out, scaled, and run
    in another order.

    Raises:
        TrainingError: it has no blocks, or blocks that do not follow one another, or is of other
            images than MNIST's digits.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network, traced = network, instrument(network)
        if not traced.blocks:
            raise TrainingError(f"network {network.name} has no blocks to experiment with")
        if any(block.output != after.input for block, after in pairwise(traced.blocks)):
            raise TrainingError(
                f"the blocks of network {network.name} do not follow one another directly; "
                "experiments remove, scale and reorder the blocks of a chain"
            )
        shape, classes = image_shape(network), traced.layers[-1].filters
        if shape != (SIDE, SIDE, 1) or classes < DIGIT_CLASSES:
            found = " x ".join(map(str, shape))
            raise TrainingError(
                f"network {network.name} has {classes} classes of images of {found}; experiments "
                f"are measured on MNIST's digits: {DIGIT_CLASSES} classes of {SIDE} x {SIDE} x 1"
            )
        self.logits_are_a_sum = logits_are_a_sum(traced.blocks, traced.layers)
        tensors, scales = traced.model.output, traced.model.input.get("branch_scales")
        given = [] if scales is None else [scales]
        self.blocks = traced.blocks
        self._can_scale = [block.name for block in self.blocks if block.can_disable]
        first, last = self.blocks[0].input, self.blocks[-1].output
        self._stem = keras.Model(traced.model.input["image"], tensors[first])
        self._blocks = [
            keras.Model([tensors[block.input], *given], tensors[block.output])
            for block in self.blocks
        ]
        self._head = keras.Model(tensors[last], tensors[traced.layers[-1].name])
        self._before_last: Any = traced.keras_layers.get(traced.layers[-2].name)

    @property
    def head_kernel(self) -> Array:
        """The weights ``(C, classes)`` of the logits, where these are a sum."""
        return np.asarray(self._before_last.kernel)

    @property
    def can_remove(self) -> bool:
        """Whether x passes every block that is off or left out."""
        return len(self._can_scale) == len(self.blocks) or self.is_of_one_shape

    @property
    def is_of_one_shape(self) -> bool:
        """Whether blocks can swap places."""
        return all(model.inputs[0].shape == model.outputs[0].shape for model in self._blocks)

    def states(self, images: Array) -> Iterator[Array]:
        """The maps ``(N, H, W, C)`` that the stem and then each block puts out."""
        maps = self._stem(images, training=False)
        yield np.asarray(maps)
        for at in range(len(self.blocks)):
            maps = self.apply(at, maps)
            yield np.asarray(maps)

    def answer(self, maps: Array) -> Array | None:
        """The head's probabilities for maps; ``None`` if it takes another shape."""
        if maps.shape[1:] != self._head.inputs[0].shape[1:]:
            return None
        return np.asarray(self._head(maps, training=False))

    def projected(self, images: Array, depth: int) -> Array | None:
        """Probabilities with the branches of all blocks after a depth off, from 0; ``None`` if some
        cannot be.
        """
        if len(self._can_scale) < len(self.blocks):
            return None
        return self.run(images, scales={block.name: 0.0 for block in self.blocks[depth:]})

    def apply(self, at: int, maps: Any) -> Any:
        """The output of a block for maps; both are tensors of the backend."""
        rows = keras.ops.ones((len(maps), len(self._can_scale)))
        return self._blocks[at]([maps, rows] if self._can_scale else maps, training=False)

    def run(
        self,
        images: Array,
        *,
        order: Sequence[int] | None = None,
        scales: Mapping[str, float] | None = None,
    ) -> Array:
        """Probabilities, float32 ``(N, classes)``.

        Args:
            images: float32 ``(N, 28, 28, 1)`` in 0..1.
            order: indices of the blocks that run, in the order in which they do.
            scales: factors of residual branches by block, 1 where none is named.
        """
        factors = np.array([[(scales or {}).get(name, 1.0) for name in self._can_scale]])
        rows = keras.ops.convert_to_tensor(np.repeat(factors, len(images), axis=0), "float32")
        maps = self._stem(images, training=False)
        for at in range(len(self.blocks)) if order is None else order:
            maps = self._blocks[at]([maps, rows] if self._can_scale else maps, training=False)
        return np.asarray(self._head(maps, training=False))

    def without(self, images: Array, removed: Collection[int]) -> Array:
        """Probabilities with some blocks removed: branches off, or without an identity path, x
        passed on as the input of the next block.
        """
        names = [self.blocks[at].name for at in removed]
        if self._can_scale and set(names) <= set(self._can_scale):
            return self.run(images, scales=dict.fromkeys(names, 0.0))
        return self.run(images, order=[at for at in range(len(self.blocks)) if at not in removed])


MeasureCurves = Callable[[BlockChain, Split, OnStep], tuple[Curve, ...]]
