"""The spine: lines are as wide as the norm of what they carry."""

import numpy as np
import pytest

from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED, BlockMetrics
from skiplens.engine.base import Engine
from skiplens.service.analysis import all_block_metrics
from skiplens.service.forward import ForwardPass, ModelRunner
from skiplens.web.links import Links
from skiplens.web.pages.gallery import THINNEST, WIDEST, NetworkDiagram
from tests.conftest import switched_off


@pytest.fixture
def forward(engine: Engine, digit: Digit) -> ForwardPass:
    return ModelRunner().run(engine, digit, switched_off("block2"))


@pytest.fixture
def whole(engine: Engine, digit: Digit) -> dict[str, BlockMetrics]:
    """The figures of the whole network, by block."""
    return {
        one.block: one for one in all_block_metrics(ModelRunner().run(engine, digit, AS_TRAINED))
    }


@pytest.fixture
def spine(forward: ForwardPass, whole: dict[str, BlockMetrics]) -> NetworkDiagram:
    return NetworkDiagram(forward, {one.block: one for one in all_block_metrics(forward)}, whole)


def test_widths_are_proportional_to_norms(spine: NetworkDiagram, forward: ForwardPass) -> None:
    norms = {
        layer: float(np.linalg.norm(forward.activations[layer]))
        for layer in ("stem.output", "block1.residual", "block1.sum")
    }
    widths = {layer: spine.layer_width(layer) for layer in norms}
    first = "stem.output"
    for layer, norm in norms.items():
        expected = norm / norms[first]
        assert widths[layer] / widths[first] == pytest.approx(expected, rel=0.01)


def test_the_widest_line_carries_the_largest_norm(
    spine: NetworkDiagram, forward: ForwardPass
) -> None:
    found = [spine.block(block, Links("net", "digit")) for block in forward.manifest.blocks]
    widths = [
        width for one in found for width in (one.identity_width, one.residual_width, one.sum_width)
    ]
    assert max(widths) <= WIDEST
    assert WIDEST in {*widths, *(one.input_width for one in found)}


def test_a_branch_that_is_off_is_thin_and_can_be_switched_on(
    spine: NetworkDiagram, forward: ForwardPass
) -> None:
    view = Links("net", "digit", forward.scales)
    rail = spine.block(forward.manifest.blocks[1], view)
    assert (rail.off, rail.residual_width) == (True, THINNEST)
    assert rail.toggle == "/networks/net/digits/digit#block2-branch"


def test_a_branch_that_is_off_keeps_the_width_that_it_had(
    spine: NetworkDiagram, forward: ForwardPass, whole: dict[str, BlockMetrics]
) -> None:
    rail = spine.block(forward.manifest.blocks[1], Links("net", "digit", forward.scales))
    assert rail.previous_width == spine.width(whole["block2"].norm_residual) > THINNEST


def test_blocks_that_change_shape_are_drawn_with_a_projection(
    spine: NetworkDiagram, forward: ForwardPass
) -> None:
    rails = [spine.block(block, Links("net", "digit")) for block in forward.manifest.blocks]
    assert [rail.name for rail in rails if rail.projected] == ["block3", "block5"]
