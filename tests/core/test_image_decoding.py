"""Image decoding: formats, sizes, damaged files."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from skiplens.core.image_decoding import (
    decode,
    decode_colour,
    decode_reduced,
    format_of,
    gif_size,
    image_files,
)
from skiplens.core.limits import ImageLimits
from skiplens.errors import (
    SkiplensError,
    TooLargeError,
    UnreadableImageError,
    UnsupportedFormatError,
)
from tests.core.images import GREY, coloured, files, saved

FILES = files()
CORPUS = Path(os.environ.get("SKIPLENS_CORPORA", "")) / "pngsuite"
NEEDS_CORPUS = pytest.mark.skipif(
    "SKIPLENS_CORPORA" not in os.environ, reason="SKIPLENS_CORPORA names no folder of images"
)
READABLE_THOUGH_DAMAGED = "xcsn0g01"  # only the checksum of its pixels is wrong


def test_hidden_files_are_no_images(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpeg", ".hidden.png", "._a.jpeg", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["a.jpeg", "b.PNG"]


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width: int, height: int) -> bytes:
    """The beginning of a grey PNG that declares a size and holds no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def over_white(image: Image.Image) -> np.ndarray:
    """What the image looks like on white paper, by the formula, as luminance."""
    rgba = np.asarray(image.convert("RGBA"), float)
    alpha = rgba[..., 3:] / 255
    paper = np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.asarray(Image.fromarray(paper).convert("L"))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_grey_comes_back_exactly(kind: str) -> None:
    grey = decode(saved(Image.fromarray(GREY), kind))
    assert grey.dtype == np.uint8
    assert grey.tobytes() == GREY.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
def test_colour_becomes_luminance(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    expected = np.asarray(coloured().convert("L"))
    assert (decode(saved(coloured(), kind, **options)) == expected).all()


def test_cmyk_becomes_luminance() -> None:
    cmyk = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    cmyk.paste((0, 0, 0, 255), (4, 0, 8, 8))
    grey = decode(saved(cmyk, "JPEG", quality=95))
    assert grey[:, :3].min() > 250
    assert grey[:, 5:].max() < 5


@pytest.mark.parametrize("name", ["png-clear", "webp-clear", "png-indexed", "gif"])
def test_what_is_clear_shows_white_paper(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    with Image.open(path) as image:
        expected = over_white(ImageOps.exif_transpose(image))
    assert np.abs(decode(FILES[name]).astype(int) - expected).max() <= 1


def test_a_clear_tone_or_colour_shows_white_paper() -> None:
    grey = saved(Image.fromarray(GREY), "PNG", transparency=int(GREY[3, 4]))
    assert (decode(grey) == np.where(GREY[3, 4] == GREY, 255, GREY)).all()
    black_is_clear = saved(Image.new("RGB", (3, 2)), "PNG", transparency=(0, 0, 0))
    assert (decode(black_is_clear) == 255).all()


def test_grey_of_16_bits_is_scaled_down_not_clipped() -> None:
    deep = np.array([[0, 255, 256, 0x1234, 0x8000, 0xFFFF]], np.uint16)
    assert decode(saved(Image.fromarray(deep), "PNG")).tolist() == [[0, 0, 1, 0x12, 0x80, 0xFF]]
    clear = saved(Image.fromarray(deep), "PNG", transparency=0x1234)
    assert decode(clear).tolist() == [[0, 0, 1, 255, 0x80, 0xFF]]


def deep_png(values: np.ndarray) -> bytes:
    """A PNG of uint16 ``(H, W, 3)``, or with opacity ``(H, W, 4)``; Pillow writes none."""
    height, width, channels = values.shape
    kind = {3: 2, 4: 6}[channels]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_colour_of_16_bits_is_scaled_by_the_bits_it_uses(bits: int) -> None:
    most = 2**bits - 1
    deep = np.full((16, 16, 3), most, np.uint16)
    deep[4:12, 7:9] = 0
    expected = np.where(deep[..., 0] > 0, 255, 0)
    assert (decode(deep_png(deep)) == expected).all()
    opaque = np.full((16, 16, 1), most, np.uint16)
    clear = np.concatenate([deep, opaque], axis=2)
    assert (decode(deep_png(clear)) == expected).all()
    for values in (deep, clear):
        assert (decode_colour(deep_png(values), 16) == expected[..., None]).all()


def test_colours_of_16_bits_stay_in_their_order() -> None:
    deep = np.zeros((16, 16, 3), np.uint16)
    deep[:, :8], deep[:, 8:] = (1023, 0, 0), (0, 0, 1023)
    grey = decode(deep_png(deep))
    assert grey[0, 0] > grey[0, 15]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_orientation_of_a_camera_is_honoured(kind: str, orientation: int) -> None:
    picture = Image.new("L", (16, 32), 255)
    picture.paste(0, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    tagged = picture.copy()
    tagged.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(tagged))
    grey = decode(saved(picture, kind, exif=exif))
    assert grey.shape == expected.shape
    assert np.abs(grey.astype(int) - expected).max() < 25


def test_damaged_metadata_is_no_reason_to_refuse_pixels() -> None:
    damaged = saved(Image.fromarray(GREY), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert (decode(damaged) == GREY).all()


def test_a_png_without_its_palette_is_refused() -> None:
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 3, 0, 0, 0))
    with pytest.raises(UnreadableImageError):
        decode(start + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


def test_a_fault_in_the_pixels_is_not_forgiven_as_damaged_metadata() -> None:
    pixels = chunk(b"IDAT", zlib.compress(bytes(6))[:-6] + b"\xff" * 6)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0))
    for damaged in (start + pixels + chunk(b"IEND", b""), start + chunk(b"IEND", b"")):
        with pytest.raises(UnreadableImageError):
            decode(damaged)


