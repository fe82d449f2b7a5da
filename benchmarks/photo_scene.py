"""A sheet of paper, what lies and stands on it, and the camera that looks at it."""

import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.writers import DIGIT, Ink, Writer
from scripts.pen import PIXELS_PER_UNIT

Canvas = NDArray[np.float32]
"""Float32 ``(H, W, 3)``, sRGB tones in 0..255."""
Mask = NDArray[np.float32]
"""Float32 ``(H, W)`` in 0..1."""
Point = tuple[float, float]
"""x and y in pixels."""
Colour = tuple[float, float, float]

WHITE: Final = (236.0, 235.0, 230.0)
BLACK_PEN: Final = (38.0, 38.0, 44.0)
BLUE_PEN: Final = (42.0, 62.0, 150.0)
PENCIL: Final = (112.0, 112.0, 116.0)
PRINT: Final = (30.0, 30.0, 30.0)

_FULL: Final = np.float32(255)
_SIZE: Final = (800, 600)
_FINE: Final = 2  # shapes are drawn this many times finer, for smooth edges
_WORDS: Final = ("please", "write", "one", "digit", "into", "this", "field", "when", "all", "done")


@dataclass(frozen=True)
class Photo:
    """A picture, and what should be made of it.

    Attributes:
        data: the file.
        labels: the answers that are right: several where several digits are on it.
        due: causes of warnings that it must carry, as ``benchmarks.photos`` names them.
        fitting: those that it may carry as well.
    """

    data: bytes
    labels: frozenset[int]
    due: frozenset[str]
    fitting: frozenset[str]


@dataclass(frozen=True)
class Camera:
    """How a scene is taken: noise in tones, blur in pixels, and the quality of its JPEG."""

    noise: float = 3.0
    blur: float = 0.7
    quality: int = 88
    exif: bytes = b""


_ORDINARY: Final = Camera()


class Scene:
    """A sheet that fills the picture, and a digit that is to be put on it.

    Attributes:
        canvas: what is seen so far.
        ink: of the digit, at its own size.
        zoom: pixels of the canvas for one of any ink.
        at: where the digit's middle goes.
    """

    def __init__(
        self, writer: Writer, label: int, rng: np.random.Generator, size: tuple[int, int] = _SIZE
    ) -> None:
        self.writer, self.label, self.rng = writer, label, rng
        self.ink = writer.digit(label)
        self.fill(WHITE, size)
        self.zoom = rng.uniform(0.34, 0.46) * self.height / DIGIT
        self.at: Point = (
            rng.uniform(0.44, 0.56) * self.width,
            rng.uniform(0.46, 0.54) * self.height,
        )

    @property
    def width(self) -> int:
        """Of the canvas."""
        return self.canvas.shape[1]

    @property
    def height(self) -> int:
        """Of the canvas."""
        return self.canvas.shape[0]

    @property
    def tall(self) -> float:
        """Height of an ordinary digit on the canvas, whatever this one's is."""
        return self.zoom * DIGIT

    @property
    def half(self) -> Point:
        """Half the width and height of the digit on the canvas."""
        height, width = self.ink.shape
        return self.zoom * width / 2, self.zoom * height / 2

    def hold(self, width: float) -> None:
        """Have the digit written with another pen, see :meth:`Writer.hold`."""
        self.writer.hold(width)
        self.ink = self.writer.digit(self.label)

    def fill(self, colour: Colour, size: tuple[int, int] | None = None) -> None:
        """A sheet of one colour, over all that is there."""
        width, height = size or (self.width, self.height)
        self.canvas = np.full((height, width, 3), colour, np.float32)

    def write(self, colour: Colour = BLACK_PEN, depth: float = 0.9) -> None:
        """Put the digit on the sheet."""
        self.put(self.ink, self.at, self.zoom, colour, depth)

    def put(
        self,
        ink: Ink,
        at: Point,
        zoom: float,
        colour: Colour = BLACK_PEN,
        depth: float = 0.9,
    ) -> None:
        """Put any ink with its middle at a point."""
        self.cover(placed(ink, at, zoom, (self.width, self.height)), colour, depth)

    def draw(self, draw: "Draw", colour: Colour, depth: float = 0.9) -> None:
        """Put what a function draws, see :func:`drawn`."""
        self.cover(drawn((self.width, self.height), draw), colour, depth)

    def cover(self, mask: Mask, colour: Colour, depth: float = 1.0) -> None:
        """Blend a colour in where the mask is."""
        share = (depth * mask)[..., None]
        self.canvas += share * (np.array(colour, np.float32) - self.canvas)

    def shade(self, light: Mask) -> None:
        """Multiply all that is there by a light in 0..1 or so."""
        self.canvas *= light[..., None]

    def ellipse(self, x: float, y: float, wobble: float = 0.04) -> Ink:
        """A ring drawn by this hand: x and y are its radii in pixels of the canvas."""
        unit = PIXELS_PER_UNIT * self.zoom
        start = self.rng.uniform(0, 2 * np.pi)
        turns = start + np.linspace(0, 2.06 * np.pi, 13)
        radii = 1 + self.rng.uniform(-wobble, wobble, turns.size)
        points = [
            f"{x / unit * radius * np.cos(turn):.2f},{y / unit * radius * np.sin(turn):.2f}"
            for turn, radius in zip(turns, radii, strict=True)
        ]
        return self.writer.trace([" ".join(points)])

    def photo(
        self,
        camera: Camera = _ORDINARY,
        *,
        due: Collection[str] = (),
        fitting: Collection[str] = (),
    ) -> Photo:
        """Take the picture, in a light that falls off a little to one side."""
        self.shade(falling_light(self.rng, (self.width, self.height), 0.1))
        image = taken(self.canvas, camera, self.rng)
        file = saved(image, "JPEG", quality=camera.quality, exif=camera.exif)
        return self.file(file, due=due, fitting=fitting)

    def file(
        self, data: bytes, *, due: Collection[str] = (), fitting: Collection[str] = ()
    ) -> Photo:
        """A picture of this digit that was made in another way."""
        return Photo(data, frozenset({self.label}), frozenset(due), frozenset(fitting))


