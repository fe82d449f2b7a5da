"""The exported gallery: its images, its page, its manifest and its folder."""

import json
import re
import sys
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from skiplens.cli import main
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.colormaps import PaletteName
from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import Digit
from skiplens.errors import (
    ExportError,
    InvalidParameterError,
    UnknownBlockError,
    UnknownDigitError,
    UnknownNetworkError,
    UnreadableImageError,
)
from skiplens.export.gallery import (
    ExportContext,
    ExportOptions,
    draw,
    export_gallery,
    html,
    legible_kernels,
    prepare_folder,
    write,
)
from skiplens.service.feature_map_table import block_table
from skiplens.service.map_grids import GridOptions, kernel_grid
from skiplens.service.services import Services
from skiplens.web.pages import text as page_text
from tests.conftest import switched_off

Load = Callable[[ExportOptions], ExportContext]


def test_defaults_are_those_of_the_home_page(load_context: Load) -> None:
    context = load_context(ExportOptions())
    assert context.engine.manifest.id == "mnist-resnet"
    assert context.stored.label == 3
    assert context.forward.scales == AS_TRAINED
    assert context.forward is context.baseline


def test_a_digit_is_taken_by_its_id(context: ExportContext, digit: Digit) -> None:
    assert context.stored.image.id == digit.id
    assert context.stored.label == 7


def test_disabled_blocks_add_nothing(context: ExportContext) -> None:
    assert context.forward.scales == switched_off("block2")
    assert not context.forward.activations["block2.residual"].any()
    assert context.baseline.activations["block2.residual"].any()


def test_an_image_is_preprocessed_and_not_stored(
    load_context: Load, stroke: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "stroke.png"
    path.write_bytes(encode_grey(255 - stroke, 8))
    context = load_context(ExportOptions(image=path))
    assert context.stored.inverted
    with pytest.raises(UnknownDigitError):
        load_context(ExportOptions(digit=context.stored.image.id))


def test_a_digit_and_an_image_are_refused(load_context: Load, digit: Digit) -> None:
    with pytest.raises(InvalidParameterError, match="digit and image are both given"):
        load_context(ExportOptions(digit=digit.id, image=Path("seven.png")))


def test_an_image_that_is_not_there_is_named(load_context: Load, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"image .*none\.png cannot be opened: No such file"):
        load_context(ExportOptions(image=tmp_path / "none.png"))


def test_a_file_that_is_no_image_is_refused(load_context: Load, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear network,")
    with pytest.raises(UnreadableImageError):
        load_context(ExportOptions(image=path))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (ExportOptions(network="none"), UnknownNetworkError),
        (ExportOptions(digit="0" * 16), UnknownDigitError),
        (ExportOptions(scale="block99:0"), UnknownBlockError),
    ],
)
def test_unknown_names_are_refused(
    load_context: Load, options: ExportOptions, error: type[Exception]
) -> None:
    with pytest.raises(error):
        load_context(options)


def test_every_layer_convolution_and_block_is_there(context: ExportContext) -> None:
    manifest, paths = context.engine.manifest, set(draw(context).by_path())
    assert {f"layers/{layer.name}.png" for layer in manifest.layers} <= paths
    assert {
        f"kernels/{item.name}.png" for item in context.engine.manifest.layers if item.kernel
    } <= paths
    for block in manifest.blocks:
        parts = ("maps", "x", "residual", "sum", "output", "kernels.conv1", "kernels.conv2")
        assert {f"blocks/{block.name}/{part}.png" for part in parts} <= paths


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("layers/block2.output.png", "digits/{digit}/layers/block2.output/grid.png?scale=block2:0"),
        ("layers/head.logits.png", "digits/{digit}/layers/head.logits/grid.png?scale=block2:0"),
        ("kernels/block3.conv1.png", "layers/block3.conv1/kernels.png"),
        ("blocks/block2/maps.png", "digits/{digit}/blocks/block2/maps.png?scale=block2:0"),
    ],
)
def test_pictures_are_those_of_the_api_byte_for_byte(
    context: ExportContext, client: TestClient, digit: Digit, path: str, address: str
) -> None:
    answer = client.get(f"/api/v1/networks/mnist-resnet/{address.format(digit=digit.id)}")
    assert answer.status_code == 200
    assert draw(context).by_path()[path].png() == answer.content


