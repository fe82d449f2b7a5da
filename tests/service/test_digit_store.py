"""The digit store: uploads in SQLite or PostgreSQL, samples and data set in front of them."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from skiplens.core.input_image import Digit, InputImage
from skiplens.core.limits import StoreLimits
from skiplens.errors import StartupError, StorageError, StoreDamagedError, UnknownDigitError
from skiplens.samples import load_samples
from skiplens.service import digit_store
from skiplens.service.databases.sqlite import open_database
from skiplens.service.dataset import LabelledDigits
from skiplens.service.digit_store import DigitDatabase, DigitStore, FoundDigit, InputRecord
from tests.idx import flat_digits

CANDIDATES = (FoundDigit("0123456789abcdef", (1, 2, 3, 4)), FoundDigit("f" * 16, (5, 6, 7, 8)))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty database: a file's path, or a URL."""
    if request.param == "sqlite":
        return tmp_path / "deep" / "digits.sqlite3"
    return str(request.getfixturevalue("postgresql").database())


def stored(value: int) -> InputRecord:
    """A digit of one tone."""
    digit = Digit.of(np.full((28, 28), value, np.uint8))
    return InputRecord(digit, True, (1, 2, 3, 4), ("thin", 'a "quote"'), CANDIDATES)


def test_a_digit_comes_back_as_it_was_after_a_restart(place: Path | str) -> None:
    first = DigitDatabase(place, 10)
    first.put(stored(5))
    first.close()
    again = DigitDatabase(place, 10)
    found = again.get(stored(5).image.id)
    assert (found.image.pixels == 5).all()
    assert (found.inverted, found.box) == (True, (1, 2, 3, 4))
    assert found.warnings == ("thin", 'a "quote"')
    assert found.candidates == CANDIDATES
    again.close()


def test_images_that_are_no_digits_come_back_and_make_room(place: Path | str) -> None:
    images = [InputImage.of(np.full((4, 6, 3), value, np.uint8)) for value in range(3)]
    store = DigitDatabase(place, 100)  # room for two of them
    for image in images:
        store.put(InputRecord.of_image(image))
    found = store.get(images[2].id)
    assert (found.image.pixels == images[2].pixels).all()
    assert found.box == (0, 0, 6, 4)
    store.get(images[1].id)
    with pytest.raises(UnknownDigitError):
        store.get(images[0].id)
    store.put(InputRecord.of_image(images[0]))  # in the place of the longest unused
    store.get(images[1].id)
    with pytest.raises(UnknownDigitError):
        store.get(images[2].id)
    store.close()


