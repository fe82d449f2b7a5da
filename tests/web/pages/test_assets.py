"""Static files: at addresses that change with them, kept for ever, and nothing else served."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from skiplens.web.pages.assets import FOLDER, SHEET, Assets, load_assets, style_sheets


def test_the_version_changes_with_any_file() -> None:
    before = Assets({"a.css": b"1", "b.css": b"2"})
    after = Assets({"a.css": b"1", "b.css": b"3"})
    assert before.version != after.version
    assert before.url("a.css") == f"/static/{before.version}/a.css"


def test_a_file_that_is_not_there_has_no_address() -> None:
    with pytest.raises(KeyError):
        Assets({}).url("css/none.css")


def test_a_file_is_kept_for_ever(client: TestClient) -> None:
    assets = load_assets()
    answer = client.get(assets.url("js/page.js"))
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert "etag" in answer.headers


@pytest.mark.parametrize("path", ["css/none.css", "../pyproject.toml", "css/../js/none.js", ""])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{load_assets().version}/{path}").status_code == 404


def test_another_version_is_not_served(client: TestClient) -> None:
    assert client.get("/static/000000000000/css/site.css").status_code == 404


def test_only_kinds_that_pages_use_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not for the web", encoding="utf-8")
    (tmp_path / "a.js").write_text("", encoding="utf-8")
    assert {*load_assets(tmp_path).files} == {"a.js", SHEET}


def test_the_style_sheets_are_served_as_one_that_begins_with_the_order_of_its_layers() -> None:
    files = load_assets().files
    assert [path for path in files if path.startswith("css/")] == [SHEET]
    assert files[SHEET].startswith(b"@layer base, layout, components, pages;\n")


def test_every_rule_is_in_a_layer() -> None:
    sheets = style_sheets()
    for line in "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets).splitlines():
        assert line == "" or line.startswith((" ", "}", "@layer ")), line


def test_every_style_sheet_of_the_project_is_served_once() -> None:
    served = load_assets().files[SHEET]
    for sheet in (FOLDER / "css").rglob("*.css"):
        assert served.count(sheet.read_bytes()) == 1, sheet


def test_style_sheets_ask_for_nothing_that_the_policy_refuses() -> None:
    for path, content in load_assets().files.items():
        if path.endswith(".css"):
            assert b"url(" not in content, path
