"""Writes arrays and tables as files: NPY, NPZ, CSV and the binary frame of the live preview."""

import csv
import io
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.feature_stats import FilterStatistics

Array = NDArray[np.float32] | NDArray[np.uint8]


def npy(array: Array) -> bytes:
    """An array as ``.npy``."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npz(arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Arrays by name as a compressed ``.npz``."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


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


COLUMNS: Final = tuple(field.name for field in fields(FilterStatistics))


def layer_csv(statistics: Sequence[FilterStatistics]) -> bytes:
    """One row a filter: ``index``, ``min``, ``max``, ``mean``, ``std``, ``zero_share``, ``dead``
    and ``constant``; numbers with every digit that they have, ``true`` and ``false``. UTF-8.
    """
    return _csv(COLUMNS, (_cells(one) for one in statistics))


def network_csv(statistics: Mapping[str, Sequence[FilterStatistics]]) -> bytes:
    """The same of several layers, with the layer's name before the index."""
    rows = ([layer, *_cells(one)] for layer, filters in statistics.items() for one in filters)
    return _csv(("layer", *COLUMNS), rows)


def _cells(one: FilterStatistics) -> list[str]:
    return [_cell(getattr(one, column)) for column in COLUMNS]


def _cell(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()
