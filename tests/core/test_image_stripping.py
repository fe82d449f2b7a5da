"""What is kept of an image file, and what is refused for its number of parts."""

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skiplens.core.image_decoding import decode
from skiplens.core.image_stripping import essential, work
from skiplens.core.limits import DEFAULT
from skiplens.errors import SkiplensError, TooLargeError, UnreadableImageError
from tests.core.images import files, saved
from tests.e2e import attacks

FILES = files()
CORPUS = sorted(Path(os.environ.get("SKIPLENS_CORPORA", "nowhere")).rglob("*.png"))


def _outcome(data: bytes) -> object:
    try:
        return decode(data).tolist()
    except SkiplensError as error:
        return type(error)


@pytest.mark.parametrize("name", FILES)
def test_decoding_finds_the_same_without_what_is_dropped(name: str) -> None:
    kept = essential(FILES[name])
    assert _outcome(kept) == _outcome(FILES[name])
    assert essential(kept) == kept


@pytest.mark.skipif(not CORPUS, reason="SKIPLENS_CORPORA names no folder of images")
def test_the_same_holds_for_every_file_of_the_corpus() -> None:
    def reduced(data: bytes) -> object:
        try:
            return _outcome(essential(data))
        except SkiplensError as error:
            return type(error)

    for path in CORPUS:
        data = path.read_bytes()
        assert reduced(data) == _outcome(data), path.name


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_short_is_no_other_fault(name: str) -> None:
    data = FILES[name]
    for length in range(16, len(data), max(1, len(data) // 40)):
        try:
            kept = essential(data[:length])
        except UnreadableImageError:
            continue
        assert len(kept) <= length + 64
        _outcome(kept)


def test_text_and_profiles_are_dropped() -> None:
    image = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    profile = np.random.default_rng(0).bytes(5000)
    for kind, options in (
        ("PNG", {"icc_profile": profile}),
        ("JPEG", {"icc_profile": profile, "comment": b"x" * 5000}),
        ("WEBP", {"icc_profile": profile}),
        ("GIF", {"comment": b"x" * 500}),
    ):
        plain, full = saved(image, kind), saved(image, kind, **options)
        assert len(essential(full)) <= len(plain) + 100 < len(full), kind
        assert _outcome(essential(full)) == _outcome(full), kind


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("jpeg")])
def test_what_follows_the_end_of_a_jpeg_is_dropped(name: str) -> None:
    thumbnail = b"\xff\xe1" + struct.pack(">H", 8) + b"\xff\xd9\xff\xda__"
    first = FILES[name].index(b"\xff\xda")
    comment = b"\xff\xfe" + struct.pack(">H", 4) + b"\xff\xd9"
    image = FILES[name][:2] + thumbnail + FILES[name][2:-2] + comment + FILES[name][-2:]
    kept = essential(image + b"\xff\xda" * 200)
    assert kept == essential(image)
    assert kept.endswith(comment + b"\xff\xd9")
    assert _outcome(kept) == _outcome(FILES[name])
    assert FILES[name][first:-2] in kept


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frames_are_kept(kind: str) -> None:
    blank = Image.new("L", (60, 40), 255)
    shown = Image.fromarray(np.arange(2400, dtype=np.uint8).reshape(40, 60))
    options: dict[str, Any] = {"save_all": True, "duration": 100}
    some = saved(blank, kind, append_images=[shown, shown.rotate(180)], **options)
    assert len({str(_outcome(data)) for data in (some, essential(some))}) == 1
    assert work(essential(some)) > work(essential(saved(shown, kind)))
    turns = [shown.rotate(90 * turn) for turn in range(DEFAULT.scans + 20)]
    many = saved(blank, kind, append_images=turns, **options)
    assert len(essential(some)) < len(essential(many)) < 0.9 * len(many)
    assert _outcome(essential(many)) == _outcome(many)


@pytest.mark.parametrize(
    "data",
    [
        attacks.jpeg_of_segments(70_000),
        b"\xff\xd8" + (b"\xff\xdb" + struct.pack(">H", 67) + bytes(65)) * 100,
        FILES["png-grey"][:33] + struct.pack(">I4sI", 0, b"IDAT", 0) * 70_000,
        FILES["gif"][:13] + b"!\xfe" + b"\1x" * 70_000,
        FILES["webp"][:12] + b"JUNK\0\0\0\0" * 70_000,
        attacks.bmp_of_rows(),
    ],
    ids=["segments", "tables", "chunks", "blocks", "webp chunks", "run lengths"],
)
def test_too_many_parts_are_refused(data: bytes) -> None:
    with pytest.raises((TooLargeError, UnreadableImageError)):
        decode(essential(data))


def test_work_is_pixels_times_scans() -> None:
    assert work(FILES["png-grey"]) == 20 * 24
    assert work(FILES["gif"]) == 20 * 24
    assert work(essential(FILES["jpeg-progressive"])) > 2 * 20 * 24
