"""The export's folder: files, manifest, command."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from skiplens.cli import main
from skiplens.core.input_image import Digit
from skiplens.errors import ExportError, UnknownNetworkError
from skiplens.export.gallery import (
    ExportContext,
    ExportOptions,
    draw,
    export_gallery,
    legible_kernels,
    prepare_folder,
    write,
)
from skiplens.service.map_grids import GridOptions, kernel_grid
from skiplens.service.services import Services


def test_arrays_are_those_of_the_forward_pass(context: ExportContext, exported: Path) -> None:
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


def test_the_same_export_is_the_same_bytes(
    context: ExportContext, exported: Path, tmp_path: Path
) -> None:
    for path in write(context, tmp_path):
        assert (tmp_path / path).read_bytes() == (exported / path).read_bytes()


def test_kernels_are_drawn_smaller_where_there_are_many_and_left_out_where_very_many(
    context: ExportContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = np.zeros((3, 3, 256, 256), np.float32)
    drawn = legible_kernels(kernel, lambda one, zoom: kernel_grid(one, GridOptions(zoom=zoom)))
    assert drawn
    assert drawn.layout.zoom == 3
    monkeypatch.setattr("skiplens.export.gallery._MOST_KERNELS", 100)
    kernels = {layer.name for layer in context.engine.manifest.layers if layer.kernel}
    found = draw(context)
    few = set(found.kernels)
    assert set() < few < kernels
    assert all(set(block.kernels) <= few for block in found.blocks.values())


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


Get = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def manifest(exported: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((exported / "manifest.json").read_text())
    return content


@pytest.fixture
def api(client: TestClient, digit: Digit) -> Get:
    def get(path: str) -> dict[str, Any]:
        address = f"/api/v1/networks/mnist-resnet/digits/{digit.id}/{path}"
        answer = client.get(address, params={"scale": "block2:0"})
        content: dict[str, Any] = answer.json()
        return content

    return get


def test_the_prediction_is_the_api_s(manifest: dict[str, Any], api: Get) -> None:
    assert manifest["prediction"] == api("prediction")
    assert manifest["prediction"]["scale"] == {"block2": 0}


def test_the_statistics_of_a_layer_are_the_api_s(manifest: dict[str, Any], api: Get) -> None:
    layer = next(item for item in manifest["layers"] if item["name"] == "block1.output")
    answer = api("layers/block1.output/activations")
    assert {name: layer[name] for name in answer} == answer


def test_the_metrics_of_blocks_are_the_api_s(manifest: dict[str, Any], api: Get) -> None:
    for written, answered in zip(manifest["blocks"], api("blocks")["blocks"], strict=True):
        assert {name: written[name] for name in answered} == answered


def test_the_manifest_states_the_options(manifest: dict[str, Any], digit: Digit) -> None:
    assert manifest["network"]["id"] == "mnist-resnet"
    assert manifest["digit"]["id"] == digit.id
    assert (manifest["normalize"], manifest["palette"]) == ("block", "dark")


def test_every_image_in_the_manifest_exists(manifest: dict[str, Any], exported: Path) -> None:
    named = {layer["grid"] for layer in manifest["layers"]}
    named |= {layer["kernels"] for layer in manifest["layers"] if layer["kernels"]}
    for block in manifest["blocks"]:
        named |= {block["maps"], *block["parts"].values(), *block["kernels"].values()}
    written = {path.relative_to(exported).as_posix() for path in exported.rglob("*.png")}
    assert named == written - {"input.png"}


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
