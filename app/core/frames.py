"""Packs a frame: a header and the arrays that it describes, for a reader that copies nothing."""

import struct
from collections.abc import Iterable
from typing import Any, Final

from numpy.typing import NDArray

FLOAT_BYTES: Final = 4
_LENGTH: Final = struct.Struct("<I")


def pack(header: bytes, arrays: Iterable[NDArray[Any]]) -> bytes:
    """One frame: the header's length, the header, the arrays one after the other.

    The length is a little-endian uint32. The header is filled up with spaces, which JSON allows and
    the length counts, so that everything behind it begins at a multiple of four bytes: arrays whose
    own lengths are such multiples can then be read in place as float32.

    Args:
        header: JSON in UTF-8.
        arrays: uint8 or float32; written row by row, floats with the lowest byte first.
    """
    filled = header + b" " * (-len(header) % FLOAT_BYTES)
    bodies = (one.astype(one.dtype.newbyteorder("<"), copy=False).tobytes() for one in arrays)
    return b"".join((_LENGTH.pack(len(filled)), filled, *bodies))
