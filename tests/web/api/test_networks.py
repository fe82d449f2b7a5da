"""Networks, layers, kernels and palettes."""

import io
import json
from dataclasses import asdict

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.receptive_field import ReceptiveField, receptive_fields
from skiplens.engine.base import Engine
from skiplens.web.api.networks import Layer
from tests.web.conftest import NETWORK


def test_networks_are_described_and_the_default_comes_first(
    api: TestClient, engine: Engine
) -> None:
    listed = api.get("/api/v1/networks").json()
    assert [listed[0]["id"], listed[0]["input_shape"]] == ["mnist-resnet", [28, 28, 1]]
    assert {"title", "classes", "parameters", "test_accuracy", "engine", "device"} <= set(listed[0])
    assert listed[0]["engine"] == "litert"
    assert listed[0]["device"] == "CPU"
    assert listed[0]["parameters"] == engine.manifest.parameters
    assert listed[0]["classes"] == [str(number) for number in range(10)]
    for one in listed:
        assert api.get(one["url"]).json() == one


def test_layers_come_in_forward_order_with_what_the_manifest_says(
    api: TestClient, engine: Engine
) -> None:
    listed = api.get(f"{NETWORK}/layers").json()
    assert [one["name"] for one in listed] == [layer.name for layer in engine.manifest.layers]
    first = listed[0]
    assert set(first) >= {
        *("name", "kind", "role", "block", "shape"),
        *("parameters", "kernel", "strides", "inputs", "receptive_field"),
    }
    assert (first["name"], first["role"], first["block"]) == ("stem.conv", "conv", None)
    assert first["shape"] == list(engine.manifest.layers[0].shape)


def test_kernels_are_the_weights_of_the_layer(api: TestClient, engine: Engine) -> None:
    response = api.get(f"{NETWORK}/layers/block1.conv1/kernels.npy")
    assert response.headers["content-type"] == "application/x-npy"
    kernel = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, engine.weights["block1.conv1/kernel"])


def test_kernels_are_drawn_with_a_row_an_output_filter(api: TestClient) -> None:
    response = api.get(f"{NETWORK}/layers/block1.conv1/kernels.png", params={"zoom": 2})
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as picture:
        width, height = picture.size
    assert width == height  # as many inputs as outputs
    one = api.get(f"{NETWORK}/layers/stem.conv/kernels.png", params={"zoom": 2})
    with Image.open(io.BytesIO(one.content)) as picture:
        assert picture.size < (width, height)


def test_kernels_are_drawn_with_their_indices_on_request(api: TestClient) -> None:
    address = f"{NETWORK}/layers/block1.conv1/kernels.png"
    plain, indexed = (
        api.get(address, params={"zoom": 5, "indices": indices}) for indices in (False, True)
    )
    assert plain.headers["etag"] != indexed.headers["etag"]
    with Image.open(io.BytesIO(indexed.content)) as picture:
        wide, high = picture.size
    assert (wide, high) == (16 * 17 + 2 + 10, 16 * 17 + 2 + 7)  # room for indices at left and top
    assert api.get(address, params={"indices": "maybe"}).status_code == 422


def test_the_image_of_kernels_has_no_parameter_without_effect(api: TestClient) -> None:
    path = "/api/v1/networks/{network}/layers/{layer}/kernels.png"
    offered = api.get("/openapi.json").json()["paths"][path]["get"]["parameters"]
    named = {one["name"] for one in offered if one["in"] == "query"}
    assert named == {"palette", "zoom", "columns", "indices"}
    address = f"{NETWORK}/layers/block1.conv1/kernels.png"
    plain = api.get(address).content
    for choice in ("palette=grey", "zoom=1", "columns=3", "indices=true"):
        assert api.get(f"{address}?{choice}").content != plain, choice


def test_every_layer_has_its_receptive_field(engine: Engine) -> None:
    fields = receptive_fields(engine.manifest.layers, (28, 28))
    described = Layer.all_of(engine.manifest)
    assert {one.layer.name: one.receptive_field for one in described} == fields
    first, *_, last = described
    assert first.receptive_field == ReceptiveField((-1, -1), (1, 1), (3, 3))
    assert last.receptive_field == ReceptiveField((0, 0), (0, 0), (28, 28))


def test_a_layer_has_all_that_its_record_has(api: TestClient, engine: Engine) -> None:
    listed = api.get(f"{NETWORK}/layers").json()
    for layer, record in zip(listed, engine.manifest.layers, strict=True):
        del layer["receptive_field"]
        assert layer == json.loads(json.dumps(asdict(record)))


def test_every_palette_is_served_level_by_level(api: TestClient) -> None:
    served = api.get("/api/v1/palettes").json()
    assert [one["name"] for one in served] == list(PaletteName)
    for one in served:
        for kind, diverging in (("sequential", False), ("diverging", True)):
            table = np.frombuffer(bytes.fromhex(one[kind]), np.uint8).reshape(256, 3)
            np.testing.assert_array_equal(
                table, colours(PaletteName(one["name"]), diverging=diverging)
            )
