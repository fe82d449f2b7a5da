"""The digit: a 28 x 28 grey image."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from skiplens.core.input_image import InputImage

SIDE: Final = 28


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
