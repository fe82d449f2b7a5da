"""The page of the data set: the matrix as the way in, the digits, and what stands in until then."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import InputContract
from skiplens.engine.base import Engine
from skiplens.errors import NonFiniteError
from skiplens.service.dataset import LabelledDigits
from skiplens.settings import Settings
from skiplens.web.links import Links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.network_page import NetworkPage
from tests.conftest import wait_until
from tests.web.conftest import NETWORK as API
from tests.web.conftest import Refused, over_dataset, wait_until_indexed
from tests.web.engines import DescribedEngine, SamplesFirst
from tests.web.pages.markup import Markup

PAGE = "/networks/mnist-resnet/dataset"
Seen = Callable[[str], Markup]


@pytest.fixture
def see(browsing: TestClient) -> Seen:
    """Fetches a page of the server that has a data set."""

    def seen(address: str) -> Markup:
        answer = browsing.get(address, headers={"Accept": "text/html"})
        assert answer.status_code == 200, (address, answer.text[:300])
        return Markup(answer.text)

    return seen


def digits(page: Markup) -> list[str]:
    """What is said of each digit that is shown."""
    return re.findall(r"test digit ([\d,]+, labelled \d.*?%)", " ".join(page.text.split()))


@pytest.mark.parametrize("query", ["", "?label=4&order=doubt", "?label=1&prediction=0"])
def test_the_page_is_sound_and_holds_nothing_inline(see: Seen, query: str) -> None:
    page = see(PAGE + query)
    assert page.faults == []
    assert not page.all("style")
    assert not [item for _, item in page.elements if {"style", "onclick", "onchange"} & item.keys()]


def test_every_number_of_the_matrix_leads_to_its_digits(see: Seen, browsing: TestClient) -> None:
    state = browsing.get(f"{API}/dataset").json()
    cells = [link for link in see(PAGE).all("a") if ", classified as" in link.get("aria-label", "")]
    counts = [count for row in state["confusion"] for count in row if count]
    assert [int(element["aria-label"].split()[0]) for element in cells] == counts
    mistake = min(cells, key=lambda cell: int(cell["aria-label"].split()[0]))
    page = see(mistake["href"].partition("#")[0])
    assert len(digits(page)) == int(mistake["aria-label"].split()[0])
    assert [
        element.get("aria-current")
        for element in page.all("a")
        if element == {**mistake, "aria-current": "true"}
    ]


def test_mistakes_stand_out_and_more_of_them_more(see: Seen, browsing: TestClient) -> None:
    confusion = browsing.get(f"{API}/dataset").json()["confusion"]
    classes = [
        cell["class"]
        for cell in see(PAGE).all("td")
        if cell.get("class") == "correct" or cell.get("class", "").startswith("level-")
    ]
    most = max(
        count for at, row in enumerate(confusion) for to, count in enumerate(row) if at != to
    )
    for at, shade in enumerate(classes):
        label, answer = divmod(at, 10)
        count = confusion[label][answer]
        assert shade == ("correct" if label == answer else f"level-{-(-5 * count // most)}")
    assert "level-5" in classes


def test_misread_digits_come_first_and_lead_to_their_galleries(
    see: Seen, browsing: TestClient, shifted: LabelledDigits
) -> None:
    told = browsing.get(f"{API}/dataset/digits").json()["digits"]
    page = see(PAGE)
    pages = [item["page_url"] for item in told]
    shown = [link for link in page.links() if urlsplit(link).path in pages]
    assert [urlsplit(link).path for link in shown] == pages
    first = told[0]
    assert first["wrong"]
    assert digits(page)[0].startswith(
        f"{first['index']}, labelled {first['label']} →, classified as {first['prediction']} "
    )
    gallery = see(shown[0])
    assert f"Digit {first['index']} of the test set, labelled {first['label']}." in gallery.text


def test_the_digits_are_cut_from_one_sheet(see: Seen, browsing: TestClient) -> None:
    page = see(f"{PAGE}?order=index&page=2")
    images = [one for one in page.all("image") if "/dataset/" in one["href"]]
    assert len(images) == 100
    boxes = [
        element["viewbox"] for element in page.all("svg") if element.get("class") == "map-panel"
    ]
    assert boxes == [f"{28 * (at % 10)} {28 * (at // 10)} 28 28" for at in range(100)]
    assert len({image["href"] for image in images}) == 1
    assert browsing.get(images[0]["href"]).status_code == 200


def test_pages_lead_on_and_back(see: Seen) -> None:
    first = see(f"{PAGE}?order=doubt&palette=light")
    onward = next(element for element in first.all("a") if element.get("rel") == "next")
    assert "palette=light" in onward["href"]
    second = see(onward["href"].partition("#")[0])
    assert "101 to 200" in second.text
    rels = [element["rel"] for element in second.all("a") if element.get("rel") in {"prev", "next"}]
    assert rels == ["prev", "next"]
    assert set(digits(first)) & set(digits(second)) == set()


def test_another_input_and_other_factors_keep_what_was_chosen(see: Seen) -> None:
    chosen = {"label": ["4"], "wrong": ["false"], "order": ["index"]}
    page = see(f"{PAGE}?label=4&wrong=false&order=index")
    query = parse_qs(urlsplit(page.address).query)
    assert query.keys() == {"digit", *chosen}
    links = [parse_qs(urlsplit(link).query) for link in page.links() if link.startswith(PAGE)]
    others = [link for link in links if "scale" in link or link["digit"] != query["digit"]]
    assert len(others) > 10
    assert all(link.items() >= chosen.items() for link in others)
    assert "order=doubt&page=2" in see(f"{PAGE}?order=doubt&page=2").address


def test_the_choosers_show_what_was_chosen(see: Seen) -> None:
    page = see(f"{PAGE}?label=0&wrong=false&order=confidence&palette=light")
    chosen = [element["value"] for element in page.all("option") if "selected" in element]
    assert chosen == ["0", "", "false", "confidence"]
    hidden = [element for element in page.all("input") if element.get("name") == "palette"]
    assert [item["value"] for item in hidden] == ["light"]
    assert "Correctly classified digits, labelled 0" in page.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("label=1&prediction=0", "No digit labelled 1 is classified as 0."),
        ("label=3&prediction=3&wrong=true", "No digits match these filters."),
    ],
)
def test_where_there_is_none_it_says_why_and_leads_back(see: Seen, query: str, said: str) -> None:
    page = see(f"{PAGE}?{query}")
    assert said in page.text
    assert digits(page) == []
    assert any(link.startswith(PAGE) and link.endswith("#digits") for link in page.links())


def test_links_keep_how_maps_are_drawn(see: Seen) -> None:
    for link in see(f"{PAGE}?palette=light&scale=block1:0").links():
        query = parse_qs(urlsplit(link).query)
        assert not link.startswith("/networks") or query["palette"] == ["light"], link


def test_until_it_is_indexed_there_are_a_bar_and_the_samples(indexing: TestClient) -> None:
    page = Markup(indexing.get(PAGE).text)
    assert page.faults == []
    (bar,) = page.all("progress")
    assert (bar["max"], bar["value"]) == ("240", "0")
    assert "0 of 240 digits" in page.text
    refresh = [element for element in page.all("meta") if element.get("http-equiv") == "refresh"]
    assert [item["content"] for item in refresh] == ["2"]
    assert len(page.all("image")) == 2 * 40  # as inputs to choose, and as they are classified
    assert not [one for one in page.all("table") if one.get("class") == "confusion-matrix"]
    section = next(item for _, item in page.elements if "data-indexing" in item)
    assert indexing.get(section["data-indexing"]).json()["state"] == "indexing"


def test_where_it_cannot_be_indexed_it_says_so_and_shows_the_samples(
    engine: Engine, shifted: LabelledDigits, tmp_path: Path, refused: Refused
) -> None:
    broken = SamplesFirst(engine)
    broken.failure = NonFiniteError("layer stem.conv holds NaN")
    services = over_dataset({"mnist-resnet": broken}, shifted, tmp_path)
    with TestClient(create_app(Settings(), lambda: services), "http://127.0.0.1") as client:
        wait_until(lambda: client.get(f"{API}/dataset").json()["state"] != "indexing")
        page = Markup(client.get(PAGE).text)
        refused(client.get(f"{API}/dataset/digits"), 500, "not_indexed")
    assert "The test set could not be classified" in page.text
    assert not page.all("progress")
    assert len(page.all("image")) == 2 * 40


@pytest.mark.parametrize(
    "other",
    [{"input": InputContract("image")}, {"classes": tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}],
    ids=["of images", "of letters"],
)
def test_a_network_that_does_not_classify_digits_is_not_measured_on_them(
    engine: Engine,
    shifted: LabelledDigits,
    tmp_path: Path,
    other: dict[str, Any],
    refused: Refused,
) -> None:
    described = DescribedEngine(engine, replace(engine.manifest, id="other", **other))
    services = over_dataset({"mnist-resnet": engine, "other": described}, shifted, tmp_path)
    with TestClient(create_app(Settings(), lambda: services), "http://127.0.0.1") as client:
        wait_until_indexed(client)
        client.headers["Accept"] = "text/html"
        (link,) = {one for one in Markup(client.get(PAGE).text).links() if "/other/" in one}
        assert urlsplit(link).path.startswith("/networks/other/digits/")
        answer = client.get("/networks/other/dataset")
        assert answer.status_code == 404
        assert "or this network classifies other images" in answer.text
        for path in ("dataset", "dataset/digits"):
            refused(client.get(f"/api/v1/networks/other/{path}"), 404, "no_dataset")
        tested, digit = services.digits.get(shifted.ids[0]), shifted.ids[0]
        for one in (engine, described):
            network = one.manifest.id
            forward = services.runner.run(one, tested.image, AS_TRAINED)
            context = PageContext(services, one, tested, forward, Links(network, digit))
            page = NetworkPage("", "", context)
            assert (page.mistakes is None) == (network == "other")
            assert ("Test set" in dict(page.sections)) == (network != "other")


def test_the_gallery_leads_to_the_data_set_only_where_there_is_one(
    see: Seen, api: TestClient
) -> None:
    for address in ("/", "/?scale=block1:0"):
        assert [urlsplit(link).path for link in see(address).links()].count(PAGE) == 1
    assert not [link for link in Markup(api.get("/").text).links() if "dataset" in link]
    answer = api.get(PAGE, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "skiplens serve --data FOLDER" in answer.text
