"""A digit's prediction in many variants of a network: blocks removed, branches scaled, depths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skiplens.core.input_image import InputImage
from skiplens.core.ladder import KINDS, LADDER, Kind, stream_name
from skiplens.core.manifest import Scales
from skiplens.engine.base import Array, Engine
from skiplens.service.forward import branch_scales, network_input
from skiplens.service.registry import ModelRegistry


def predict(engine: Engine, digit: InputImage, settings: Sequence[Scales]) -> Array:
    """Probabilities under each set of factors, float32 ``(settings, classes)``."""
    rows = np.stack([branch_scales(engine.manifest, scales) for scales in settings])
    images = np.repeat(network_input(engine.manifest, digit), len(rows), axis=0)
    found = engine.outputs(images, rows, engine.manifest.layers[-1].name)
    return found.reshape(len(rows), -1)


@dataclass(frozen=True, eq=False)
class Rung:
    """A digit in one network of the ladder.

    Attributes:
        kind: with the skip, or without.
        blocks: how many.
        network: id.
        probabilities: float32 ``(classes,)``.
    """

    kind: Kind
    blocks: int
    network: str
    probabilities: Array

    @property
    def label(self) -> int:
        """Index of the most probable class."""
        return int(self.probabilities.argmax())


def classify_on_ladder(registry: ModelRegistry, digit: InputImage) -> tuple[Rung, ...]:
    """The digit in every loaded network of the ladder, kind by kind, from the fewest blocks up."""
    loaded: Mapping[str, Engine] = {engine.manifest.id: engine for engine in registry.networks}
    return tuple(
        Rung(kind, blocks, name, predict(loaded[name], digit, [Scales()])[0])
        for kind in KINDS
        for blocks in LADDER
        if (name := stream_name(kind, blocks)) in loaded
    )
