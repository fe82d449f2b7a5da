"""Predictions, activations and statistics: JSON, arrays, tables and grids of one forward pass."""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.input_image import Digit
from skiplens.core.value_range import TOP_LEVEL, Normalisation
from skiplens.engine.base import Engine
from tests.web.conftest import NETWORK
from tests.web.images import drawing, encoded

LAYER = "layers/block1.output"


def test_the_prediction_is_ten_probabilities_and_the_most_probable_label(
    api: TestClient, view: str
) -> None:
    answer = api.get(f"{view}/prediction").json()
    assert answer["label"] == "7"
    assert len(answer["probabilities"]) == 10
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-6)
    assert max(answer["probabilities"]) == answer["probabilities"][7]
    assert (answer["scale"], answer["baseline"]) == ({}, None)


def test_activations_have_the_statistics_of_every_filter(api: TestClient, view: str) -> None:
    answer = api.get(f"{view}/{LAYER}/activations").json()
    assert answer["layer"] == "block1.output"
    assert answer["shape"] == [28, 28, 16]
    assert [one["index"] for one in answer["filters"]] == list(range(16))
    assert set(answer["filters"][0]) >= {"index", "min", "max", "mean", "std", "zero_share"}
    assert "values" not in answer["filters"][0]
    lows, highs = ([one[end] for one in answer["filters"]] for end in ("min", "max"))
    assert answer["range"] == [min(lows), max(highs)]


def test_filters_are_chosen_in_the_order_given(api: TestClient, view: str) -> None:
    chosen = {"filters": "9,4-6,0", "values": "true"}
    filters = api.get(f"{view}/{LAYER}/activations", params=chosen).json()["filters"]
    assert [one["index"] for one in filters] == [9, 4, 5, 6, 0]
    assert np.shape([one["values"] for one in filters]) == (5, 28, 28)


@pytest.mark.parametrize("normalize", Normalisation)
def test_a_grid_and_its_description_have_the_same_size(
    api: TestClient, view: str, normalize: str
) -> None:
    query: dict[str, str | int] = {
        "palette": "light",
        "zoom": 2,
        "columns": 5,
        "filters": "0-6",
    }
    query["normalize"] = normalize
    picture = api.get(f"{view}/{LAYER}/grid.png", params=query)
    words = api.get(f"{view}/{LAYER}/grid.json", params=query).json()
    assert picture.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (words["width"], words["height"])
        assert image.mode == "P"
    assert (words["zoom"], words["palette"], words["normalize"]) == (2, "light", normalize)
    assert [cell["filter"] for cell in words["cells"]] == list(range(7))
    assert {"filter", "box", "range", "dead"} <= set(words["cells"][0])
    assert all(cell["box"][2:] == [56, 56] for cell in words["cells"])


def test_a_layer_alone_and_all_layers_come_as_npz(
    api: TestClient, view: str, engine: Engine
) -> None:
    one = api.get(f"{view}/{LAYER}/activations.npz")
    assert one.headers["content-type"] == "application/x-npz"
    with np.load(io.BytesIO(one.content), allow_pickle=False) as archive:
        assert archive.files == ["block1.output"]
    with np.load(io.BytesIO(api.get(f"{view}/activations.npz").content)) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
    assert shapes == {layer.name: layer.shape for layer in engine.manifest.layers}


def test_posted_activations_describe_every_layer_and_store_nothing(
    api: TestClient, engine: Engine
) -> None:
    image = encoded(np.ascontiguousarray(drawing(44).T))
    before = _computed(api)
    answer: dict[str, Any] = api.post(f"{NETWORK}/activations", files={"file": image}).json()
    assert set(answer) >= {"prediction", "layers", "inverted", "box", "warnings"}
    assert [one["layer"] for one in answer["layers"]] == [
        layer.name for layer in engine.manifest.layers
    ]
    digit = answer["prediction"]["digit"]
    assert api.get(f"/api/v1/digits/{digit}").status_code == 404
    assert _computed(api) == before
    api.post("/api/v1/digits", files={"file": image})
    stored = api.get(f"{NETWORK}/digits/{digit}/prediction").json()
    assert stored == answer["prediction"]


