"""A layer's page."""

import re
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName
from skiplens.engine.base import Engine
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages.figures import filter_kernel_grid
from skiplens.web.pages.layer import kernels_picture
from tests.web.pages.conftest import Look


def test_tiles_rows_and_grid_are_in_one_order(client: TestClient, gallery: str) -> None:
    address = f"{gallery}/layers/block1.output?sort=maximum"
    html = client.get(address).text
    tiles = [int(index) for index in re.findall(r'<span class="tile-text"><b>(\d+)</b>', html)]
    rows = [int(index) for index in re.findall(r'<th scope="row"><a [^>]*>(\d+)</a>', html)]
    grid = client.get(f"/api/v1{address.replace('?', '/grid.json?')}").json()
    assert tiles == rows == [cell["filter"] for cell in grid["cells"]]
    assert grid["sort"] == "maximum"
    assert sorted(tiles) == list(range(16)) != tiles
    order = re.search(r'data-order="([\d,]+)"', html)
    assert order
    assert [int(index) for index in order[1].split(",")] == tiles


def test_the_default_order_is_not_stated(client: TestClient, gallery: str) -> None:
    assert "data-order" not in client.get(f"{gallery}/layers/block1.output").text


def test_neighbouring_pages_keep_the_order(look: Look, gallery: str) -> None:
    for page in ("", "/layers/block1.output", "/layers/block1.output/filters/3", "/blocks/block1"):
        links = look(f"{gallery}{page}?sort=zeros").links()
        inner = [link for link in links if "/layers/" in link and "/api/" not in link]
        assert inner, page
        assert all("sort=zeros" in link for link in inner), page


def test_all_values_of_a_layer_are_counted(client: TestClient, gallery: str) -> None:
    html = client.get(f"{gallery}/layers/block1.output").text
    counts = re.findall(r"<title>([\d,]+) values? from", html)
    zeros = re.findall(r"exactly zero, ([\d,]+) of 12,544", html)
    assert len(zeros) == 1
    assert sum(int(count.replace(",", "")) for count in counts + zeros) == 28 * 28 * 16


def test_a_disabled_layer_is_not_called_inactive(client: TestClient, gallery: str) -> None:
    off = client.get(f"{gallery}/layers/block2.residual?scale=block2:0").text
    assert "Switched off, so every map is zero." in off
    assert off.count('<span class="flag">switched off</span>') == 16
    assert off.count('<td class="remark">switched off</td>') == 16
    assert ">inactive<" not in off
    assert ', inactive"' not in off
    assert "switched off" not in client.get(f"{gallery}/layers/block2.residual").text


def test_the_address_of_a_page_names_the_part_that_it_shows(
    look: Look, gallery: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.web.pages.layer.MOST_FILTERS", 10)
    address = f"{gallery}/layers/block2.output"
    assert look(f"{address}?page=1").address == address
    page = look(f"{address}?page=2")
    assert page.address == f"{address}?page=2"
    assert f"http://127.0.0.1{address}?page=2" in page.text.split()


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((3, 3, 600, 600), True), ((3, 3, 1200, 1200), False)],
)
def test_a_page_asks_for_no_picture_that_is_too_large(
    engine: Engine, shape: tuple[int, ...], drawn: bool
) -> None:
    layer = find_layer(engine.manifest, "stem.conv")
    wide = SimpleNamespace(manifest=engine.manifest, weights={"stem.conv/kernel": np.zeros(shape)})
    picture = kernels_picture(cast("Engine", wide), layer, Links("mnist-resnet", "0" * 16))
    assert (picture is not None) == drawn
    wide.weights["stem.conv/kernel"] = np.zeros((28, 28, 400, layer.filters), np.float32)
    grid = filter_kernel_grid(cast("Engine", wide), layer, 0, PaletteName.DARK)
    assert grid.layout.width * grid.layout.height <= 16_000_000