def test_only_the_first_frame_is_read() -> None:
    still, moving = coloured().quantize(9), FILES["gif-moving"]
    assert (decode(moving) == decode(saved(still, "GIF"))).all()


def test_limits_include_what_they_name() -> None:
    file = saved(Image.fromarray(GREY), "PNG")
    assert decode(file, ImageLimits(pixels=480, side=24)).shape == (24, 20)
    with pytest.raises(TooLargeError, match=r"20 x 24 pixels; allowed are at most 24 .* 479"):
        decode(file, ImageLimits(pixels=479, side=24))
    with pytest.raises(TooLargeError, match="at most 23 a side"):
        decode(file, ImageLimits(pixels=480, side=23))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "size", [(8193, 1), (1, 8193), (4001, 4000), (10_000, 10_000), (60_000, 60_000)]
)
def test_size_is_judged_by_the_header_before_any_pixel(size: tuple[int, int]) -> None:
    with pytest.raises(TooLargeError):
        decode(png_header(*size))


def test_the_warning_of_a_bomb_is_a_refusal_where_warnings_are_errors() -> None:
    with pytest.raises(TooLargeError, match="more pixels than the 16,000,000 allowed"):
        decode(png_header(10_000, 10_000))


def test_a_gif_is_refused_before_pillow_fills_its_canvas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow was asked to open it"))
    frame = b"!\xf9\x04\x08\0\0\0\0" + b"," + struct.pack("<4H", 0, 0, 9000, 9000) + b"\0\x02\0;"
    with pytest.raises(TooLargeError, match="9,000 x 9,000"):
        decode(b"GIF89a" + struct.pack("<HH", 1, 1) + b"\0\0\0" + frame)


