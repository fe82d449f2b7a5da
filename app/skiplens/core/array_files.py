"""Writes arrays and tables as files: NPY, NPZ, CSV and the binary frame of the live preview."""

import csv
import io
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from math import prod
from typing import IO, Any, Final, cast
from zipfile import ZipFile, ZipInfo

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
    return b"".join(npz_parts(arrays.items()))


def npz_parts(arrays: Iterable[tuple[str, NDArray[np.float32]]]) -> Iterator[bytes]:
    """The pieces of :func:`npz`, of some megabytes each; an array is not read before it is needed.

    The same arrays give the same bytes. Readers need zip files of at most 4 GB.
    """
    sent = _Outbox()
    with ZipFile(cast("IO[bytes]", sent), "w") as archive:
        for name, array in arrays:
            with archive.open(ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
            if sent.size > _PIECE:
                yield sent.take()
    yield sent.take()


_PIECE: Final = 2 << 20  # bytes, at least


class _Outbox:
    """The target of a zip file that is sent as it is written: it cannot seek."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing to do: pieces are taken."""

    def take(self) -> bytes:
        """All since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return taken


# Of a zip file that is written without going back, by PKWARE's APPNOTE 6.3: local header, data
# descriptor and entry of the directory of a member, and the end of the directory.
_OF_A_MEMBER, _OF_A_ZIP = 30 + 16 + 46, 22


def npz_size(shapes: Mapping[str, Sequence[int]]) -> int:
    """Bytes of :func:`npz` with float32 arrays of these shapes, by name."""
    return _OF_A_ZIP + sum(
        _OF_A_MEMBER + 2 * len(f"{name}.npy".encode()) + _npy_size(shape)
        for name, shape in shapes.items()
    )


def _npy_size(shape: Sequence[int]) -> int:
    header = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(header, described)
    return header.tell() + FLOAT_BYTES * prod(shape)


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
    return _csv(chain([COLUMNS], map(_cells, statistics)))


def network_csv(statistics: Mapping[str, Sequence[FilterStatistics]]) -> bytes:
    """Rows of several layers, with the name of the layer in front."""
    return b"".join(network_csv_parts([statistics]))


def network_csv_parts(
    batches: Iterable[Mapping[str, Sequence[FilterStatistics]]],
) -> Iterator[bytes]:
    """The pieces of :func:`network_csv`, one for each batch of layers."""
    header: list[Sequence[str]] = [("layer", *COLUMNS)]
    for batch in batches:
        rows = ([layer, *_cells(row)] for layer, filters in batch.items() for row in filters)
        yield _csv(chain(header, rows))
        header = []


_LONGEST_ROW: Final = (
    len("16777216,") + 5 * len("-1.2345678901234567e-123,") + len("false,false\r\n")
)


def network_csv_bound(filters: Mapping[str, int]) -> int:
    """Bytes that :func:`network_csv` has at most, by the number of filters of each layer."""
    return sum(count * (len(_csv([(name, "")])) + _LONGEST_ROW) for name, count in filters.items())


def _cells(row: FilterStatistics) -> list[str]:
    values = (getattr(row, column) for column in COLUMNS)
    return [str(value).lower() if isinstance(value, bool) else repr(value) for value in values]


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
