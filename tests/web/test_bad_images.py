"""Damaged, hostile and unusual image files: a clear 4xx for each, and never a 5xx."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Refused
from tests.web.images import FORMATS, drawing, encoded, png_header

DIGITS = "/api/v1/digits"
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
def test_damaged_files_are_refused_or_read_but_never_break_the_server(
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
def test_too_many_pixels_are_refused_by_the_header(
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
def test_what_is_no_image_is_unreadable(api: TestClient, refused: Refused, content: bytes) -> None:
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
