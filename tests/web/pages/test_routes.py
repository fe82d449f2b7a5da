"""What holds for every page: sound HTML, working links and images, query parameters kept."""

import io
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.samples import load_samples
from skiplens.service.services import Services
from skiplens.web import links
from tests.conftest import SHALLOW
from tests.web.conftest import Start
from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup

KEPT = {"scale": "block2:0", "normalize": "filter", "palette": "light"}

QUERY = "?scale=block2:0&normalize=filter&palette=light"

PAGES = ("", "/layers/block1.conv1", "/layers/head.pool", "/layers/block3.sum/filters/7")


def paths(links: list[str]) -> set[str]:
    return {urlsplit(link).path for link in links}


def test_home_is_the_gallery_of_a_sample_in_the_default_network(look: Look) -> None:
    home = look("/")
    assert "Prediction" in home.text
    assert len(home.all("image")) == 40


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_sound_and_hold_nothing_inline(look: Look, gallery: str, page: str) -> None:
    found = look(gallery + page)
    assert found.faults == []
    assert len(found.all("h1")) == len(found.all("main")) == 1
    assert not found.all("style")
    assert all("src" in script for script in found.all("script"))
    banned = {"style", "onclick", "onload", "onchange"}
    assert not [item for _, item in found.elements if banned & item.keys()]


@pytest.mark.parametrize("page", PAGES)
def test_images_have_alternatives_and_sizes(look: Look, gallery: str, page: str) -> None:
    for image in look(gallery + page).all("img"):
        assert image["alt"] or "data-network-input" in image  # the canvas beside it says the same
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0


@pytest.mark.parametrize("page", PAGES)
def test_headings_leave_no_level_out(look: Look, gallery: str, page: str) -> None:
    levels = [
        int(name[1]) for name, _ in look(gallery + page).elements if name in {"h1", "h2", "h3"}
    ]
    assert levels.count(1) == 1
    assert levels[0] <= 2  # the input comes before what the page is about
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("page", PAGES)
def test_links_keep_the_display_options(look: Look, gallery: str, page: str) -> None:
    links = [link for link in look(gallery + page + QUERY).links() if link.startswith("/networks")]
    assert links
    for link in links:
        query = parse_qs(urlsplit(link).query)
        assert query["palette"] == ["light"], link
        assert query["normalize"] == ["filter"], link


def test_grids_are_drawn_as_asked_for_at_addresses_of_this_version(
    look: Look, gallery: str, engine: Engine
) -> None:
    grids = [one["src"] for one in look(gallery + QUERY).all("img") if "/grid.png" in one["src"]]
    assert grids
    for address in grids:
        query = parse_qs(urlsplit(address).query)
        given = {name: values[0] for name, values in query.items()}
        assert given.items() >= (KEPT | {"version": engine.manifest.version}).items()


def test_every_layer_is_in_the_gallery_in_forward_order(
    look: Look, gallery: str, engine: Engine
) -> None:
    shown = [image["src"] for image in look(gallery).all("img")[1:]]
    for layer in engine.manifest.layers:
        assert f"/layers/{layer.name}/grid.png" in " ".join(shown)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_picture_is_there(api: TestClient, gallery: str, page: str) -> None:
    found = Markup(api.get(gallery + page).text)
    pictures = [image["src"] for image in found.all("img")]
    pictures += [image["href"] for image in found.all("image")]
    links = [link.partition("#")[0] for link in found.links() if gallery in link]
    for address in sorted({*pictures, *filter(None, links)}):
        assert api.get(address).status_code == 200, address


def test_a_link_toggles_a_branch(look: Look, gallery: str) -> None:
    on = next(one for one in look(gallery).all("a") if one.get("aria-pressed") == "true")
    assert on["href"] == f"{gallery}?scale=block1:0"
    off = look(on["href"])
    assert "Without block1, the prediction" in off.text
    (back,) = [one for one in off.all("a") if one.get("aria-pressed") == "false"]
    assert back["href"] == gallery


def test_what_each_layer_page_links_are_its_filters(look: Look, gallery: str) -> None:
    links = paths(look(f"{gallery}/layers/block3.output").links())
    assert {f"{gallery}/layers/block3.output/filters/{index}" for index in range(32)} <= links
    assert f"{gallery}/layers/block3.sum" in links
    assert f"{gallery}/layers/block4.conv1" in links


def test_the_first_and_the_last_have_but_one_neighbour(look: Look, gallery: str) -> None:
    first = look(f"{gallery}/layers/stem.conv")
    last = look(f"{gallery}/layers/head.probabilities/filters/9")
    assert [element["rel"] for element in first.all("a") if "rel" in element] == ["next"]
    of_layer_and_filter = [element["rel"] for element in last.all("a") if "rel" in element]
    assert of_layer_and_filter == ["prev", "prev"]


