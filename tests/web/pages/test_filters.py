"""The page of a filter: its kernel, and the same filter in the parts of its block."""

from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.digit import Digit
from skiplens.engine.base import Engine
from skiplens.service.forward import EngineExaminer
from skiplens.service.registry import layer_of
from skiplens.service.services import Services
from skiplens.web.links import View
from skiplens.web.pages.context import Subject
from skiplens.web.pages.filter import FilterPage, filter_page
from skiplens.web.pages.unit import Wish


@pytest.fixture
def subject(services: Services, engine: Engine, digit: Digit) -> Subject:
    examination = EngineExaminer().examine(engine, digit, ())
    view = View(engine.manifest.id, digit.id)
    return Subject(services, engine, services.digits.get(digit.id), examination, view)


def page(subject: Subject, layer: str, index: int) -> FilterPage:
    return filter_page(
        subject, layer_of(subject.engine.manifest, layer), index, Wish(), "http://127.0.0.1"
    )


def test_a_kernel_of_one_channel_is_written_out(subject: Subject) -> None:
    kernel = page(subject, "stem.conv", 3).kernel
    assert kernel is not None
    assert kernel.weights is not None
    weights = subject.engine.weights["stem.conv/kernel"][:, :, 0, 3]
    largest = np.unravel_index(weights.argmax(), weights.shape)
    shown = {(one.y, one.x): one for one in kernel.weights.squares}
    assert len(shown) == 9
    assert float(shown[int(largest[0]), int(largest[1])].text) == pytest.approx(
        weights.max(), rel=0.01
    )


def test_a_kernel_of_many_channels_is_drawn(subject: Subject) -> None:
    kernel = page(subject, "block1.conv1", 0).kernel
    assert kernel is not None
    assert kernel.weights is None
    assert kernel.channels == "16 maps"


def test_layers_without_kernels_show_none(subject: Subject) -> None:
    assert page(subject, "block1.norm1", 0).kernel is None


def test_the_parts_of_a_block_stand_on_one_scale(subject: Subject) -> None:
    row = page(subject, "block1.sum", 7).parts
    assert row is not None
    assert [part.text for part in row.parts] == ["x", "F(x)", "sum", "output"]
    assert [part.current for part in row.parts] == [False, False, True, False]
    largest = max(
        float(np.abs(subject.examination.activations[name]).max())
        for name in ("stem.output", "block1.residual", "block1.sum", "block1.output")
    )
    assert float(row.legend.high) == pytest.approx(largest, rel=0.01)


def test_layers_inside_a_branch_are_no_parts(subject: Subject) -> None:
    assert page(subject, "block1.relu1", 0).parts is None


def test_a_silent_filter_has_no_histogram(subject: Subject) -> None:
    maps = subject.examination.activations["block6.output"]
    silent = [index for index in range(64) if not maps[:, :, index].any()]
    for index in silent:
        assert page(subject, "block6.output", index).histogram is None


def test_a_map_that_is_switched_off_is_not_put_down_to_the_digit(
    subject: Subject, digit: Digit
) -> None:
    examination = EngineExaminer().examine(subject.engine, digit, ("block2",))
    off = replace(subject, examination=examination)
    assert page(off, "block2.residual", 3).note == "Switched off, so its map is zero everywhere."
    assert page(off, "block1.residual", 3).note is None
    assert page(subject, "block2.residual", 3).note is None


def test_a_map_that_is_zero_of_itself_is_silent_on_the_digit(subject: Subject) -> None:
    maps = {name: one.copy() for name, one in subject.examination.activations.items()}
    maps["block1.output"][..., 3] = 0
    quiet = replace(subject, examination=replace(subject.examination, activations=maps))
    assert "silent on this digit" in (page(quiet, "block1.output", 3).note or "")
