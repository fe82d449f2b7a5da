"""The spine: lines are as wide as the norm of what they carry."""

import numpy as np
import pytest

from skiplens.core.digit import Digit
from skiplens.core.manifest import BlockFigures
from skiplens.engine.base import Engine
from skiplens.service.analysis import all_block_metrics
from skiplens.service.forward import EngineExaminer, Examination
from skiplens.web.links import View
from skiplens.web.pages.gallery import THINNEST, WIDEST, Spine


@pytest.fixture
def examination(engine: Engine, digit: Digit) -> Examination:
    return EngineExaminer().examine(engine, digit, ("block2",))


@pytest.fixture
def whole(engine: Engine, digit: Digit) -> dict[str, BlockFigures]:
    """The figures of the whole network, by block."""
    return {
        one.block: one for one in all_block_metrics(EngineExaminer().examine(engine, digit, ()))
    }


@pytest.fixture
def spine(examination: Examination, whole: dict[str, BlockFigures]) -> Spine:
    return Spine(examination, {one.block: one for one in all_block_metrics(examination)}, whole)


def test_widths_are_proportional_to_norms(spine: Spine, examination: Examination) -> None:
    norms = {
        layer: float(np.linalg.norm(examination.activations[layer]))
        for layer in ("stem.output", "block1.residual", "block1.sum")
    }
    widths = {layer: spine.of_layer(layer) for layer in norms}
    first = "stem.output"
    for layer, norm in norms.items():
        expected = norm / norms[first]
        assert widths[layer] / widths[first] == pytest.approx(expected, rel=0.01)


def test_the_widest_line_carries_the_largest_norm(spine: Spine, examination: Examination) -> None:
    found = [spine.rail(block, View("net", "digit")) for block in examination.manifest.blocks]
    widths = [width for one in found for width in (one.identity, one.residual, one.joined)]
    assert max(widths) <= WIDEST
    assert WIDEST in {*widths, *(one.enters for one in found)}


def test_a_branch_that_is_off_is_thin_and_can_be_switched_on(
    spine: Spine, examination: Examination
) -> None:
    view = View("net", "digit", examination.off)
    rail = spine.rail(examination.manifest.blocks[1], view)
    assert (rail.off, rail.residual) == (True, THINNEST)
    assert rail.toggle == "/networks/net/digits/digit#block2-branch"


def test_a_branch_that_is_off_keeps_the_width_that_it_had(
    spine: Spine, examination: Examination, whole: dict[str, BlockFigures]
) -> None:
    rail = spine.rail(examination.manifest.blocks[1], View("net", "digit", examination.off))
    assert rail.left == spine.width(whole["block2"].norm_f) > THINNEST


def test_blocks_that_change_shape_are_drawn_with_a_projection(
    spine: Spine, examination: Examination
) -> None:
    rails = [spine.rail(block, View("net", "digit")) for block in examination.manifest.blocks]
    assert [rail.name for rail in rails if rail.projected] == ["block3", "block5"]
