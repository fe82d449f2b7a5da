import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from skiplens.service.digit_store import open_database


def test_what_was_committed_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "digits.sqlite3"
    row = ("0" * 16, bytes(784), 0, "[]", "[]", 1.5)
    with closing(open_database(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        database.execute("INSERT INTO digits VALUES (?, ?, ?, ?, ?, ?)", row)
    with closing(open_database(path)) as database:
        assert database.execute("SELECT * FROM digits").fetchall() == [row]


@pytest.mark.parametrize("size", [0, 783, 785])
def test_only_784_bytes_are_a_digit(tmp_path: Path, size: int) -> None:
    row = ("0" * 16, bytes(size), 0, "[]", "[]", 1.5)
    with (
        closing(open_database(tmp_path / "digits.sqlite3")) as database,
        pytest.raises(sqlite3.IntegrityError),
    ):
        database.execute("INSERT INTO digits VALUES (?, ?, ?, ?, ?, ?)", row)


def test_a_file_that_is_no_database_is_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connecting(*arguments: object, **options: object) -> sqlite3.Connection:
        opened.append(connect(tmp_path / "junk", isolation_level=None))
        return opened[-1]

    (tmp_path / "junk").write_bytes(b"not a database at all" * 99)
    monkeypatch.setattr(sqlite3, "connect", connecting)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_database(tmp_path / "junk")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
