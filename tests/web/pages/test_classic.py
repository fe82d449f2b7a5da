"""The page of the pictures of 2016: four of every block, or words on why there are none."""

import io
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.core.value_range import TOP_LEVEL
from skiplens.engine.base import Engine
from skiplens.service.forward import run_network
from skiplens.web.pages.classic import classic_blocks, likeness_of_2016
from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup


@pytest.fixture
def address(digit: Digit) -> str:
    return f"/networks/mnist-classic/digits/{digit.id}/classic"


def pictures(page: Markup) -> list[dict[str, str]]:
    return [element for element in page.all("img") if "/input.png" not in element["src"]]


def test_every_block_has_its_four_pictures_the_first_too(look: Look, address: str) -> None:
    shown = [
        picture["src"].partition("?")[0].split("/layers/")[1] for picture in pictures(look(address))
    ]
    assert shown == [
        f"block{at}.{part}"
        for at in range(1, 6)
        for part in ("residual/grid.png", "conv/kernels.png", "sum/grid.png", "output/grid.png")
    ]


def test_pictures_are_there_in_their_size_and_kept_by_browsers(
    client: TestClient, look: Look, address: str
) -> None:
    for image in pictures(look(address)):
        answer = client.get(image["src"])
        size = [int.from_bytes(answer.content[at : at + 4], "big") for at in (16, 20)]
        assert size == [int(image["width"]), int(image["height"])]
        assert "immutable" in answer.headers["cache-control"]
        headers = {"If-None-Match": answer.headers["etag"]}
        assert client.get(image["src"], headers=headers).status_code == 304


def test_all_64_kernels_are_drawn_upright(
    client: TestClient, look: Look, address: str, digit: Digit
) -> None:
    image = next(item for item in pictures(look(address)) if "block2.conv" in item["src"])
    with Image.open(io.BytesIO(client.get(image["src"]).content)) as opened:
        picture = np.asarray(opened)
    network = "/api/v1/networks/mnist-classic/layers/block2.conv"
    kernel = np.load(io.BytesIO(client.get(f"{network}/kernels.npy").content))
    assert kernel.shape == (3, 3, 8, 8)
    zoom, pitch = 7, 3 * 7 + 2
    left, top = picture.shape[1] - 8 * pitch, picture.shape[0] - 8 * pitch
    for given, filter_ in ((0, 0), (5, 2), (7, 7)):
        x, y = left + given * pitch, top + filter_ * pitch
        levels = picture[y : y + 21 : zoom, x : x + 21 : zoom].astype(float)
        reach = np.abs(kernel).max()
        values = (levels / TOP_LEVEL * 2 - 1) * reach
        assert np.abs(values - kernel[:, :, given, filter_]).max() <= reach / TOP_LEVEL


def test_one_scale_is_a_blocks_or_the_networks(look: Look, address: str) -> None:
    by_block, by_network = look(address), look(f"{address}?normalize=network")
    assert "normalize" not in pictures(by_block)[0]["src"]
    assert "normalize=network" in pictures(by_network)[0]["src"]
    assert "one value range for x, F(x), sum and output" in by_block.text
    assert "one value range for the whole network" in by_network.text


def test_each_fault_of_2016_has_its_sentence(look: Look, address: str) -> None:
    text = look(address).text
    for fault in (
        "was not F(x)",
        "was transposed",
        "its own value range",
        "48 of the 64",
        "first block was missing",
    ):
        assert fault in text
    assert text.count("cosine of F(x) and the 2016 “residual”: \N{MINUS SIGN}") == 4


def test_a_network_of_another_kind_says_so_and_where_they_are(
    client: TestClient, digit: Digit, address: str
) -> None:
    answer = client.get(f"/networks/mnist-resnet/digits/{digit.id}/classic")
    assert answer.status_code == 404
    page = Markup(answer.text)
    assert "do not apply to this network" in page.text
    assert address in page.links()
    assert page.faults == []


@pytest.mark.parametrize("where", ["", "/blocks/block3"])
def test_the_classic_leads_to_them_and_others_do_not(
    look: Look, digit: Digit, engine: Engine, where: str
) -> None:
    def leads(network: str) -> bool:
        links = look(f"/networks/{network}/digits/{digit.id}{where}").links()
        return any("/classic" in link for link in links)

    assert leads("mnist-classic")
    assert not leads(engine.manifest.id)


def test_only_blocks_of_one_convolution_at_one_width_have_them(
    engines: Mapping[str, Engine],
) -> None:
    found = classic_blocks(engines["mnist-classic"].manifest)
    assert [one.convolution.name for one in found] == [f"block{at}.conv" for at in range(1, 6)]
    for name in ("mnist-resnet", "mnist-plain", "mnist-highway"):
        assert classic_blocks(engines[name].manifest) == ()


@pytest.mark.parametrize(
    ("merge", "identity"), [("multiply", "block1.output"), ("add", "block2.identity")]
)
def test_one_block_of_another_kind_is_enough_to_have_none(
    engines: Mapping[str, Engine], merge: str, identity: str
) -> None:
    manifest = engines["mnist-classic"].manifest
    first, second, *rest = manifest.blocks
    other = replace(second, merge=merge, identity=identity)
    assert classic_blocks(replace(manifest, blocks=(first, other, *rest))) == ()


def test_what_2016_drew_is_f_turned_round_and_what_relu_had_cut(
    engines: Mapping[str, Engine], digit: Digit
) -> None:
    forward = run_network(engines["mnist-classic"], digit, AS_TRAINED)
    first, *later = forward.manifest.blocks
    assert likeness_of_2016(forward, first) is None
    for before, block in zip(forward.manifest.blocks, later, strict=False):
        maps = {name: one.astype(np.float64) for name, one in forward.activations.items()}
        drawn = np.minimum(maps[str(before.sum)], 0) - maps[block.residual]
        wanted = (drawn * maps[block.residual]).sum() / (
            np.linalg.norm(drawn) * np.linalg.norm(maps[block.residual])
        )
        assert likeness_of_2016(forward, block) == pytest.approx(wanted, abs=1e-5)
        assert wanted < 0
