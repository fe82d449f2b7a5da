"""Figures: legends, data attributes, narrow grids, number grids."""

import io
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.grid_image import MIN_ZOOM
from skiplens.core.input_image import Digit
from skiplens.core.value_range import TOP_LEVEL, Normalisation
from skiplens.engine.base import Engine
from skiplens.service.feature_map_table import block_table, stage_table
from skiplens.service.forward import ForwardPass, run_network
from skiplens.service.map_grids import GridOptions, layer_grid
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages.figures import (
    GRID_WIDTH,
    LayerFigure,
    Legend,
    MapAttributes,
    layer_figure,
    layer_strip,
    map_attributes,
    number_grid,
    ramp_stops,
    table_legend,
)
from tests.conftest import switched_off
from tests.web.pages.conftest import Look


@pytest.fixture
def forward(engine: Engine, digit: Digit) -> ForwardPass:
    return run_network(engine, digit, switched_off("block2"))


def figure(
    forward: ForwardPass, layer: str, normalisation: Normalisation = Normalisation.LAYER
) -> LayerFigure:
    page_links = Links(forward.manifest.id, forward.digit.id, AS_TRAINED, normalisation)
    return layer_figure(forward, find_layer(forward.manifest, layer), page_links)


def test_a_signed_layer_has_zero_in_the_middle(forward: ForwardPass) -> None:
    legend = figure(forward, "block1.sum").legend
    assert legend.zero
    assert legend.ramp == "signed"
    assert legend.low == "\u2212" + legend.high


def test_a_layer_never_negative_starts_at_zero(forward: ForwardPass) -> None:
    legend = figure(forward, "block1.output").legend
    assert (legend.low, legend.zero, legend.ramp) == ("0", False, "positive")


def test_a_range_per_filter_is_described(forward: ForwardPass) -> None:
    legend = figure(forward, "block1.output", Normalisation.FILTER).legend
    assert legend.high == "highest"
    assert "its own value range" in legend.sharing


@pytest.mark.parametrize(
    ("factor", "said"),
    [(1.0, "the gate from 0 to 1.00"), (-2.0, "the gate from \u22122.00 to 2.00")],
)
def test_the_range_of_a_gate_is_that_of_its_factor(
    engines: Mapping[str, Engine], digit: Digit, factor: float, said: str
) -> None:
    forward = run_network(engines["mnist-highway"], digit, Scales((("block2", factor),)))
    table = block_table(forward, forward.manifest.blocks[1], PaletteName.DARK)
    assert table_legend(table).sharing == f"one value range for all rows; {said}"


def test_gates_alone_have_a_legend_from_zero(engines: Mapping[str, Engine], digit: Digit) -> None:
    forward = run_network(engines["mnist-highway"], digit, AS_TRAINED)
    legend = table_legend(stage_table(forward, 1, "gate", PaletteName.DARK))
    assert legend == Legend("0", False, "1.00", "positive", "one value range for all rows")


def test_a_disabled_figure_is_not_called_inactive(forward: ForwardPass) -> None:
    found = figure(forward, "block2.residual")
    assert found.note == "Switched off, so every map is zero."
    assert found.alt.endswith("; switched off")
    assert found.legend == Legend("", zero=False, high="", ramp="signed", sharing="zero everywhere")


def test_a_gated_block_disables_its_gate(engines: Mapping[str, Engine], digit: Digit) -> None:
    gated = run_network(engines["mnist-highway"], digit, switched_off("block2"))
    assert figure(gated, "block2.gate").note == "Switched off, so every map is zero."
    assert figure(gated, "block2.residual").note is None
    assert figure(gated, "block3.gate").note is None


def test_zero_filters_are_inactive_and_not_disabled(forward: ForwardPass) -> None:
    quiet = {name: maps.copy() for name, maps in forward.activations.items()}
    quiet["block1.residual"][..., 3:5] = 0
    found = figure(replace(forward, activations=quiet), "block1.residual")
    assert found.note == "2 filters are inactive on this digit."
    assert found.alt.endswith("; inactive: 3 and 4")


def test_every_grid_fits_beside_the_others_of_its_block(forward: ForwardPass) -> None:
    for layer in forward.manifest.layers:
        found = figure(forward, layer.name)
        assert found.picture.width <= GRID_WIDTH or found.picture.zoom == MIN_ZOOM
        widths = [found.picture.width, *(larger.width for _, larger in found.wider)]
        assert widths == sorted(set(widths))


def test_of_very_many_small_maps_those_that_fit_are_shown(forward: ForwardPass) -> None:
    manifest = forward.manifest
    small = replace(find_layer(manifest, "block5.output"), shape=(2, 2, 2048))
    values = np.random.default_rng(1).normal(size=small.shape).astype(np.float32)
    many = replace(forward, activations={**forward.activations, small.name: values})
    links = Links(manifest.id, forward.digit.id, AS_TRAINED, Normalisation.LAYER)
    found = layer_figure(many, small, links, room=333)
    assert 250 < found.picture.width <= 333
    assert found.meta.endswith(" strongest")


