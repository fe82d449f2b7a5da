"""The digit store: samples and a data set in memory, uploaded digits in a database."""

import itertools
import json
import threading
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import Final

import numpy as np

from skiplens.core.grid_image import Box
from skiplens.core.input_image import ID_LENGTH, Digit, InputImage
from skiplens.core.limits import WAIT_SECONDS, StoreLimits
from skiplens.core.preprocessing import PreprocessedDigit, ink_box
from skiplens.errors import SkiplensError, StartupError, UnknownDigitError, install
from skiplens.samples import Sample
from skiplens.service.admission import ANYONE
from skiplens.service.databases import Database, Execute
from skiplens.service.databases.sqlite import SqliteFile
from skiplens.service.dataset import LabelledDigits


@dataclass(frozen=True)
class FoundDigit:
    """A candidate digit and its place in a source.

    Attributes:
        digit: its id.
        box: ``(x, y, width, height)`` of its strokes in the source, pixels.
    """

    digit: str
    box: Box


@dataclass(frozen=True, eq=False)
class InputRecord:
    """A digit, or another image, and its source.

    Attributes:
        image: input of the networks.
        inverted: whether the source was dark on light.
        box: ``(x, y, width, height)`` of the strokes in the source, pixels.
        warnings: sentences about what may be wrong with it.
        candidates: digits found in its source, most likely first.
        label: true class, 0..9; ``None`` for uploads.
        style: how it is written, or its name; ``None`` unless it is a sample.
        dataset_index: from 0; ``None`` unless it is in the data set.
    """

    image: InputImage
    inverted: bool
    box: Box
    warnings: tuple[str, ...]
    candidates: tuple[FoundDigit, ...] = ()
    label: int | None = None
    style: str | None = None
    dataset_index: int | None = None

    @classmethod
    def of_image(cls, image: InputImage, name: str | None = None) -> "InputRecord":
        """An image that is no digit; one with a name is a sample."""
        height, width = image.pixels.shape[:2]
        return cls(image, inverted=False, box=(0, 0, width, height), warnings=(), style=name)

    @classmethod
    def of_preprocessed(cls, found: PreprocessedDigit) -> "InputRecord":
        """A digit that was read in an image."""
        return cls(found.digit, found.inverted, found.box, found.warnings)

    @classmethod
    def of_labelled(
        cls, digit: Digit, label: int, *, style: str | None = None, dataset_index: int | None = None
    ) -> "InputRecord":
        """A sample, or a digit of the data set."""
        return cls(
            digit,
            inverted=False,
            box=ink_box(digit.pixels),
            warnings=(),
            label=label,
            style=style,
            dataset_index=dataset_index,
        )


_DIGITS_AN_IMAGE: Final = 50  # that make room for it: an image takes some hundred times their bytes
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_COLUMNS: Final = {
    "digits": ("id", "pixels", "inverted", "box", "warnings", "candidates", "used"),
    "images": ("id", "shape", "pixels", "used"),
}
_COPIED_AT_ONCE: Final = 100


def _is_id(digit: str) -> bool:
    return len(digit) == ID_LENGTH and set(digit) <= _HEXADECIMAL


def _unknown(digit: str) -> UnknownDigitError:
    what = f"digit {digit}" if _is_id(digit) else "a digit of that id"
    return UnknownDigitError(
        f"{what} is not stored; ids are {ID_LENGTH} hexadecimal digits, and digits unused for "
        "longest make room for new ones"
    )


def _box(sides: list[int]) -> Box:
    x, y, width, height = sides
    return x, y, width, height


def _open(place: Path | str, seconds: float, connections: int) -> Database:
    """The database at a place.

    Raises:
        StartupError: it cannot be opened.
    """
    if isinstance(place, Path):
        return SqliteFile(place, seconds)
    try:
        from skiplens.service.databases.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(place, seconds, connections)
    except ImportError as error:
        raise StartupError(
            f"SKIPLENS_DATABASE_URL needs packages that are missing ({error}): "
            f"{install('postgresql')}"
        ) from error


