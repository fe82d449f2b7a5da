"""The data set in the API: state, digits, their sprite sheet, top activations of each filter."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.service.dataset import LabelledDigits
from skiplens.service.forward import branch_scales
from tests.web.conftest import NETWORK, Refused

DIGITS = f"{NETWORK}/dataset/digits"
STRONGEST = f"{NETWORK}/layers/block3.output/filters/7/top-activations"


@pytest.fixture(scope="module")
def everything(browsing: TestClient) -> list[dict[str, Any]]:
    """All digits in the data set's order."""
    pages = [browsing.get(f"{DIGITS}?order=index&page={page}").json() for page in (1, 2, 3)]
    return [digit for page in pages for digit in page["digits"]]


def test_the_state_holds_counts_that_add_up(
    browsing: TestClient, everything: list[dict[str, Any]]
) -> None:
    found = browsing.get(f"{NETWORK}/dataset").json()
    assert (found["state"], found["digits"], found["done"]) == ("ready", 240, 240)
    counts = np.zeros((10, 10), int)
    for digit in everything:
        counts[digit["label"], digit["prediction"]] += 1
    assert found["confusion"] == counts.tolist()
    assert found["correct"] == counts.trace() == sum(not one["wrong"] for one in everything)
    assert found["accuracy"] == counts.trace() / 240
    assert 0 < found["correct"] < 240
    assert browsing.get(found["digits_url"]).status_code == 200
    assert browsing.get(found["page_url"]).status_code == 200


def test_every_digit_has_its_prediction(
    browsing: TestClient, everything: list[dict[str, Any]], shifted: LabelledDigits, engine: Engine
) -> None:
    assert [one["id"] for one in everything] == list(shifted.ids)
    assert [one["index"] for one in everything] == list(range(240))
    told = everything[17]
    image = shifted.digit(17).as_input()
    answer = engine.activations(image, branch_scales(engine.manifest, AS_TRAINED))[
        "head.probabilities"
    ]
    probabilities = answer.reshape(-1)
    assert told["prediction"] == probabilities.argmax()
    assert told["probability"] == pytest.approx(float(probabilities.max()))
    assert told["label_probability"] == pytest.approx(float(probabilities[told["label"]]))
    for address in (told["url"], told["input_url"], told["page_url"]):
        assert browsing.get(address).status_code == 200


def test_digits_of_the_data_set_are_digits_like_others(
    browsing: TestClient, shifted: LabelledDigits
) -> None:
    told = browsing.get(f"/api/v1/digits/{shifted.ids[3]}").json()
    assert (told["index"], told["label"]) == (3, shifted.label(3))
    grid = f"{NETWORK}/digits/{shifted.ids[3]}/layers/stem.conv/grid.png"
    assert browsing.get(grid).status_code == 200
    pair = f"a=mnist-resnet/{shifted.ids[3]}&b=mnist-resnet/{shifted.ids[4]}"
    assert browsing.get(f"/api/v1/compare?{pair}").status_code == 200
    assert "skiplens_digits_stored 0.0" in browsing.get("/metrics").text


def test_digits_are_selected_by_the_parameters(
    browsing: TestClient, everything: list[dict[str, Any]]
) -> None:
    wrong = browsing.get(f"{DIGITS}?wrong=true").json()
    assert {one["id"] for one in wrong["digits"]} == {
        one["id"] for one in everything if one["wrong"]
    }
    shares = [one["probability"] for one in wrong["digits"]]
    assert shares == sorted(shares, reverse=True)
    label, answer = wrong["digits"][0]["label"], wrong["digits"][0]["prediction"]
    cell = browsing.get(f"{DIGITS}?label={label}&prediction={answer}").json()
    assert cell["total"] == len(cell["digits"])
    assert {(one["label"], one["prediction"]) for one in cell["digits"]} == {(label, answer)}
    first = browsing.get(DIGITS).json()
    assert (first["total"], first["page"], first["pages"]) == (240, 1, 3)
    assert [one["id"] for one in first["digits"]][: wrong["total"]] == [
        one["id"] for one in wrong["digits"]
    ]
    assert browsing.get(f"{DIGITS}?label=&prediction=&wrong=").json() == first


