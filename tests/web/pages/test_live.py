"""The page while someone draws: a frame says and shows what the page of the stored digit does."""

import io
import json
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from itertools import product
from typing import Any, Final

import numpy as np
import pytest
from httpx2 import Response
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.input_image import Digit
from skiplens.web.pages.live import MAX_PICTURES
from tests.web.conftest import Refused, Start
from tests.web.engines import WatchedEngine

SEVEN: Final = [[0.28, 0.25, 0.09], [0.72, 0.25, 0.09], [0.5, 0.55, 0.09], [0.42, 0.82, 0.09]]
STROKES: Final = [{"points": SEVEN}]
DIGITS: Final = "/api/v1/digits"
FOLLOWS: Final = re.compile(r"/(grid|maps)\.png(\?|$)")
NETWORKS: Final = ("mnist-resnet", "mnist-plain", "mnist-highway")


@dataclass
class Frame:
    """A frame as the browser reads it."""

    header: dict[str, Any]
    input: NDArray[np.uint8]
    pictures: list[NDArray[np.uint8]]


@dataclass
class Shown:
    """What a page shows where its elements have keys of a frame."""

    values: dict[str, str] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)
    figures: list[dict[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """Collects texts and attributes by key, and pictures with the legend of their figure."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shown = Shown()
        self._text: list[tuple[str, dict[str, str], str]] = []
        self._figure: dict[str, str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name, key in given.items():
            if name.startswith("data-live-"):
                self.shown.values[key] = given.get(name.removeprefix("data-live-"), "")
        if tag == "figure" and "data-layer" in given:
            self._figure = {"layer": given["data-layer"]}
            self.shown.figures.append(self._figure)
        if "data-live" in given and tag != "form":
            self._text.append((tag, self.shown.values, given["data-live"]))
            self.shown.values[given["data-live"]] = ""
        part = given.get("class", "")
        if self._figure is not None and part in {"low", "zero", "high", "range-scope", "note"}:
            self._text.append((tag, self._figure, part))
            self._figure[part] = ""
        if self._figure is not None and given.get("fill", "").startswith("url(#ramp"):
            self._figure["ramp"] = given["fill"]
        for name in ("src", "srcset", "href"):
            if tag in {"img", "source", "image"} and FOLLOWS.search(given.get(name, "")):
                self.shown.pictures.append(given[name])
                if self._figure is not None and tag == "img":
                    self._figure["picture"] = given[name]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._text and self._text[-1][0] == tag:
            self._text.pop()
        if tag == "figure":
            self._figure = None

    def handle_data(self, data: str) -> None:
        for _, found, key in self._text:
            found[key] += data


def post(
    api: TestClient,
    network: str = "mnist-resnet",
    pictures: Sequence[str] = (),
    query: str = "",
    **drawing: object,
) -> Response:
    body = {"strokes": STROKES, "pictures": list(pictures), **drawing}
    return api.post(f"/networks/{network}/live{query}", json=body)


def read(answer: Response) -> Frame:
    assert answer.status_code == 200, answer.text
    content = answer.content
    (length,) = struct.unpack_from("<I", content)
    header, body = json.loads(content[4 : 4 + length]), content[4 + length :]
    given, at, pictures = np.frombuffer(body, np.uint8), 784, []
    for picture in header["pictures"]:
        height, width = picture["height"], picture["width"]
        pictures.append(given[at : at + height * width].reshape(height, width))
        at += height * width
    assert at == len(given)
    return Frame(header, given[:784].reshape(28, 28), pictures)


def stored(api: TestClient) -> str:
    """The id of the digit that the strokes make."""
    return str(api.post(DIGITS, json={"strokes": STROKES}).json()["id"])


def shown(api: TestClient, address: str) -> Shown:
    answer = api.get(address)
    assert answer.status_code == 200, answer.text[:300]
    return Page(answer.text).shown


def frames(api: TestClient, network: str, page: Shown, query: str = "") -> Iterator[Frame]:
    pictures = list(dict.fromkeys(page.pictures))
    for first in range(0, len(pictures), MAX_PICTURES):
        yield read(post(api, network, pictures[first : first + MAX_PICTURES], query))


def rgba(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def painted(levels: NDArray[np.uint8], picture: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Levels in colours, as the browser paints them: the last level is clear."""
    palette = re.search(r"palette=([\w-]+)", picture["address"])
    name = PaletteName(palette.group(1)) if palette else PaletteName.DARK
    table = np.full((256, 4), 255, np.uint8)
    table[:, :3] = colours(name, diverging=picture["ramp"] == "signed")
    table[255] = 0
    return table[levels]


PAGES: Final = {
    "": "",
    "a branch off": "?scale=block2:0",
    "a branch doubled": "?scale=block2:2",
    "another look": "?normalize=layer&palette=light&sort=mean",
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_frame_says_what_the_page_of_the_stored_digit_says(
    api: TestClient, network: str, name: str
) -> None:
    query = "" if network == "mnist-plain" and "scale" in PAGES[name] else PAGES[name]
    page = shown(api, f"/networks/{network}/digits/{stored(api)}{query}")
    values = read(post(api, network, query=query)).header["values"]
    said = {key: text for key, text in page.values.items() if not key.startswith("ghost")}
    assert {"label", "share", "class3", "bar3", "share3", "stem", "block2.line0"} <= said.keys()
    assert {key: values[key] for key in said} == said
    assert values.keys() == page.values.keys()


@pytest.mark.parametrize(
    ("network", "part"),
    [
        *product(
            NETWORKS,
            ["", "/layers/block2.output", "/layers/block2.conv1/filters/3", "/blocks/block3"],
        ),
        *product(
            ["mnist-rows"],
            ["", "/layers/block2.sum", "/layers/block1.states/filters/3", "/blocks/block2"],
        ),
    ],
)
def test_a_frame_shows_the_pictures_of_the_page_pixel_for_pixel(
    api: TestClient, network: str, part: str
) -> None:
    # Those of both themes are on a page without a palette.
    query = "?palette=dark" if network in {"mnist-plain", "mnist-highway"} else ""
    page = shown(api, f"/networks/{network}/digits/{stored(api)}{part}{query}")
    compared = 0
    for frame in frames(api, network, page, query):
        for picture, levels in zip(frame.header["pictures"], frame.pictures, strict=True):
            expected = rgba(api.get(picture["address"]).content)
            found = painted(levels, picture)
            clear = expected[..., 3] == 0
            np.testing.assert_array_equal(found[..., 3] == 0, clear, picture["address"])
            np.testing.assert_array_equal(found[~clear], expected[~clear], picture["address"])
            compared += 1
    assert compared == len(set(page.pictures)) > 0


@pytest.mark.parametrize(
    "query",
    ["?palette=light&normalize=network", "?scale=block2:0.5&sort=mean", "?normalize=filter"],
)
def test_pictures_follow_display_options_and_factors(api: TestClient, query: str) -> None:
    page = shown(api, f"/networks/mnist-resnet/digits/{stored(api)}{query}")
    pictures = page.pictures[:8]
    frame = read(post(api, pictures=pictures, query=query))
    for picture, levels in zip(frame.header["pictures"], frame.pictures, strict=True):
        expected = rgba(api.get(picture["address"]).content)
        opaque = expected[..., 3] > 0
        np.testing.assert_array_equal(painted(levels, picture)[opaque], expected[opaque])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("query", ["", "?normalize=filter"])
def test_a_legend_says_what_the_figure_of_the_stored_digit_says(
    api: TestClient, network: str, query: str
) -> None:
    page = shown(api, f"/networks/{network}/digits/{stored(api)}{query}")
    page.pictures = [figure["picture"] for figure in page.figures]
    legends: dict[str, dict[str, str]] = {}
    for frame in frames(api, network, page, query):
        legends |= {one["address"]: one["legend"] for one in frame.header["pictures"]}
    assert len(page.figures) > 10
    for figure in page.figures:
        said = {key: text for key, text in figure.items() if key not in {"layer", "picture"}}
        live = legends[figure["picture"]]
        assert {key: live[key] for key in said} == said, figure["layer"]
        assert said.get("note", "") == live["note"], figure["layer"]


def test_inactive_filters_are_counted_in_the_layer_and_not_in_the_picture(api: TestClient) -> None:
    grid = f"/api/v1/networks/mnist-plain/digits/{stored(api)}/layers/block6.output/grid.png"
    frame = read(post(api, "mnist-plain", [grid, f"{grid}?filters=0"]))
    every, first = (picture["legend"]["note"] for picture in frame.header["pictures"])
    assert "inactive" in every
    assert first == every


def test_the_input_is_the_digit_that_would_be_stored(api: TestClient) -> None:
    frame = read(post(api))
    assert Digit.of(frame.input.copy()).id == stored(api)
    assert frame.header["announcement"].startswith("Prediction: 7, ")


def test_a_long_name_of_a_class_is_set_as_a_word(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(post(api)).header["values"]["predicted"] == "predicted"
    monkeypatch.setattr("skiplens.web.pages.prediction.LONGEST_NUMBER", 0)
    assert read(post(api)).header["values"]["predicted"] == "predicted is-word"


@pytest.mark.parametrize(
    ("query", "said"),
    [("", "Prediction: 7, "), ("?scale=block2:0", "Prediction without block2: ")],
)
def test_a_screen_reader_hears_what_the_page_of_the_digit_says(
    api: TestClient, query: str, said: str
) -> None:
    heard = read(post(api, query=query)).header["announcement"]
    page = api.get(f"/networks/mnist-resnet/digits/{stored(api)}{query}").text
    assert heard.startswith(said)
    assert f'data-prediction="{heard}"' in unescape(page)


def test_with_a_branch_off_the_sentence_and_the_baseline_follow(api: TestClient) -> None:
    values = read(post(api, query="?scale=block1:0")).header["values"]
    assert values["change"].startswith("Without block1, the prediction")
    whole = read(post(api)).header["values"]
    assert [values[f"ghost{at}"] for at in range(10)] == [whole[f"bar{at}"] for at in range(10)]
    assert whole["change"] == ""


def test_without_strokes_the_digit_that_is_drawn_over_is_shown(
    api: TestClient, digit: Digit
) -> None:
    frame = read(post(api, strokes=[], over=digit.id))
    np.testing.assert_array_equal(frame.input, digit.pixels)


def test_an_eraser_takes_ink_from_the_digit_that_is_drawn_over(
    api: TestClient, digit: Digit
) -> None:
    erased = [{"points": [[0.5, 0.2, 0.3]], "erase": True}]
    frame = read(post(api, strokes=erased, over=digit.id))
    assert (frame.input != digit.pixels).any()


def test_nothing_is_stored_and_nothing_is_kept(start: Start, watched: WatchedEngine) -> None:
    client = start()
    frame = read(post(client))
    read(post(client))
    assert watched.calls == 2
    digit = Digit.of(frame.input.copy()).id
    assert client.get(f"{DIGITS}/{digit}").status_code == 404
    assert post(client).headers["cache-control"] == "no-store"


VIEW: Final = "/api/v1/networks/mnist-resnet/digits/0000000000000000"
BAD_PICTURES: Final = {
    "another site": "https://example.org/grid.png",
    "no picture": f"{VIEW}/layers/block1.sum/activations.npy",
    "the input": f"{DIGITS}/0000000000000000/input.png",
    "a file": "/etc/passwd",
    "nothing": "",
    "a zoom too large": f"{VIEW}/layers/block1.sum/grid.png?zoom=999",
    "a word for a number": f"{VIEW}/layers/block1.sum/grid.png?zoom=large",
    "no palette of that name": f"{VIEW}/layers/block1.sum/grid.png?palette=pink",
    "no role of that name": f"{VIEW}/stages/1/maps.png?role=pink",
    "too many filters": f"{VIEW}/layers/block1.sum/grid.png?filters=900",
    "a long address": f"{VIEW}/layers/{'x' * 1024}/grid.png",
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_an_address_of_no_picture_is_refused(api: TestClient, refused: Refused, name: str) -> None:
    answer = post(api, pictures=[BAD_PICTURES[name]])
    status = 404 if name == "too many filters" else 422
    code = "unknown_filter" if name == "too many filters" else "invalid_parameter"
    detail = refused(answer, status, code)
    assert len(detail) < 300
    assert code == "unknown_filter" or "pictures" in detail


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (f"{VIEW}/layers/block9.sum/grid.png", "unknown_layer"),
        (f"{VIEW}/blocks/block9/maps.png", "unknown_block"),
        (f"{VIEW}/layers/block1.sum/grid.png?block=block9", "unknown_block"),
        (f"{VIEW}/stages/99/maps.png", "not_found"),
    ],
)
def test_a_picture_of_what_is_not_there_is_not_found(
    api: TestClient, refused: Refused, address: str, code: str
) -> None:
    refused(post(api, pictures=[address]), 404, code)


def test_a_page_asks_for_so_many_pictures_at_once(api: TestClient, refused: Refused) -> None:
    address = f"{VIEW}/layers/block1.sum/grid.png"
    read(post(api, pictures=[address] * MAX_PICTURES))
    answer = post(api, pictures=[address] * (MAX_PICTURES + 1))
    assert "24" in refused(answer, 422, "invalid_parameter")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"strokes": [{"points": [[NaN, 0, 0]]}]}', b'{"pictures": []}']
)
def test_a_body_that_is_no_drawing_is_refused(
    api: TestClient, refused: Refused, body: bytes
) -> None:
    headers = {"content-type": "application/json"}
    answer = api.post("/networks/mnist-resnet/live", content=body, headers=headers)
    refused(answer, 422, "invalid_parameter")


def test_a_drawing_that_leaves_no_ink_is_blank(api: TestClient, refused: Refused) -> None:
    refused(post(api, strokes=[]), 422, "blank_image")
    refused(post(api, over="0000000000000000"), 404, "unknown_digit")
    refused(post(api, "none"), 404, "unknown_network")
    refused(post(api, query="?scale=block9:0"), 404, "unknown_block")
