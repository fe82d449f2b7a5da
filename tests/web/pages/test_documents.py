"""The pages' addresses: what answers, what is carried along, and what an upload leads to."""

from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from skiplens.core.grid_image import encode_grey
from skiplens.engine.base import Engine
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
    assert not [one for _, one in found.elements if banned & one.keys()]


@pytest.mark.parametrize("page", PAGES)
def test_pictures_have_words_and_sizes(look: Look, gallery: str, page: str) -> None:
    for image in look(gallery + page).all("img"):
        assert image["alt"]
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0


@pytest.mark.parametrize("page", PAGES)
def test_headings_leave_no_level_out(look: Look, gallery: str, page: str) -> None:
    levels = [
        int(name[1]) for name, _ in look(gallery + page).elements if name in {"h1", "h2", "h3"}
    ]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_into_the_pages_keeps_how_they_are_looked_at(
    look: Look, gallery: str, page: str
) -> None:
    links = [link for link in look(gallery + page + QUERY).links() if link.startswith("/networks")]
    assert links
    for link in links:
        query = parse_qs(urlsplit(link).query)
        assert query["palette"] == ["light"], link
        assert query["normalize"] == ["filter"], link


def test_grids_are_drawn_as_asked_for_at_addresses_of_this_version(
    look: Look, gallery: str, engine: Engine
) -> None:
    for image in look(gallery + QUERY).all("img")[1:]:
        query = parse_qs(urlsplit(image["src"]).query)
        given = {name: values[0] for name, values in query.items()}
        assert given == KEPT | {"version": engine.manifest.version}


def test_every_layer_is_in_the_gallery_in_forward_order(
    look: Look, gallery: str, engine: Engine
) -> None:
    shown = [image["src"] for image in look(gallery).all("img")[1:]]
    for layer in engine.manifest.layers:
        assert f"/layers/{layer.name}/grid.png" in " ".join(shown)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_picture_is_there(client: TestClient, gallery: str, page: str) -> None:
    found = Markup(client.get(gallery + page).text)
    pictures = [image["src"] for image in found.all("img")]
    pictures += [image["href"] for image in found.all("image")]
    links = [link.partition("#")[0] for link in found.links() if gallery in link]
    for address in sorted({*pictures, *filter(None, links)}):
        assert client.get(address).status_code == 200, address


def test_a_branch_is_switched_over_by_a_link(look: Look, gallery: str) -> None:
    on = next(one for one in look(gallery).all("a") if one.get("class") == "branch")
    assert on["aria-labelledby"] == "block1-switch"
    off = look(on["href"])
    assert "Prediction without block1" in off.text
    assert "switch on\n        in block1" in off.text
    assert gallery in off.links()


def test_what_each_layer_page_links_are_its_filters(look: Look, gallery: str) -> None:
    links = paths(look(f"{gallery}/layers/block3.output").links())
    assert {f"{gallery}/layers/block3.output/filters/{index}" for index in range(32)} <= links
    assert f"{gallery}/layers/block3.sum" in links
    assert f"{gallery}/layers/block4.conv1" in links


def test_the_first_and_the_last_have_but_one_neighbour(look: Look, gallery: str) -> None:
    first = look(f"{gallery}/layers/stem.conv")
    last = look(f"{gallery}/layers/head.probabilities/filters/9")
    assert [one["rel"] for one in first.all("a") if "rel" in one] == ["next"]
    assert [one["rel"] for one in last.all("a") if "rel" in one] == ["prev"]


def test_a_page_is_sent_only_if_it_changed(client: TestClient, gallery: str) -> None:
    first = client.get(gallery)
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get(gallery, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(f"{gallery}?palette=light", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_an_upload_leads_to_its_gallery_as_before(
    client: TestClient, stroke: NDArray[np.uint8]
) -> None:
    page = Markup(client.get("/" + QUERY).text)
    form = next(one for one in page.all("form") if "data-upload" in one)
    files = {"file": ("any", encode_grey(255 - stroke), "image/png")}
    answer = client.post(form["action"], files=files, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(QUERY)
    shown = client.get(answer.headers["location"])
    assert "dark on a light background" in shown.text


def test_a_file_that_is_no_image_is_refused_in_words(client: TestClient) -> None:
    headers = {"Accept": "text/html"}
    answer = client.post("/digits", files={"file": b"no image"}, headers=headers)
    assert answer.status_code == 422
    assert "Not a readable image" in answer.text
