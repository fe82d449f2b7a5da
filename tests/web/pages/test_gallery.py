"""The gallery's network diagram: lines are as wide as the norm of what they carry."""

import numpy as np
import pytest

from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED, BlockMetrics
from skiplens.engine.base import Engine
from skiplens.service.analysis import all_block_metrics
from skiplens.service.forward import ForwardPass, run_network
from skiplens.web.links import Links
from skiplens.web.pages.gallery import THINNEST, WIDEST, NetworkDiagram
from tests.conftest import switched_off


@pytest.fixture
def forward(engine: Engine, digit: Digit) -> ForwardPass:
    return run_network(engine, digit, switched_off("block2"))


@pytest.fixture
def baseline(engine: Engine, digit: Digit) -> dict[str, BlockMetrics]:
    """The figures of the baseline network, by block."""
    return {
        metrics.block: metrics
        for metrics in all_block_metrics(run_network(engine, digit, AS_TRAINED))
    }


@pytest.fixture
def diagram(forward: ForwardPass, baseline: dict[str, BlockMetrics]) -> NetworkDiagram:
    return NetworkDiagram(
        forward, {metrics.block: metrics for metrics in all_block_metrics(forward)}, baseline
    )


def test_widths_are_proportional_to_norms(diagram: NetworkDiagram, forward: ForwardPass) -> None:
    norms = {
        layer: float(np.linalg.norm(forward.activations[layer]))
        for layer in ("stem.output", "block1.residual", "block1.sum")
    }
    widths = {layer: diagram.layer_width(layer) for layer in norms}
    first = "stem.output"
    for layer, norm in norms.items():
        expected = norm / norms[first]
        assert widths[layer] / widths[first] == pytest.approx(expected, rel=0.01)


def test_the_widest_line_carries_the_largest_norm(
    diagram: NetworkDiagram, forward: ForwardPass
) -> None:
    found = [diagram.block(block, Links("net", "digit")) for block in forward.manifest.blocks]
    widths = [
        width
        for item in found
        for width in (item.identity_width, item.residual_width, item.sum_width)
    ]
    assert max(widths) <= WIDEST
    assert WIDEST in {*widths, *(item.input_width for item in found)}


def test_a_disabled_branch_is_thin_and_can_be_enabled(
    diagram: NetworkDiagram, forward: ForwardPass
) -> None:
    page_links = Links("net", "digit", forward.scales)
    part = diagram.block(forward.manifest.blocks[1], page_links)
    assert (part.off, part.residual_width) == (True, THINNEST)
    assert part.toggle == "/networks/net/digits/digit#block2-branch"


def test_a_disabled_branch_keeps_its_previous_width(
    diagram: NetworkDiagram, forward: ForwardPass, baseline: dict[str, BlockMetrics]
) -> None:
    part = diagram.block(forward.manifest.blocks[1], Links("net", "digit", forward.scales))
    assert part.previous_width == diagram.width(baseline["block2"].norm_residual) > THINNEST


def test_blocks_that_change_shape_are_drawn_with_a_projection(
    diagram: NetworkDiagram, forward: ForwardPass
) -> None:
    parts = [diagram.block(block, Links("net", "digit")) for block in forward.manifest.blocks]
    assert [part.block.name for part in parts if part.projected] == ["block3", "block5"]
