"""The digit store: samples and a data set in memory, uploaded digits in SQLite."""

import itertools
import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import Any, Final

import numpy as np
import structlog

from skiplens.core.digit import Digit
from skiplens.core.grid_image import Box
from skiplens.core.input_image import ID_LENGTH, InputImage
from skiplens.core.preprocessing import ink_box
from skiplens.errors import StartupError, StorageError, StoreDamagedError, UnknownDigitError
from skiplens.samples import Sample
from skiplens.service.dataset.labelled_digits import LabelledDigits

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FoundDigit:
    """Where something that may be the digit meant was found in a source.

    Attributes:
        digit: its id.
        box: ``(x, y, width, height)`` of its strokes in the source, pixels.
    """

    digit: str
    box: Box


@dataclass(frozen=True, eq=False)
class DigitRecord:
    """A digit, or another image, and its source.

    Attributes:
        digit: input of the networks.
        inverted: whether the source was dark on light.
        box: ``(x, y, width, height)`` of the strokes in the source, pixels.
        warnings: sentences about what may be wrong with it.
        candidates: all that may be the digit meant in its source, the likeliest first.
        label: true class, 0..9; ``None`` for uploads.
        style: how it is written, or its name; ``None`` unless it is a sample.
        dataset_index: from 0; ``None`` unless it is in the data set.
    """

    digit: InputImage
    inverted: bool
    box: Box
    warnings: tuple[str, ...]
    candidates: tuple[FoundDigit, ...] = ()
    label: int | None = None
    style: str | None = None
    dataset_index: int | None = None

    @classmethod
    def of_image(cls, image: InputImage, name: str | None = None) -> "DigitRecord":
        """An image that is no digit; one with a name is a sample."""
        height, width = image.pixels.shape[:2]
        return cls(image, False, (0, 0, width, height), (), style=name)


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
MOST_SHARED: Final = 60
"""Digits of a lesson: those of a class, twice."""
_SHARED_S: Final = 24 * 3600
_DIGITS_AN_IMAGE: Final = 50  # that make room for it: an image takes some hundred times their bytes
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


def open_reader(path: Path) -> sqlite3.Connection:
    """A second, read-only connection, which never waits for a writer."""
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


def _box(sides: list[int]) -> Box:
    x, y, width, height = sides
    return x, y, width, height