@pytest.mark.parametrize("data", [b"", b"\0", b"GIF", b"a digit", b'{"pixels": []}', b"\xff" * 99])
def test_what_is_no_image_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableImageError, match="no known image; allowed are"):
        decode(data)


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "ICO", "AVIF", "JPEG2000", "PDF", "EPS", "ICNS"])
def test_other_formats_are_told_apart_from_junk(kind: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="PNG, JPEG, GIF, WEBP, BMP"):
        decode(saved(Image.new("RGB", (64, 64)), kind))


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_refused_or_was_complete(name: str) -> None:
    whole = decode(FILES[name])
    for length in range(0, len(FILES[name]) - 1, 7):
        try:
            grey = decode(FILES[name][:length])
        except SkiplensError:
            continue
        assert grey.shape == whole.shape
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    with pytest.raises(UnreadableImageError, match="damaged or cut short"):
        decode(FILES[name][: len(FILES[name]) // 2])


@settings(max_examples=400)
@given(
    name=st.sampled_from(sorted(FILES)),
    changes=st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 255), st.booleans()), min_size=1, max_size=8
    ),
)
def test_nothing_but_a_refusal_escapes_a_damaged_file(
    name: str, changes: list[tuple[int, int, bool]]
) -> None:
    damaged = bytearray(FILES[name])
    for at, value, inserted in changes:
        start = at % len(damaged)
        damaged[start : start + (not inserted)] = bytes([value])
    try:
        grey = decode(bytes(damaged))
    except SkiplensError:
        return
    assert grey.ndim == 2
    assert grey.size > 0


@NEEDS_CORPUS
def test_the_valid_files_of_the_png_suite_are_decoded_as_pillow_would() -> None:
    paths = [path for path in sorted(CORPUS.glob("*.png")) if not path.name.startswith("x")]
    assert len(paths) == 161
    for path in paths:
        with Image.open(path) as image:
            if image.mode == "I;16":
                clear = image.info.get("transparency", -1)
                values = np.asarray(image)
                expected = np.where(values == clear, 255, values >> 8)
            else:
                expected = over_white(image)
        assert np.abs(decode(path.read_bytes()).astype(int) - expected).max() <= 1, path.name


@NEEDS_CORPUS
def test_the_damaged_files_of_the_png_suite_are_refused() -> None:
    paths = sorted(CORPUS.glob("x*.png"))
    assert len(paths) == 14
    for path in paths:
        if path.stem == READABLE_THOUGH_DAMAGED:
            assert decode(path.read_bytes()).shape == (32, 32)
            continue
        with pytest.raises(UnreadableImageError):
            decode(path.read_bytes())


def test_a_jpeg_of_more_scans_than_any_needs_is_refused_undecoded() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    assert decode(content).shape == (64, 64)
    empty = bytes.fromhex("ffda0008010100013f00")
    with pytest.raises(TooLargeError, match=r"scans; at most 100 are allowed"):
        decode(content[:-2] + empty * 100 + content[-2:])
    assert decode(content[:-2] + empty * 50 + content[-2:]).shape == (64, 64)


FRAME = struct.pack("<4H", 2, 3, 40, 50) + b"\0\x02\x02D\x01\0;"
CONTROL = b"!\xf9\x04\x00\0\0\0\0"
LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
COMMENT = b"!\xfe\x03abc\x02de\0"


def gif(*blocks: bytes, palette: bool = False) -> bytes:
    """A GIF of 30 x 60 with blocks before its only frame, which reaches past that."""
    head = b"\x80\0\0" + bytes(6) if palette else b"\0\0\0"
    return b"GIF89a" + struct.pack("<HH", 30, 60) + head + b"".join(blocks) + b"," + FRAME


@pytest.mark.parametrize("name", FILES)
def test_accepted_formats_carry_pillows_names(name: str) -> None:
    data = FILES[name]
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


def strokes(paper: tuple[int, ...], ink: tuple[int, ...], mode: str) -> Image.Image:
    """A square of one colour on another."""
    image = Image.new(mode, (60, 40), paper)
    image.paste(ink, (20, 10, 40, 30))
    return image


def test_colours_of_equal_luminance_are_told_apart() -> None:
    grey = decode(saved(strokes((60, 136, 60), (209, 60, 60), "RGB"), "PNG")).astype(int)
    assert abs(grey[0, 0] - grey[20, 30]) > 100


