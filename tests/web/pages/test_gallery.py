"""The gallery: every layer once, and in each block x + F(x) = sum, then the output."""

import io
from collections.abc import Mapping

import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.samples import draw_picture
from skiplens.service.digit_store import InputRecord
from skiplens.web import links
from tests.web.pages.conftest import Look

NETWORKS = ("mnist-resnet", "mnist-plain", "mnist-highway", "mnist-classic", "mnist-rows")


@pytest.mark.parametrize("network", NETWORKS)
def test_every_layer_has_its_maps(
    look: Look, engines: Mapping[str, Engine], digit: Digit, network: str
) -> None:
    page = look(links.gallery(network, digit.id))
    shown = {one["data-layer"] for one in page.all("figure") if "data-layer" in one}
    assert shown == {layer.name for layer in engines[network].manifest.layers}
    assert page.faults == []


def test_a_block_is_an_equation_of_maps(look: Look, engine: Engine, gallery: str) -> None:
    page = look(gallery)
    layers = [one["data-layer"] for one in page.all("figure") if "data-layer" in one]
    for block in engine.manifest.blocks:
        parts = [block.identity, block.residual, block.sum, block.output]
        assert any(layers[at : at + 4] == parts for at in range(len(layers))), block.name
    signs = [one for one in page.all("span") if one.get("class") == "sign"]
    assert len(signs) == 3 * len(engine.manifest.blocks)


def test_a_network_without_identity_paths_has_no_equations(look: Look, digit: Digit) -> None:
    signs = {
        network: {
            one.get("data-sign") for one in look(links.gallery(network, digit.id)).all("figure")
        }
        for network in ("mnist-plain", "mnist-resnet")
    }
    assert "=" in signs["mnist-resnet"]
    assert not {"+", "="} & signs["mnist-plain"]


@pytest.mark.parametrize(
    "address",
    [
        "/networks/mnist-resnet/digits/{}",
        "/networks/mnist-resnet/digits/{}/layers/stem.conv/filters/0",
        "/networks/mnist-rows/digits/{}",
        "/networks/mnist-rows/digits/{}/blocks/block1",
        "/networks/mnist-rows/digits/{}/layers/block1.sum",
        "/networks/mnist-rows/digits/{}/layers/block1.sum/filters/0",
        "/learn/time?digit={}",
    ],
)
def test_a_photograph_is_shown_as_the_network_of_digits_gets_it(
    look: Look, api: TestClient, address: str
) -> None:
    picture = InputRecord.of_image(draw_picture())
    api.app.state.services.digits.put(picture)  # type: ignore[attr-defined]
    page = look(address.format(picture.image.id))
    shown = [one.get("src") or one["href"] for one in (*page.all("img"), *page.all("image"))]
    inputs = [one for one in shown if "/input.png" in one]
    assert inputs
    for one in inputs:
        with Image.open(io.BytesIO(api.get(one).content)) as image:
            assert (image.size, image.mode) == ((8 * 28, 8 * 28), "L")


def test_x_is_shown_in_the_range_of_its_block(look: Look, gallery: str) -> None:
    page = look(gallery)
    for source in (one["src"] for one in page.all("img") if "grid.png" in one["src"]):
        assert source.count("block=") <= 1
    assert any("block1.output/grid.png?block=block2" in one["src"] for one in page.all("img"))


def test_what_is_inside_a_block_is_shown_on_demand(look: Look, gallery: str) -> None:
    page = look(gallery)
    folded = [one for one in page.all("details") if one.get("class") == "disclosure"]
    assert len(folded) == 8  # the stem, six blocks, and the snippets below
    assert all("open" not in one for one in folded)


def test_the_stem_leads_as_a_row_of_maps(look: Look, gallery: str) -> None:
    strips = [one for one in look(gallery).all("figure") if "layer-strip" in one.get("class", "")]
    head = ["head.pool", "head.logits", "head.probabilities"]
    assert [one["data-layer"] for one in strips] == ["stem.output", *head]


def test_a_large_network_is_folded_by_the_size_of_its_maps(
    look: Look, engine: Engine, gallery: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skiplens.web.pages.gallery._MANY_LAYERS", len(engine.manifest.layers) - 1)
    page = look(gallery)
    stages = [one for one in page.all("details") if "stage" in one["class"].split()]
    assert ["open" in one for one in stages] == [True, False, False]
    assert "Stage 2: block3 to block4" in page.text
    shown = {one["data-layer"] for one in page.all("figure") if "data-layer" in one}
    assert shown == {layer.name for layer in engine.manifest.layers}
    assert page.faults == []


def test_many_blocks_of_one_size_are_folded_by_four(look: Look, digit: Digit) -> None:
    page = look(links.gallery("mnist-stream", digit.id))
    stages = [one for one in page.all("details") if "stage" in one["class"].split()]
    assert ["open" in one for one in stages] == [True] + 6 * [False]
    assert "Stage 1: block25 to block27" in page.text
    assert page.faults == []
