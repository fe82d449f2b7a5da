from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.errors import ExportError
from skiplens.export.gallery import ExportContext
from skiplens.export.writing import prepare_folder, write


def test_arrays_are_those_of_the_examination(context: ExportContext, exported: Path) -> None:
    with np.load(exported / "activations.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == set(context.forward.activations)
        for name, expected in context.forward.activations.items():
            assert np.array_equal(arrays[name], expected)


def test_the_input_is_the_api_s_picture(exported: Path, client: TestClient, digit: Digit) -> None:
    served = client.get(f"/api/v1/digits/{digit.id}/input.png").content
    assert (exported / "input.png").read_bytes() == served


def test_what_is_written_is_named_and_counted(context: ExportContext, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    written = write(context, tmp_path, lambda step, steps_: steps.append((step, steps_)))
    assert {tmp_path / path for path in written} == {
        path for path in tmp_path.rglob("*") if path.is_file()
    }
    assert steps == [(step, len(written)) for step in range(1, len(written) + 1)]
    assert written[-1].name == "index.html"


def test_the_same_exhibit_is_the_same_bytes(
    context: ExportContext, exported: Path, tmp_path: Path
) -> None:
    for path in write(context, tmp_path):
        assert (tmp_path / path).read_bytes() == (exported / path).read_bytes()


def test_a_folder_is_made(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "new" / "folder", force=False)
    assert (tmp_path / "new" / "folder").is_dir()


def test_a_folder_in_use_is_refused_unless_forced(tmp_path: Path) -> None:
    kept = tmp_path / "letter.txt"
    kept.write_text("keep me")
    with pytest.raises(ExportError, match="is not empty; name another, or add --force"):
        prepare_folder(tmp_path, force=False)
    prepare_folder(tmp_path, force=True)
    assert kept.read_text() == "keep me"


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ExportError, match="cannot be written: File exists"):
        prepare_folder(file, force=True)


def test_what_cannot_be_written_is_named(context: ExportContext, tmp_path: Path) -> None:
    (tmp_path / "layers").touch()
    with pytest.raises(ExportError, match=r"layers/stem\.conv\.png cannot be written"):
        write(context, tmp_path)
