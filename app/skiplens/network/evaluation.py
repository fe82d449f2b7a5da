"""Evaluates a network on the test set: accuracy, confusion matrix, ablations, metrics."""

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.block_metrics import block_metrics
from skiplens.core.manifest import Ablation, Accuracy, BlockInfo, BlockMetrics, Evaluation
from skiplens.mnist import Split
from skiplens.network.mnist_download import as_input
from skiplens.network.tracing import InstrumentedModel

OnStep = Callable[[int, int], None]

_MOST_BLOCKS_IN_PAIRS: Final = 8  # pairs grow with the square: 27 blocks have 351
_FIGURES = ("norm_x", "norm_residual", "norm_sum", "ratio", "cosine", "relu_zeroed")


def evaluation(
    tapped: InstrumentedModel,
    test: Split,
    batch_size: int,
    on_step: OnStep = lambda step, steps: None,
) -> tuple[Accuracy, Evaluation]:
    """Accuracy of the whole network, usual figures, and every ablation of one block, or of two
    where there are at most eight.

    Args:
        tapped: the network, opened up.
        test: the digits.
        batch_size: digits at a time.
        on_step: called with the passes done and in all, of those with blocks off.
    """
    images = as_input(test.images)
    switches = [block.name for block in tapped.blocks if block.can_disable]
    ablations: list[tuple[str, ...]] = [*combinations(switches, 1)]
    if len(switches) <= _MOST_BLOCKS_IN_PAIRS:
        ablations += combinations(switches, 2)
    answer = _only(tapped, [tapped.layers[-1].name])

    def correct(off: tuple[str, ...]) -> int:
        branch_scales = np.array([name not in off for name in switches], np.float32)
        probabilities = _predict(answer, images, branch_scales, batch_size)[tapped.layers[-1].name]
        return int(np.sum(probabilities.argmax(axis=-1) == test.labels))

    whole = correct(())
    usual = _usual(tapped, images, len(switches), batch_size)
    found = []
    for at, off in enumerate(ablations, 1):
        right = correct(off)
        found.append(Ablation(off, right, (whole - right) / len(test)))
        on_step(at, len(ablations))
    return Accuracy.of(whole, len(test)), Evaluation(len(test), usual, tuple(found))


def _only(tapped: InstrumentedModel, names: Iterable[str]) -> keras.Model:
    outputs = {name: tapped.model.output[name] for name in names}
    return keras.Model(tapped.model.input, outputs)


def _predict(
    model: keras.Model,
    images: NDArray[np.float32],
    branch_scales: NDArray[np.float32],
    batch_size: int,
) -> dict[str, NDArray[np.float32]]:
    inputs = {"image": images}
    if branch_scales.size:
        inputs["branch_scales"] = np.repeat(branch_scales[None], len(images), axis=0)
    outputs: dict[str, NDArray[np.float32]] = model.predict(
        inputs, batch_size=batch_size, verbose=0
    )
    return outputs


def _usual(
    tapped: InstrumentedModel, images: NDArray[np.float32], switches: int, batch_size: int
) -> tuple[BlockMetrics, ...]:
    """Block by block and batch by batch, so that little is held in memory."""
    usual = []
    branch_scales = np.ones(switches, np.float32)
    for block in tapped.blocks:
        model = _only(tapped, _parts(block))
        figures: list[BlockMetrics] = []
        for start in range(0, len(images), batch_size):
            batch = _predict(model, images[start : start + batch_size], branch_scales, batch_size)
            rows = len(next(iter(batch.values())))
            figures.extend(
                block_metrics(block, {name: value[row] for name, value in batch.items()})
                for row in range(rows)
            )
        means = {name: _mean(figures, name) for name in _FIGURES}
        usual.append(BlockMetrics(block.name, **means))  # type: ignore[arg-type]  # cosine alone may be None
    return tuple(usual)


def _parts(block: BlockInfo) -> set[str]:
    named = (block.identity or block.input, block.residual, block.gate, block.sum)
    return {name for name in named if name is not None}


def _mean(figures: list[BlockMetrics], name: str) -> float | None:
    values = [getattr(one, name) for one in figures]
    return None if values[0] is None else float(np.mean(values))
