"""Activations of many images in a Zarr group, against the engine's own."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from typer.testing import CliRunner

from skiplens.cli import app
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import Digit, InputImage
from skiplens.core.manifest import Manifest
from skiplens.engine.base import Engine
from skiplens.errors import ExportError, NonFiniteError
from skiplens.export import extraction
from skiplens.export.extraction import FileImages, OnImages, extract, open_images
from skiplens.samples import load_samples
from skiplens.service.forward import run_network
from skiplens.service.registry import find_layer
from tests.core.images import of_phone
from tests.idx import idx

LAYERS = ("block1.output", "block6.sum")
DIGITS = [sample.digit for sample in load_samples()][:10]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "images-idx3-ubyte"
    path.write_bytes(idx(np.stack([digit.pixels for digit in DIGITS])))
    return path


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "_MOST_IN_A_CHUNK", 4)


def extracted(
    engine: Engine,
    source: Path,
    out: Path,
    names: Sequence[str] = LAYERS,
    on_images: OnImages = lambda done: None,
) -> Path:
    layers = [find_layer(engine.manifest, name) for name in names]
    return extract(engine, open_images(source, engine), layers, out, 2, on_images)


def check(engine: Engine, out: Path, table: Path) -> None:
    """All that was extracted of the digits is what the engine computes for each."""
    forward = [run_network(engine, digit, AS_TRAINED) for digit in DIGITS]
    root = zarr.open_group(out, mode="r")
    assert root.attrs["network"] == engine.manifest.id
    probabilities = np.stack([one.probabilities for one in forward])
    assert np.array_equal(array(root, "probabilities"), probabilities)
    for name in LAYERS:
        maps = np.stack([one.activations[name] for one in forward])
        assert np.array_equal(array(root, f"maps/{name}"), maps)
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(layer.filters for layer in engine.manifest.layers)
    for row in rows:
        values = np.stack(
            [one.activations[row["layer"]][..., int(row["filter"])] for one in forward]
        )
        assert float(row["min"]) == pytest.approx(values.min(), rel=1e-6)
        assert float(row["max"]) == pytest.approx(values.max(), rel=1e-6)
        assert float(row["mean"]) == pytest.approx(
            values.mean(dtype=np.float64), rel=1e-4, abs=1e-5
        )
        assert float(row["std"]) == pytest.approx(values.std(dtype=np.float64), rel=1e-3, abs=1e-4)
        assert float(row["zero_share"]) == pytest.approx((values == 0).mean(), abs=1e-6)
        strongest = values.reshape(len(DIGITS), -1).max(axis=1)
        order = np.argsort(-strongest, kind="stable")
        assert row["top_images"].split() == [str(at) for at in order]


def array(root: zarr.Group, name: str) -> NDArray[np.float32]:
    found = root[name]
    assert isinstance(found, zarr.Array)
    return np.asarray(found[:])


def test_every_value_is_what_the_engine_computes(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    done: list[int] = []
    table = extracted(engine, source, tmp_path / "a.zarr", on_images=done.append)
    assert done == [0, 4, 8, 10]
    check(engine, tmp_path / "a.zarr", table)


def test_one_that_was_interrupted_goes_on_where_it_was(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.zarr"

    def interrupt(done: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extracted(engine, source, out, on_images=interrupt)
    done: list[int] = []
    table = extracted(engine, source, out, on_images=done.append)
    assert done == [8, 10]
    check(engine, out, table)
    again: list[int] = []
    extracted(engine, source, out, on_images=again.append)
    assert again == [10]


def test_a_folder_in_use_is_left_alone(engine: Engine, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    extracted(engine, source, out)
    with pytest.raises(ExportError, match="holds activations of another network"):
        extracted(engine, source, out, names=LAYERS[:1])
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="is a file"):
        extract(engine, open_images(source, engine), [], tmp_path / "file")
    with pytest.raises(ExportError, match="is in use"):
        extracted(engine, source, source.parent)


def test_each_extraction_has_a_table_of_its_own(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    outs = ["maps-block1.output", "maps-block1.sum", "maps", "maps.zarr"]
    tables = [extract(engine, open_images(source, engine), [], tmp_path / out) for out in outs]
    assert [table.name for table in tables] == [
        "maps-block1.output.csv",
        "maps-block1.sum.csv",
        "maps.csv",
        "maps.zarr.csv",
    ]


def test_image_files_are_prepared_as_uploads_are(
    engine: Engine, tmp_path: Path, digit: Digit
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "b.png").write_bytes(encode_grey(255 - digit.pixels))
    (folder / "a.png").write_bytes(encode_grey(digit.pixels))
    (folder / "notes.txt").touch()
    extracted(engine, folder, tmp_path / "a.zarr", names=())
    root = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert root.attrs["images"] == ["a.png", "b.png"]
    expected = run_network(engine, digit, AS_TRAINED).probabilities
    assert np.array_equal(array(root, "probabilities"), np.stack([expected, expected]))
    (folder / "c.png").write_bytes(b"no image")
    with pytest.raises(ExportError, match=r"c\.png cannot be read"):
        extracted(engine, folder, tmp_path / "b.zarr", names=())


def test_probabilities_may_be_asked_for_twice(engine: Engine, source: Path, tmp_path: Path) -> None:
    last = engine.manifest.layers[-1].name
    extracted(engine, source, tmp_path / "a.zarr", names=(last,))
    root = zarr.open_group(tmp_path / "a.zarr", mode="r")
    maps = array(root, f"maps/{last}")
    assert np.array_equal(maps.reshape(len(DIGITS), -1), array(root, "probabilities"))


def test_what_is_no_number_is_refused(
    engine: Engine, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_number(manifest: Manifest, image: InputImage) -> NDArray[np.float32]:
        return np.full((1, 28, 28, 1), np.nan, np.float32)

    monkeypatch.setattr(extraction, "network_input", no_number)
    with pytest.raises(NonFiniteError, match=r"layer stem\.conv holds a value that is NaN"):
        extracted(engine, source, tmp_path / "a.zarr")


def test_without_zarr_it_says_how_to_get_it(
    engine: Engine, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "find_spec", lambda name: None)
    with pytest.raises(ExportError, match=r'pip install "\.\[extract\]"'):
        extracted(engine, source, tmp_path / "a.zarr")


def test_the_statistics_lie_beside_a_link_to_a_folder_elsewhere(
    engine: Engine, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "a.zarr"
    link.symlink_to(tmp_path / "elsewhere")
    assert extracted(engine, source, link) == tmp_path / "here" / "a.zarr.csv"


def test_chunks_fit_into_memory(engine: Engine) -> None:
    small, large = engine.manifest.layers[-1], find_layer(engine.manifest, "stem.output")
    assert extraction.chunk_of([small]) == extraction._MOST_IN_A_CHUNK  # noqa: SLF001
    assert extraction.chunk_of([large] * 10_000) == 1


def test_the_command_says_what_it_wrote(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.zarr"
    options = ["--images", str(source), "--layers", ",".join(LAYERS), "--out", str(out)]
    done = CliRunner().invoke(app, ["extract", *options])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{out}: 10 images; statistics of each filter: {out}.csv\n"


@pytest.mark.parametrize("digits", [True, False])
def test_a_phones_photo_of_several_images_is_read(digits: bool, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(of_phone())
    assert FileImages(tmp_path, digits=digits).image(0).pixels.any()
