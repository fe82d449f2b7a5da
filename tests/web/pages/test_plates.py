"""What a page tells a script that draws its maps: enough to draw what the server would."""

import io

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Engine
from skiplens.service.forward import ForwardPass, ModelRunner
from skiplens.service.images import GridOptions, layer_grid
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages.figures import MapAttributes, map_attributes, network_range
from tests.conftest import switched_off
from tests.web.pages.conftest import Look


@pytest.fixture
def forward(engine: Engine, digit: Digit) -> ForwardPass:
    return ModelRunner().run(engine, digit, switched_off("block2"))


def plate_of(forward: ForwardPass, name: str) -> MapAttributes:
    manifest = forward.manifest
    layer = find_layer(manifest, name)
    grid = layer_grid(forward, layer, tuple(range(layer.filters)), GridOptions())
    return map_attributes(
        forward, layer, grid, Links(manifest.id, forward.digit.id, switched_off("block2"))
    )


def pair(text: str | None) -> tuple[float, ...]:
    return tuple(map(float, (text or "").split()))


def test_scopes_are_stated_with_every_digit_that_they_have(forward: ForwardPass) -> None:
    layer = find_layer(forward.manifest, "block1.sum")
    found = plate_of(forward, "block1.sum")
    assert pair(found.block_range) == forward.value_range(layer, Normalisation.BLOCK)
    assert pair(network_range(forward)) == forward.network_range


@pytest.mark.parametrize("name", ["stem.conv", "block1.conv1", "head.pool"])
def test_a_layer_that_is_no_part_of_a_block_has_no_scale_of_a_block(
    forward: ForwardPass, name: str
) -> None:
    assert plate_of(forward, name).block_range is None


def test_a_plate_says_how_its_grid_is_laid_out(forward: ForwardPass) -> None:
    found = plate_of(forward, "block3.output")
    assert (found.shape, found.columns, found.zoom, found.signed) == ("14 14 32", 8, 3, False)
    assert plate_of(forward, "block3.sum").signed


def test_maps_and_filters_are_found_where_the_plate_says(
    client: TestClient, forward: ForwardPass
) -> None:
    found = plate_of(forward, "block2.residual")
    maps = np.load(io.BytesIO(client.get(found.values).content))
    np.testing.assert_array_equal(maps, forward.activations["block2.residual"])
    assert not maps.any()  # it is switched off there too
    assert client.get(found.filter_href.replace("{filter}", "3")).status_code == 200


@pytest.mark.parametrize("where", ["", "/layers/block1.sum", "/layers/block1.sum/filters/2"])
def test_every_page_with_maps_carries_their_plates(look: Look, gallery: str, where: str) -> None:
    page = look(gallery + where)
    figures = [one for one in page.all("figure") if "data-layer" in one]
    assert figures
    for one in figures:
        assert {"data-values", "data-filter-href", "data-columns", "data-zoom"} <= set(one)
    ranges = [one["data-network-range"] for _, one in page.elements if "data-network-range" in one]
    assert len(ranges) == 1


def test_every_way_of_drawing_is_said_in_words_for_a_script(look: Look, gallery: str) -> None:
    options = [one for one in look(gallery).all("option") if "data-explanation" in one]
    assert all(one["data-explanation"] for one in options)
    assert [one["value"] for one in options if "data-default" in one] == ["block", "dark"]
