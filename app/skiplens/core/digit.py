"""The digit: a network's 28 x 28 input."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SIDE: Final = 28
ID_LENGTH: Final = 16


@dataclass(frozen=True, eq=False)
class Digit:
    """A digit and its id.

    Attributes:
        pixels: uint8 ``(28, 28)``, ink 255 on background 0; read-only.
        id: first 16 hex digits of the SHA-256 of the 784 bytes, row by row.
    """

    pixels: NDArray[np.uint8]
    id: str

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> "Digit":
        """The digit of a uint8 ``(28, 28)`` array, which is copied.

        Raises:
            ValueError: another shape or dtype.
        """
        if pixels.shape != (SIDE, SIDE) or pixels.dtype != np.uint8:
            raise ValueError(f"expected uint8 (28, 28); got {pixels.dtype} {pixels.shape}")
        copy = pixels.copy()
        copy.flags.writeable = False
        return cls(copy, hashlib.sha256(copy.tobytes()).hexdigest()[:ID_LENGTH])

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Digit":
        """The digit of 784 bytes, row by row."""
        return cls.of(np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE))

    def as_input(self) -> NDArray[np.float32]:
        """float32 ``(1, 28, 28, 1)`` in [0, 1], scaled as in training."""
        return self.pixels.astype(np.float32)[None, :, :, None] / np.float32(255.0)
