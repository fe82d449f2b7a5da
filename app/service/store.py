"""What people brought, in SQLite."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.core.digit import ID_LENGTH, Digit
from app.errors import StartupError, StoreError, UnknownDigitError
from app.service.database import open_database, open_reader
from app.service.digits import StoredDigit

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
            raise StoreError(f"the digit could not be kept just now: {error}") from error
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
