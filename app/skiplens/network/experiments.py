"""Experiments with a network's blocks over test digits: some removed, some scaled."""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import partial
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any, Final

import numpy as np

from skiplens.core.experiments import EXPERIMENTS_FILE, Curve, MeasuredExperiment, curve_point
from skiplens.core.manifest import NETWORK_FILE
from skiplens.mnist import Split
from skiplens.network.block_chain import SEED, BlockChain, MeasureCurves
from skiplens.network.class_points import measure_classes, write_points
from skiplens.network.depth_measures import measure_early_exits, measure_votes
from skiplens.network.evaluation import OnStep
from skiplens.network.gradient_measures import measure_gradients
from skiplens.network.order_measures import measure_order
from skiplens.network.results import network_digest, replace_text
from skiplens.network.tracing import load_network

DIGITS: Final = 1000
SUBSETS: Final = 10
"""Random subsets of a size, where there are more."""
_LEAST: Final = 1e-9  # a probability of zero has no logarithm
FACTORS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)


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