class _Owners:
    """Who stored which digits, the longest unused first, so that a client who stores more than a
    share pushes out its own. Addresses are personal: they stay in memory, and no longer than the
    process.

    Args:
        limit: digits to know of.
        each: digits of one client.
    """

    def __init__(self, limit: int, each: int) -> None:
        self._limit, self._each = limit, each
        self._clients: dict[str, str] = {}
        self._digits: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._lock = threading.Lock()

    def use(self, digit: str) -> None:
        """Note that a digit is used."""
        with self._lock:
            if digit in self._clients:
                self._renew(digit, self._clients[digit])

    def store(self, digit: str, client: str) -> str | None:
        """Note who stores a digit, unless it is stored; returns a digit of the same client that has
        to make room before those of others, if there is one.
        """
        with self._lock:
            self._renew(digit, self._clients.get(digit, client))
            if len(self._clients) > self._limit:
                self._forget(next(iter(self._clients)))
            own = self._digits.get(client, ())
            return next(iter(own)) if len(own) > self._each else None

    def forget(self, digit: str) -> None:
        """Note that a digit is not stored any more."""
        with self._lock:
            self._forget(digit)

    def _renew(self, digit: str, client: str) -> None:
        self._forget(digit)
        self._clients[digit] = client
        self._digits[client][digit] = None

    def _forget(self, digit: str) -> None:
        client = self._clients.pop(digit, None)
        if client is not None:
            del self._digits[client][digit]
            if not self._digits[client]:
                del self._digits[client]