def test_a_page_is_sent_only_if_it_changed(client: TestClient, gallery: str) -> None:
    first = client.get(gallery)
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get(gallery, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(f"{gallery}?palette=light", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_other_candidates_of_an_upload_are_linked(client: TestClient) -> None:
    grey = np.full((120, 160), 255, np.uint8)
    grey[20:100, 76:84] = grey[20:28, 60:76] = grey[30:90, 130:138] = grey[30:36, 120:130] = 0
    page = client.post("/digits", files={"file": encode_grey(grey)}, follow_redirects=True)
    found = [link for link in Markup(page.text).all("a") if "data-box" in link]
    assert [link["data-box"] for link in found] == ["60 20 24 80", "120 30 18 60"]
    assert ["aria-current" in link for link in found] == [True, False]
    other = Markup(client.get(found[1]["href"]).text)
    assert ["aria-current" in link for link in other.all("a") if "data-box" in link] == [
        False,
        True,
    ]


def test_an_upload_redirects_to_its_gallery(client: TestClient, stroke: NDArray[np.uint8]) -> None:
    page = Markup(client.get("/" + QUERY).text)
    form = next(element for element in page.all("form") if "data-upload" in element)
    files = {"file": ("any", encode_grey(255 - stroke), "image/png")}
    answer = client.post(form["action"], files=files, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(QUERY)
    shown = client.get(answer.headers["location"])
    assert "dark on a light background" in shown.text


def test_the_form_says_how_large_a_file_may_be(start: Start) -> None:
    page = Markup(start(max_body_bytes=4096).get("/").text)
    (form,) = [one for one in page.all("form") if "data-upload" in one]
    assert form["data-most-bytes"] == "3072"


def test_a_file_that_is_no_image_is_a_problem_page(client: TestClient) -> None:
    headers = {"Accept": "text/html"}
    answer = client.post("/digits", files={"file": b"no image"}, headers=headers)
    assert answer.status_code == 422
    assert "Not a readable image" in answer.text


DIGITS = "/networks/mnist-resnet/digits"


def pages(digit: Digit) -> Iterator[str]:
    """One of each kind."""
    other = next(sample.digit for sample in load_samples() if sample.label == 1)
    yield f"{DIGITS}/{digit.id}/blocks/block3?scale=block3:0&order=cosine"
    yield f"{DIGITS}/{digit.id}/blocks?palette=light&beside=mnist-classic"
    yield f"/networks/mnist-classic/digits/{digit.id}/classic?scale=block2:0"
    yield f"/compare?a=mnist-resnet/{digit.id}&b=mnist-resnet/{other.id}"
    yield f"/compare?a=mnist-resnet/{digit.id}&b=mnist-classic/{digit.id}&scale_b=block1:0"


def test_every_page_is_sound_has_one_h1_and_skips_no_level(look: Look, digit: Digit) -> None:
    for address in pages(digit):
        markup = look(address)
        assert markup.faults == []
        levels = [int(tag[1]) for tag, _ in markup.elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_image_exists_in_the_stated_size(
    client: TestClient, look: Look, digit: Digit
) -> None:
    for address in pages(digit):
        for image in look(address).all("img"):
            assert image["alt"] or "data-network-input" in image
            answer = client.get(image["src"])
            assert answer.status_code == 200
            width = int.from_bytes(answer.content[16:20], "big")
            assert "/input.png" in image["src"] or width == int(image["width"])
        for drawn in {image["href"] for image in look(address).all("image")}:
            assert client.get(drawn).status_code == 200, drawn


def test_every_link_leads_somewhere(api: TestClient, look: Look, digit: Digit) -> None:
    found = [link for address in pages(digit) for link in look(address).links()]
    kinds = {re.sub("[0-9a-f]{16}|[0-9]+", "", link): link for link in found if link[:1] == "/"}
    for link in kinds.values():
        assert api.get(link).status_code == 200, link


def test_every_network_has_its_pages(
    api: TestClient, look: Look, engines: Mapping[str, Engine], digit: Digit
) -> None:
    for name in SHALLOW:
        page_links = f"/networks/{name}/digits/{digit.id}"
        blocks = [f"{page_links}/blocks/{block.name}" for block in engines[name].manifest.blocks]
        for address in (page_links, f"{page_links}/blocks", *blocks):
            markup = look(address)
            assert markup.faults == []
            pictures = {element["src"] for element in markup.all("img")}
            assert {api.get(element).status_code for element in pictures} == {200}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/compare?a=nope&b=nope", 422),
        ("/compare?a=mnist-resnet/0&b=mnist-resnet/0", 404),
        (f"{DIGITS}/0123456789abcdef/blocks", 404),
        (f"{DIGITS}/{{digit}}/blocks?beside=nope", 404),
        (f"{DIGITS}/{{digit}}/blocks?target=10", 422),
        (f"{DIGITS}/{{digit}}/blocks/block1?order=nope", 422),
    ],
)
def test_errors_of_block_and_comparison_are_pages(
    client: TestClient, digit: Digit, address: str, status: int
) -> None:
    answer = client.get(address.format(digit=digit.id), headers={"accept": "text/html"})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


def test_the_sheet_holds_every_sample_in_order(client: TestClient, services: Services) -> None:
    samples = services.digits.samples
    answer = client.get(links.samples_png(samples))
    sheet = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert sheet.shape == (28, 28 * len(samples))
    for at, digit in enumerate(samples):
        assert Digit.of(sheet[:, 28 * at : 28 * (at + 1)].copy()).id == digit


def test_the_sheets_address_changes_with_it() -> None:
    assert links.samples_png(["a", "b"]) != links.samples_png(["b", "a"])


def test_a_filters_kernel_is_a_picture(client: TestClient) -> None:
    address = links.filter_kernel_png("mnist-resnet", "block1.conv1", 3)
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (4 * 38 + 2, 4 * 38 + 2)


@pytest.mark.parametrize(("layer", "index"), [("block1.norm1", 0), ("block1.conv1", 16)])
def test_what_has_no_kernel_has_no_picture(client: TestClient, layer: str, index: int) -> None:
    address = links.filter_kernel_png("mnist-resnet", layer, index)
    assert client.get(address).status_code == 404