def test_the_sheet_shows_the_page_ten_in_a_row(
    browsing: TestClient, shifted: LabelledDigits
) -> None:
    page = browsing.get(f"{DIGITS}?order=doubt&page=3").json()
    answer = browsing.get(page["sheet_url"])
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    unversioned = browsing.get(page["sheet_url"].split("&version=")[0])
    assert unversioned.headers["cache-control"] == "public, no-cache"
    assert unversioned.headers["etag"] == answer.headers["etag"]
    with Image.open(io.BytesIO(answer.content)) as picture:
        sheet = np.asarray(picture)
    assert sheet.shape == (4 * 28, 280)
    for at, digit in enumerate(page["digits"]):
        row, column = divmod(at, 10)
        cell = sheet[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
        np.testing.assert_array_equal(cell, shifted.split.images[digit["index"]])
    with Image.open(
        io.BytesIO(browsing.get("/api/v1/dataset/digits.png?indices=5").content)
    ) as one:
        np.testing.assert_array_equal(np.asarray(one), shifted.split.images[5])


def test_the_top_digits_have_the_largest_maxima(
    browsing: TestClient, shifted: LabelledDigits, engine: Engine
) -> None:
    told = browsing.get(STRONGEST).json()
    assert (told["collection"], told["searched"], told["filter"]) == ("dataset", 240, 7)
    as_trained = branch_scales(engine.manifest, AS_TRAINED)
    largest = [
        float(engine.activations(digit.as_input(), as_trained)["block3.output"][:, :, 7].max())
        for digit in map(shifted.digit, range(240))
    ]
    order = sorted(range(240), key=lambda place: (-largest[place], place))[:24]
    assert [one["index"] for one in told["digits"]] == order
    assert [one["value"] for one in told["digits"]] == [largest[place] for place in order]
    assert browsing.get(told["digits"][0]["page_url"]).status_code == 200


def test_without_a_data_set_the_top_digits_are_samples(api: TestClient, digit: Digit) -> None:
    told = api.get(STRONGEST).json()
    samples = {one["id"]: one["label"] for one in api.get("/api/v1/samples").json()}
    assert (told["collection"], told["searched"]) == ("samples", len(samples))
    assert {one["id"]: one["label"] for one in told["digits"]}.items() <= samples.items()
    values = [one["value"] for one in told["digits"]]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0


@pytest.mark.parametrize(
    "address", [f"{NETWORK}/dataset", DIGITS, "/api/v1/dataset/digits.png?indices=0"]
)
def test_without_a_data_set_the_message_says_how_to_add_one(
    api: TestClient, refused: Refused, address: str
) -> None:
    assert "skiplens serve --data FOLDER" in refused(api.get(address), 404, "no_dataset")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        *((f"label={value}", "label") for value in ("10", "-1", "four", "nan")),
        *((f"prediction={value}", "prediction") for value in ("10", "1.5")),
        *(("wrong=perhaps", "wrong"), ("order=random", "order")),
        *((f"page={value}", "page") for value in ("0", "4", "nan", "9" * 40)),
    ],
)
def test_bad_parameters(browsing: TestClient, refused: Refused, query: str, name: str) -> None:
    assert name in refused(browsing.get(f"{DIGITS}?{query}"), 422, "invalid_parameter")


@pytest.mark.parametrize(
    ("indices", "status", "code"),
    [
        *(("", 422, "invalid_parameter"), ("1,", 422, "invalid_parameter")),
        *(("-1", 422, "invalid_parameter"), ("1-4", 422, "invalid_parameter")),
        *((",".join(["1"] * 101), 422, "invalid_parameter"), ("0,240", 404, "unknown_digit")),
    ],
)
def test_bad_indices(
    browsing: TestClient, refused: Refused, indices: str, status: int, code: str
) -> None:
    answer = browsing.get(f"/api/v1/dataset/digits.png?indices={indices}")
    assert "indices" in refused(answer, status, code)


def test_an_unknown_filter(browsing: TestClient, refused: Refused) -> None:
    address = STRONGEST.replace("/7/", "/32/")
    assert "0 to 31" in refused(browsing.get(address), 404, "unknown_filter")


def test_until_it_is_indexed_the_answer_says_when_to_retry(
    indexing: TestClient, refused: Refused
) -> None:
    state = indexing.get(f"{NETWORK}/dataset").json()
    assert (state["state"], state["done"], state["digits"]) == ("indexing", 0, 240)
    assert state["accuracy"] is state["confusion"] is None
    answer = indexing.get(DIGITS)
    assert "has read 0 of 240 digits" in refused(answer, 503, "indexing")
    assert answer.headers["retry-after"] == "1"
    assert indexing.get(STRONGEST).json()["collection"] == "samples"
