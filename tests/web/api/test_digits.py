import hashlib
import io
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit, InputImage
from skiplens.samples import load_samples
from skiplens.service.digit_store import InputRecord
from skiplens.service.services import Services
from skiplens.web import links
from skiplens.web.api import digits
from tests.web.conftest import Refused
from tests.web.images import drawing, encoded


def test_samples_are_listed_with_addresses_that_answer(api: TestClient) -> None:
    listed = api.get("/api/v1/samples").json()
    assert {one["label"] for one in listed} == set(range(10))
    assert [one["id"] for one in listed] == [sample.digit.id for sample in load_samples()]
    first = listed[0]
    found = api.get(first["url"]).json()
    assert (found["id"], found["label"]) == (first["id"], first["label"])
    assert api.get(first["input_url"]).headers["content-type"] == "image/png"


def test_a_posted_digit_is_preprocessed_stored_and_found_again(api: TestClient) -> None:
    grey = drawing()
    grey[44:50, 24:40] = 0  # no other test's image may make the same digit, which would be kept
    answer = api.post("/api/v1/digits", files={"file": ("me.png", encoded(grey))})
    assert answer.status_code == 201
    posted = answer.json()
    assert set(posted) >= {"id", "url", "input_url", "inverted", "box", "warnings"}
    assert answer.headers["location"] == posted["url"] == f"/api/v1/digits/{posted['id']}"
    assert posted["inverted"] is True
    assert posted["box"] == [24, 10, 16, 40]
    assert api.get(posted["url"]).json() == posted
    assert "me.png" not in answer.text


@pytest.mark.parametrize(("kind", "network"), [(Digit, "of-digits"), (InputImage, "of-shirts")])
def test_the_page_of_an_image_is_that_of_a_network_that_takes_it(
    kind: type[InputImage], network: str
) -> None:
    registry = SimpleNamespace(for_digits="of-digits", default="of-shirts")
    stored = InputRecord.of_image(kind.of(np.zeros((28, 28), np.uint8)))
    found = digits.digit(stored, cast("Services", SimpleNamespace(registry=registry)))
    assert found.linked.page_url == links.gallery(network, stored.image.id)


def two_strokes() -> NDArray[np.uint8]:
    """A hook in the middle and a shorter stroke beside it, which leans."""
    grey = np.full((120, 160), 255, np.uint8)
    grey[20:100, 76:84] = grey[20:28, 60:76] = 0
    for row in range(60):
        grey[30 + row, 130 + row // 6 : 138 + row // 6] = 0
    return grey


def test_candidates_are_listed_stored_and_chosen_between(api: TestClient) -> None:
    files = {"file": encoded(two_strokes())}
    first = api.post("/api/v1/digits", files=files).json()
    found = first["candidates"]
    assert [one["box"] for one in found] == [[60, 20, 24, 80], [130, 30, 17, 60]]
    assert (found[0]["id"], found[0]["box"]) == (first["id"], first["box"])
    assert any("more than one digit" in warning for warning in first["warnings"])
    second = api.post("/api/v1/digits?candidate=1", files=files).json()
    assert (second["id"], second["box"]) == (found[1]["id"], found[1]["box"])
    assert second["candidates"] == found
    for one in found:
        stored = api.get(one["url"]).json()
        assert (stored["box"], stored["candidates"]) == (one["box"], found)


def test_a_candidate_that_was_not_found_is_refused(api: TestClient, refused: Refused) -> None:
    files = {"file": encoded(two_strokes())}
    answer = api.post("/api/v1/digits?candidate=2", files=files)
    assert "allowed are 0 to 1" in refused(answer, 422, "invalid_parameter")
    assert api.post("/api/v1/digits?candidate=-1", files=files).status_code == 422


def test_boxes_are_in_pixels_of_the_file_however_it_is_decoded(api: TestClient) -> None:
    grey = np.full((1800, 3600), 255, np.uint8)
    grey[400:1400, 1700:1800] = 0
    posted = api.post("/api/v1/digits", files={"file": encoded(grey, "JPEG")}).json()
    assert posted["box"] == pytest.approx([1700, 400, 100, 1000], abs=16)


def test_the_input_is_28x28_and_gives_the_id(api: TestClient) -> None:
    posted = api.post("/api/v1/digits", files={"file": encoded(drawing(90))}).json()
    raw = api.get(posted["url"] + "/input.npy")
    assert raw.headers["content-type"] == "application/x-npy"
    pixels: NDArray[np.uint8] = np.load(io.BytesIO(raw.content), allow_pickle=False)
    assert pixels.shape == (28, 28)
    assert pixels.dtype == np.uint8
    assert posted["id"] == hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
    with Image.open(io.BytesIO(api.get(posted["input_url"]).content)) as picture:
        shown = np.asarray(picture.convert("L"))
    np.testing.assert_array_equal(shown, np.kron(pixels, np.ones((8, 8), np.uint8)))


def test_the_same_digit_twice_is_one(api: TestClient, stroke: NDArray[np.uint8]) -> None:
    body = {"pixels": stroke.tolist()}
    first, second = (api.post("/api/v1/digits", json=body) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()


def test_a_posted_sample_stays_the_sample(api: TestClient, digit: Digit) -> None:
    answer = api.post("/api/v1/digits", json={"pixels": digit.pixels.tolist()})
    assert (answer.json()["id"], answer.json()["label"]) == (digit.id, 7)
    assert api.get(answer.json()["url"]).json()["label"] == 7