@pytest.mark.parametrize(
    ("scale", "factors"),
    [
        ("block2:0", [("block2", 0)]),
        ("block5:-1.5, block2:0", [("block2", 0), ("block5", -1.5)]),
        ("block1:1,block4:.5", [("block4", 0.5)]),
    ],
)
def test_factors_are_applied_and_listed_in_forward_order(
    api: TestClient, view: str, scale: str, factors: list[tuple[str, float]]
) -> None:
    answer = api.get(f"{view}/prediction", params={"scale": scale}).json()
    assert list(answer["scale"].items()) == factors
    whole = api.get(f"{view}/prediction").json()
    assert answer["probabilities"] != whole["probabilities"] == answer["baseline"]


def test_factors_are_applied_to_posted_activations(
    api: TestClient, digit: Digit, view: str
) -> None:
    body = {"pixels": digit.pixels.tolist()}
    answer = api.post(f"{NETWORK}/activations", json=body, params={"scale": "block3:0"}).json()
    assert answer["prediction"] == api.get(f"{view}/prediction?scale=block3:0").json()


def _computed(api: TestClient) -> str:
    """How many forward_passes were computed to be kept, as the metrics have it."""
    found = re.search(r"^skiplens_cache_misses_total (.*)$", api.get("/metrics").text, re.MULTILINE)
    assert found
    return found[1]


def rows(api: TestClient, address: str) -> list[dict[str, str]]:
    answer = api.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["etag"]
    return list(csv.DictReader(answer.text.splitlines()))


def test_the_csv_of_a_layer_agrees_with_its_json(api: TestClient, view: str) -> None:
    layer = f"{view}/layers/block1.output"
    filters = api.get(f"{layer}/activations").json()["filters"]
    found = rows(api, f"{layer}/statistics.csv")
    assert len(found) == len(filters) == 16
    for row, one in zip(found, filters, strict=True):
        assert list(row) == list(one)
        assert all(float(row[name]) == one[name] for name in list(one)[:6])
        assert (row["dead"] == "true") == one["dead"]


def test_the_csv_of_a_network_has_every_layer(api: TestClient, view: str, engine: Engine) -> None:
    found = rows(api, f"{view}/statistics.csv")
    layers = engine.manifest.layers
    assert len(found) == sum(layer.filters for layer in layers)
    assert list(dict.fromkeys(row["layer"] for row in found)) == [layer.name for layer in layers]


def test_the_csv_follows_the_scales(api: TestClient, view: str) -> None:
    layer = f"{view}/layers/block1.residual/statistics.csv"
    assert not any(row["dead"] == "true" for row in rows(api, layer))
    assert all(row["dead"] == "true" for row in rows(api, f"{layer}?scale=block1:0"))


Arrays = Mapping[str, NDArray[np.float32]]

LAYERS = ("stem.conv", "block1.residual", "block3.sum", "block6.output", "head.logits")
SCALES = (None, "block2:0,block5:0.5")


def _everything(api: TestClient, view: str, scale: str | None) -> dict[str, NDArray[np.float32]]:
    query = {"scale": scale} if scale else {}
    with np.load(io.BytesIO(api.get(f"{view}/activations.npz", params=query).content)) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("layer", LAYERS)
def test_json_npy_and_npz_agree(api: TestClient, view: str, layer: str, scale: str | None) -> None:
    query = {"scale": scale} if scale else {}
    expected = _everything(api, view, scale)[layer]
    address = f"{view}/layers/{layer}"
    alone = np.load(io.BytesIO(api.get(f"{address}/activations.npy", params=query).content))
    np.testing.assert_array_equal(alone, expected)
    with np.load(io.BytesIO(api.get(f"{address}/activations.npz", params=query).content)) as one:
        np.testing.assert_array_equal(one[layer], expected)
    words = api.get(f"{address}/activations", params={**query, "values": "true"}).json()
    for part in words["filters"]:
        values = np.array(part["values"])
        np.testing.assert_array_equal(values.astype(np.float32), expected[:, :, part["index"]])
        assert part["mean"] == pytest.approx(values.mean(), abs=1e-6)
        assert part["std"] == pytest.approx(values.std(), abs=1e-6)
        assert (part["min"], part["max"]) == (values.min(), values.max())
        assert part["zero_share"] == pytest.approx((values == 0).mean())


