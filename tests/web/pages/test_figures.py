"""A layer's figure: its legend states the numbers, and a slim grid fits beside the rail."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from skiplens.core.colormaps import PaletteName
from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Engine
from skiplens.service.forward import ForwardPass, ModelRunner
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages.figures import SLIM_WIDTH, LayerFigure, Legend, layer_figure, ramp_stops
from tests.conftest import switched_off


@pytest.fixture
def forward(engine: Engine, digit: Digit) -> ForwardPass:
    return ModelRunner().run(engine, digit, switched_off("block2"))


def figure(
    forward: ForwardPass, layer: str, normalisation: Normalisation = Normalisation.LAYER
) -> LayerFigure:
    view = Links(forward.manifest.id, forward.digit.id, AS_TRAINED, normalisation)
    return layer_figure(forward, find_layer(forward.manifest, layer), view)


def test_a_signed_layer_has_zero_in_the_middle(forward: ForwardPass) -> None:
    legend = figure(forward, "block1.sum").legend
    assert legend.zero
    assert legend.ramp == "signed"
    assert legend.low == "\u2212" + legend.high


def test_a_layer_never_negative_starts_at_zero(forward: ForwardPass) -> None:
    legend = figure(forward, "block1.output").legend
    assert (legend.low, legend.zero, legend.ramp) == ("0", False, "positive")


def test_a_scale_for_each_filter_is_said_in_words(forward: ForwardPass) -> None:
    legend = figure(forward, "block1.output", Normalisation.FILTER).legend
    assert legend.high == "highest"
    assert "its own value range" in legend.sharing


def test_a_layer_that_is_switched_off_is_not_called_silent(forward: ForwardPass) -> None:
    found = figure(forward, "block2.residual")
    assert found.note == "Switched off, so every map is zero."
    assert found.alt.endswith("; switched off")
    assert found.legend == Legend("", zero=False, high="", ramp="signed", sharing="zero everywhere")


def test_of_a_gated_block_the_gate_is_switched_off_and_not_the_residual(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    gated = ModelRunner().run(engines["mnist-highway"], digit, switched_off("block2"))
    assert figure(gated, "block2.gate").note == "Switched off, so every map is zero."
    assert figure(gated, "block2.residual").note is None
    assert figure(gated, "block3.gate").note is None


def test_a_script_is_told_what_a_switch_acts_on(forward: ForwardPass) -> None:
    layers = ("block1.residual", "block2.residual", "block2.sum", "stem.output")
    switches = [figure(forward, layer).attributes.switch for layer in layers]
    assert switches == ["on", "off", None, None]


def test_filters_that_find_nothing_are_silent_and_not_off(forward: ForwardPass) -> None:
    quiet = {name: maps.copy() for name, maps in forward.activations.items()}
    quiet["block1.residual"][..., 3:5] = 0
    found = figure(replace(forward, activations=quiet), "block1.residual")
    assert found.note == "2 filters are inactive on this digit."
    assert found.alt.endswith("; inactive: 3 and 4")


def test_every_slim_grid_fits(forward: ForwardPass) -> None:
    for layer in forward.manifest.layers:
        found = figure(forward, layer.name)
        assert (found.slim or found.picture).width <= SLIM_WIDTH


def test_ramps_run_from_end_to_end() -> None:
    stops = ramp_stops(PaletteName.DARK, diverging=True)
    assert (stops[0].offset, stops[-1].offset) == ("0.0%", "100.0%")
    assert len({stop.colour for stop in stops}) == len(stops)