def test_the_input_of_a_block_is_shown_in_its_range(forward: ForwardPass) -> None:
    manifest = forward.manifest
    links = Links(manifest.id, forward.digit.id, switched_off("block2"))
    layer = find_layer(manifest, "block1.output")
    as_x = layer_figure(forward, layer, links, x_of="block2")
    assert (as_x.symbol, as_x.tone) == ("x", "identity")
    assert "block=block2" in as_x.picture.src
    residual = layer_figure(forward, find_layer(manifest, "block2.sum"), links)
    assert as_x.legend.high == residual.legend.high


def test_a_strip_of_the_strongest_filters_describes_the_maps_that_it_shows(
    forward: ForwardPass,
) -> None:
    manifest = forward.manifest
    wide = replace(find_layer(manifest, "block5.output"), shape=(7, 7, 128))
    values = np.arange(7 * 7 * 128, dtype=np.float32).reshape(wide.shape)
    large = replace(forward, activations={**forward.activations, wide.name: values})
    links = Links(manifest.id, forward.digit.id, AS_TRAINED, Normalisation.FILTER)
    found = layer_strip(large, wide, links)
    assert found.attributes.layout.columns == 64
    assert found.attributes.order == ",".join(map(str, range(127, 63, -1)))
    assert found.meta.endswith(", 64 strongest")
    assert found.alt.startswith("Activation maps of 64 of 128 filters")
    assert "values from 64.0 to 6271" in found.alt


def test_ramps_run_from_end_to_end() -> None:
    stops = ramp_stops(PaletteName.DARK, diverging=True)
    assert (stops[0][0], stops[-1][0]) == ("0.0%", "100.0%")
    assert len({colour for _, colour in stops}) == len(stops)


def attributes_of(forward: ForwardPass, name: str) -> MapAttributes:
    manifest = forward.manifest
    layer = find_layer(manifest, name)
    grid = layer_grid(forward, layer, tuple(range(layer.filters)), GridOptions())
    return map_attributes(layer, grid, Links(manifest.id, forward.digit.id, switched_off("block2")))


def test_attributes_state_the_grid_layout(forward: ForwardPass) -> None:
    found = attributes_of(forward, "block3.output")
    assert (found.layer.shape, found.layout.columns, found.order) == ((14, 14, 32), 8, None)


def test_attributes_name_addresses_that_exist(client: TestClient, forward: ForwardPass) -> None:
    found = attributes_of(forward, "block2.residual")
    maps = np.load(io.BytesIO(client.get(found.values).content))
    np.testing.assert_array_equal(maps, forward.activations["block2.residual"])
    assert not maps.any()  # it is switched off there too
    assert client.get(found.filter_href.replace("{filter}", "3")).status_code == 200


@pytest.mark.parametrize("where", ["", "/layers/block1.sum", "/layers/block1.sum/filters/2"])
def test_every_page_with_maps_has_their_attributes(look: Look, gallery: str, where: str) -> None:
    page = look(gallery + where)
    figures = [element for element in page.all("figure") if "data-layer" in element]
    assert figures
    for item in figures:
        assert {"data-values", "data-filter-href", "data-columns", "data-zoom"} <= set(item)


VALUES = np.array([[0, 2], [-4, 4]], np.float32)


def test_each_number_has_its_colour_of_the_palette() -> None:
    found = number_grid(VALUES, (-4.0, 4.0), PaletteName.DARK)
    assert (found.rows, found.columns) == (2, 2)
    assert found.text == "0, 2.00, \N{MINUS SIGN}4.00, 4.00"
    table = colours(PaletteName.DARK, diverging=True)
    levels = [TOP_LEVEL // 2, 3 * TOP_LEVEL // 4, 0, TOP_LEVEL]
    for square, level in zip(found.cells, levels, strict=True):
        assert square.colour == "#{:02x}{:02x}{:02x}".format(*table[level])
        assert square.tone == ("bright" if table[level].mean() > 128 else "dark")


def test_without_a_palette_numbers_and_ramps_have_those_of_both_themes() -> None:
    found = number_grid(VALUES, (-4.0, 4.0), None)
    each = [number_grid(VALUES, (-4.0, 4.0), one) for one in (PaletteName.LIGHT, PaletteName.DARK)]
    for square, light, dark in zip(found.cells, *(one.cells for one in each), strict=True):
        assert square.colour == f"light-dark({light.colour}, {dark.colour})"
        assert square.tone in {f"{light.tone}-{dark.tone}", light.tone}
    assert found.cells[0].tone == "bright-dark"  # zero has the tone of the page
    light, dark = (
        ramp_stops(one, diverging=False) for one in (PaletteName.LIGHT, PaletteName.DARK)
    )
    assert ramp_stops(None, diverging=False)[0][1] == f"light-dark({light[0][1]}, {dark[0][1]})"


def test_a_range_from_zero_has_the_positive_palette() -> None:
    found = number_grid(VALUES.clip(0), (0.0, 4.0), PaletteName.GREY)
    assert found.cells[3].colour == "#ffffff"


def test_masked_values_have_no_colour() -> None:
    there = np.array([[True, False], [True, True]])
    found = number_grid(VALUES, (-4.0, 4.0), PaletteName.DARK, mask=there)
    assert [square.colour == "none" for square in found.cells] == [False, True, False, False]
    assert found.cells[1].text == "0"