@pytest.mark.parametrize("normalize", Normalisation)
@pytest.mark.parametrize("layer", ["block1.residual", "block1.output"])
def test_a_grid_read_through_its_description_gives_the_values_back(
    api: TestClient, view: str, layer: str, normalize: str
) -> None:
    query = {"normalize": normalize, "zoom": "1", "labels": "false", "scale": "block2:0"}
    expected = _everything(api, view, "block2:0")[layer]
    words = api.get(f"{view}/layers/{layer}/grid.json", params=query).json()
    content = api.get(f"{view}/layers/{layer}/grid.png", params=query).content
    with Image.open(io.BytesIO(content)) as picture:
        shown = np.asarray(picture.convert("RGB"))
    palette = colours(PaletteName.DARK, diverging=words["diverging"])[: TOP_LEVEL + 1].astype(int)
    for cell in words["cells"]:
        x, y, width, height = cell["box"]
        low, high = cell["range"]
        pixels = shown[y : y + height, x : x + width].astype(int)
        levels = np.abs(pixels[:, :, None] - palette).sum(axis=-1).argmin(axis=-1)
        if not cell["dead"] and not cell["constant"]:
            values = low + levels / TOP_LEVEL * (high - low)
            wanted = expected[:, :, cell["filter"]]
            np.testing.assert_allclose(values, wanted, atol=(high - low) / TOP_LEVEL)


def test_large_archives_are_streamed_with_their_size_told_first(
    api: TestClient, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = api.get(f"{view}/activations.npz")
    monkeypatch.setattr("skiplens.web.api.activations._STREAMED", 0)
    monkeypatch.setattr("skiplens.core.array_files._PIECE", 100_000)
    streamed = api.get(f"{view}/activations.npz?scale=block2:0.5")
    plain = api.get(f"{view}/activations.npz?scale=block2:1")
    assert plain.content == whole.content
    assert int(plain.headers["content-length"]) == len(plain.content) == len(streamed.content)
    assert streamed.headers["etag"] != plain.headers["etag"]
    again = api.get(
        f"{view}/activations.npz?scale=block2:1", headers={"If-None-Match": plain.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_the_table_of_a_large_network_is_streamed(
    api: TestClient, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = api.get(f"{view}/statistics.csv?scale=block4:0.5")
    monkeypatch.setattr("skiplens.web.api.activations._STREAMED", 0)
    monkeypatch.setattr("skiplens.service.forward._BATCH", 100_000)
    streamed = api.get(f"{view}/statistics.csv?scale=block4:0.50")
    assert streamed.headers["content-type"] == "text/csv; charset=utf-8"
    assert "content-length" not in streamed.headers
    assert streamed.content == whole.content
    known = {"If-None-Match": streamed.headers["etag"]}
    again = api.get(f"{view}/statistics.csv?scale=block4:.5", headers=known)
    assert (again.status_code, again.content) == (304, b"")


def test_tables_beyond_the_bound_are_refused_and_not_linked(
    api: TestClient, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("skiplens.web.api.activations", "skiplens.web.pages.downloads"):
        monkeypatch.setattr(f"{module}.network_csv_bound", lambda _: 600_000_000)
    refused = api.get(f"{view}/statistics.csv?scale=block4:0")
    assert refused.status_code == 422
    assert "layers/{layer}/statistics.csv" in refused.json()["detail"]
    page = api.get(view.removeprefix("/api/v1"), headers={"accept": "text/html"}).text
    assert "statistics, CSV, at most 600 MB: more than this server sends" in page
    downloads = page[page.index('<ul class="download-links">') :].partition("</ul>")[0]
    assert "statistics.csv" not in downloads


def test_archives_beyond_the_bound_are_refused_and_not_linked(
    api: TestClient, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("skiplens.web.api.activations", "skiplens.web.pages.downloads"):
        monkeypatch.setattr(f"{module}.npz_size", lambda _: 600_000_000)
    refused = api.get(f"{view}/activations.npz?scale=block3:0.37")  # kept from no other test
    assert refused.status_code == 422
    assert "at most 536,870,912 are sent in one file" in refused.json()["detail"]
    page = api.get(view.removeprefix("/api/v1"), headers={"accept": "text/html"}).text
    assert "more than this server sends" in page
    downloads = page[page.index('<ul class="download-links">') :].partition("</ul>")[0]
    assert "activations.npz" not in downloads
