"""Experiments with a network's blocks over test digits: some removed, some scaled."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.experiments import EXPERIMENTS_FILE, Curve, MeasuredExperiment, curve_point
from skiplens.core.manifest import NETWORK_FILE
from skiplens.mnist import Split
from skiplens.network.evaluation import OnStep
from skiplens.network.mnist_download import as_input
from skiplens.network.results import replace_text
from skiplens.network.tracing import instrument, load_network

Array = NDArray[np.float32]

SEED: Final = 28
DIGITS: Final = 1000
SUBSETS: Final = 10
"""Random subsets of a size, where there are more."""
FACTORS: Final = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
_BATCH_SIZE: Final = 500


class BlockChain:
    """A network as a stem, blocks and a head, so that its blocks can be left out, scaled, and run
    in another order.
    """

    def __init__(self, network: keras.Model) -> None:
        traced = instrument(network)
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

    @property
    def can_remove(self) -> bool:
        """Whether x passes every block that is off or left out."""
        return len(self._can_scale) == len(self.blocks) or self._is_of_one_shape

    @property
    def _is_of_one_shape(self) -> bool:
        return all(model.inputs[0].shape == model.outputs[0].shape for model in self._blocks)

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
        if self._can_scale:
            return self.run(images, scales={self.blocks[at].name: 0.0 for at in removed})
        return self.run(images, order=[at for at in range(len(self.blocks)) if at not in removed])


Measure = Callable[[BlockChain, Split, OnStep], tuple[Curve, ...]]
Run = Callable[[Array], Array]


def accuracy(run: Run, test: Split) -> float:
    """The share of digits, 0 to 1, whose most probable class is their label."""
    images, correct = as_input(test.images), 0
    for start in range(0, len(test), _BATCH_SIZE):
        batch = slice(start, start + _BATCH_SIZE)
        found = run(images[batch]).argmax(axis=-1)
        correct += int(np.sum(found == test.labels[batch]))
    return correct / len(test)


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
            accuracy(partial(chain.without, removed=removed), test)
            for removed in subsets(count, size, rng)
        ]
        points.append(curve_point(size, runs))
        on_step(size + 1, count + 1)
    return (Curve("all", tuple(points)),)


def measure_scale(chain: BlockChain, test: Split, on_step: OnStep) -> tuple[Curve, ...]:
    """Accuracy against the factor of all residual branches, and of each alone."""
    names = [block.name for block in chain.blocks if block.can_disable]
    sets = {"all": names} | {name: [name] for name in names} if names else {}
    curves = []
    for step, (title, scaled) in enumerate(sets.items(), 1):
        points = []
        for factor in FACTORS:
            scales = dict.fromkeys(scaled, factor)
            found = accuracy(partial(chain.run, scales=scales), test)
            points.append(curve_point(factor, [found]))
        curves.append(Curve(title, tuple(points)))
        on_step(step, len(sets))
    return tuple(curves)


MEASURES: Final[dict[str, Measure]] = {
    "removal": measure_removal,
    "scale": measure_scale,
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
    digest = hashlib.sha256((folder / NETWORK_FILE).read_bytes()).hexdigest()
    found = _stored(path, digest)
    chain = BlockChain(load_network(folder / NETWORK_FILE))
    chosen = _evenly_spaced(test)
    for name in names or [name for name in MEASURES if name not in found]:
        curves = MEASURES[name](chain, chosen, partial(on_step, name))
        result = MeasuredExperiment(name, len(chosen), SEED, curves)
        found[name] = asdict(result)
        ordered = [found[known] for known in MEASURES if known in found]
        lines = ",\n".join(json.dumps(one) for one in ordered)
        replace_text(path, f'{{"sha256": "{digest}",\n"experiments": [\n{lines}\n]}}\n')


def _evenly_spaced(test: Split) -> Split:
    return test[:: max(1, len(test) // DIGITS)][:DIGITS]


def _stored(path: Path, digest: str) -> dict[str, Any]:
    """The results so far, by name, of the network as it is."""
    if not path.is_file():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    fresh = stored["experiments"] if stored["sha256"] == digest else []
    return {one["experiment"]: one for one in fresh}
