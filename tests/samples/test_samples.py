"""The digits that ship: that they are like MNIST's, and that damage is told."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skiplens.core.preprocessing import preprocess
from skiplens.errors import StartupError
from skiplens.samples import (
    FOLDER,
    LIST,
    SHEET,
    Sample,
    load_samples,
    read_digit,
    read_picture,
)
from tests.core.images import of_phone

SAMPLES = load_samples()
NAMES = [f"{sample.label}-{sample.style}" for sample in SAMPLES]
CELL = {"label": 7, "style": "plain", "x": 0, "y": 0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the samples, to be damaged."""
    for name in (SHEET, LIST):
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


def thickness(sample: Sample) -> float:
    """Of the line, in pixels: a line's area over half of its outline's length."""
    ink = np.pad(sample.digit.pixels / 255.0, 1)
    across, down = np.diff(ink, axis=1)[1:], np.diff(ink, axis=0)[:, 1:]
    return float(2 * ink.sum() / np.hypot(across, down).sum())


def test_every_digit_ships_in_three_styles_or_more() -> None:
    for label in range(10):
        assert len({sample.style for sample in SAMPLES if sample.label == label}) >= 3


def test_no_two_samples_are_the_same() -> None:
    assert len({sample.digit.id for sample in SAMPLES}) == len(SAMPLES)
    assert len(set(NAMES)) == len(SAMPLES)


def test_samples_come_in_the_order_of_their_labels() -> None:
    labels = [sample.label for sample in SAMPLES]
    assert labels == sorted(labels)


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_a_sample_fills_the_box_that_mnist_has(sample: Sample) -> None:
    rows, columns = np.nonzero(sample.digit.pixels)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert sample.digit.pixels.max() == 255


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_a_sample_has_its_mass_where_mnist_has_it(sample: Sample) -> None:
    ink = sample.digit.pixels / sample.digit.pixels.sum()
    for axis in (0, 1):
        centre = (ink.sum(axis=axis) * np.arange(28)).sum()
        assert abs(centre - 14) <= 0.51  # of MNIST's digits too: 14, rounded to whole pixels


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_a_sample_is_as_thick_as_digits_of_mnist_are(sample: Sample) -> None:
    # Nine in ten of MNIST's first 6,000 training digits are between 1.6 and 3.9 by this measure.
    assert 1.8 <= thickness(sample) <= 3.2


@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_an_uploaded_sample_comes_back_as_itself(sample: Sample) -> None:
    assert preprocess(sample.digit.pixels).digit.id == sample.digit.id


@pytest.mark.parametrize("name", [SHEET, LIST])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
def test_a_missing_or_damaged_file_is_named(folder: Path, name: str, damage: str) -> None:
    path = folder / name
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2]}.get(damage, b"not a sample"))
    if damage == "missing":
        path.unlink()
    with pytest.raises(StartupError, match=f"{name} is missing or damaged"):
        load_samples(folder)


@pytest.mark.parametrize(
    "entry",
    [
        CELL | {"label": 10},
        CELL | {"label": -1},
        CELL | {"label": "7"},
        CELL | {"style": ""},
        CELL | {"x": -28},
        CELL | {"y": 0.5},
        CELL | {"colour": "red"},
        {"label": 7, "style": "plain"},
        [7, "plain", 0, 0],
    ],
    ids=str,
)
def test_a_list_with_a_wrong_entry_is_refused(folder: Path, entry: object) -> None:
    (folder / LIST).write_text(json.dumps([CELL, entry]))
    with pytest.raises(StartupError, match="expected a JSON list"):
        load_samples(folder)


@pytest.mark.parametrize(("x", "y"), [(253, 0), (0, 85)])
def test_a_cell_beyond_the_sheet_is_refused(folder: Path, x: int, y: int) -> None:
    (folder / LIST).write_text(json.dumps([CELL | {"x": x, "y": y}]))
    with pytest.raises(StartupError, match=r"must lie within the sheet of 280x112 pixels"):
        load_samples(folder)


def test_a_cell_is_cut_where_the_list_says(folder: Path) -> None:
    (folder / LIST).write_text(json.dumps([CELL | {"x": 252, "y": 84}]))
    (sample,) = load_samples(folder)
    with Image.open(folder / SHEET) as sheet:
        expected = np.asarray(sheet)[84:112, 252:280]
    assert np.array_equal(sample.digit.pixels, expected)
    assert (sample.label, sample.style) == (7, "plain")


def test_a_phones_photo_of_several_images_is_read(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(of_phone())
    assert read_digit(path).digit.pixels.max() == 255
    assert read_picture(path, 440).pixels.shape[:2] == (400, 440)
