"""Uploads: accepted formats and bodies, and damaged, hostile and unusual image files."""

import encodings
import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx2 import Response
from numpy.typing import NDArray
from pydantic import ValidationError
from starlette.testclient import TestClient

from skiplens.core.drawing import Stroke, draw_strokes
from skiplens.core.input_image import Digit
from skiplens.core.preprocessing import preprocess
from skiplens.errors import InvalidParameterError
from skiplens.web.uploads import UPLOAD_BODY, parse_json_digit
from tests.web.conftest import NETWORK, Refused
from tests.web.images import FORMATS, drawing, encoded, png_header

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


def test_the_declared_media_type_is_ignored(api: TestClient) -> None:
    assert _send(api, PNG, "image/tiff").json() == _send(api, PNG, "IMAGE/PNG; q=1").json()


def test_a_form_may_have_four_fields_beside_the_file(api: TestClient) -> None:
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
    "a charset that is none": (_form(FILE), f"{FORM}; charset=never-heard-of", "charset"),
    "a charset with a NUL": (_form(FILE), f"{FORM}; charset=a\0b", "charset"),
    "no bytes": (b"", FORM, "named file"),
    "no image bytes": (b"", "image/png", "empty"),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_forms_without_one_file_named_file(api: TestClient, refused: Refused, name: str) -> None:
    body, kind, says = BAD_FORMS[name]
    for address in (DIGITS, f"{NETWORK}/activations"):
        assert says in refused(_send(api, body, kind, address), 422, "invalid_parameter")
    assert "never_heard_of" not in vars(encodings)["_cache"]  # of which nothing is ever taken out


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"'])
def test_a_form_may_name_the_charset_of_its_fields(api: TestClient, charset: str) -> None:
    assert _send(api, _form(FILE), f"{FORM}; charset={charset}").status_code == 201


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
def test_pixels_are_accepted_in_0_to_1_and_in_0_to_255(
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
    "deeply nested": b"[" * 60_000,
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
def test_json_must_hold_28x28_finite_numbers(api: TestClient, refused: Refused, name: str) -> None:
    body = BAD_JSON[name]
    for address in (DIGITS, f"{NETWORK}/activations"):
        answer = _send(api, body, "application/json", address)
        detail = refused(answer, 422, "invalid_parameter")
        assert "28" in detail
        assert MARK not in answer.text
        assert len(detail) < 300


def test_an_image_of_background_alone_is_blank(api: TestClient, refused: Refused) -> None:
    refused(_send(api, _rows(0), "application/json"), 422, "blank_image")
    refused(_send(api, encoded(np.full((60, 60), 200, np.uint8)), "image/png"), 422, "blank_image")


SEVEN = [[0.28, 0.25, 0.09], [0.72, 0.25, 0.09], [0.5, 0.55, 0.09], [0.42, 0.82, 0.09]]
DOT = [0.5, 0.5, 0.2]


def _strokes(*lines: object, over: object = None, erase: bool = False) -> dict[str, object]:
    return {"strokes": [{"points": line, "erase": erase} for line in lines], "over": over}


def test_strokes_are_drawn_on_the_server(api: TestClient) -> None:
    answer = api.post(DIGITS, json=_strokes(SEVEN))
    assert answer.status_code == 201
    predicted = api.get(f"{NETWORK}/digits/{answer.json()['id']}/prediction").json()
    assert predicted["label"] == "7"
    again = api.post(DIGITS, json={"strokes": [{"points": SEVEN}]})
    assert again.json()["id"] == answer.json()["id"]


def test_an_eraser_takes_ink_from_the_digit_that_is_drawn_over(
    api: TestClient, digit: Digit
) -> None:
    upper = ((0.0, 0.2, 0.5), (1.0, 0.2, 0.5))
    answer = api.post(DIGITS, json=_strokes(upper, over=digit.id, erase=True))
    assert answer.status_code == 201
    erased = preprocess(draw_strokes([Stroke(upper, erase=True)], digit.pixels)).digit
    assert answer.json()["id"] == erased.id != digit.id


def test_without_strokes_the_digit_that_is_drawn_over_comes_back(
    api: TestClient, digit: Digit
) -> None:
    assert api.post(DIGITS, json=_strokes(over=digit.id)).json()["id"] == digit.id


def test_the_largest_drawing_of_a_page_is_taken(api: TestClient) -> None:
    """As many points as ``static/js/draw/strokes.js`` keeps, each as long as text as it may be."""
    line = [[0.1234, round(0.1234 + 0.1 * (n % 8), 4), 0.0987] for n in range(1600)]
    answer = api.post(DIGITS, json=_strokes(*([point] for point in line[:400]), line[400:]))
    assert answer.status_code == 201


def test_json_of_more_than_64_kib_is_too_large(api: TestClient, refused: Refused) -> None:
    refused(api.post(DIGITS, json=_strokes([[0.1234] * 3] * 4000)), 413, "too_large")


BAD_STROKES = {
    "no points": _strokes([]),
    "a point without a width": _strokes([[0.5, 0.5]]),
    "a point too far to the left": _strokes([DOT, [-1.1, 0.5, 0.1]]),
    "a point too far down": _strokes([[0.5, 2.1, 0.1]]),
    "a line too wide": _strokes([[0.5, 0.5, 2.1]]),
    "text for a number": _strokes([["0.5", 0.5, 0.1]]),
    "too many strokes": _strokes(*[[DOT]] * 501),
    "too many points": _strokes([DOT] * 4001),
    "strokes that are none": {"strokes": MARK},
    "a stroke that is a list": {"strokes": [[DOT]]},
    "another word for the eraser": {"strokes": [{"points": [DOT], "erase": MARK}]},
    "a long id to draw over": _strokes([DOT], over="0" * 65),
    "a number to draw over": _strokes([DOT], over=7),
}


@pytest.mark.parametrize(
    "body",
    [
        {"strokes": [{"points": [[]] * 4000}] * 20},
        {"strokes": [MARK] * 500},
        {"pixels": [[MARK] * 28] * 28},
    ],
    ids=["points", "strokes", "pixels"],
)
def test_the_first_fault_of_many_is_told_and_no_other_is_looked_for(body: object) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        parse_json_digit(json.dumps(body).encode())
    assert isinstance(refused.value.__cause__, ValidationError)
    assert refused.value.__cause__.error_count() <= 3


@pytest.mark.parametrize("name", BAD_STROKES)
def test_strokes_that_cannot_be_drawn(api: TestClient, refused: Refused, name: str) -> None:
    answer = api.post(DIGITS, json=BAD_STROKES[name])
    detail = refused(answer, 422, "invalid_parameter")
    assert "strokes" in detail or "over" in detail
    assert MARK not in answer.text
    assert len(detail) < 300


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_point_is_two_finite_numbers_and_a_width(
    api: TestClient, refused: Refused, value: str
) -> None:
    body = json.dumps(_strokes([DOT])).replace("0.2", value).encode()
    detail = refused(_send(api, body, "application/json"), 422, "invalid_parameter")
    assert "strokes" in detail


@pytest.mark.parametrize(
    "body",
    [_strokes(), _strokes([DOT], erase=True), _strokes([[2.0, 2.0, 0.1]])],
    ids=["none", "an eraser alone", "outside the square"],
)
def test_strokes_that_leave_no_ink_are_blank(
    api: TestClient, refused: Refused, body: dict[str, object]
) -> None:
    refused(api.post(DIGITS, json=body), 422, "blank_image")


def test_a_digit_whose_ink_is_all_erased_is_blank(
    api: TestClient, refused: Refused, digit: Digit
) -> None:
    body = _strokes([[0.5, 0.5, 2.0]], over=digit.id, erase=True)
    refused(api.post(DIGITS, json=body), 422, "blank_image")


@pytest.mark.parametrize("over", ["0000000000000000", MARK, "../etc"])
def test_a_digit_to_draw_over_must_be_there(api: TestClient, refused: Refused, over: str) -> None:
    refused(api.post(DIGITS, json=_strokes([DOT], over=over)), 404, "unknown_digit")


def test_the_documented_bodies_are_those_that_are_accepted() -> None:
    body: Any = UPLOAD_BODY["requestBody"]
    kinds = {f"image/{kind.lower()}" for kind in FORMATS} | {"application/octet-stream"}
    assert set(body["content"]) == {"multipart/form-data", "application/json"} | kinds


CORPORA = os.environ.get("SKIPLENS_CORPORA")
READ_ALTHOUGH_DAMAGED = {"xcsn0g01"}  # Pillow lets its checksum pass


def _damaged(kind: str) -> list[bytes]:
    """An image cut at, or flipped at, places all over it."""
    whole = encoded(drawing(200), kind)
    cuts = [whole[: len(whole) * part // 12] for part in range(1, 12)]
    generator = np.random.default_rng(7)
    flips = []
    for _ in range(40):
        changed = bytearray(whole)
        changed[int(generator.integers(len(changed)))] ^= 1 << int(generator.integers(8))
        flips.append(bytes(changed))
    return cuts + flips


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_files_are_rejected_or_read_but_never_break_the_server(
    api: TestClient, kind: str
) -> None:
    statuses = set()
    for content in _damaged(kind):
        answer = api.post(DIGITS, files={"file": content})
        statuses.add(answer.status_code)
        if answer.status_code != 201:
            assert answer.json()["code"] in {
                *("unreadable_image", "blank_image", "too_large", "unsupported_format")
            }
    assert statuses <= {201, 413, 415, 422}
    assert 422 in statuses


def _bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 1, 0, 0, 0, 0, 2, 0)
    return b"BM" + struct.pack("<IHHI", 200, 0, 0, 62) + header + bytes(100)


TOO_LARGE = {
    "a side of 9000": png_header(9000, 10),
    "a height of 9000": png_header(10, 9000),
    "17 million pixels": png_header(4200, 4100),
    "a bomb": png_header(60_000, 60_000),
    "a dot on a large screen": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02",
    "a bitmap that says it is large": _bmp(9000, 1),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_too_many_pixels_are_rejected_by_the_header(
    api: TestClient, refused: Refused, name: str
) -> None:
    detail = refused(api.post(DIGITS, files={"file": TOO_LARGE[name]}), 413, "too_large")
    assert "16,000,000" in detail


OTHERS = {
    "TIFF": encoded(drawing(), "TIFF"),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    "PDF": b"%PDF-1.7\n",
    "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "ICO": encoded(drawing(), "ICO"),
    "PNM": encoded(drawing(), "PPM"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_are_named_and_not_accepted(
    api: TestClient, refused: Refused, name: str
) -> None:
    answer = api.post(DIGITS, files={"file": ("x.png", OTHERS[name], "image/png")})
    assert f"format {name};" in refused(answer, 415, "unsupported_format")


@pytest.mark.parametrize("content", [b"\0", b"<html>", b"\x89PNG\r\n\x1a\n", bytes(1000), b"BM"])
def test_a_file_that_is_no_image_is_rejected(
    api: TestClient, refused: Refused, content: bytes
) -> None:
    refused(api.post(DIGITS, files={"file": content}), 422, "unreadable_image")


@pytest.mark.skipif(CORPORA is None, reason="SKIPLENS_CORPORA names no folder with pngsuite/")
def test_the_png_suite(api: TestClient) -> None:
    files = sorted((Path(CORPORA or "") / "pngsuite").glob("*.png"))
    assert len(files) == 175
    for path in files:
        answer = api.post(DIGITS, files={"file": path.read_bytes()})
        if path.name.startswith("x") and path.stem not in READ_ALTHOUGH_DAMAGED:
            assert answer.status_code in {413, 422}, path.name
            assert answer.json()["code"] in {"unreadable_image", "too_large"}, path.name
        elif answer.status_code != 201:
            assert answer.json()["code"] == "blank_image", path.name
