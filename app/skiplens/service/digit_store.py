"""The digit store: samples in memory, uploaded digits in SQLite."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from skiplens.core.digit import ID_LENGTH, Digit
from skiplens.core.preprocessing import ink_box
from skiplens.errors import StartupError, StorageError, UnknownDigitError
from skiplens.samples import Sample

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class StoredDigit:
    """A digit and how it came about.

    Attributes:
        digit: what networks are given.
        inverted: whether the source was dark on light.
        box: ``(x, y, width, height)`` of the ink in the source, pixels.
        warnings: sentences about what may be wrong with it.
        label: what it is meant to be; known of samples and of the data set's digits only.
        style: how it is written; known of samples only.
        place: its index in the data set, from 0; ``None`` where it is not of it.
    """

    digit: Digit
    inverted: bool
    box: Box
    warnings: tuple[str, ...]
    label: int | None = None
    style: str | None = None
    place: int | None = None


class DigitStore(Protocol):
    """Keeps digits by their id."""

    def get(self, digit: str) -> StoredDigit:
        """The digit of that id.

        Raises:
            UnknownDigitError: it is not kept.
        """

    def put(self, stored: StoredDigit) -> StoredDigit:
        """Keep a digit; one that is kept already stays as it is.

        Returns:
            The digit as it was brought, with the label and place that it is known by.

        Raises:
            StorageError: it cannot be kept just now.
        """

    def count(self) -> int:
        """How many digits are kept."""

    def close(self) -> None:
        """Close what is open."""


class WithSamples:
    """Puts the samples that ship in front of another store; they need no room in it."""

    def __init__(self, store: DigitStore, samples: Sequence[Sample]) -> None:
        self._store = store
        self.samples: Mapping[str, StoredDigit] = {
            sample.digit.id: StoredDigit(
                sample.digit, False, ink_box(sample.digit.pixels), (), sample.label, sample.style
            )
            for sample in samples
        }

    def get(self, digit: str) -> StoredDigit:
        """The sample of that id, else what the other store keeps."""
        return self.samples.get(digit) or self._store.get(digit)

    def put(self, stored: StoredDigit) -> StoredDigit:
        """Keep a digit, unless it is a sample."""
        sample = self.samples.get(stored.digit.id)
        if sample is None:
            return self._store.put(stored)
        return replace(stored, label=sample.label, style=sample.style)

    def count(self) -> int:
        """How many digits the other store keeps."""
        return self._store.count()

    def close(self) -> None:
        """Close the other store."""
        self._store.close()


_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS digits (
    id TEXT PRIMARY KEY,
    pixels BLOB NOT NULL CHECK (length(pixels) = 784),
    inverted INTEGER NOT NULL,
    box TEXT NOT NULL,
    warnings TEXT NOT NULL,
    used REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS digits_by_use ON digits (used);
"""
_PATIENCE: Final = 2.0  # seconds that a write waits for another program's


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, make its tables where they are missing, and make sure that it can be written.

    Every transaction is on disk when it is committed.

    Raises:
        sqlite3.Error: the file cannot be opened or written, or is no database, a damaged one, or
            one of something else.
    """
    with ExitStack() as closing:
        database = sqlite3.connect(
            path, timeout=_PATIENCE, check_same_thread=False, isolation_level=None
        )
        closing.callback(database.close)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA)
        database.execute("SELECT id, pixels, inverted, box, warnings, used FROM digits LIMIT 1")
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the database is damaged: {found}")
        # A schema that exists already is not written: ask for the right to write outright.
        database.execute("BEGIN IMMEDIATE")
        database.execute("COMMIT")
        closing.pop_all()  # it stays open
    return database


def open_reader(path: Path) -> sqlite3.Connection:
    """A second connection to the file, for reading alone: it waits for no writer."""
    reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    reader.execute("PRAGMA query_only = ON")
    return reader


_HEXADECIMAL: Final = frozenset("0123456789abcdef")


def _unknown(digit: str) -> UnknownDigitError:
    well_formed = len(digit) == ID_LENGTH and set(digit) <= _HEXADECIMAL
    what = f"digit {digit}" if well_formed else "a digit of that id"
    return UnknownDigitError(
        f"{what} is not stored; ids are {ID_LENGTH} hexadecimal digits, and digits unused for "
        "longest make room for new ones"
    )


class SQLiteDigitStore:
    """Digits in one SQLite file, at most ``limit`` of them: the longest unused make room.

    Every digit is committed to disk before it is answered. That one was used is noted in memory and
    written with the next digit, so that reading writes nothing: neither a full disk nor another
    program that holds the file keeps anyone from what is stored.

    Raises:
        StartupError: the folder cannot be written or the file is no database.
    """

    def __init__(self, path: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._limit = limit
        self._clock = clock
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._used: dict[str, float] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = open_database(path)
            self._reader = open_reader(path)
        except (OSError, sqlite3.Error) as error:
            raise StartupError(
                f"state folder {path.parent} cannot keep digits ({error}); "
                "choose another with SKIPLENS_STATE_DIR"
            ) from error

    def get(self, digit: str) -> StoredDigit:
        """See :meth:`DigitStore.get`."""
        with self._reading:
            row = self._reader.execute(
                "SELECT pixels, inverted, box, warnings FROM digits WHERE id = ?", (digit,)
            ).fetchone()
            if row is None:
                raise _unknown(digit)
            self._used[digit] = self._clock()
        pixels, inverted, box, warnings = row
        x, y, width, height = json.loads(box)
        return StoredDigit(
            Digit.from_bytes(pixels),
            bool(inverted),
            (x, y, width, height),
            tuple(json.loads(warnings)),
        )

    def put(self, stored: StoredDigit) -> StoredDigit:
        """See :meth:`DigitStore.put`."""
        row = (
            stored.digit.id,
            stored.digit.pixels.tobytes(),
            int(stored.inverted),
            json.dumps(stored.box),
            json.dumps(stored.warnings),
            self._clock(),
        )
        try:
            with self._writing, self._database:
                self._write(row)
        except sqlite3.OperationalError as error:
            raise StorageError(f"the digit could not be kept just now: {error}") from error
        return stored

    def _write(self, row: tuple[object, ...]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        with self._reading:
            used, self._used = self._used, {}
        self._database.executemany(
            "UPDATE digits SET used = max(used, ?) WHERE id = ?",
            ((when, digit) for digit, when in used.items()),
        )
        self._database.execute(
            "INSERT INTO digits VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET used = excluded.used",
            row,
        )
        self._database.execute(
            "DELETE FROM digits WHERE id IN (SELECT id FROM digits WHERE id != ? "
            "ORDER BY used LIMIT max(0, (SELECT count(*) FROM digits) - ?))",
            (row[0], self._limit),
        )

    def count(self) -> int:
        """See :meth:`DigitStore.count`."""
        with self._reading:
            (count,) = self._reader.execute("SELECT count(*) FROM digits").fetchone()
        return int(count)

    def close(self) -> None:
        """See :meth:`DigitStore.close`."""
        with self._writing, self._reading:
            self._reader.close()
            self._database.close()
