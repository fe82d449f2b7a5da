"""Images as networks get them: their size, fit, colours and scale. A digit is 28 x 28 and grey."""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.float32]
InputKind = Literal["digit", "image"]
Colours = Literal["grey", "rgb", "bgr"]
Fit = Literal["crop", "pad", "stretch"]

ID_LENGTH: Final = 16
WHITE: Final = 255
_GREY, _COLOUR = 2, 3  # axes
SIDE: Final = 28
"""Of a digit."""
_DIGIT: Final = (SIDE, SIDE, 1)


@dataclass(frozen=True)
class InputContract:
    """What a network expects of an image."""

    kind: InputKind = "digit"
    """`digit`: prepared as MNIST's were; `image`: nothing is cropped to ink."""
    colours: Colours = "grey"
    """Order of the channels."""
    fit: Fit = "crop"
    """How an image of another aspect is brought to the network's: the middle is cut out, black is
    added, or it is stretched."""
    scale: tuple[float, ...] = (1 / WHITE,)
    """What values of 0 to 255 are multiplied by: one number, or one a channel of the network."""
    offset: tuple[float, ...] = (0.0,)
    """What is added then: one number, or one a channel of the network."""
    source: str = "by default"
    """Where this is known from, as an adverbial."""

    @property
    def ranges(self) -> str:
        """The values that the network gets for black and for white."""
        pairs = [
            f"{low:.4g} to {WHITE * scale + low:.4g}"
            for scale, low in zip(self.scale, self.offset, strict=True)
        ]
        if len(pairs) == 1:
            return pairs[0]
        names = {"bgr": ("blue", "green", "red")}.get(self.colours, ("red", "green", "blue"))
        return ", ".join(f"{name} {pair}" for name, pair in zip(names, pairs, strict=True))


DIGITS: Final = InputContract()


@dataclass(frozen=True, eq=False)
class InputImage:
    """An image and its id.

    Attributes:
        pixels: uint8 ``(H, W)`` grey, or ``(H, W, 3)`` RGB; read-only.
        id: first 16 hex digits of the SHA-256 of the shape and the bytes, row by row; of the bytes
            alone where it is 28 x 28 and grey.
    """

    pixels: NDArray[np.uint8]
    id: str

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> Self:
        """The image of an array, which is copied.

        Raises:
            ValueError: another shape or dtype.
        """
        if pixels.dtype != np.uint8 or not (
            pixels.ndim == _GREY or (pixels.ndim == _COLOUR and pixels.shape[2] == _COLOUR)
        ):
            raise ValueError(
                f"expected uint8 (H, W) or (H, W, 3); got {pixels.dtype} {pixels.shape}"
            )
        copy = pixels.copy()
        copy.flags.writeable = False
        shape = b"" if pixels.shape == _DIGIT[:2] else repr(pixels.shape).encode()
        return cls(copy, hashlib.sha256(shape + copy.tobytes()).hexdigest()[:ID_LENGTH])

    def fitted(self, shape: tuple[int, int, int], fit: Fit) -> NDArray[np.uint8]:
        """The pixels in the size of a network: uint8 ``(H, W)`` if it has one channel, else RGB
        ``(H, W, 3)``.
        """
        height, width, channels = shape
        colours = "L" if channels == 1 else "RGB"
        if self.pixels.shape == ((height, width) if channels == 1 else shape):
            return self.pixels
        image = Image.fromarray(self.pixels).convert(colours)
        return np.asarray(_resized(image, (width, height), fit))

    def as_input(self, shape: tuple[int, int, int] = _DIGIT, fit: Fit = "crop") -> Array:
        """float32 ``(1, H, W, C)`` in 0..1."""
        pixels = self.fitted(shape, fit).reshape(1, *shape)
        return pixels.astype(np.float32) / np.float32(WHITE)


def _resized(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """The image in another size, its aspect kept unless it is stretched."""
    method = Image.Resampling.BILINEAR
    if fit == "stretch":
        return image.resize(size, method)
    width, height = size
    across, down = width / image.width, height / image.height
    if fit == "crop":
        factor = max(across, down)
        left = max(0.0, (image.width - width / factor) / 2)  # rounding may leave less than 0
        top = max(0.0, (image.height - height / factor) / 2)
        box = (left, top, image.width - left, image.height - top)
        return image.resize(size, method, box)
    factor = min(across, down)
    inner = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    canvas = Image.new(image.mode, size)
    canvas.paste(image.resize(inner, method), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


@dataclass(frozen=True, eq=False)
class Digit(InputImage):
    """A digit and its id: uint8 ``(28, 28)``, ink 255 on background 0."""

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> Self:
        """The digit of a uint8 ``(28, 28)`` array, which is copied.

        Raises:
            ValueError: another shape or dtype.
        """
        if pixels.shape != (SIDE, SIDE) or pixels.dtype != np.uint8:
            raise ValueError(f"expected uint8 (28, 28); got {pixels.dtype} {pixels.shape}")
        return super().of(pixels)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The digit of 784 bytes, row by row."""
        return cls.of(np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE))
