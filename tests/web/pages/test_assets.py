"""Static files: at addresses that change with them, kept for ever, and nothing else served."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.web.pages.assets import FOLDER, Assets, load_assets


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
    answer = client.get(assets.url("js/main.js"))
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert "etag" in answer.headers


@pytest.mark.parametrize("path", ["css/none.css", "../pyproject.toml", "css/../js/none.js", ""])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{load_assets().version}/{path}").status_code == 404


def test_another_version_is_not_served(client: TestClient) -> None:
    assert client.get("/static/000000000000/css/base.css").status_code == 404


def test_only_kinds_that_pages_use_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not for the web", encoding="utf-8")
    (tmp_path / "a.css").write_text("", encoding="utf-8")
    own = {path for path in load_assets(tmp_path).files if not path.startswith("swagger/")}
    assert own == {"a.css"}


def test_a_folder_of_style_sheets_is_served_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "css" / "view"
    folder.mkdir(parents=True)
    for name in ("zebra", "added", "grids", "ground"):
        (folder / f"{name}.css").write_text(f".{name} {{}}", encoding="utf-8")
    (tmp_path / "css" / "docs.css").write_text(".docs {}", encoding="utf-8")
    own = {path: css for path, css in load_assets(tmp_path).files.items() if "swagger" not in path}
    assert own == {
        "css/docs.css": b".docs {}",
        "css/view.css": b".ground {}\n.grids {}\n.added {}\n.zebra {}",
    }


def test_every_style_sheet_of_the_project_is_served_once() -> None:
    served = b"\n".join(css for path, css in load_assets().files.items() if path[:4] == "css/")
    for sheet in (FOLDER / "css").rglob("*.css"):
        assert served.count(sheet.read_bytes()) == 1, sheet


def test_style_sheets_ask_for_nothing_that_the_policy_refuses() -> None:
    for path, content in load_assets().files.items():
        if path.endswith(".css"):
            assert b"url(" not in content, path