class DigitDatabase:
    """Up to ``limit`` digits in a database; the least recently used make room for new ones, at
    first those of the client who stores one, if that client has stored more than a share of them.

    ``put`` returns when the digit is on disk. The order of use stays in memory until the next
    ``put``, so reading never writes. Several processes may use one database.

    Args:
        place: path of a SQLite file, or URL of a PostgreSQL database.
        limit: digits.
        seconds: that a ``put`` waits for another program.
        share: of one client, 0 to 1.
        limits: besides these.

    Raises:
        StartupError: the database cannot be opened.
    """

    def __init__(
        self,
        place: Path | str,
        limit: int,
        seconds: float = WAIT_SECONDS,
        share: float = 1.0,
        limits: StoreLimits = StoreLimits(),  # noqa: B008  # it cannot be changed
    ) -> None:
        self._database = _open(place, seconds, limits.connections)
        self._lessons = limits
        self._limits = {"digits": limit, "images": max(1, limit // _DIGITS_AN_IMAGE)}
        self._owners = {
            table: _Owners(most, max(1, int(most * share))) for table, most in self._limits.items()
        }
        self._shown_by = _Owners(limit, max(1, int(limit * share)))
        self._using = threading.Lock()
        self._used: dict[str, dict[str, None]] = {table: {} for table in self._limits}

    def get(self, digit: str) -> InputRecord:
        """The digit of that id.

        Raises:
            UnknownDigitError: there is none.
            StoreDamagedError: the database cannot be used.
        """
        if not _is_id(digit):
            raise _unknown(digit)
        rows = self._database.read(
            "SELECT pixels, inverted, box, warnings, candidates FROM digits WHERE id = :id",
            {"id": digit},
        )
        if not rows:
            return self._image(digit)
        self._use("digits", digit)
        pixels, inverted, box, warnings, candidates = rows[0]
        return InputRecord(
            Digit.from_bytes(pixels),
            bool(inverted),
            _box(json.loads(box)),
            tuple(json.loads(warnings)),
            tuple(FoundDigit(one, _box(where)) for one, where in json.loads(candidates)),
        )

    def _image(self, digit: str) -> InputRecord:
        rows = self._database.read("SELECT shape, pixels FROM images WHERE id = :id", {"id": digit})
        if not rows:
            raise _unknown(digit)
        self._use("images", digit)
        shape, pixels = json.loads(rows[0][0]), zlib.decompress(rows[0][1])
        return InputRecord.of_image(InputImage.of(np.frombuffer(pixels, np.uint8).reshape(shape)))

    def _use(self, table: str, digit: str) -> None:
        """Note that a digit or an image is used."""
        self._owners[table].use(digit)
        with self._using:
            self._used[table].pop(digit, None)
            self._used[table][digit] = None

    def put(self, stored: InputRecord, client: str = ANYONE) -> InputRecord:
        """Store a digit of a client; one that is stored already stays as it is.

        Raises:
            StorageError: it cannot be stored now.
            StoreDamagedError: the database cannot be used.
        """
        table = "digits" if isinstance(stored.image, Digit) else "images"
        with self._using:
            used, self._used[table] = self._used[table], {}
        try:
            with self._database.transaction() as execute:
                self._write(execute, stored, _write_uses(execute, table, used))
                self._make_room(execute, table, stored.image.id, client)
        except SkiplensError:
            with self._using:  # for the next one that is stored
                newer = self._used[table]
                self._used[table] = {one: None for one in used if one not in newer} | newer
            raise
        return stored

    def _make_room(self, execute: Execute, table: str, kept: str, client: str) -> None:
        """Delete digits, but not the one that was just stored, down to the limit."""
        ((count,),) = execute(f"SELECT count(*) FROM {table}", {})  # noqa: S608  # ours
        own, excess = self._owners[table].store(kept, client), count - self._limits[table]
        if own and excess > 0:
            execute(f"DELETE FROM {table} WHERE id = :own", {"own": own})  # noqa: S608
            self._owners[table].forget(own)
            excess -= 1
        if excess > 0:
            oldest = f"SELECT id FROM {table} WHERE id <> :kept ORDER BY used LIMIT :excess"  # noqa: S608
            execute(
                f"DELETE FROM {table} WHERE id IN ({oldest})",  # noqa: S608
                {"kept": kept, "excess": excess},
            )

    def _write(self, execute: Execute, stored: InputRecord, use: int) -> None:
        if not isinstance(stored.image, Digit):
            self._write_image(execute, stored.image, use)
            return
        execute(
            "INSERT INTO digits (id, pixels, inverted, box, warnings, candidates, used) "
            "VALUES (:id, :pixels, :inverted, :box, :warnings, :candidates, :used) "
            "ON CONFLICT (id) DO UPDATE SET used = excluded.used",
            {
                "id": stored.image.id,
                "pixels": stored.image.pixels.tobytes(),
                "inverted": int(stored.inverted),
                "box": json.dumps(stored.box),
                "warnings": json.dumps(stored.warnings),
                "candidates": json.dumps([(one.digit, one.box) for one in stored.candidates]),
                "used": use,
            },
        )

    def _write_image(self, execute: Execute, image: InputImage, use: int) -> None:
        execute(
            "INSERT INTO images (id, shape, pixels, used) VALUES (:id, :shape, :pixels, :used) "
            "ON CONFLICT (id) DO UPDATE SET used = excluded.used",
            {
                "id": image.id,
                "shape": json.dumps(image.pixels.shape),
                "pixels": zlib.compress(image.pixels.tobytes(), 1),
                "used": use,
            },
        )

    def copy_from(self, other: "DigitDatabase") -> int:
        """Store what another database has, with its order of use, and keep what is here already.

        What lessons were shown is left out: it does not last. May be done again after a failure.

        Returns:
            Number of digits and images in the other database.

        Raises:
            StorageError: it cannot be stored now; what was copied before stays.
            StoreDamagedError: one of the databases cannot be used.
        """
        return sum(self._copy(other, table, columns) for table, columns in _COLUMNS.items())

    def _copy(self, other: "DigitDatabase", table: str, columns: Sequence[str]) -> int:
        names, places = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        some = f"SELECT {names} FROM {table} WHERE id > :last ORDER BY id LIMIT :most"  # noqa: S608
        copied, last = 0, ""
        theirs = other._database  # noqa: SLF001  # of the same class
        while rows := theirs.read(some, {"last": last, "most": _COPIED_AT_ONCE}):
            with self._database.transaction() as execute:
                execute(
                    f"INSERT INTO {table} ({names}) VALUES ({places}) "  # noqa: S608  # ours
                    "ON CONFLICT (id) DO NOTHING",
                    [dict(zip(columns, row, strict=True)) for row in rows],
                )
            copied, last = copied + len(rows), rows[-1][0]
        return copied

    def share(self, lesson: str, digit: str, client: str = ANYONE) -> None:
        """Show a digit to a lesson, which keeps the newest for some time. A client who shows more
        than its share has its own forgotten first.

        Raises:
            StorageError: it cannot be stored now.
        """
        now = time()
        own = self._shown_by.store(f"{lesson} {digit}", client)
        with self._database.transaction() as execute:
            execute(
                "DELETE FROM shared "
                "WHERE since < :expired OR (lesson = :lesson AND digit = :digit)",
                {"expired": now - self._lessons.lesson_seconds, "lesson": lesson, "digit": digit},
            )
            execute(
                "INSERT INTO shared (lesson, digit, since) VALUES (:lesson, :digit, :since)",
                {"lesson": lesson, "digit": digit, "since": now},
            )
            execute(
                "DELETE FROM shared WHERE lesson = :lesson AND place <= (SELECT place FROM shared "
                "WHERE lesson = :lesson ORDER BY place DESC LIMIT 1 OFFSET :most)",
                {"lesson": lesson, "most": self._lessons.lesson_digits},
            )
            ((count,),) = execute("SELECT count(*) FROM shared", {})
            if own is not None and count > self._limits["digits"]:
                oldest = dict(zip(("lesson", "digit"), own.split(), strict=True))
                execute("DELETE FROM shared WHERE lesson = :lesson AND digit = :digit", oldest)
                self._shown_by.forget(own)
            execute(
                "DELETE FROM shared WHERE place <= (SELECT place FROM shared "
                "ORDER BY place DESC LIMIT 1 OFFSET :most)",
                {"most": self._limits["digits"]},
            )

    def shared(self, lesson: str) -> tuple[str, ...]:
        """Ids of the digits that a lesson was shown, the newest first.

        Raises:
            StoreDamagedError: the database cannot be used.
        """
        rows = self._database.read(
            "SELECT digit FROM shared WHERE lesson = :lesson AND since >= :expired "
            "ORDER BY place DESC",
            {"lesson": lesson, "expired": time() - self._lessons.lesson_seconds},
        )
        return tuple(digit for (digit,) in rows)

    def count(self) -> int:
        """Number of stored digits.

        Raises:
            StoreDamagedError: the database cannot be used.
        """
        ((count,),) = self._database.read("SELECT count(*) FROM digits", {})
        return int(count)

    def check(self) -> None:
        """Look whether digits can be read.

        Raises:
            StoreDamagedError: the database cannot be used.
        """
        self._database.check()

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _write_uses(execute: Execute, table: str, used: Iterable[str]) -> int:
    """Write what was used, in that order; returns the number of the next use.

    Counted, as a clock may go back; from what is in the table, as other processes count too. Older
    versions stored times, from which counting goes on.
    """
    ((latest,),) = execute(f"SELECT coalesce(max(used), 0) FROM {table}", {})  # noqa: S608  # ours
    uses = itertools.count(int(latest) + 1)
    if rows := [{"id": digit, "used": next(uses)} for digit in used]:
        execute(f"UPDATE {table} SET used = :used WHERE id = :id", rows)  # noqa: S608  # ours
    return next(uses)


class DigitStore:
    """Digits by id: the samples, a data set, and the uploads in a database.

    Attributes:
        database: of the uploads.
        samples: the shipped digits by id, in their order.
        pictures: samples for networks of other images, likewise.
        given: digits in files of whoever started the server, likewise.
    """

    def __init__(
        self,
        database: DigitDatabase,
        samples: Sequence[Sample],
        dataset: LabelledDigits | None = None,
        pictures: Sequence[InputRecord] = (),
        given: Sequence[InputRecord] = (),
    ) -> None:
        self.database = database
        self._dataset = dataset
        self.given: Mapping[str, InputRecord] = {one.image.id: one for one in given}
        self.pictures: Mapping[str, InputRecord] = {one.image.id: one for one in pictures}
        self.samples: Mapping[str, InputRecord] = {
            sample.digit.id: InputRecord.of_labelled(sample.digit, sample.label, style=sample.style)
            for sample in samples
        }

    def get(self, digit: str) -> InputRecord:
        """See :meth:`DigitDatabase.get`."""
        return self._labelled(digit) or self.database.get(digit)

    def in_memory(self, digit: str) -> InputRecord | None:
        """The digit of that id if it is kept in memory: a sample, or one given at the start."""
        kept = (self.samples, self.pictures, self.given)
        return next((known[digit] for known in kept if digit in known), None)

    def put(self, stored: InputRecord, client: str = ANYONE) -> InputRecord:
        """Store a digit, unless it is a sample or in the data set; see :meth:`DigitDatabase.put`.

        Returns:
            The digit as given, with its label, style and index if they are known.
        """
        known = self._labelled(stored.image.id)
        if known is None:
            return self.database.put(stored, client)
        return replace(
            stored, label=known.label, style=known.style, dataset_index=known.dataset_index
        )

    def put_first(self, candidates: Sequence[InputRecord], client: str = ANYONE) -> InputRecord:
        """Store all candidates of an image; returns the first as :meth:`put` does."""
        *_, first = [self.put(one, client) for one in reversed(candidates)]
        return first

    def share(self, lesson: str, digit: str, client: str = ANYONE) -> None:
        """See :meth:`DigitDatabase.share`.

        Raises:
            UnknownDigitError: there is no such digit.
        """
        self.database.share(lesson, self.get(digit).image.id, client)

    def shared(self, lesson: str) -> tuple[InputRecord, ...]:
        """The digits that a lesson was shown, the newest first, without any that are gone."""
        found = []
        for digit in self.database.shared(lesson):
            with suppress(UnknownDigitError):
                found.append(self.get(digit))
        return tuple(found)

    def _labelled(self, digit: str) -> InputRecord | None:
        found = self.in_memory(digit)
        if found is not None or self._dataset is None:
            return found
        index = self._dataset.index_by_id.get(digit)
        if index is None:
            return None
        one, label = self._dataset.digit(index), self._dataset.label(index)
        return InputRecord.of_labelled(one, label, dataset_index=index)
