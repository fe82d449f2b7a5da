"""What the head would answer after each block, were it put there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import LayerInfo, Manifest
from app.service.catalogue import layer_of
from app.service.examination import Examination

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Readout:
    """The head's answer at one depth.

    Attributes:
        after: layer whose output the head was applied to.
        probabilities: float32 ``(classes,)``, adding up to 1.
    """

    after: str
    probabilities: Array


def readouts(examination: Examination, weights: Mapping[str, Array]) -> tuple[Readout, ...]:
    """The head applied to the output of every block that has the last block's shape, and to what
    the first of those is given where that has the shape too; in forward order.
    """
    manifest = examination.manifest
    shape = layer_of(manifest, manifest.blocks[-1].output).shape
    names = [
        name
        for block in manifest.blocks
        for name in (block.input, block.output)
        if layer_of(manifest, name).shape == shape
    ]
    return tuple(
        Readout(name, _head(manifest, weights, examination.activations[name]))
        for name in dict.fromkeys(names)
    )


def _head(manifest: Manifest, weights: Mapping[str, Array], maps: Array) -> Array:
    pool, logits = _role(manifest, "pool"), _role(manifest, "logits")
    features = maps.mean(axis=(0, 1))
    if pool.kind == "MaxPooling2D" and pool.strides is not None:
        down, across = pool.strides
        height, width, channels = pool.shape
        cropped = maps[: height * down, : width * across]
        features = cropped.reshape(height, down, width, across, channels).max(axis=(1, 3))
    kernel, bias = weights[f"{logits.name}/kernel"], weights[f"{logits.name}/bias"]
    scores = features.reshape(-1) @ kernel + bias
    exponents = np.exp(scores - scores.max())
    return np.asarray(exponents / exponents.sum(), np.float32)


def _role(manifest: Manifest, role: str) -> LayerInfo:
    return next(layer for layer in reversed(manifest.layers) if layer.role == role)
