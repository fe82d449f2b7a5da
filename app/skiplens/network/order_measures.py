"""Measures accuracy against how far the blocks are from their trained order."""

from functools import partial
from typing import Final

import numpy as np

from skiplens.core.experiments import Curve, curve_point
from skiplens.mnist import Split
from skiplens.network.block_chain import SEED, BlockChain
from skiplens.network.evaluation import OnStep

ORDERS: Final = 10
"""Random orders of each distance."""
_SHARES: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


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
    if not chain.is_of_one_shape:
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
