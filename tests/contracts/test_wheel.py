"""The wheel: built, installed away from the checkout, and asked to serve and to export."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from http.client import HTTPConnection
from pathlib import Path

import pytest

from benchmarks.processes import environment, serving
from tests.contracts.dockerfile import ROOT


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has skiplens from the wheel, and what it depends on from this one."""
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home.parent)
    python = home / "bin" / "python"
    options = ("--offline", "--no-deps", "--python", python)
    run(sys.executable, "-m", "uv", "pip", "install", *options, wheel, cwd=home.parent)
    # A path file named in another environment's site-packages is not followed: this one's pointer
    # to the checkout has no say there.
    (site_packages,) = home.glob("lib/python*/site-packages")
    here = sysconfig.get_path("purelib")
    (site_packages / "dependencies.pth").write_text(f"{here}\n", encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def command(installed: Path) -> list[str]:
    """``python -m skiplens``, whatever the variables and the folder are that it is started in."""
    return [str(installed / "bin" / "python"), "-I", "-m", "skiplens"]


def test_one_name_is_put_beside_other_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"skiplens"}


def test_changes_of_tables_are_in_the_wheel(wheel: Path) -> None:
    migrations = ROOT / "app/skiplens/service/databases/migrations"
    with zipfile.ZipFile(wheel) as archive:
        packed = {f"app/{name}" for name in archive.namelist()}
    assert {str(path.relative_to(ROOT)) for path in migrations.rglob("*.py")} <= packed


def test_the_installed_package_is_that_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    program = "import skiplens; print(skiplens.__file__)"
    found = Path(run(installed / "bin" / "python", "-I", "-c", program, cwd=tmp_path).strip())
    assert found.is_relative_to(installed)
    assert "Usage: skiplens" in run(installed / "bin" / "skiplens", "--help", cwd=tmp_path)


def test_the_package_runs_as_a_module(command: list[str], tmp_path: Path) -> None:
    assert "serve" in run(*command, "--help", cwd=tmp_path)


def get(connection: HTTPConnection, path: str) -> tuple[str | None, bytes]:
    """The media type and the body of an answer."""
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, path
    return response.headers["Content-Type"], body


def test_it_serves_pages_documentation_and_pictures(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    variables = environment(SKIPLENS_STATE_DIR=str(tmp_path / "state"), SKIPLENS_INTERPRETERS="1")
    serve = [*command, "serve", "--port", "0", "--engine", "litert"]
    with serving(serve, variables) as server:
        connection = HTTPConnection("127.0.0.1", server.port)
        for page in ("/", "/docs"):
            kind, content = get(connection, page)
            assert kind == "text/html; charset=utf-8"
            assert b"skiplens" in content
        schemas = json.loads(get(connection, "/openapi.json")[1])["components"]["schemas"]
        ratio = schemas["BlockMetrics"]["properties"]["ratio"]  # described in the source
        assert ratio["description"].startswith("norm_residual / norm_x; 0 if norm_x is 0; null")
        digit = json.loads(get(connection, "/api/v1/samples")[1])[0]["id"]
        layer = f"/api/v1/networks/mnist-resnet/digits/{digit}/layers/block1.output"
        kind, content = get(connection, f"{layer}/grid.png")
        assert kind == "image/png"
        assert content.startswith(b"\x89PNG")
        connection.close()


def test_it_exports_a_gallery(command: list[str], tmp_path: Path) -> None:
    run(*command, "export", "seven", cwd=tmp_path)
    assert (tmp_path / "seven" / "index.html").is_file()
    assert any((tmp_path / "seven").rglob("*.png"))
