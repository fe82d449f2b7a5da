"""What a file is, by its first bytes."""

import io
import struct

import pytest
from PIL import Image

from skiplens.core.image_decoding import format_of, gif_size
from tests.core.images import files

FRAME = struct.pack("<4H", 2, 3, 40, 50) + b"\0\x02\x02D\x01\0;"
CONTROL = b"!\xf9\x04\x00\0\0\0\0"
LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
COMMENT = b"!\xfe\x03abc\x02de\0"


def gif(*blocks: bytes, palette: bool = False) -> bytes:
    """A GIF of 30 x 60 with blocks before its only frame, which reaches past that."""
    head = b"\x80\0\0" + bytes(6) if palette else b"\0\0\0"
    return b"GIF89a" + struct.pack("<HH", 30, 60) + head + b"".join(blocks) + b"," + FRAME


@pytest.mark.parametrize("name", files())
def test_accepted_formats_carry_pillows_names(name: str) -> None:
    data = files()[name]
    with Image.open(io.BytesIO(data)) as image:
        assert format_of(data) == image.format


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
        (b"\xff\x0a\x00\x10", "JPEG XL"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'<?xml version="1.0"?>\n<!-- a digit -->\n<svg/>', "SVG"),
        (b"P5 28 28 255 ", "PNM"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?><html/>', None),
        (b"P8 ", None),
        (b"PNG", None),
        (b"", None),
    ],
)
def test_other_formats_have_a_name_and_junk_has_none(data: bytes, expected: str | None) -> None:
    assert format_of(data) == expected


@pytest.mark.parametrize("palette", [False, True])
@pytest.mark.parametrize(
    "blocks", [(), (CONTROL,), (LOOP, CONTROL), (COMMENT, b"!\xfe\0", CONTROL), (b"\0\0", LOOP)]
)
def test_the_size_of_a_gif_is_what_pillow_makes_of_it(
    blocks: tuple[bytes, ...], palette: bool
) -> None:
    data = gif(*blocks, palette=palette)
    assert gif_size(data) == (42, 60)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (42, 60)


@pytest.mark.parametrize(
    "extension", [b"!\xf9\0", b"!\xff\x0bNETSCAPE2.0\0", b"!\x01\0", b"!\xff\0"]
)
def test_an_extension_that_decoders_read_past_is_refused(extension: bytes) -> None:
    with pytest.raises(ValueError, match="without its data"):
        gif_size(gif(extension))


def test_a_gif_that_ends_before_its_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="without a frame"):
        gif_size(b"GIF89a" + bytes(7) + b";")
    whole = gif(CONTROL, LOOP)
    for length in range(6, len(whole) - len(FRAME) + 8):
        with pytest.raises((IndexError, struct.error)):
            gif_size(whole[:length])
