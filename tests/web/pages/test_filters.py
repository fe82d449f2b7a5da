"""The page of a filter: its kernel, and the same filter in the parts of its block."""

from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED
from skiplens.engine.base import Engine
from skiplens.service.forward import ModelRunner
from skiplens.service.registry import find_layer
from skiplens.service.services import Services
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.filter import FilterPage, filter_page
from skiplens.web.pages.unit import UnitQuery
from tests.conftest import switched_off


@pytest.fixture
def context(services: Services, engine: Engine, digit: Digit) -> PageContext:
    forward = ModelRunner().run(engine, digit, AS_TRAINED)
    view = Links(engine.manifest.id, digit.id)
    return PageContext(services, engine, services.digits.get(digit.id), forward, view)


def page(context: PageContext, layer: str, index: int) -> FilterPage:
    return filter_page(
        context, find_layer(context.engine.manifest, layer), index, UnitQuery(), "http://127.0.0.1"
    )


def test_a_kernel_of_one_channel_is_written_out(context: PageContext) -> None:
    kernel = page(context, "stem.conv", 3).kernel
    assert kernel is not None
    assert kernel.weights is not None
    weights = context.engine.weights["stem.conv/kernel"][:, :, 0, 3]
    largest = np.unravel_index(weights.argmax(), weights.shape)
    shown = {(one.y, one.x): one for one in kernel.weights.cells}
    assert len(shown) == 9
    assert float(shown[int(largest[0]), int(largest[1])].text) == pytest.approx(
        weights.max(), rel=0.01
    )


def test_a_kernel_of_many_channels_is_drawn(context: PageContext) -> None:
    kernel = page(context, "block1.conv1", 0).kernel
    assert kernel is not None
    assert kernel.weights is None
    assert kernel.channels == "16 maps"


def test_layers_without_kernels_show_none(context: PageContext) -> None:
    assert page(context, "block1.norm1", 0).kernel is None


def test_the_parts_of_a_block_stand_on_one_scale(context: PageContext) -> None:
    row = page(context, "block1.sum", 7).across_block
    assert row is not None
    assert [part.text for part in row.parts] == ["x", "F(x)", "sum", "output"]
    assert [part.current for part in row.parts] == [False, False, True, False]
    largest = max(
        float(np.abs(context.forward.activations[name]).max())
        for name in ("stem.output", "block1.residual", "block1.sum", "block1.output")
    )
    assert float(row.legend.high) == pytest.approx(largest, rel=0.01)


def test_layers_inside_a_branch_are_no_parts(context: PageContext) -> None:
    assert page(context, "block1.relu1", 0).across_block is None


def test_a_silent_filter_has_no_histogram(context: PageContext) -> None:
    maps = context.forward.activations["block6.output"]
    silent = [index for index in range(64) if not maps[:, :, index].any()]
    for index in silent:
        assert page(context, "block6.output", index).histogram is None


def test_a_map_that_is_switched_off_is_not_put_down_to_the_digit(
    context: PageContext, digit: Digit
) -> None:
    forward = ModelRunner().run(context.engine, digit, switched_off("block2"))
    off = replace(context, forward=forward)
    assert page(off, "block2.residual", 3).note == "Switched off, so its map is zero everywhere."
    assert page(off, "block1.residual", 3).note is None
    assert page(context, "block2.residual", 3).note is None


def test_a_map_that_is_zero_of_itself_is_silent_on_the_digit(context: PageContext) -> None:
    maps = {name: one.copy() for name, one in context.forward.activations.items()}
    maps["block1.output"][..., 3] = 0
    quiet = replace(context, forward=replace(context.forward, activations=maps))
    assert "inactive on this digit" in (page(quiet, "block1.output", 3).note or "")