Draw = Callable[[ImageDraw.ImageDraw, float], None]
"""Draws with a pen at so many pixels to one of the canvas."""


def drawn(size: tuple[int, int], draw: Draw) -> Mask:
    """What a function draws in 255 on 0, with smooth edges."""
    image = Image.new("L", (_FINE * size[0], _FINE * size[1]))
    draw(ImageDraw.Draw(image), _FINE)
    return np.asarray(image.reduce(_FINE), np.float32) / _FULL


def lines(ends: Sequence[tuple[Point, Point]], width: float) -> Draw:
    """Straight lines."""

    def draw(pen: ImageDraw.ImageDraw, fine: float) -> None:
        for (x, y), (right, bottom) in ends:
            along = (fine * x, fine * y, fine * right, fine * bottom)
            pen.line(along, fill=255, width=max(1, round(fine * width)))

    return draw


def box(left: float, top: float, right: float, bottom: float, width: float) -> Draw:
    """The outline of a box."""

    def draw(pen: ImageDraw.ImageDraw, fine: float) -> None:
        around = (fine * left, fine * top, fine * right, fine * bottom)
        pen.rectangle(around, outline=255, width=max(1, round(fine * width)))

    return draw


def disc(at: Point, radius: float) -> Draw:
    """A filled circle."""

    def draw(pen: ImageDraw.ImageDraw, fine: float) -> None:
        pen.circle((fine * at[0], fine * at[1]), fine * radius, fill=255)

    return draw


def quadrilateral(size: tuple[int, int], corners: Sequence[Point]) -> Mask:
    """A filled quadrilateral."""

    def draw(pen: ImageDraw.ImageDraw, fine: float) -> None:
        pen.polygon([(fine * x, fine * y) for x, y in corners], fill=255)

    return drawn(size, draw)


def text(at: Point, size: float, words: int, rng: np.random.Generator) -> Draw:
    """Printed words, from left middle."""
    line = " ".join(rng.choice(_WORDS, words))

    def draw(pen: ImageDraw.ImageDraw, fine: float) -> None:
        font = ImageFont.load_default(fine * size)
        pen.text((fine * at[0], fine * at[1]), line, fill=255, font=font, anchor="lm")

    return draw


def placed(ink: Ink, at: Point, zoom: float, size: tuple[int, int]) -> Mask:
    """Ink with its middle at a point of an empty mask; what lies outside is cut off."""
    height, width = (max(1, round(zoom * side)) for side in ink.shape)
    small = Image.fromarray(ink).resize((width, height), Image.Resampling.BOX)
    sheet = Image.new("F", size)
    sheet.paste(small, (round(at[0] - width / 2), round(at[1] - height / 2)))
    return np.clip(np.asarray(sheet, np.float32), 0, 1)