def test_a_lesson_has_its_newest_digits_for_a_day(
    place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DigitDatabase(place, 100)
    now = 1_000_000.0
    monkeypatch.setattr(digit_store, "time", lambda: now)
    for digit in ("a", "b", "a"):
        store.share("one", digit)
    store.share("two", "c")
    assert store.shared("one") == ("a", "b")
    for at in range(StoreLimits.lesson_digits):
        store.share("one", str(at))
    assert store.shared("one") == tuple(
        str(at) for at in reversed(range(StoreLimits.lesson_digits))
    )
    assert store.shared("two") == ("c",)
    now += 25 * 3600
    assert store.shared("two") == ()
    store.close()


def test_who_shows_more_than_a_share_empties_no_other_lesson(place: Path | str) -> None:
    store = DigitDatabase(place, 4, share=0.5)
    for digit in "ab":
        store.share("class", digit, "192.0.2.1")
    for lesson in ("one", "two", "three", "four", "five"):
        store.share(lesson, "c", "192.0.2.9")
    assert store.shared("class") == ("b", "a")
    assert [store.shared(lesson) for lesson in ("three", "four", "five")] == [(), ("c",), ("c",)]
    store.close()


def test_lessons_together_are_bounded(place: Path | str) -> None:
    store = DigitDatabase(place, 3)
    for lesson in ("one", "two", "three", "four"):
        store.share(lesson, "a")
    assert [store.shared(lesson) for lesson in ("one", "two")] == [(), ("a",)]
    store.close()


def test_digits_of_an_earlier_version_have_no_candidates(tmp_path: Path) -> None:
    path = tmp_path / "digits.sqlite3"
    store = DigitDatabase(path, 10)
    store.put(stored(5))
    store.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE digits DROP COLUMN candidates")
    again = DigitDatabase(path, 10)
    assert again.get(stored(5).image.id).candidates == ()
    again.put(stored(6))
    assert again.get(stored(6).image.id).candidates == CANDIDATES
    again.close()


def test_an_unknown_digit_is_refused_and_its_id_not_echoed_unless_well_formed(
    place: Path | str,
) -> None:
    store = DigitDatabase(place, 10)
    with pytest.raises(UnknownDigitError, match="digit 0123456789abcdef is not stored"):
        store.get("0123456789abcdef")
    with pytest.raises(UnknownDigitError) as refused:
        store.get("<script>")
    assert "script" not in str(refused.value)
    store.close()


def test_the_longest_unused_makes_room(place: Path | str) -> None:
    store = DigitDatabase(place, 3)
    for value in (1, 2, 3):
        store.put(stored(value))
    store.get(stored(1).image.id)  # used again, so 2 is now the longest unused
    store.put(stored(4))
    assert store.count() == 3
    with pytest.raises(UnknownDigitError):
        store.get(stored(2).image.id)
    for value in (1, 3, 4):
        store.get(stored(value).image.id)
    store.close()


def test_who_stores_more_than_a_share_pushes_out_its_own(place: Path | str) -> None:
    store = DigitDatabase(place, 6, share=0.5)
    for value in (1, 2):
        store.put(stored(value), "other")
    for value in range(10, 15):
        store.put(stored(value), "busy")
    store.put(stored(1), "busy")  # it stays the other's
    store.get(stored(12).image.id)
    for value in (15, 16, 17):
        store.put(stored(value), "busy")
    assert store.count() == 6
    for value in (1, 2, 12, 17):
        assert store.get(stored(value).image.id).image.id == stored(value).image.id
    store.put(stored(3), "other")
    assert store.count() == 6
    store.close()


def test_the_order_of_use_goes_on_in_a_database_that_two_have_open(place: Path | str) -> None:
    one, other = (DigitDatabase(place, 3) for _ in range(2))
    for value in (1, 2, 3):
        one.put(stored(value))
    other.get(stored(1).image.id)
    other.put(stored(4))  # in the place of 2
    one.put(stored(5))  # in the place of 3
    for store in (one, other):
        for value in (1, 4, 5):
            assert store.get(stored(value).image.id).image.id == stored(value).image.id
        assert store.count() == 3
        store.close()


def test_digits_that_a_clock_ahead_of_ours_dated_make_room_for_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "d"
    ahead = 4e9  # seconds; what versions before this one stored
    with closing(open_database(path)) as database:
        for value in (1, 2, 3):
            row = (stored(value).image.id, bytes([value]) * 784, 0, "[0,0,1,1]", "[]", ahead)
            database.execute("INSERT INTO digits VALUES (?, ?, ?, ?, ?, ?, '[]')", row)
    store = DigitDatabase(path, 3)
    for value in (4, 5, 6):
        store.put(stored(value))
    for value in (4, 5, 6):
        store.get(stored(value).image.id)
    for value in (1, 2, 3):
        with pytest.raises(UnknownDigitError):
            store.get(stored(value).image.id)
    store.close()


def test_who_holds_the_file_keeps_digits_from_being_written_but_not_from_being_read(
    tmp_path: Path,
) -> None:
    store = DigitDatabase(tmp_path / "d", 3)
    store.put(stored(1))
    with closing(sqlite3.connect(tmp_path / "d", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor() as threads:
            writing = threads.submit(store.put, stored(2))
            assert store.get(stored(1).image.id).box == (1, 2, 3, 4)
            assert store.count() == 1
            assert not writing.done()
            with pytest.raises(StorageError, match="could not be stored: database is locked"):
                writing.result()
    store.put(stored(2))
    assert store.count() == 2
    store.close()


def test_putting_twice_keeps_one(place: Path | str) -> None:
    store = DigitDatabase(place, 3)
    store.put(stored(1))
    store.put(stored(1))
    assert store.count() == 1
    store.close()


def test_nothing_that_was_answered_is_lost_by_kill_9(place: Path | str) -> None:
    script = (
        "import os, signal, sys\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from skiplens.core.input_image import Digit\n"
        "from skiplens.service.digit_store import InputRecord\n"
        "from skiplens.service.digit_store import DigitDatabase\n"
        "place = sys.argv[1] if '://' in sys.argv[1] else Path(sys.argv[1])\n"
        "store = DigitDatabase(place, 100)\n"
        "for value in range(20):\n"
        "    digit = Digit.of(np.full((28, 28), value, np.uint8))\n"
        "    store.put(InputRecord(digit, False, (0, 0, 1, 1), ()))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(place)], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = DigitDatabase(place, 100)
    assert store.count() == 20
    assert (store.get(stored(19).image.id).image.pixels == 19).all()
    store.close()


def test_a_damaged_database_and_one_of_something_else_are_one_sentence(tmp_path: Path) -> None:
    store = DigitDatabase(tmp_path / "damaged", 10)
    store.put(stored(1))
    store.close()
    content = (tmp_path / "damaged").read_bytes()
    (tmp_path / "damaged").write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with closing(sqlite3.connect(tmp_path / "foreign")) as other:
        other.execute("CREATE TABLE digits (id, used)")
    for name in ("damaged", "foreign"):
        with pytest.raises(StartupError, match=r"state folder .* cannot keep digits"):
            DigitDatabase(tmp_path / name, 10)


def test_what_was_committed_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "digits.sqlite3"
    row = ("0" * 16, bytes(784), 0, "[]", "[]", 1.5, "[]")
    with closing(open_database(path)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        database.execute("INSERT INTO digits VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    with closing(open_database(path)) as database:
        assert database.execute("SELECT * FROM digits").fetchall() == [row]


@pytest.mark.parametrize("size", [0, 783, 785])
def test_only_784_bytes_are_a_digit(tmp_path: Path, size: int) -> None:
    row = ("0" * 16, bytes(size), 0, "[]", "[]", 1.5, "[]")
    with (
        closing(open_database(tmp_path / "digits.sqlite3")) as database,
        pytest.raises(sqlite3.IntegrityError),
    ):
        database.execute("INSERT INTO digits VALUES (?, ?, ?, ?, ?, ?, ?)", row)


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


def test_samples_are_there_without_taking_room(place: Path | str) -> None:
    store = DigitStore(DigitDatabase(place, 3), load_samples())
    sample = load_samples()[0]
    found = store.get(sample.digit.id)
    assert (found.label, found.style) == (sample.label, sample.style)
    store.put(found)
    assert store.database.count() == 0
    nine = InputRecord(Digit.of(np.full((28, 28), 9, np.uint8)), True, (1, 2, 3, 4), ())
    store.put(nine)
    assert (store.get(nine.image.id).image.pixels == 9).all()
    store.database.close()


def labelled(*values: int) -> LabelledDigits:
    return LabelledDigits("dataset", flat_digits(*values))


def test_a_store_answers_for_the_collection_and_keeps_none_of_it(place: Path | str) -> None:
    inner = DigitDatabase(place, 10)
    store = DigitStore(inner, (), labelled(7, 8))
    eight = Digit.of(np.full((28, 28), 8, np.uint8))
    found = store.get(eight.id)
    assert (found.label, found.dataset_index, found.style) == (1, 1, None)
    assert found.box == (0, 0, 28, 28)
    put = store.put(InputRecord(eight, True, (0, 0, 1, 1), ()))
    assert (put.label, put.dataset_index, put.box) == (1, 1, (0, 0, 1, 1))
    assert store.database.count() == 0
    nine = Digit.of(np.full((28, 28), 9, np.uint8))
    store.put(InputRecord(nine, True, (0, 0, 1, 1), ()))
    assert store.database.count() == 1
    assert store.get(nine.id).dataset_index is None
    with pytest.raises(UnknownDigitError):
        store.get("0" * 16)
    store.database.close()


def test_a_digit_without_ink_is_a_digit_all_the_same(tmp_path: Path) -> None:
    collection = labelled(0)
    store = DigitStore(DigitDatabase(tmp_path / "digits", 10), (), collection)
    assert store.get(collection.ids[0]).box == (0, 0, 0, 0)
    store.database.close()


def _truncate(path: Path) -> None:
    os.truncate(path, 0)


def _replace(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "harm", [_truncate, _replace, Path.unlink], ids=["truncated", "replaced", "deleted"]
)
def test_a_file_that_is_harmed_while_it_is_open_is_noticed(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    store = DigitDatabase(tmp_path / "d", 3)
    store.put(stored(1))
    store.check()
    harm(tmp_path / "d")
    for use in (
        store.check,
        store.count,
        lambda: store.put(stored(2)),
        lambda: store.get(stored(1).image.id),
    ):
        with pytest.raises(StoreDamagedError, match="the stored digits cannot be used"):
            use()
    store.close()


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "d").touch(mode=0o644)
    store = DigitDatabase(tmp_path / "d", 3)
    store.put(stored(1))
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o600"}
    store.close()
