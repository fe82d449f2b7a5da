"""Evaluates a network on the test set: accuracy, block metrics, ablations, similarity to others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.block_metrics import block_metrics
from skiplens.core.manifest import (
    NETWORK_FILE,
    Ablation,
    Accuracy,
    BlockInfo,
    BlockMetrics,
    Evaluation,
    NetworkSimilarity,
)
from skiplens.core.similarity import Gram, centred_gram, linear_cka
from skiplens.mnist import Split
from skiplens.network.results import network_digest
from skiplens.network.tracing import InstrumentedModel, instrument, load_network

OnStep = Callable[[int, int], None]

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
    classifier = _with_outputs(traced, [probabilities])

    def accuracy(off: tuple[str, ...]) -> Accuracy:
        scales = np.array([name not in off for name in scaled_blocks], np.float32)
        return test.accuracy(
            lambda images: _predict(classifier, images, scales, batch_size)[probabilities],
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


def _with_outputs(traced: InstrumentedModel, names: Iterable[str]) -> keras.Model:
    outputs = {name: traced.model.output[name] for name in names}
    return keras.Model(traced.model.input, outputs)


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


def _mean_metrics(
    traced: InstrumentedModel, images: NDArray[np.float32], scaled_blocks: int, batch_size: int
) -> tuple[BlockMetrics, ...]:
    """Mean metrics of every block, computed block by block and in batches to save memory."""
    means = []
    branch_scales = np.ones(scaled_blocks, np.float32)
    for block in traced.blocks:
        model = _with_outputs(traced, _parts(block))
        metrics: list[BlockMetrics] = []
        for start in range(0, len(images), batch_size):
            batch = _predict(model, images[start : start + batch_size], branch_scales, batch_size)
            rows = len(next(iter(batch.values())))
            metrics.extend(
                block_metrics(block, {name: value[row] for name, value in batch.items()})
                for row in range(rows)
            )
        mean = {name: _mean(metrics, name) for name in _METRICS}
        means.append(BlockMetrics(block.name, **mean))  # type: ignore[arg-type]  # cosine alone may be None
    return tuple(means)


def _parts(block: BlockInfo) -> set[str]:
    names = (block.identity or block.input, block.residual, block.gate, block.sum)
    return {name for name in names if name is not None}


def _mean(metrics: list[BlockMetrics], name: str) -> float | None:
    values = [getattr(digit, name) for digit in metrics]
    return None if values[0] is None else float(np.mean(values))


SIMILARITY_DIGITS: Final = 2000
_CKA_DECIMALS: Final = 4


@dataclass(frozen=True, eq=False)
class Representation:
    """Activations of a network's layers for the same test digits.

    Attributes:
        network: id.
        sha256: of its ``network.keras``.
        grams: Gram matrix of the first block's input, of every block's output and of the logits, by
            layer, float64 ``(digits, digits)``.
    """

    network: str
    sha256: str
    grams: dict[str, Gram]


def representation(folder: Path, test: Split, batch_size: int) -> Representation:
    """The representation of a network, over at most 2,000 test digits, evenly spaced.

    A layer's features are all its values, filter by filter and position by position. Labels are
    not used. Layers are computed one by one to save memory.

    Args:
        folder: holds ``network.keras``.
        test: the digits.
        batch_size: digits at a time.
    """
    traced = instrument(load_network(folder / NETWORK_FILE))
    images = test.evenly_spaced(SIMILARITY_DIGITS).inputs()
    scales = np.ones(sum(block.can_disable for block in traced.blocks), np.float32)
    logits = [layer.name for layer in traced.layers if layer.role == "logits"]
    names = (traced.blocks[0].input, *(block.output for block in traced.blocks), *logits)
    grams = {
        name: centred_gram(
            _predict(_with_outputs(traced, [name]), images, scales, batch_size)[name]
        )
        for name in dict.fromkeys(names)
    }
    return Representation(folder.name, network_digest(folder), grams)


def similarity(a: Representation, b: Representation) -> NetworkSimilarity:
    """Linear CKA of each layer of A with each of B."""
    return NetworkSimilarity(
        network=b.network,
        sha256=b.sha256,
        digits=len(next(iter(a.grams.values()))),
        layers=tuple(a.grams),
        other_layers=tuple(b.grams),
        cka=tuple(
            tuple(round(linear_cka(own, other), _CKA_DECIMALS) for other in b.grams.values())
            for own in a.grams.values()
        ),
    )
