"""Evaluates a network on the test set: accuracy, block metrics, ablations."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from itertools import combinations
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.block_metrics import block_metrics
from skiplens.core.manifest import Ablation, Accuracy, BlockInfo, BlockMetrics, Evaluation
from skiplens.mnist import Split
from skiplens.network.tracing import InstrumentedModel

OnStep = Callable[[int, int], None]

BATCH_SIZE: Final = 500
"""Digits at a time."""
_MAX_BLOCKS_FOR_PAIRS: Final = 8  # pairs grow with the square: 27 blocks have 351
_METRICS: Final = tuple(field.name for field in fields(BlockMetrics) if field.name != "block")


def evaluation(
    traced: InstrumentedModel,
    test: Split,
    batch_size: int,
    on_step: OnStep = lambda step, steps: None,
) -> tuple[Accuracy, Evaluation]:
    """Accuracy, mean block metrics, and ablations of one block and, up to eight blocks, of two.

    Args:
        traced: the network.
        test: the digits.
        batch_size: digits at a time.
        on_step: called with the number of ablations done and in total.
    """
    images = test.inputs()
    scaled_blocks = [block.name for block in traced.blocks if block.can_disable]
    ablations: list[tuple[str, ...]] = [*combinations(scaled_blocks, 1)]
    if len(scaled_blocks) <= _MAX_BLOCKS_FOR_PAIRS:
        ablations += combinations(scaled_blocks, 2)
    probabilities = traced.layers[-1].name
    classifier = with_outputs(traced, [probabilities])

    def accuracy(off: tuple[str, ...]) -> Accuracy:
        scales = np.array([name not in off for name in scaled_blocks], np.float32)
        return test.accuracy(
            lambda images: predict(classifier, images, scales, batch_size)[probabilities],
            size=len(test),
        )

    baseline = accuracy(())
    means = _mean_metrics(traced, images, len(scaled_blocks), batch_size)
    measured = []
    for step, off in enumerate(ablations, 1):
        correct = accuracy(off).correct
        measured.append(Ablation(off, correct, (baseline.correct - correct) / len(test)))
        on_step(step, len(ablations))
    return baseline, Evaluation(len(test), means, tuple(measured))


def with_outputs(traced: InstrumentedModel, names: Iterable[str]) -> keras.Model:
    """A network with the outputs of some layers alone, by name."""
    outputs = {name: traced.model.output[name] for name in names}
    return keras.Model(traced.model.input, outputs)


def predict(
    model: keras.Model,
    images: NDArray[np.float32],
    branch_scales: NDArray[np.float32],
    batch_size: int,
) -> dict[str, NDArray[np.float32]]:
    """Its outputs for images, with the same scales of the branches for each."""
    inputs = {"image": images}
    if branch_scales.size:
        inputs["branch_scales"] = np.repeat(branch_scales[None], len(images), axis=0)
    outputs: dict[str, NDArray[np.float32]] = model.predict(
        inputs, batch_size=batch_size, verbose=0
    )
    return outputs


def _mean_metrics(
    traced: InstrumentedModel, images: NDArray[np.float32], scaled_blocks: int, batch_size: int
) -> tuple[BlockMetrics, ...]:
    """Mean metrics of every block, computed block by block and in batches to save memory."""
    means = []
    branch_scales = np.ones(scaled_blocks, np.float32)
    for block in traced.blocks:
        model = with_outputs(traced, _parts(block))
        metrics: list[BlockMetrics] = []
        for start in range(0, len(images), batch_size):
            batch = predict(model, images[start : start + batch_size], branch_scales, batch_size)
            rows = len(next(iter(batch.values())))
            metrics.extend(
                block_metrics(block, {name: value[row] for name, value in batch.items()})
                for row in range(rows)
            )
        mean = {name: _mean(metrics, name) for name in _METRICS}
        means.append(BlockMetrics(block.name, **mean))  # type: ignore[arg-type]  # ratio, cosine and relu_zeroed may be None
    return tuple(means)


def _parts(block: BlockInfo) -> set[str]:
    names = (block.identity or block.input, block.residual, block.gate, block.sum)
    return {name for name in names if name is not None}


def _mean(metrics: list[BlockMetrics], name: str) -> float | None:
    values = [getattr(digit, name) for digit in metrics]
    return None if values[0] is None else float(np.mean(values))
