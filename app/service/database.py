"""The SQLite file that digits are kept in, opened and made ready."""

import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Final

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
