"""The photographs of the bench, a part of them read by the network that ships."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.photo_kinds import KINDS, STRENGTHS, take
from benchmarks.photo_scene import Photo
from benchmarks.photos import Predict, Reading, causes, predictor, read, read_all, results
from benchmarks.writers import DEVELOPMENT, HELD_OUT, Writer, read_digits
from skiplens.core.image_decoding import decode
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine

HANDS = DEVELOPMENT[:1]
PERFECT = (3, 0, 0)
BEHIND: Mapping[str, tuple[int, int, int]] = {
    "1 with a long upstroke": (2, 0, 0),
}
"""Of one hand's three photographs, how many are read right, carry a wrong warning, and lack one
that is due. What is not listed is perfect. The first number may only rise, the others only fall."""


@pytest.fixture(scope="module")
def predict(engine: Engine) -> Predict:
    return predictor(engine)


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_is_read_worse_than_before(kind: str, predict: Predict) -> None:
    readings = list(read_all([kind], HANDS, predict))
    right, wrong, missing = BEHIND.get(kind, PERFECT)
    assert sum(one.right for one in readings) >= right
    assert sum(bool(one.wrong) for one in readings) <= wrong
    assert sum(bool(one.missing) for one in readings) <= missing


def test_only_kinds_that_exist_are_behind() -> None:
    assert set(BEHIND) <= set(KINDS)


def test_hands_for_a_final_figure_are_kept_apart() -> None:
    assert len(HELD_OUT) == 20
    assert not set(HELD_OUT) & set(DEVELOPMENT)


def test_a_seed_stands_for_one_picture_and_others_for_others() -> None:
    once, again = take("ruled lines", 1, 3), take("ruled lines", 1, 3)
    assert once == again
    others = [take("ruled lines", 1, 4), take("ruled lines", 2, 3), take("graph paper", 1, 3)]
    assert once.data not in [one.data for one in others]


def test_hands_write_the_same_digit_differently() -> None:
    assert Writer(1).digit(4).shape != Writer(2).digit(4).shape


def test_every_label_occurs_in_a_kind() -> None:
    labels = {label for seed in range(10) for label in take("dark mode", 0, seed).labels}
    assert labels == set(range(10))


def test_photographs_can_be_made_from_mnists_digits(tmp_path: Path) -> None:
    pixels = np.zeros((10, 28, 28), np.uint8)
    pixels[:, 4:24, 12:16] = 255
    labels = np.arange(10, dtype=np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=pixels, y_train=labels)
    digits = read_digits(tmp_path, held_out=False)
    grey = decode(take("paint program", 0, 0, digits).data)
    rows, columns = np.nonzero(grey < 128)
    assert np.ptp(rows) / np.ptp(columns) == pytest.approx(20 / 4, rel=0.1)


def test_working_digits_are_the_last_for_training_and_held_out_ones_those_for_tests(
    tmp_path: Path,
) -> None:
    train, test = np.zeros((5002, 28, 28), np.uint8), np.zeros((3, 28, 28), np.uint8)
    labels = (np.arange(5002) % 10).astype(np.uint8)
    nines = np.full(3, 9, np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=train, y_train=labels, x_test=test, y_test=nines)
    working = read_digits(tmp_path, held_out=False)
    assert len(working) == 5000
    assert working.labels[0] == 2
    assert read_digits(tmp_path, held_out=True).labels.tolist() == [9, 9, 9]


def drawing() -> bytes:
    """A one that touches nothing."""
    grey = np.full((100, 100), 255, np.uint8)
    grey[20:80, 45:55] = 0
    return png(grey)


def png(grey: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def one_for_sure(digit: Digit) -> tuple[int, float]:
    return 1, 0.95


def photo(data: bytes, *labels: int, due: str = "", fitting: str = "") -> Photo:
    return Photo(data, frozenset(labels), frozenset(due.split()), frozenset(fitting.split()))


def test_any_of_several_digits_is_a_right_answer() -> None:
    assert read(photo(drawing(), 1, 7), "two digits", 0, one_for_sure).right
    assert not read(photo(drawing(), 2, 7), "two digits", 0, one_for_sure).right


def test_a_warning_is_missing_wrong_or_fits() -> None:
    cut = png(decode(drawing())[25:])
    missing = read(photo(drawing(), 1, due="cut"), "plain paper", 0, one_for_sure)
    assert missing.missing == {"cut"}
    assert not missing.wrong
    wrong = read(photo(cut, 1), "plain paper", 0, one_for_sure)
    assert wrong.wrong == {"cut"}
    assert not wrong.missing
    for due, fitting in (("cut", ""), ("", "cut")):
        fits = read(photo(cut, 1, due=due, fitting=fitting), "plain paper", 0, one_for_sure)
        assert fits.given == {"cut"}
        assert not fits.missing | fits.wrong


def test_a_photograph_without_an_answer_is_not_read_right() -> None:
    blank = png(np.full((20, 20), 255, np.uint8))
    reading = read(photo(blank, 1), "plain paper", 0, one_for_sure)
    assert not reading.right
    assert reading.refused == "BlankImageError"


def test_a_warning_that_the_bench_does_not_know_is_an_error() -> None:
    assert causes(["The digit is only a few pixels large in the image."]) == {"small"}
    with pytest.raises(ValueError, match="The moon"):
        causes(["The moon is full."])


def reading(strength: int, *, right: bool, sure: bool = True, wrong: str = "") -> Reading:
    causes = frozenset(wrong.split())
    return Reading("ring around the digit", strength, right, sure, causes, frozenset(), causes, "")


def test_figures_are_given_by_kind_and_strength_and_in_all() -> None:
    readings = [
        reading(0, right=True),
        reading(0, right=True, wrong="thin"),
        reading(2, right=False, wrong="thin"),
        reading(2, right=False),
        reading(2, right=False, sure=False),
    ]
    found = {(one.what, one.column): one for one in results(readings)}
    kind = "ring around the digit"
    assert found[kind, "mild"].measured == 1
    assert found[kind, "mild"].passed
    assert found[kind, "hard"].measured == 0
    assert (kind, "medium") not in found
    assert found[kind, "wrong warning"].measured == pytest.approx(2 / 5)
    assert found["all kinds", ""].measured == pytest.approx(2 / 5)
    assert found["wrong, sure and without a warning", ""].measured == pytest.approx(1 / 5)
    assert found["right answers with a wrong warning", ""].measured == pytest.approx(1 / 2)


def test_there_are_at_least_forty_kinds_and_three_strengths() -> None:
    assert len(KINDS) >= 40
    assert len(STRENGTHS) == 3