class DigitDatabase:
    """Up to ``limit`` digits in one SQLite file; the least recently used make room for new ones.

    ``put`` returns when the digit is on disk. The order of use stays in memory until the next
    ``put``, so reading works even if the disk is full or another program locks the file. Several
    processes may use one file.

    Args:
        path: of the file.
        limit: digits.
        seconds: that a ``put`` waits for another program.

    Raises:
        StartupError: the folder cannot be written or the file is no database.
    """

    def __init__(self, path: Path, limit: int, seconds: float = 2.0) -> None:
        self._path = path
        self._limit = limit
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._used: dict[str, None] = {}
        self._logged = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = open_database(path, seconds)
            self._reader = open_reader(path)
            self._file = path.stat()
        except (OSError, sqlite3.Error) as error:
            raise StartupError(
                f"state folder {path.parent} cannot keep digits ({error}); "
                "choose another with SKIPLENS_STATE_DIR"
            ) from error

    def get(self, digit: str) -> DigitRecord:
        """The digit of that id.

        Raises:
            UnknownDigitError: there is none.
            StoreDamagedError: the file was damaged or removed.
        """
        row = self._read(
            "SELECT pixels, inverted, box, warnings, candidates FROM digits WHERE id = ?", (digit,)
        )
        if row is None:
            return self._image(digit)
        with self._reading:
            self._used.pop(digit, None)
            self._used[digit] = None
        pixels, inverted, box, warnings, candidates = row
        return DigitRecord(
            Digit.from_bytes(pixels),
            bool(inverted),
            _box(json.loads(box)),
            tuple(json.loads(warnings)),
            tuple(FoundDigit(one, _box(where)) for one, where in json.loads(candidates)),
        )

    def _image(self, digit: str) -> DigitRecord:
        row = self._read("SELECT shape, pixels FROM images WHERE id = ?", (digit,))
        if row is None:
            raise _unknown(digit)
        shape, pixels = json.loads(row[0]), zlib.decompress(row[1])
        return DigitRecord.of_image(InputImage.of(np.frombuffer(pixels, np.uint8).reshape(shape)))

    def _read(self, query: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        """One row of an answer."""
        self.check()
        try:
            with self._reading:
                row: tuple[Any, ...] | None = self._reader.execute(query, values).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        return row

    def put(self, stored: DigitRecord) -> DigitRecord:
        """Store a digit; one that is stored already stays as it is.

        Raises:
            StorageError: it cannot be stored now.
            StoreDamagedError: the file was damaged or removed.
        """
        pixels = stored.digit.pixels
        row = (
            stored.digit.id,
            pixels.tobytes(),
            int(stored.inverted),
            json.dumps(stored.box),
            json.dumps(stored.warnings),
            json.dumps([(one.digit, one.box) for one in stored.candidates]),
        )
        with self._transaction():
            if isinstance(stored.digit, Digit):
                self._write(row)
            else:
                self._write_image(stored.digit)
        return stored

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """What is written within is on disk after it, or not at all."""
        self.check()
        try:
            with self._writing, self._database:
                self._database.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.OperationalError as error:
            raise StorageError(f"the digit could not be stored: {error}") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def _write(self, row: tuple[object, ...]) -> None:
        with self._reading:
            used, self._used = tuple(self._used), {}
        # Counted, as a clock may go back; from what is in the file, as other processes count too.
        # Older versions stored times, from which counting goes on.
        (latest,) = self._database.execute("SELECT coalesce(max(used), 0) FROM digits").fetchone()
        uses = itertools.count(int(latest) + 1)
        self._database.executemany(
            "UPDATE digits SET used = ? WHERE id = ?", zip(uses, used, strict=False)
        )
        self._database.execute(
            "INSERT INTO digits (id, pixels, inverted, box, warnings, candidates, used) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET used = excluded.used",
            (*row, next(uses)),
        )
        self._database.execute(
            "DELETE FROM digits WHERE id IN (SELECT id FROM digits WHERE id != ? "
            "ORDER BY used LIMIT max(0, (SELECT count(*) FROM digits) - ?))",
            (row[0], self._limit),
        )

    def share(self, lesson: str, digit: str) -> None:
        """Show a digit to a lesson: the newest digits of it for a day.

        Raises:
            StorageError: it cannot be stored now.
        """
        with self._transaction():
            self._database.execute("DELETE FROM shared WHERE since < ?", (time() - _SHARED_S,))
            self._database.execute(
                "INSERT OR REPLACE INTO shared (lesson, digit, since) VALUES (?, ?, ?)",
                (lesson, digit, time()),
            )
            self._database.execute(
                "DELETE FROM shared WHERE place IN (SELECT place FROM shared WHERE lesson = ? "
                "ORDER BY place DESC LIMIT -1 OFFSET ?)",
                (lesson, MOST_SHARED),
            )
            self._database.execute(
                "DELETE FROM shared WHERE place IN (SELECT place FROM shared "
                "ORDER BY place DESC LIMIT -1 OFFSET ?)",
                (self._limit,),
            )

    def shared(self, lesson: str) -> tuple[str, ...]:
        """Ids of the digits that a lesson was shown, the newest first.

        Raises:
            StoreDamagedError: the file was damaged or removed.
        """
        (digits,) = self._read(
            "SELECT json_group_array(digit) FROM (SELECT digit FROM shared "
            "WHERE lesson = ? AND since >= ? ORDER BY place DESC)",
            (lesson, time() - _SHARED_S),
        ) or ("[]",)
        return tuple(json.loads(digits))

    def _write_image(self, image: InputImage) -> None:
        packed = zlib.compress(image.pixels.tobytes(), 1)
        row = (image.id, json.dumps(image.pixels.shape), packed)
        self._database.execute(
            "INSERT INTO images (id, shape, pixels, used) "
            "SELECT ?, ?, ?, coalesce(max(used), 0) + 1 FROM images WHERE true "
            "ON CONFLICT (id) DO UPDATE SET used = excluded.used",
            row,
        )
        self._database.execute(
            "DELETE FROM images WHERE id IN (SELECT id FROM images WHERE id != ? "
            "ORDER BY used LIMIT max(0, (SELECT count(*) FROM images) - ?))",
            (image.id, max(1, self._limit // _DIGITS_AN_IMAGE)),
        )

    def count(self) -> int:
        """Number of stored digits.

        Raises:
            StoreDamagedError: the file was damaged or removed.
        """
        (count,) = self._read("SELECT count(*) FROM digits") or (0,)
        return int(count)

    def check(self) -> None:
        """SQLite would go on with a file that was removed.

        Raises:
            StoreDamagedError: the file was damaged or removed.
        """
        try:
            found = self._path.stat()
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from error
        if not os.path.samestat(found, self._file):
            raise self._damaged("another file has taken its place")
        if found.st_size < self._file.st_size:
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


class DigitStore:
    """Digits by id: the samples, a data set, and the uploads in a database.

    Attributes:
        samples: the shipped digits by id, in their order.
        pictures: samples for networks of other images, likewise.
    """

    def __init__(
        self,
        database: DigitDatabase,
        samples: Sequence[Sample],
        dataset: LabelledDigits | None = None,
        pictures: Sequence[DigitRecord] = (),
    ) -> None:
        self._database = database
        self._dataset = dataset
        self.pictures: Mapping[str, DigitRecord] = {one.digit.id: one for one in pictures}
        self.samples: Mapping[str, DigitRecord] = {
            sample.digit.id: DigitRecord(
                sample.digit,
                False,
                ink_box(sample.digit.pixels),
                (),
                (),
                sample.label,
                sample.style,
            )
            for sample in samples
        }

    def get(self, digit: str) -> DigitRecord:
        """See :meth:`DigitDatabase.get`."""
        return self._labelled(digit) or self._database.get(digit)

    def put(self, stored: DigitRecord) -> DigitRecord:
        """Store a digit, unless it is a sample or in the data set; see :meth:`DigitDatabase.put`.

        Returns:
            The digit as given, with its label, style and index if they are known.
        """
        known = self._labelled(stored.digit.id)
        if known is None:
            return self._database.put(stored)
        return replace(
            stored, label=known.label, style=known.style, dataset_index=known.dataset_index
        )

    def put_first(self, candidates: Sequence[DigitRecord]) -> DigitRecord:
        """Store all candidates of an image; returns the first as :meth:`put` does."""
        *_, first = [self.put(one) for one in reversed(candidates)]
        return first

    def share(self, lesson: str, digit: str) -> None:
        """See :meth:`DigitDatabase.share`."""
        self._database.share(lesson, digit)

    def shared(self, lesson: str) -> tuple[DigitRecord, ...]:
        """The digits that a lesson was shown, the newest first, without any that are gone."""
        found = []
        for digit in self._database.shared(lesson):
            with suppress(UnknownDigitError):
                found.append(self.get(digit))
        return tuple(found)

    def _labelled(self, digit: str) -> DigitRecord | None:
        found = self.samples.get(digit) or self.pictures.get(digit)
        if found is not None or self._dataset is None:
            return found
        index = self._dataset.index_by_id.get(digit)
        if index is None:
            return None
        one, label = self._dataset.digit(index), self._dataset.label(index)
        return DigitRecord(one, False, ink_box(one.pixels), (), (), label, dataset_index=index)

    def count(self) -> int:
        """See :meth:`DigitDatabase.count`."""
        return self._database.count()

    def check(self) -> None:
        """See :meth:`DigitDatabase.check`."""
        self._database.check()

    def close(self) -> None:
        """See :meth:`DigitDatabase.close`."""
        self._database.close()
