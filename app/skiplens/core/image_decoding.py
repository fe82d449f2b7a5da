"""Decodes an uploaded image: format by signature, size limits before decoding, then grey."""

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import (  # decoders that are loaded now, not within the bounds of the first image
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageChops,
    ImageStat,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from skiplens.core.limits import DEFAULT, ImageLimits
from skiplens.errors import TooLargeError, UnreadableImageError, UnsupportedFormatError

Pixels = NDArray[np.uint8]

ACCEPTED: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
SUFFIXES: Final = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
LONGEST_TO_FIT: Final = 1024
"""Pixels of a side that a photograph is reduced to before it is fitted to a network's image."""

_ACCEPTED_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"WEBPVP8", "WEBP"),
    (0, b"BM", "BMP"),
)
_OTHER_SIGNATURES: Final = (
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"8BPS", "PSD"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\0\0\2\0", "CUR"),
    (0, b"icns", "ICNS"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"%PDF-", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"<svg", "SVG"),
    (0, b"DDS ", "DDS"),
    (0, b"qoif", "QOI"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"gimp xcf", "XCF"),
    (0, b"/* XPM */", "XPM"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (40, b" EMF", "EMF"),
    *((0, b"P%d%c" % (kind, space), "PNM") for kind in range(1, 8) for space in b" \n\r\t"),
)
_MIN_SUB_BLOCKS: Final = {0xFE: 0, 0xFF: 2}  # comment, application data; others 1
_XML_PROLOGUE_BYTES: Final = 1024  # after "<?xml", "<svg" must occur within these


def image_files(folder: Path) -> list[Path]:
    """The image files in a folder, by name. macOS puts a hidden one, which is none, beside each
    that it copies to other systems: ``._photo.jpg``.
    """
    images = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in images if not path.name.startswith("."))


def format_of(data: bytes) -> str | None:
    """The image format that the signature identifies; ``None`` if unknown.

    Names in ``ACCEPTED`` are Pillow's; other names only appear in messages.
    """
    for offset, magic, name in (*_ACCEPTED_SIGNATURES, *_OTHER_SIGNATURES):
        if data.startswith(magic, offset):
            return name
    if data.startswith(b"<?xml") and b"<svg" in data[:_XML_PROLOGUE_BYTES]:
        return "SVG"
    return None


def gif_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of the canvas that a GIF's frames need.

    Pillow may allocate it while it opens the file: 43 bytes can cost 170 MB. A frame may extend
    beyond the screen that the header declares. What is cut off or malformed after the first frame
    is left to the decoder.

    Raises:
        ValueError: the blocks before the first frame are malformed.
        struct.error, IndexError: the file ends before its first frame.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + colour_table_bytes(flags)
    frames = 0
    try:
        while data[at] != ord(";"):
            if data[at] == ord(","):
                left, top, across, down, flags = struct.unpack_from("<4HB", data, at + 1)
                width, height = max(width, left + across), max(height, top + down)
                frames += 1
                at = _after_sub_blocks(data, at + 11 + colour_table_bytes(flags), 0)
            else:
                at = _after_extension(data, at) if data[at] == ord("!") else at + 1
    except (ValueError, IndexError, struct.error):
        if not frames:
            raise
    if not frames:
        raise ValueError("GIF without a frame")
    return width, height


