"""What a request may bring a digit in, and what comes of everything else."""

import json
import math
from typing import Any

import numpy as np
import pytest
from httpx2 import Response
from numpy.typing import NDArray
from starlette.testclient import TestClient

from skiplens.web.uploads import UPLOAD_BODY
from tests.web.conftest import NETWORK, Refused
from tests.web.images import FORMATS, drawing, encoded

DIGITS = "/api/v1/digits"
PNG = encoded(drawing())
MARK = "9f8e7d6c5b4a"
FORM = "multipart/form-data; boundary=edge"


def _part(disposition: str, content: bytes) -> bytes:
    head = f"--edge\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
    return head + content + b"\r\n"


def _form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--edge--\r\n"


FILE = _part('name="file"; filename="a.png"', PNG)


def _send(api: TestClient, content: bytes, kind: str | None, address: str = DIGITS) -> Response:
    return api.post(address, content=content, headers={"content-type": kind} if kind else None)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_comes_as_a_form_and_as_a_raw_body(api: TestClient, kind: str) -> None:
    image = encoded(drawing(), kind)
    form = api.post(DIGITS, files={"file": ("x", image, "text/html")})
    raw = _send(api, image, f"image/{kind.lower()}")
    unnamed = _send(api, image, "application/octet-stream")
    assert [one.status_code for one in (form, raw, unnamed)] == [201] * 3
    assert form.json() == raw.json() == unnamed.json()


def test_the_declared_type_is_not_believed(api: TestClient) -> None:
    assert _send(api, PNG, "image/tiff").json() == _send(api, PNG, "IMAGE/PNG; q=1").json()


def test_a_form_may_hold_four_fields_beside_the_file(api: TestClient) -> None:
    fields = [_part(f'name="f{number}"', b"1") for number in range(4)]
    assert _send(api, _form(*fields, FILE), FORM).status_code == 201


FIVE = [_part(f'name="f{number}"', b"1") for number in range(5)]
BAD_FORMS = {
    "another name": (_form(_part('name="image"; filename="a"', PNG)), FORM, "named file"),
    "a field, not a file": (_form(_part('name="file"', PNG)), FORM, "named file"),
    "two files": (_form(FILE, FILE), FORM, "Too many files"),
    "five fields": (_form(*FIVE, FILE), FORM, "Too many fields"),
    "a huge field": (_form(_part('name="f"', b"1" * 1_100_000), FILE), FORM, "maximum size"),
    "an empty file": (_form(_part('name="file"; filename="a"', b"")), FORM, "empty"),
    "a part without name": (_form(_part('filename="a"', PNG)), FORM, "name"),
    "no parts": (_form(), FORM, "named file"),
    "a form cut short": (FILE[:30], FORM, "named file"),
    "no form": (b"not a form", FORM, "form cannot be read"),
    "no boundary": (_form(FILE), "multipart/form-data", "boundary"),
    "an empty boundary": (_form(FILE), "multipart/form-data; boundary=", "form cannot be read"),
    "a long boundary": (_form(FILE), f"{FORM}{'x' * 5000}", "form cannot be read"),
    "a charset that decodes nothing": (_form(FILE), f"{FORM}; charset=undefined", "charset"),
    "a charset with a NUL": (_form(FILE), f"{FORM}; charset=a\0b", "charset"),
    "no bytes": (b"", FORM, "named file"),
    "no image bytes": (b"", "image/png", "empty"),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_forms_that_do_not_hold_one_file_named_file(
    api: TestClient, refused: Refused, name: str
) -> None:
    body, kind, says = BAD_FORMS[name]
    for address in (DIGITS, f"{NETWORK}/activations"):
        assert says in refused(_send(api, body, kind, address), 422, "invalid_parameter")


@pytest.mark.parametrize(
    "kind",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/ld+json", "/", ";"],
)
def test_other_media_types_are_not_accepted(
    api: TestClient, refused: Refused, kind: str | None
) -> None:
    detail = refused(_send(api, PNG, kind), 415, "unsupported_format")
    assert "multipart/form-data" in detail


@pytest.mark.parametrize("top", [1.0, 255])
def test_pixels_are_taken_in_0_to_1_and_in_0_to_255(
    api: TestClient, stroke: NDArray[np.uint8], top: float
) -> None:
    pixels = (stroke / 255 * top).tolist()
    answer = api.post(DIGITS, json={"pixels": pixels})
    assert answer.status_code == 201
    assert answer.json() == api.post(DIGITS, json={"pixels": stroke.tolist()}).json()


def _rows(value: object, rows: int = 28, columns: int = 28) -> bytes:
    return json.dumps({"pixels": [[value] * columns] * rows}).encode()


BAD_JSON = {
    **{str(value): _rows(value) for value in (math.nan, math.inf, 256, -1, MARK, None, [0])},
    **{f"{rows} x {row}": _rows(0.5, rows, row) for rows, row in ((27, 28), (29, 28), (28, 27))},
    "no rows": b'{"pixels": []}',
    "words for numbers": _rows("255"),
    "yes for a number": _rows(True),
    "half an object": b"{",
    "deeply nested": b"[" * 100_000,
    "an array": b"[]",
    "null": b"null",
    "an empty object": b"{}",
    "not UTF-8": b"\xff\xfe",
    "markup": b"<" + MARK.encode(),
    "a row that is NaN": b'{"pixels": [NaN]}',
    "text for rows": json.dumps({"pixels": MARK}).encode(),
    "another key": json.dumps({MARK: 1}).encode(),
    "a long number": b'{"pixels": [[' + b"1" * 5000 + b"]]}",
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_json_that_is_no_28x28_finite_numbers(api: TestClient, refused: Refused, name: str) -> None:
    body = BAD_JSON[name]
    for address in (DIGITS, f"{NETWORK}/activations"):
        answer = _send(api, body, "application/json", address)
        detail = refused(answer, 422, "invalid_parameter")
        assert "28" in detail
        assert MARK not in answer.text
        assert len(detail) < 300


def test_nothing_but_ground_is_blank(api: TestClient, refused: Refused) -> None:
    refused(_send(api, _rows(0), "application/json"), 422, "blank_image")
    refused(_send(api, encoded(np.full((60, 60), 200, np.uint8)), "image/png"), 422, "blank_image")


def test_the_documented_bodies_are_those_that_are_taken() -> None:
    body: Any = UPLOAD_BODY["requestBody"]
    kinds = {f"image/{kind.lower()}" for kind in FORMATS}
    assert set(body["content"]) == {"multipart/form-data", "application/json"} | kinds
