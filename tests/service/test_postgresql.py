"""What is PostgreSQL's alone in the digit store: faults at the start, outages, migration."""

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psycopg
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from skiplens.application import DATABASE_FILE
from skiplens.cli import app
from skiplens.core.input_image import Digit, InputImage
from skiplens.errors import StartupError, StorageError, StoreDamagedError, UnknownDigitError
from skiplens.service.digit_store import _COPIED_AT_ONCE, DigitDatabase, InputRecord
from tests.postgresql import Postgresql


def stored(value: int) -> InputRecord:
    """A digit of one tone."""
    return InputRecord(Digit.of(np.full((28, 28), value, np.uint8)), True, (1, 2, 3, 4), ())


@pytest.fixture
def url(postgresql: Postgresql) -> str:
    return postgresql.database()


@pytest.fixture
def store(url: str) -> Iterator[DigitDatabase]:
    opened = DigitDatabase(url, 10)
    opened.put(stored(1))
    yield opened
    opened.close()


@pytest.fixture
def other(store: DigitDatabase, url: str) -> Iterator[psycopg.Connection]:
    """Another program that uses the database of the store."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("se@cret", "is not a URL; it takes postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("postgresql://me:x@host:se@cret/digits", "is not a URL"),
        ("postgresql://me@host:secret/digits", "is not a URL"),
        ("postgresql://me:my@secret@host/digits", "has a second @"),
        ("mysql://me:secret@host/digits", "is of 'mysql', not PostgreSQL"),
        (
            "postgresql://me:secret@127.0.0.1:1/digits",
            r"^database digits on 127\.0\.0\.1 cannot keep digits \(.*refused",
        ),
        ("postgresql://me:secret@/digits?sslmode=secure", "on this machine cannot keep digits"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence_without_its_password(
    url: str, said: str
) -> None:
    with pytest.raises(StartupError, match=said) as refused:
        DigitDatabase(url, 10)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value).replace("se@cret", "")


def test_a_database_that_is_not_there_is_one_sentence(url: str) -> None:
    with pytest.raises(StartupError, match=r"^database none on .*does not exist") as refused:
        DigitDatabase(re.sub(r"/d\d+\?", "/none?", url), 10)
    assert "cret" not in str(refused.value)


def test_a_driver_that_is_missing_is_one_sentence(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StartupError, match=r"needs packages .*: pip install .* of skiplens$"):
        DigitDatabase(url, 10)


def test_nothing_is_lost_when_the_server_goes_away_and_comes_back(
    postgresql: Postgresql, store: DigitDatabase
) -> None:
    postgresql.stop()
    try:
        with capture_logs() as logged:
            for use in (store.check, store.count, lambda: store.get(stored(1).image.id)):
                with pytest.raises(StoreDamagedError, match="the stored digits cannot be used"):
                    use()
            with pytest.raises(StorageError, match="could not be stored") as refused:
                store.put(stored(2))
        assert "socket" not in str(refused.value)  # where it is concerns nobody who draws a digit
        assert [line["event"] for line in logged] == ["database away"]
        assert "cret" not in str(logged)
    finally:
        postgresql.start()
    with capture_logs() as logged:
        assert store.get(stored(1).image.id).box == (1, 2, 3, 4)
        store.put(stored(2))
    assert store.count() == 2
    assert [line["event"] for line in logged] == ["database back"]


def test_connections_that_the_server_closed_are_replaced(
    store: DigitDatabase, other: psycopg.Connection
) -> None:
    other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'skiplens'"
    )
    assert store.count() == 1
    store.put(stored(2))
    assert store.count() == 2


def test_who_writes_for_long_keeps_digits_from_being_written_but_not_from_being_read(
    url: str, store: DigitDatabase, other: psycopg.Connection
) -> None:
    hasty = DigitDatabase(url, 10, seconds=0.2)
    with other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(7260416)")
        with pytest.raises(StorageError, match="could not be stored"):
            hasty.put(stored(2))
        assert hasty.get(stored(1).image.id).box == (1, 2, 3, 4)
        assert hasty.count() == 1
    hasty.put(stored(2))
    assert store.count() == 2
    hasty.close()


def test_several_that_write_at_once_make_room_as_one(url: str) -> None:
    stores = [DigitDatabase(url, 3) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda at: stores[at % 4].put(stored(at)), range(20)))
    assert {store.count() for store in stores} == {3}
    with psycopg.connect(url) as connection:
        uses = connection.execute("SELECT used FROM digits ORDER BY used").fetchall()
    assert uses == [(18.0,), (19.0,), (20.0,)]
    for store in stores:
        store.close()


def test_of_several_that_start_at_once_one_creates_the_tables(url: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        stores = list(threads.map(lambda _: DigitDatabase(url, 10), range(3)))
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("1",)]
    for store in stores:
        assert store.count() == 0
        store.close()


def test_tables_of_a_newer_version_are_left_alone(
    url: str, store: DigitDatabase, other: psycopg.Connection
) -> None:
    other.execute("UPDATE alembic_version SET version_num = 'newer'")
    with pytest.raises(StartupError, match=r"cannot keep digits .*'newer'"):
        DigitDatabase(url, 10)
    assert store.count() == 1


@pytest.mark.parametrize("size", [0, 783, 785])
def test_the_database_itself_refuses_a_digit_of_another_size(
    other: psycopg.Connection, size: int
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        other.execute("INSERT INTO digits VALUES ('a', %s, 0, '[]', '[]', 0, '[]')", [bytes(size)])


def test_digits_of_a_file_are_copied_and_what_is_there_stays(
    store: DigitDatabase, tmp_path: Path
) -> None:
    file = DigitDatabase(tmp_path / "digits.sqlite3", 1000)
    of_file = InputRecord(stored(1).image, False, (0, 0, 28, 28), ("faint",))
    photo = InputRecord.of_image(InputImage.of(np.full((3, 4, 3), 7, np.uint8)))
    copied = [stored(value) for value in range(2, 2 + _COPIED_AT_ONCE)]
    for record in (of_file, photo, *copied):
        file.put(record)
    for _ in range(2):
        assert store.copy_from(file) == 2 + _COPIED_AT_ONCE
        assert store.count() == 1 + _COPIED_AT_ONCE
    for record in (stored(1), photo, *copied):
        found = store.get(record.image.id)
        assert np.array_equal(found.image.pixels, record.image.pixels)
        assert (found.box, found.warnings) == (record.box, record.warnings)
    store.put(stored(0))  # makes room, for what was used last in the file
    assert store.count() == 10
    store.get(copied[-1].image.id)
    with pytest.raises(UnknownDigitError):
        store.get(copied[0].image.id)
    file.close()


def test_the_command_copies_digits(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIPLENS_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SKIPLENS_DATABASE_URL", "")
    assert "has to name the database" in str(CliRunner().invoke(app, ["migrate"]).exception)
    monkeypatch.setenv("SKIPLENS_DATABASE_URL", url)
    assert "there is no file" in str(CliRunner().invoke(app, ["migrate"]).exception)
    file = tmp_path / DATABASE_FILE
    for place in (file, url):
        opened = DigitDatabase(place, 10)
        if place is file:
            opened.put(stored(5))
        else:
            assert opened.count() == 0
        opened.close()
    done = CliRunner().invoke(app, ["migrate"])
    assert done.stdout == f"{file}: digits and images copied to the database: 1\n"
    opened = DigitDatabase(url, 10)
    assert opened.get(stored(5).image.id).box == (1, 2, 3, 4)
    opened.close()
