"""The databases of the digit store, and their protocol. Queries are SQL that both of them share."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Values = Mapping[str, object]
"""By the names that a query has after a colon."""
Rows = Sequence[tuple[Any, ...]]
Execute = Callable[[str, Values | Sequence[Values]], Rows]
"""Runs a query once, or once for each of several values, which returns no rows."""


class Database(Protocol):
    """Tables ``digits``, ``images`` and ``shared``, which all processes share that open it."""

    def read(self, query: str, values: Values) -> Rows:
        """Rows of what is committed; never waits for a writer.

        Raises:
            StoreDamagedError: it cannot be used.
        """

    def transaction(self) -> AbstractContextManager[Execute]:
        """A transaction: all of it is on disk after it, or not at all. One writes at a time, of all
        processes.

        Raises:
            StorageError: nothing can be written now.
            StoreDamagedError: it cannot be used.
        """

    def check(self) -> None:
        """Look whether it can be used.

        Raises:
            StoreDamagedError: it cannot.
        """

    def close(self) -> None:
        """Close it."""
