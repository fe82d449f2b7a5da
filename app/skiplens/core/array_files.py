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
    """Arrays by name as ``.npz``, uncompressed: it would save a fifth of the bytes of activations,
    and take ten times as long as to compute them.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


FLOAT_BYTES: Final = 4
_LENGTH: Final = struct.Struct("<I")


def pack(header: bytes, arrays: Iterable[NDArray[Any]]) -> bytes:
    """One frame: length of the header, header, arrays.

    The length is a little-endian uint32. Spaces pad the header, and count in its length, so that
    the arrays start at a multiple of four bytes and can be read in place as float32.

    Args:
        header: JSON in UTF-8.
        arrays: uint8 or float32; written in row-major order, floats little-endian.
    """
    padded = header + b" " * (-len(header) % FLOAT_BYTES)
    bodies = (array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in arrays)
    return b"".join((_LENGTH.pack(len(padded)), padded, *bodies))


COLUMNS: Final = tuple(field.name for field in fields(FilterStatistics))


def layer_csv(statistics: Sequence[FilterStatistics]) -> bytes:
    """One row a filter with every field of its statistics, in UTF-8.

    Numbers have all their digits; booleans are ``true`` and ``false``.
    """
    return _csv(COLUMNS, (_cells(row) for row in statistics))


def network_csv(statistics: Mapping[str, Sequence[FilterStatistics]]) -> bytes:
    """Rows of several layers, with the name of the layer in front."""
    rows = ([layer, *_cells(row)] for layer, filters in statistics.items() for row in filters)
    return _csv(("layer", *COLUMNS), rows)


def _cells(row: FilterStatistics) -> list[str]:
    values = (getattr(row, column) for column in COLUMNS)
    return [str(value).lower() if isinstance(value, bool) else repr(value) for value in values]


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()
