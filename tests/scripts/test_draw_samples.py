"""The script that draws the samples, held against what is committed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.draw_samples import main, places, write_samples
from scripts.strokes import DRAWINGS
from skiplens.core.input_image import SIDE
from skiplens.samples import FOLDER, LIST, SHEET, load_samples


def test_redrawing_gives_the_committed_samples(tmp_path: Path) -> None:
    write_samples(tmp_path)
    assert (tmp_path / LIST).read_bytes() == (FOLDER / LIST).read_bytes()
    # Not byte by byte: zlib's versions pack differently, and processors differ in a float's last
    # bit, which can tip a tone to the next.
    with Image.open(tmp_path / SHEET) as drawn, Image.open(FOLDER / SHEET) as committed:
        assert drawn.mode == committed.mode == "L"
        apart = np.abs(np.asarray(drawn, np.int16) - np.asarray(committed, np.int16))
    assert apart.max() <= 1


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    write_samples(tmp_path)
    first = (tmp_path / SHEET).read_bytes()
    write_samples(tmp_path)
    assert (tmp_path / SHEET).read_bytes() == first


def test_cells_stand_in_a_column_for_each_label_and_do_not_overlap() -> None:
    corners = places(DRAWINGS)
    assert len(set(corners)) == len(DRAWINGS)
    for drawing, (x, y) in zip(DRAWINGS, corners, strict=True):
        assert x == drawing.label * SIDE
        assert y % SIDE == 0


def test_the_command_line_draws_into_the_folder_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["draw_samples", str(tmp_path)])
    main()
    assert capsys.readouterr().out == f"{len(DRAWINGS)} samples in {tmp_path}\n"
    read = [(sample.label, sample.style) for sample in load_samples(tmp_path)]
    assert read == [(drawing.label, drawing.style) for drawing in DRAWINGS]