def falling_light(rng: np.random.Generator, size: tuple[int, int], fall: float) -> Mask:
    """A light that is 1 on one side and loses a share on its way to the other."""
    turn = rng.uniform(0, 2 * np.pi)
    down, across = _coordinates(size)
    along = np.cos(turn) * across + np.sin(turn) * down
    return np.asarray(1 - fall * (along + 1) / 2, np.float32)


def cloudy(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Mask:
    """Smooth noise about 0 with a standard deviation of 1, ``cells`` values across and down."""
    small = rng.standard_normal((cells[1], cells[0]), np.float32)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def creased(rng: np.random.Generator, size: tuple[int, int], facets: int) -> Mask:
    """Flat facets with a tone each, normal about 0, and a slope."""
    small = size[0] // 4, size[1] // 4
    y, x = np.mgrid[0 : small[1], 0 : small[0]].astype(np.float32)
    middles = rng.uniform(0, 1, (facets, 2)) * small
    away = [(x - across) ** 2 + (y - down) ** 2 for across, down in middles.tolist()]
    nearest = np.argmin(away, axis=0)
    tones, slopes = rng.normal(0, 1, facets), rng.normal(0, 0.02, facets)
    tone = tones[nearest] + slopes[nearest] * (x - middles[nearest, 0])
    large = Image.fromarray(tone.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(large)


def half_plane(size: tuple[int, int], through: Point, turn: float, soft: float) -> Mask:
    """1 to the left of a line that stands at an angle to the vertical, 0 to its right.

    Args:
        size: width and height.
        through: a point on the line.
        turn: radians.
        soft: pixels from 1 to 0.
    """
    width, height = size
    x, y = np.arange(width)[None, :] - through[0], np.arange(height)[:, None] - through[1]
    off = np.cos(turn) * x + np.sin(turn) * y
    return np.asarray(np.clip(0.5 - off / soft, 0, 1), np.float32)


def warped(canvas: Canvas, onto: Canvas, corners: Sequence[Point]) -> Canvas:
    """A canvas seen as a quadrilateral on another one; no shadow, no change of light.

    Args:
        canvas: float32 ``(H, W, 3)``.
        onto: what is seen around it.
        corners: where its corners come to lie, clockwise from the top left.
    """
    height, width = canvas.shape[:2]
    size = onto.shape[1], onto.shape[0]
    weights = _perspective(corners, [(0, 0), (width, 0), (width, height), (0, height)])

    def seen(image: Image.Image) -> Canvas:
        way = Image.Transform.PERSPECTIVE
        moved = image.transform(size, way, weights.tolist(), Image.Resampling.BILINEAR)
        return np.asarray(moved, np.float32)

    share = seen(Image.new("L", (width, height), 255))[..., None] / _FULL
    return onto * (1 - share) + seen(Image.fromarray(_levels(canvas)))  # which is black outside


def blurred(mask: Mask, radius: float) -> Mask:
    """A mask out of focus."""
    levels = Image.fromarray(np.rint(255 * mask).astype(np.uint8))
    return np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), np.float32) / _FULL


def taken(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> Image.Image:
    """What the camera's sensor makes of a canvas, as RGB."""
    image = Image.fromarray(_levels(canvas))
    if camera.blur:
        image = image.filter(ImageFilter.GaussianBlur(camera.blur))
    grey = rng.standard_normal(canvas.shape[:2], np.float32)[..., None]
    return Image.fromarray(_levels(np.asarray(image, np.float32) + camera.noise * grey))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 # Pillow's own
    """The image as a file of a format."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _levels(canvas: Canvas) -> NDArray[np.uint8]:
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def _coordinates(size: tuple[int, int]) -> tuple[Mask, Mask]:
    """y ``(H, 1)`` and x ``(1, W)`` in -1..1."""
    width, height = size
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in (height, width))
    return y[:, None], x[None, :]


def _perspective(seen: Sequence[Point], own: Sequence[Point]) -> NDArray[np.float64]:
    """The eight weights that take a point as seen to its own: Pillow's, row by row."""
    rows = []
    for (x, y), (u, v) in zip(seen, own, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    targets = np.array(own, np.float64).ravel()
    return np.linalg.solve(np.array(rows), targets)
