import sys
from pathlib import Path

import pytest

from skiplens.cli import main
from skiplens.errors import ExportError, UnknownNetworkError
from skiplens.export.gallery import ExportOptions
from skiplens.export.writing import export_gallery
from skiplens.service.services import Services


def test_it_says_where_the_page_opens(
    services: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "three"
    export_gallery(services, ExportOptions(), folder, force=False)
    assert (folder / "index.html").is_file()
    assert f"open {folder / 'index.html'}" in capsys.readouterr().err


def test_a_folder_in_use_is_left_as_it_is(services: Services, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(ExportError):
        export_gallery(services, ExportOptions(), tmp_path, force=False)
    assert not (tmp_path / "index.html").exists()


def test_an_unknown_network_leaves_no_folder_behind(services: Services, tmp_path: Path) -> None:
    with pytest.raises(UnknownNetworkError):
        export_gallery(services, ExportOptions(network="none"), tmp_path / "none", force=False)
    assert not (tmp_path / "none").exists()


def test_a_refusal_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SKIPLENS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "argv", ["skiplens", "export", "--network", "none", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = [line for line in capfd.readouterr().err.splitlines() if "skiplens:" in line]
    (sentence,) = said
    assert "network 'none' is not loaded" in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
