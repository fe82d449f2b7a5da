"""The figures of a block in words, as they are written everywhere else."""

from dataclasses import replace

import pytest

from skiplens.core.manifest import BlockInfo, BlockMetrics
from skiplens.engine.base import Engine
from skiplens.web.pages.block import describe_metrics

FIGURES = BlockMetrics("block2", 8.0, 4.0, 9.0, 0.5, -0.5, 0.3589)


@pytest.fixture
def block(engine: Engine) -> BlockInfo:
    """A block that adds."""
    return engine.manifest.blocks[1]


def test_a_share_has_the_decimals_and_the_space_of_every_other(block: BlockInfo) -> None:
    assert "zeroes 35.89\u202f% of" in describe_metrics(FIGURES, block, off=False)


def test_what_a_gate_has_weighed_is_not_called_x_or_f(block: BlockInfo) -> None:
    gated = replace(block, merge="highway", gate="block2.gate")
    said = describe_metrics(FIGURES, gated, off=False)
    assert "T·F(x) is 0.500 times as large as (1\u2212T)·x and points" in said
    assert " F(x) is 0.500 times as large as x and" in describe_metrics(FIGURES, block, off=False)
