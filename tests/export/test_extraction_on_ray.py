"""Extraction on a Ray cluster writes what it writes without one, and goes on where that ended."""

import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from skiplens.engine.base import Engine
from skiplens.export.extraction import extract, open_images
from skiplens.service.registry import find_layer
from skiplens.settings import ROOT
from tests.conftest import MODELS
from tests.e2e.server import COMMAND, PATIENCE
from tests.idx import shifted_samples, write_test_set
from tests.ray_session import RaySession, ray_session

if find_spec("ray") is None:
    pytest.skip("Ray is not installed (make cluster)", allow_module_level=True)

LAYERS = ("stem.output", "block1.output", "block2.output")


@pytest.fixture(scope="module")
def session() -> Iterator[RaySession]:
    with ray_session() as opened:
        yield opened


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 digits: several chunks."""
    folder = tmp_path_factory.mktemp("images")
    write_test_set(folder, shifted_samples())
    return next(folder.glob("t10k-images*"))


@pytest.fixture(scope="module")
def expected(
    engine: Engine, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Written without Ray."""
    out = tmp_path_factory.mktemp("expected") / "out.zarr"
    extract_here(engine, source, out)
    return contents(out)


def extract_here(engine: Engine, source: Path, out: Path) -> None:
    layers = [find_layer(engine.manifest, name) for name in LAYERS]
    extract(engine, open_images(source, engine), layers, out)


def contents(out: Path) -> dict[str, bytes]:
    """All that was written, by path; the progress is in an archive with times of day."""
    found = {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }
    del found[".progress.npz"]
    return {**found, "table": out.with_name(f"{out.name}.csv").read_bytes()}


def extract_on_ray(
    session: RaySession, source: Path, out: Path, address: str = "local"
) -> subprocess.CompletedProcess[str]:
    options = ("--images", source, "--layers", ",".join(LAYERS), "--out", out, "--ray", address)
    return subprocess.run(
        [*COMMAND, "extract", "--models", MODELS, *options],
        cwd=ROOT,
        env=session.environment(),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )


def test_it_writes_what_is_written_without_ray(
    session: RaySession, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    done = extract_on_ray(session, source, tmp_path / "out.zarr")
    assert done.returncode == 0, done.stderr
    assert "240 images" in done.stdout
    assert contents(tmp_path / "out.zarr") == expected


def test_it_goes_on_where_an_interruption_left_off(
    session: RaySession,
    engine: Engine,
    source: Path,
    expected: dict[str, bytes],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.zarr"

    def stop(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    layers = [find_layer(engine.manifest, name) for name in LAYERS]
    with pytest.raises(KeyboardInterrupt):
        extract(engine, open_images(source, engine), layers, out, on_images=stop)
    written = {path: path.stat().st_mtime_ns for path in out.glob("maps/*/c/0/**/*")}
    assert written
    done = extract_on_ray(session, source, out)
    assert done.returncode == 0, done.stderr
    assert contents(out) == expected
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_an_address_where_no_cluster_answers_is_told(
    session: RaySession, source: Path, tmp_path: Path
) -> None:
    done = extract_on_ray(session, source, tmp_path / "out.zarr", "auto")
    assert done.returncode == 2
    assert done.stderr.startswith("skiplens: no Ray cluster answers at auto: ")
