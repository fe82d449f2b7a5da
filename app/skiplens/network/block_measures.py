"""Measures a network's blocks over test digits: removed, scaled, reordered and with early exits."""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import partial
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any, Final

import numpy as np

from skiplens.core.experiment_results import (
    EXPERIMENTS_FILE,
    Curve,
    MeasuredExperiment,
    curve_point,
)
from skiplens.core.manifest import NETWORK_FILE
from skiplens.mnist import Split
from skiplens.network.block_chain import SEED, Array, BlockChain, MeasureCurves
from skiplens.network.class_points import measure_classes, write_points
from skiplens.network.evaluation import OnStep
from skiplens.network.gradient_measures import measure_gradients
from skiplens.network.results import network_digest, replace_text
from skiplens.network.tracing import load_network

DIGITS: Final = 1000
SUBSETS: Final = 10
"""Random subsets of a size, where there are more."""
_LEAST: Final = 1e-9  # a probability of zero has no logarithm
FACTORS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
ORDERS: Final = 10
"""Random orders of each distance."""
_SHARES: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


def subsets(count: int, size: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Every subset of ``size`` of ``count`` blocks, or some at random where there are many."""
    if comb(count, size) <= 2 * SUBSETS:
        return list(combinations(range(count), size))
    drawn: set[tuple[int, ...]] = set()
    while len(drawn) < SUBSETS:
        drawn.add(tuple(sorted(rng.choice(count, size, replace=False).tolist())))
    return sorted(drawn)


def measure_removal(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Accuracy against the number of blocks removed (Veit et al. 2016, fig. 5a)."""
    if not chain.can_remove:
        return ()
    count, rng, points = len(chain.blocks), np.random.default_rng(SEED), []
    for size in range(count + 1):
        runs = [
            test.accuracy(partial(chain.without, removed=removed)).value
            for removed in subsets(count, size, rng)
        ]
        points.append(curve_point(size, runs))
        on_step(size + 1, count + 1)
    return (Curve("all", tuple(points)),)


def measure_least_needed(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Accuracy as blocks are removed one after the other, each time the one without which the right
    classes stay most likely. Every second digit is for that choice, the others for the accuracy.
    The curves are in the order of removal: each is named by a block and has one point.
    """
    switches = [at for at, block in enumerate(chain.blocks) if block.can_disable]
    choosing, measured = test[::2], test[1::2]
    removed: list[int] = []
    curves = []
    for step in range(1, len(switches) + 1):
        left = [at for at in switches if at not in removed]
        removed.append(max(left, key=lambda at: _log_likelihood(chain, [*removed, at], choosing)))
        found = measured.accuracy(partial(chain.without, removed=removed)).value
        curves.append(Curve(chain.blocks[removed[-1]].name, (curve_point(step, [found]),)))
        on_step(step, len(switches))
    return tuple(curves)


def _log_likelihood(chain: BlockChain, removed: Collection[int], digits: Split) -> float:
    """The sum over digits of the logarithm of the right class's probability."""
    total = 0.0
    for images, labels in digits.batches():
        found = chain.without(images, removed)[np.arange(len(labels)), labels]
        total += float(np.log(np.maximum(found, _LEAST)).sum())
    return total


def measure_scale(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Accuracy against the factor of all residual branches, and of each alone."""
    names = [block.name for block in chain.blocks if block.can_disable]
    sets = {"all": names} | {name: [name] for name in names} if names else {}
    curves = []
    for step, (title, scaled) in enumerate(sets.items(), 1):
        points = []
        for factor in FACTORS:
            scales = dict.fromkeys(scaled, factor)
            found = test.accuracy(partial(chain.run, scales=scales)).value
            points.append(curve_point(factor, [found]))
        curves.append(Curve(title, tuple(points)))
        on_step(step, len(sets))
    return tuple(curves)


def random_order(blocks: int, inversions: int, rng: np.random.Generator) -> list[int]:
    """An order of blocks in which a number of pairs are the wrong way round: so many swaps of
    neighbours away from the trained one, each of which puts one more pair the wrong way round.
    """
    order = list(range(blocks))
    for _ in range(inversions):
        right = [at for at in range(blocks - 1) if order[at] < order[at + 1]]
        at = int(rng.choice(right))
        order[at], order[at + 1] = order[at + 1], order[at]
    return order


def measure_order(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Accuracy against the share of block pairs that are the wrong way round, which is
    ``(1 - tau) / 2`` for Kendall's tau (Veit et al. 2016, fig. 5b). None where blocks differ.
    """
    if len(chain.blocks) == 1 or not chain.is_of_one_shape:
        return ()
    blocks, rng = len(chain.blocks), np.random.default_rng(SEED)
    pairs = blocks * (blocks - 1) // 2
    counts = sorted({round(share * pairs) for share in _SHARES})
    points = []
    for step, inversions in enumerate(counts, 1):
        orders = {tuple(random_order(blocks, inversions, rng)) for _ in range(ORDERS)}
        runs = [test.accuracy(partial(chain.run, order=order)).value for order in sorted(orders)]
        points.append(curve_point(inversions / pairs, runs))
        on_step(step, len(counts))
    return (Curve("all", tuple(points)),)


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


MEASURES: Final[dict[str, MeasureCurves]] = {
    "removal": measure_removal,
    "least-needed": measure_least_needed,
    "scale": measure_scale,
    "order": measure_order,
    "early-exits": measure_early_exits,
    "votes": measure_votes,
    "gradients": measure_gradients,
    "classes": measure_classes,
}


def measure(
    folder: Path,
    test: Split,
    names: Collection[str] = (),
    on_step: Callable[[str, int, int], None] = lambda name, step, steps: None,
) -> None:
    """Measure a network, and store each result in its folder as soon as it is there.

    Args:
        folder: holds ``network.keras``.
        test: the test digits, of which 1,000 are used, evenly spaced.
        names: of experiments, which are measured again; without any, those that are missing.
        on_step: called with the experiment and its steps done and in total.
    """
    path = folder / EXPERIMENTS_FILE
    digest = network_digest(folder)
    found = _stored(path, digest)
    chain = BlockChain(load_network(folder / NETWORK_FILE))
    chosen = test.evenly_spaced(DIGITS)
    store = partial(write_points, folder, chosen, digest)
    measures = MEASURES | {"classes": partial(measure_classes, store=store)}
    for name in names or [name for name in MEASURES if name not in found]:
        curves = measures[name](chain, chosen, partial(on_step, name))
        result = MeasuredExperiment(name, len(chosen), SEED, curves)
        found[name] = asdict(result)
        ordered = [found[known] for known in MEASURES if known in found]
        lines = ",\n".join(json.dumps(one) for one in ordered)
        replace_text(path, f'{{"sha256": "{digest}",\n"experiments": [\n{lines}\n]}}\n')


def _stored(path: Path, digest: str) -> dict[str, Any]:
    """The results so far, by name, of the network as it is."""
    if not path.is_file():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    fresh = stored["experiments"] if stored["sha256"] == digest else []
    return {one["experiment"]: one for one in fresh}