def colour_table_bytes(flags: int) -> int:
    """Bytes of a GIF's colour table, by the flags of its screen or frame."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_extension(data: bytes, at: int) -> int:
    """Offset of the block after the extension at ``at``.

    An extension without its sub-blocks is refused: decoders read on past its end and would find
    another first frame than ``gif_size``.
    """
    return _after_sub_blocks(data, at + 2, _MIN_SUB_BLOCKS.get(data[at + 1], 1))


def _after_sub_blocks(data: bytes, at: int, least: int) -> int:
    """Offset after the empty sub-block that ends those at ``at``; ``least`` come before it."""
    while data[at]:
        at += data[at] + 1
        least -= 1
    if least > 0:
        raise ValueError("GIF extension without its data")
    return at + 1


# Raised by Pillow on damaged files; each was observed or occurs in a decoder's source.
_DECODE_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
    Warning,  # if warnings are turned into errors
)
JPEG_SCAN: Final = b"\xff\xda"  # cannot occur within a scan, where only 0 follows 255
_MIN_REDUCED_SIDE_PX: Final = 1600  # of the longer side of an image after its reduction
_MIN_RANGE_TONES: Final = 8  # an image whose tones differ by less shows nothing
_WHITE: Final = 255
_PNG_DEPTH_AT: Final = 24  # offset of the bits a channel; the colour type follows
_PNG_COLOUR: Final = (2, 6)  # without and with opacity
_DEEP: Final = 16
_STRIP_ROWS: Final = 64  # done at a time, as copies of a whole image take up to 64 MB
_RGBA_OF_BGRA: Final = [2, 1, 0, 3]
_GREY_MODES: Final = ("1", "L", "LA")
_LUMINANCE: Final = np.array([0.299, 0.587, 0.114])  # ITU-R 601-2
_MIN_AXIS_SIDE_PX: Final = 16  # smaller images hold no digit
_AXIS_SIDE_PX: Final = 128  # of the small copy on which edges are compared
_WEAK_LUMINANCE: Final = 0.03  # share of the strongest axis's squared edges; greys have 1/3
_BOMB_ERRORS: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_ORIENTATION_TAG: Final = 0x0112
_TRANSPOSE_BY_ORIENTATION: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(data: bytes, limits: ImageLimits = DEFAULT) -> Pixels:
    """The pixels of :func:`decode_reduced`."""
    return decode_reduced(data, limits)[0]


def decode_reduced(data: bytes, limits: ImageLimits = DEFAULT) -> tuple[Pixels, int]:
    """The grey pixels of a PNG, JPEG, GIF, WEBP or BMP file.

    Colour becomes luminance (ITU-R 601-2, as in Pillow), or the colour axis with the strongest
    edges where luminance shows hardly any. Transparency is composited over white; where all that
    is opaque has one light colour, opacity is the ink. 16-bit files are reduced to the high byte of
    the bits that they use. EXIF orientation is applied.
    Of an animation the first frame is decoded, or the fullest if that one is empty. Of large files
    that are JPEG or WEBP, several pixels become one.

    Returns:
        uint8 ``(H, W)``, 0 black to 255 white, both sides at least 1; and how many pixels of the
        file one of them stands for along a side: 1, 2, 4 or 8.

    Raises:
        UnreadableImageError: the bytes are not an image, or a damaged one.
        UnsupportedFormatError: the image has another format.
        TooLargeError: the image exceeds ``limits``; checked before any pixel is decoded.
    """
    with _opened(data, limits) as image:
        loaded, step = _loaded(data, image, limits)
        rotation = _rotation(image)
        grey = _fullest_frame(_deep_colour(data, loaded), limits)
    return np.array(grey if rotation is None else grey.transpose(rotation)), step


def decode_colour(data: bytes, longest: int, limits: ImageLimits = DEFAULT) -> NDArray[np.uint8]:
    """The pixels of a PNG, JPEG, GIF, WEBP or BMP file in colour, reduced in size: uint8
    ``(H, W, 3)``, RGB, the longer side at most ``longest``.

    Transparency is composited over white; of an animation the first frame is decoded.

    Raises:
        UnreadableImageError, UnsupportedFormatError, TooLargeError: as :func:`decode_reduced` does.
    """
    with _opened(data, limits) as image:
        loaded, _ = _loaded(data, image, limits)
        rotation = _rotation(image)
        found = _deep_colour(data, loaded)
        deep = found.mode.startswith("I")
        found = _converted(_high_bytes(found), "RGB") if deep else _rgb_over_white(found)
        found = found if rotation is None else found.transpose(rotation)
        found.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        return np.array(found)


@contextmanager
def _opened(data: bytes, limits: ImageLimits) -> Iterator[Image.Image]:
    """The image in a file, not decoded yet; whatever fails then is told as an error of ours."""
    kind = _accepted_format(data)
    if kind == "JPEG" and (scans := data.count(JPEG_SCAN)) > limits.scans:
        raise TooLargeError(f"image has {scans:,} scans; at most {limits.scans:,} are allowed")
    try:
        if kind == "GIF":
            _check_size(gif_size(data), limits)
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            yield image
    except _BOMB_ERRORS as error:
        raise TooLargeError(f"image declares more pixels than the {limits.pixels:,} allowed") from (
            error
        )
    except _DECODE_ERRORS as error:
        raise damaged(kind) from error


def damaged(kind: str) -> UnreadableImageError:
    """The error of a file that begins as one of a format."""
    return UnreadableImageError(
        f"image starts like a {kind} file but is damaged or cut short; "
        "expected a complete image file"
    )


def _accepted_format(data: bytes) -> str:
    kind = format_of(data)
    if kind is None:
        raise UnreadableImageError(
            f"image holds {len(data):,} bytes that are no known image; "
            f"allowed are files in the formats {', '.join(ACCEPTED)}"
        )
    if kind not in ACCEPTED:
        raise UnsupportedFormatError(
            f"image is in the format {kind}; allowed are {', '.join(ACCEPTED)}"
        )
    return kind


def _loaded(data: bytes, image: Image.Image, limits: ImageLimits) -> tuple[Image.Image, int]:
    """The image with its pixels, and how many of the file's one of them stands for along a side.

    They are decoded before EXIF is read, which may load them and whose errors are ignored. Of a
    large still WEBP, Pillow would keep four copies.
    """
    step = _reduce_scale(image, limits)
    still = image.format == "WEBP" and not getattr(image, "is_animated", False)
    if still and (step := _step(image.size)) > 1:
        return Image.fromarray(_reduced_webp(data, step)), step
    image.load()
    return image, step


def _step(size: tuple[int, int]) -> int:
    """How many pixels of a large image become one along a side: 1, 2, 4 or 8; no more than the
    shorter side has.
    """
    least = _MIN_REDUCED_SIDE_PX
    fitting = (step for step in (8, 4, 2) if max(size) >= step * least and min(size) >= step)
    return next(fitting, 1)


def _reduced_webp(data: bytes, step: int) -> NDArray[np.uint8]:
    """The pixels, each the mean of several: uint8 ``(H, W, 3 or 4)``.

    Raises:
        ValueError: the file is damaged.
    """
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise ValueError("damaged WEBP")
    size = [max(1, side // step) for side in decoded.shape[1::-1]]
    reduced = cv2.resize(decoded, size, interpolation=cv2.INTER_AREA)
    order = _RGBA_OF_BGRA[: reduced.shape[2]]
    return np.asarray(reduced[..., order], np.uint8)


def _reduce_scale(image: Image.Image, limits: ImageLimits) -> int:
    """Have a large JPEG decoded at 1/2, 1/4 or 1/8, the divisor that is returned; else 1.

    An animated WEBP may have half the pixels of others, as its decoder keeps four copies.
    """
    width, height = image.size
    if image.format != "JPEG" or "progressive" in image.info:
        share = 2 if image.format == "WEBP" and getattr(image, "is_animated", False) else 1
        _check_size(image.size, replace(limits, pixels=limits.pixels // share))
        return 1
    _check_size(image.size, replace(limits, pixels=max(limits.pixels, limits.jpeg_pixels)))
    step = _step(image.size)
    image.draft(None, (width // step, height // step))
    _check_size(image.size, limits)
    return step


def _check_size(size: tuple[int, int], limits: ImageLimits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("image without pixels")
    if max(size) > limits.side or width * height > limits.pixels:
        raise TooLargeError(
            f"image is {width:,} x {height:,} pixels; allowed are at most {limits.side:,} "
            f"a side and {limits.pixels:,} in all"
        )


def _rotation(image: Image.Image) -> Image.Transpose | None:
    """The transposition for the EXIF orientation; None if that metadata is damaged."""
    try:
        return _TRANSPOSE_BY_ORIENTATION.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DECODE_ERRORS:
        return None


def _fullest_frame(image: Image.Image, limits: ImageLimits) -> Image.Image:
    """The first frame as grey; if it shows nothing, the one whose tones vary most.

    A drawing that grows is complete only later. Frames are tried until their pixels add up to the
    limit for one image.
    """
    frames = [_grey(image)]
    spreads = [ImageStat.Stat(frames[0]).stddev[0]]
    most = min(limits.scans, limits.pixels // (image.width * image.height))
    if np.ptp(np.asarray(frames[0])) < _MIN_RANGE_TONES:
        for frame in range(1, most):
            try:
                image.seek(frame)
            except EOFError:
                break
            _check_size(image.size, limits)
            frames.append(_grey(image))
            spreads.append(ImageStat.Stat(frames[-1]).stddev[0])
    return frames[int(np.argmax(spreads))]


def _grey(image: Image.Image) -> Image.Image:
    """The loaded image in mode ``L``."""
    if image.mode.startswith("I"):
        return _high_bytes(image)
    if not image.has_transparency_data:
        return _strongest_axis(image)
    clear = image if image.mode == "LA" else _converted(image, "RGBA")
    grey = _strongest_axis(clear)
    if _extrema(grey)[0][0] > _WHITE // 2 and _has_one_colour(clear):
        return ImageChops.invert(clear.getchannel("A"))
    return grey


def _over_white(image: Image.Image) -> Image.Image:
    """The image over white where it is transparent."""
    if not image.has_transparency_data:
        return image
    clear = image if image.mode == "LA" else _converted(image, "RGBA")
    canvas = Image.new("L" if clear.mode == "LA" else "RGB", image.size, "white")
    canvas.paste(clear, mask=clear.getchannel("A"))
    return canvas


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """The image in a mode; itself if it has that, as Pillow would copy 64 MB of a large one."""
    return image if image.mode == mode else image.convert(mode)


def _has_one_colour(clear: Image.Image) -> bool:
    """Whether all that is opaque has one colour, so that opacity alone shows anything: of an image
    in mode ``LA`` or ``RGBA``.
    """
    opacity = clear.getchannel("A")
    ((_, most),) = _extrema(opacity)
    opaque = opacity.point([0] * (most // 2 + 1) + [_WHITE] * (_WHITE - most // 2))
    if _extrema(opaque) != [(0, _WHITE)]:
        return False
    *colours, _ = _extrema(clear, opaque)
    return max(high - low for low, high in colours) < _MIN_RANGE_TONES


def _extrema(image: Image.Image, mask: Image.Image | None = None) -> list[tuple[int, int]]:
    """The lowest and the highest value of each channel, without a copy of them."""
    return list(ImageStat.Stat(image, mask).extrema)


def _strongest_axis(image: Image.Image) -> Image.Image:
    """Luminance, over white; where its edges are weak, the axis in RGB along which they are
    strongest.
    """
    luminance = _grey_over_white(image, lambda strip: strip.convert("L"))
    if image.mode in _GREY_MODES or min(image.size) < _MIN_AXIS_SIDE_PX:
        return luminance
    step = -(-max(image.size) // _AXIS_SIDE_PX)
    strips = _strips(image.size, step * max(1, _STRIP_ROWS // step))
    reduced = [_rgb_over_white(image.crop(strip)).reduce(step) for strip in strips]
    small = np.concatenate([np.asarray(one, np.float64) for one in reduced])
    edges = np.vstack([np.diff(small, axis=axis).reshape(-1, 3) for axis in (0, 1)])
    strengths, axes = np.linalg.eigh(edges.T @ edges)
    if np.square(edges @ _LUMINANCE).sum() >= _WEAK_LUMINANCE * strengths[-1]:
        return luminance
    axis = axes[:, -1] / np.abs(axes[:, -1]).sum()
    axis *= np.sign(axis[np.abs(axis).argmax()])
    weights = (*axis.tolist(), -_WHITE * float(np.minimum(axis, 0).sum()))
    return _grey_over_white(image, lambda strip: _converted(strip, "RGB").convert("L", weights))


def _grey_over_white(image: Image.Image, grey: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The image in mode ``L``, from what ``grey`` makes of strips of it over white."""
    found = Image.new("L", image.size)
    for strip in _strips(image.size):
        found.paste(grey(_over_white(image.crop(strip))), strip)
    return found


