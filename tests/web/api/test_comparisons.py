import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from skiplens.samples import load_samples
from tests.web.conftest import Refused


def _pair(digit: Digit) -> dict[str, str]:
    other = next(sample.digit for sample in load_samples() if sample.label == 2)
    return {"a": f"mnist-resnet/{digit.id}", "b": f"mnist-resnet/{other.id}"}


def test_two_digits_are_compared_layer_by_layer(api: TestClient, digit: Digit, view: str) -> None:
    answer = api.get("/api/v1/compare", params=_pair(digit)).json()
    assert (answer["a"]["label"], answer["b"]["label"]) == ("7", "2")
    assert answer["a"] == api.get(f"{view}/prediction").json()
    names = [one["name"] for one in api.get("/api/v1/networks/mnist-resnet/layers").json()]
    assert [one["layer"] for one in answer["layers"]] == names
    assert all(one["norm_difference"] > 0 for one in answer["layers"])


def test_each_side_has_factors_of_its_own(api: TestClient, digit: Digit) -> None:
    query = {
        "a": f"mnist-resnet/{digit.id}",
        "b": f"mnist-resnet/{digit.id}",
        "scale_b": "block4:0",
    }
    answer = api.get("/api/v1/compare", params=query).json()
    assert (answer["a"]["scale"], answer["b"]["scale"]) == ({}, {"block4": 0})
    apart = {one["layer"]: one["norm_difference"] for one in answer["layers"]}
    assert apart["block3.output"] == 0
    assert apart["block4.output"] > 0


@pytest.mark.parametrize("side", ["a", "b", "difference"])
def test_a_layer_of_both_is_drawn(api: TestClient, digit: Digit, side: str) -> None:
    query = {**_pair(digit), "layer": "block2.sum", "side": side, "zoom": "1", "labels": "false"}
    answer = api.get("/api/v1/compare/grid.png", params=query)
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert np.asarray(picture).std() > 0


def test_layers_of_two_networks_are_compared_by_cka(api: TestClient, digit: Digit) -> None:
    query = {"a": f"mnist-resnet/{digit.id}", "b": f"mnist-classic/{digit.id}"}
    answer = api.get("/api/v1/compare", params=query).json()
    rows = {row["layer"]: row for row in answer["layers"]}
    row = rows["block6.output"]
    assert (row["layer_b"], row["shape"], row["shape_b"]) == (
        *("block5.output", [7, 7, 64], [28, 28, 8]),
    )
    assert (row["norm_difference"], row["cosine"]) == (None, None)
    found = answer["similarity"]
    assert (found["network"], found["digits"]) == ("mnist-classic", 2000)
    at = found["layers"].index("block6.output"), found["other_layers"].index("block5.output")
    assert row["cka"] == found["cka"][at[0]][at[1]]
    assert rows["block6.conv2"]["cka"] is None
    one_network = api.get("/api/v1/compare", params=_pair(digit)).json()
    assert one_network["similarity"] is None


def test_the_difference_of_two_networks_is_refused_with_the_reason(
    api: TestClient, digit: Digit, refused: Refused
) -> None:
    query = {
        "a": f"mnist-resnet/{digit.id}",
        "b": f"mnist-plain/{digit.id}",
        "layer": "block1.output",
    }
    answer = api.get("/api/v1/compare/grid.png", params=query)
    detail = refused(answer, 422, "invalid_parameter")
    assert "filters of separately trained networks do not correspond" in detail


@pytest.mark.parametrize(
    ("side", "given", "layer"),
    [
        ("a", {}, "mnist-resnet/{digit}/layers/block4.output"),
        ("b", {}, "mnist-classic/{digit}/layers/block3.output"),
        ("b", {"layer_b": "stem.output"}, "mnist-classic/{digit}/layers/stem.output"),
        ("b", {"block": "block1"}, "mnist-classic/{digit}/layers/block3.output"),
    ],
)
def test_a_side_of_two_networks_is_the_grid_of_its_layer(
    api: TestClient, digit: Digit, side: str, given: dict[str, str], layer: str
) -> None:
    query = {"a": f"mnist-resnet/{digit.id}", "b": f"mnist-classic/{digit.id}"}
    picture = api.get(
        "/api/v1/compare/grid.png",
        params={**query, "layer": "block4.output", "side": side, **given},
    )
    network, _, rest = layer.format(digit=digit.id).partition("/")
    block = {name: value for name, value in given.items() if name == "block"}
    grid = api.get(f"/api/v1/networks/{network}/digits/{rest}/grid.png", params=block)
    assert picture.content == grid.content
