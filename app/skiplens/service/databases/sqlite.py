"""A SQLite file of digits: opened, checked for damage, and shared by the processes of a machine."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from skiplens.errors import StartupError, StorageError, StoreDamagedError
from skiplens.service.databases import Execute, Rows, Values

_logger = structlog.get_logger(__name__)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS digits (
    id TEXT PRIMARY KEY,
    pixels BLOB NOT NULL CHECK (length(pixels) = 784),
    inverted INTEGER NOT NULL,
    box TEXT NOT NULL,
    warnings TEXT NOT NULL,
    used REAL NOT NULL,
    candidates TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX IF NOT EXISTS digits_by_use ON digits (used);
CREATE TABLE IF NOT EXISTS shared (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    lesson TEXT NOT NULL,
    digit TEXT NOT NULL,
    since REAL NOT NULL,
    UNIQUE (lesson, digit)
) STRICT;
CREATE TABLE IF NOT EXISTS images (
    id TEXT PRIMARY KEY,
    shape TEXT NOT NULL,
    pixels BLOB NOT NULL,
    used REAL NOT NULL
) STRICT;
"""
_HAS_CANDIDATES: Final = (  # a table of an earlier version lacks them
    "SELECT 1 FROM pragma_table_info('digits') WHERE name = 'candidates'"
)
_OWNER_ONLY: Final = 0o600


def open_database(path: Path, seconds: float = 2.0) -> sqlite3.Connection:
    """Open the file, create missing tables and check that it can be written.

    A committed transaction is on disk; a write waits so many seconds for another program.

    Raises:
        sqlite3.Error: the file cannot be opened or written, is damaged, or is not a database of
            digits.
    """
    path.touch(mode=_OWNER_ONLY)
    path.chmod(_OWNER_ONLY)
    with ExitStack() as closing:
        database = sqlite3.connect(
            path, timeout=seconds, check_same_thread=False, isolation_level=None
        )
        closing.callback(database.close)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_SCHEMA)
        if not database.execute(_HAS_CANDIDATES).fetchone():
            database.execute("ALTER TABLE digits ADD COLUMN candidates TEXT NOT NULL DEFAULT '[]'")
        database.execute(
            "SELECT id, pixels, inverted, box, warnings, used, candidates FROM digits LIMIT 1"
        )
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the database is damaged: {found}")
        # An existing schema is not written again, so this tests for write access.
        database.execute("BEGIN IMMEDIATE")
        database.execute("COMMIT")
        closing.pop_all()  # it stays open
    return database


def _open_reader(path: Path) -> sqlite3.Connection:
    """A second, read-only connection, which never waits for a writer."""
    reader = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    reader.execute("PRAGMA query_only = ON")
    return reader


def _execute(
    database: sqlite3.Connection, query: str, values: Values | Sequence[Values]
) -> list[tuple[object, ...]]:
    if isinstance(values, Mapping):
        return database.execute(query, values).fetchall()
    return database.executemany(query, values).fetchall()


class SqliteFile:
    """A :class:`~skiplens.service.databases.Database` in one file.

    Reading works even if the disk is full or another program locks the file.

    Args:
        path: of the file; its folder is made.
        seconds: that a transaction waits for another program.

    Raises:
        StartupError: the folder cannot be written or the file is no database.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._logged = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = open_database(path, seconds)
            self._reader = _open_reader(path)
            self._file = path.stat()
        except (OSError, sqlite3.Error) as error:
            raise StartupError(
                f"state folder {path.parent} cannot keep digits ({error}); "
                "choose another with SKIPLENS_STATE_DIR"
            ) from error

    def read(self, query: str, values: Values) -> Rows:
        """Rows of what is committed."""
        self.check()
        try:
            with self._reading:
                return _execute(self._reader, query, values)
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """A transaction: all of it is on disk after it, or nothing."""
        self.check()
        try:
            with self._writing, self._database:
                self._database.execute("BEGIN IMMEDIATE")
                yield partial(_execute, self._database)
        except sqlite3.OperationalError as error:
            raise StorageError(f"the digit could not be stored: {error}") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def check(self) -> None:
        """Look whether the file is still there: SQLite would go on with one that was removed."""
        known = self._file  # before the look, as other threads look too
        try:
            found = self._path.stat()
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from error
        if not os.path.samestat(found, known):
            raise self._damaged("another file has taken its place")
        if found.st_size < known.st_size:
            raise self._damaged("it was truncated")
        self._file = found

    def _damaged(self, how: str) -> StoreDamagedError:
        if not self._logged:
            _logger.error("store damaged", path=str(self._path), error=how)
        self._logged = True
        return StoreDamagedError(
            f"the stored digits cannot be used ({how}); the server must be restarted with a sound "
            "file"
        )

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._reader.close()
            self._database.close()
