import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.samples import load_samples


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