def _rgb_over_white(image: Image.Image) -> Image.Image:
    return _converted(_over_white(image), "RGB")


def _strips(size: tuple[int, int], rows: int = _STRIP_ROWS) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of so many rows that make up an image, from top to bottom."""
    width, height = size
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _deep_colour(data: bytes, image: Image.Image) -> Image.Image:
    """A loaded image; a PNG of 16-bit colour that uses fewer bits, with the highest eight of these.

    Pillow keeps the high bytes, in which 10 or 12 bits leave little or nothing.
    """
    if image.format != "PNG" or data[_PNG_DEPTH_AT] != _DEEP:
        return image
    if data[_PNG_DEPTH_AT + 1] not in _PNG_COLOUR or "transparency" in image.info:
        return image
    most = [high for _, high in _extrema(image)]
    most[:3] = [max(most[:3])] * 3  # colours keep their ratios; opacity has bits of its own
    if most[0] > _WHITE // 2:
        return image
    used = [high.bit_length() for high in most]  # of the high bytes
    above = [value << 8 - bits & _WHITE for bits in used for value in range(256)]
    below = [value >> bits for bits in used for value in range(256)]
    low = _low_bytes(data)
    for strip in _strips(image.size):
        parts = image.crop(strip).point(above), low.crop(strip).point(below)
        image.paste(ImageChops.add(*parts), strip)
    return image


def _low_bytes(data: bytes) -> Image.Image:
    """The low bytes of a PNG of 16-bit colour, which Pillow has if it takes them for the high."""
    image = Image.open(io.BytesIO(data), formats=("PNG",))
    image.tile = [tile._replace(args=f"{image.mode};16L") for tile in image.tile]
    image.load()
    return image


def _high_bytes(image: Image.Image) -> Image.Image:
    """16-bit grey as ``L``: the high byte of the bits that the image uses.

    Pillow would clip above 255 and misread the transparent value.
    """
    values = np.clip(np.asarray(image), 0, 65535)
    unused = max(int(values.max()).bit_length() - 8, 0)
    grey = (values >> unused).astype(np.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = _WHITE
    return Image.fromarray(grey)