def test_the_parts_of_a_block_share_one_range(context: ExportContext) -> None:
    block = context.engine.manifest.blocks[0]
    table = block_table(context.forward, block, context.options.palette)
    parts = draw(context).blocks[block.name].parts
    assert [*parts] == ["x", "F(x)", "sum", "output"]
    assert {part.drawing.range for part in parts.values()} == {table.range}
    residual = context.forward.activations[block.residual]
    assert np.array_equal(parts["F(x)"].drawing.maps, residual)


def test_the_first_block_is_not_left_out_and_no_kernel_is(context: ExportContext) -> None:
    first = draw(context).blocks["block1"]
    for layer, image in first.kernels.items():
        kernels = image.drawing
        assert kernels.kernel.shape == context.engine.weights[f"{layer}/kernel"].shape
        assert len(kernels.layout.boxes) == kernels.kernel.shape[2] * kernels.kernel.shape[3]


class Addresses(HTMLParser):
    """Collects what a page points at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [value for name in ("src", "href", "srcset") if (value := named.get(name))]
        if tag == "img":
            self.images.append(named)


@pytest.fixture(scope="module")
def text(exported: Path) -> str:
    return (exported / "index.html").read_text(encoding="utf-8")


def test_every_address_is_a_file_beside_the_page(text: str, exported: Path) -> None:
    addresses = Addresses(text).found
    assert len(addresses) > 100
    for address in addresses:
        assert (exported / address).is_file(), address


def test_nothing_is_called_from_elsewhere(text: str, exported: Path) -> None:
    style = (exported / "style.css").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//|url\((?!#)|@import|<script|<iframe", text)
    assert not re.search(r"https?:|url\(|@import", style)


def test_every_picture_says_what_it_shows_and_how_large_it_is(text: str) -> None:
    for image in Addresses(text).images:
        assert image["alt"]
        assert int(image["width"] or 0) > 0
        assert int(image["height"] or 0) > 0


def test_the_words_are_those_of_the_app(text: str, context: ExportContext) -> None:
    manifest, text = context.engine.manifest, unescape(text)
    for layer in manifest.layers:
        assert layer.name in text
        assert page_text.describe_layer(manifest, layer) in text
    assert "Prediction without block2" in text


def test_it_is_light_and_dark(exported: Path) -> None:
    assert "light-dark(" in (exported / "style.css").read_text(encoding="utf-8")


def test_a_palette_sets_the_background_and_ramps(
    load_context: Callable[[ExportOptions], ExportContext],
) -> None:
    context = load_context(ExportOptions(options=GridOptions(palette=PaletteName.LIGHT)))
    page = html(context, draw(context))
    assert 'class="page palette-light"' in page
    assert page_text.ZERO[PaletteName.LIGHT] in page


@pytest.mark.parametrize(
    ("network", "x", "f", "words"),
    [
        ("mnist-resnet", "x", "F(x)", "the residual: what the block adds"),
        ("mnist-highway", "(1\N{MINUS SIGN}T)·x", "T·F(x)", "before the gate weights it"),
    ],
)
def test_metrics_name_the_terms_of_the_sum(
    load_context: Callable[[ExportOptions], ExportContext], network: str, x: str, f: str, words: str
) -> None:
    context = load_context(ExportOptions(network=network))
    page = html(context, draw(context))
    assert page.count(f'norm of <b class="identity">{x}</b>') == 6
    assert page.count(f'norm of <b class="residual">{f}</b>') == 6
    assert page.count(f"<dt>{f} over {x}</dt>") == 6
    assert page.count(words) == 6


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
