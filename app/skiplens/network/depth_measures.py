"""Measures over depth: what the head answers after each block, and what each block votes for."""

import numpy as np

from skiplens.core.experiments import Curve, curve_point
from skiplens.mnist import Split
from skiplens.network.block_chain import Array, BlockChain
from skiplens.network.evaluation import OnStep


def measure_early_exits(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Accuracy of the head after the stem and after each block.

    Maps of another shape than the head takes go on through the later blocks' projections, with
    their branches off; where there are none, the depth is left out.
    """
    correct: dict[int, int] = {}
    for step, (images, labels) in enumerate(test.batches(), 1):
        for depth, maps in enumerate(chain.states(images)):
            found = chain.answer(maps)
            if found is None:
                found = chain.projected(images, depth)
            if found is not None:
                right = int(np.sum(found.argmax(axis=-1) == labels))
                correct[depth] = correct.get(depth, 0) + right
        on_step(step * len(images), len(test))
    points = (curve_point(depth, [count / len(test)]) for depth, count in correct.items())
    return (Curve("accuracy", tuple(points)),)


def measure_votes(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Votes of the stem and of each block: for the right class, and the mean for the others; means
    over digits, and their spread. None where the logits are no sum of votes.
    """
    if not chain.logits_are_a_sum:
        return ()
    found: list[Array] = []
    for step, (images, _) in enumerate(test.batches(), 1):
        found.append(_votes(chain, images))
        on_step(step * len(images), len(test))
    votes = np.concatenate(found)
    rows = np.arange(len(votes))
    label = votes[rows, :, test.labels]
    others = (votes.sum(axis=-1) - label) / (votes.shape[-1] - 1)
    return tuple(
        Curve(name, tuple(curve_point(at, column.tolist()) for at, column in enumerate(values.T)))
        for name, values in (("label", label), ("others", others))
    )


def _votes(chain: BlockChain, images: Array) -> Array:
    """The votes ``(N, 1 + blocks, classes)`` of the stem and of each block."""
    means = np.stack([maps.mean(axis=(1, 2)) for maps in chain.states(images)], axis=1)
    added = np.diff(means, axis=1, prepend=0)
    return np.asarray(added @ chain.head_kernel)
