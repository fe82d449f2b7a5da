"""Downloads and code snippets match what the page shows."""

import shlex
from html import escape
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.manifest import LayerInfo
from skiplens.web.links import Links
from skiplens.web.pages.downloads import filter_downloads, gallery_downloads, layer_downloads
from tests.conftest import switched_off

ORIGIN = "https://skip.example"
PAGE = "/page?palette=light"

CONV = LayerInfo("stem.conv", "Conv2D", "conv", None, (28, 28, 16), kernel=(3, 3))

ODD = LayerInfo('it\'s "odd"', "ReLU", "activation", None, (7, 7, 4))

LINKS = Links("mnist-resnet", "0123456789abcdef", switched_off("block2"), palette=PaletteName.LIGHT)


def snippets(page_links: Links, layer: LayerInfo) -> dict[str, str]:
    found = layer_downloads(page_links, layer).snippets(ORIGIN, PAGE)
    return {snippet.name: snippet.text for snippet in found}


def test_the_link_is_the_pages_own_address(client: TestClient, gallery: str) -> None:
    page = f"{gallery}/layers/stem.output/filters/3?scale=block2:0&palette=light&at=9,20"
    assert f"<code>{escape('http://127.0.0.1' + page)}</code>" in client.get(page).text
    assert snippets(LINKS, CONV)["link"] == f"{ORIGIN}{PAGE}"


def test_the_image_keeps_the_display_options() -> None:
    page_links = Links(
        "mnist-resnet", "0123456789abcdef", sort=Sort.MEAN, palette=PaletteName.LIGHT
    )
    words = shlex.split(snippets(page_links, CONV)["curl"])
    assert words[:3] == ["curl", "-o", "stem.conv.npy"]
    picture = urlsplit(words[-1])
    assert picture.path.endswith("/layers/stem.conv/grid.png")
    assert set(picture.query.split("&")) == {"palette=light", "sort=mean"}


def test_odd_names_are_quoted() -> None:
    found = snippets(LINKS, ODD)
    assert shlex.split(found["curl"])[2] == 'it\'s "odd".npy'
    compile(found["python"], "snippet", "exec")


def test_a_filter_comes_with_the_value_that_is_explained() -> None:
    away = filter_downloads(LINKS, CONV, 3, (9, 20))
    _, curl, python = (item.text for item in away.snippets(ORIGIN, PAGE))
    assert "/filters/3/units/9,20?scale=block2:0" in curl
    assert "maps[9, 20, 3]" in python


def test_all_layers_are_one_request() -> None:
    downloads = gallery_downloads(LINKS, [CONV, ODD], 10**9)
    _, curl, python = (item.text for item in downloads.snippets(ORIGIN, PAGE))
    assert f"{ORIGIN}/api/v1/networks/mnist-resnet/digits/0123456789abcdef" in curl
    assert "activations.npz?scale=block2:0" in python


@pytest.mark.parametrize(
    "page", ["", "/layers/stem.conv", "/layers/stem.conv/filters/3", "/blocks/block2"]
)
def test_every_page_has_downloads_that_exist(client: TestClient, gallery: str, page: str) -> None:
    html = client.get(f"{gallery}{page}?scale=block2:0").text
    section = html.split('id="downloads"')[1].split("</section>")[0]
    assert section.count("<pre") == 3
    assert section.count("http://127.0.0.1/") >= 3
    files = section.split("</ul>")[0].split('href="')[1:]
    assert len(files) >= 2
    for file in files:
        address = file.split('"')[0].replace("&amp;", "&")
        assert "scale=block2:0" in address or "kernels" in address
        assert client.get(address).status_code == 200, address
