"""Statistics of filters as comma-separated values (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Final

from app.core.statistics import FilterStatistics

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