def test_light_ink_on_a_clear_ground_is_ink() -> None:
    for tone in (255, 230):
        white = strokes((0, 0, 0, 0), (tone, tone, tone, 255), "RGBA")
        grey = decode(saved(white, "PNG"))
        assert (grey[0, 0], grey[20, 30]) == (255, 0)
    dark = strokes((0, 0, 0, 0), (90, 90, 90, 255), "RGBA")
    assert decode(saved(dark, "PNG"))[20, 30] == 90


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_16_bit_files_are_read_by_the_bits_that_they_use(bits: int) -> None:
    deep = np.array([[0, 2**bits - 1, 2 ** (bits - 1)]], np.uint16)
    assert decode(saved(Image.fromarray(deep), "PNG")).tolist() == [[0, 255, 128]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_that_starts_empty_the_fullest_frame_is_read(kind: str) -> None:
    empty = Image.new("RGB", (60, 40), "white")
    full = strokes((255, 255, 255), (0, 0, 0), "RGB")
    half = full.copy()
    half.paste((255, 255, 255), (0, 20, 60, 40))
    file = saved(empty, kind, save_all=True, append_images=[half, full, half], duration=100)
    assert np.abs(decode(file).astype(int) - np.asarray(full.convert("L"))).max() < 30


def test_a_later_frame_may_not_be_larger_than_the_limit() -> None:
    frame = struct.pack("<4H", 0, 0, 2, 2) + b"\0\x02\x02D\x01\0"
    larger = struct.pack("<4H", 0, 0, 9000, 9000) + b"\0\x02\x02D\x01\0;"
    data = b"GIF89a" + struct.pack("<HH", 2, 2) + b"\0\0\0," + frame + b"," + larger
    with pytest.raises(TooLargeError, match="9,000 x 9,000"):
        decode(data)


def test_a_moving_webp_may_have_half_the_pixels() -> None:
    moving = saved(coloured(), "WEBP", save_all=True, append_images=[coloured().rotate(90)])
    assert decode(moving, ImageLimits(pixels=960)).shape == (24, 20)
    with pytest.raises(TooLargeError):
        decode(moving, ImageLimits(pixels=959))
    assert decode(saved(coloured(), "WEBP"), ImageLimits(pixels=480)).shape == (24, 20)


def test_an_image_of_many_rows_is_as_grey_as_in_one_go() -> None:
    clear = Image.effect_noise((90, 300), 80).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    over_white = Image.new("RGB", clear.size, "white")
    over_white.paste(clear, mask=clear.getchannel("A"))
    assert (decode(saved(clear, "PNG")) == np.asarray(over_white.convert("L"))).all()


def test_of_a_large_webp_several_pixels_become_one() -> None:
    large = np.zeros((64, 3200, 4), np.uint8)
    large[:, 1600:] = 255
    large[16:48, 800:1600] = (255, 0, 0, 255)  # its luminance is 76
    grey, step = decode_reduced(saved(Image.fromarray(large), "WEBP", lossless=True))
    assert (grey.shape, step) == ((32, 1600), 2)
    assert (grey[:, :400].min(), grey[20, 600], grey[:, 810:].min()) == (255, 76, 255)
    broken = saved(Image.fromarray(large), "WEBP", lossless=True)[:-40]
    with pytest.raises(UnreadableImageError, match="damaged or cut short"):
        decode(broken)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(3200, 1), (1, 3200), (6400, 3)])
def test_an_image_of_few_rows_keeps_one(kind: str, size: tuple[int, int]) -> None:
    assert decode(saved(Image.new("L", size), kind)).size


def test_a_large_jpeg_is_decoded_at_a_reduced_scale_unless_it_is_progressive() -> None:
    large = Image.new("L", (6600, 3300), 255)
    large.paste(0, (3300, 0, 6600, 3300))
    grey, step = decode_reduced(saved(large, "JPEG"))
    assert (grey.shape, step) == ((825, 1650), 4)
    assert grey[:, :800].min() > 250
    assert grey[:, 850:].max() < 5
    with pytest.raises(TooLargeError, match="6,600 x 3,300"):
        decode(saved(large, "JPEG", progressive=True))
    with pytest.raises(TooLargeError, match="64,000,000 in all"):
        decode(saved(Image.new("L", (8192, 8000)), "JPEG"))
