"""Small image files for tests, one or more of each format that is decoded."""

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GREY: Final[NDArray[np.uint8]] = np.random.default_rng(0).integers(0, 256, (24, 20), np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 # Pillow's own
    """The image as a file of a format."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def coloured() -> Image.Image:
    """An RGB image of 20 x 24 pixels."""
    grey = Image.fromarray(GREY)
    return Image.merge("RGB", [grey, grey.rotate(180), grey.transpose(Image.Transpose.ROTATE_180)])


def of_phone() -> bytes:
    """A JPEG of a stroke, larger than others than JPEGs may be, with an index of another image that
    follows it: Pillow calls that an MPO.
    """
    image = Image.new("L", (4400, 4000), 255)
    image.paste(0, (2000, 1000, 2400, 3000))
    return saved(image, "MPO", save_all=True, append_images=[Image.new("L", (40, 40))])


def files() -> Mapping[str, bytes]:
    """A file of each kind, by a name that says what it is."""
    grey, colour = Image.fromarray(GREY), coloured()
    clear, indexed = colour.copy(), colour.quantize(9)
    clear.putalpha(grey)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a drawing"
    deep = Image.fromarray(GREY.astype(np.uint16) * 200)
    return {
        "png-1": saved(grey.convert("1"), "PNG"),
        "png-grey": saved(grey, "PNG"),
        "png-deep": saved(deep, "PNG", transparency=200),
        "png-clear": saved(clear, "PNG", exif=exif),
        "png-indexed": saved(indexed, "PNG", transparency=3),
        "jpeg-grey": saved(grey, "JPEG", exif=exif),
        "jpeg-progressive": saved(colour, "JPEG", progressive=True),
        "jpeg-cmyk": saved(colour.convert("CMYK"), "JPEG"),
        "gif": saved(indexed, "GIF", transparency=2, comment=b"hello"),
        "gif-moving": saved(indexed, "GIF", save_all=True, append_images=[indexed.rotate(90)]),
        "webp": saved(colour, "WEBP"),
        "webp-clear": saved(clear, "WEBP", lossless=True, exif=exif),
        "webp-moving": saved(colour, "WEBP", save_all=True, append_images=[colour.rotate(90)]),
        "bmp-grey": saved(grey, "BMP"),
        "bmp-colour": saved(colour, "BMP"),
        "bmp-indexed": saved(indexed, "BMP"),
    }
