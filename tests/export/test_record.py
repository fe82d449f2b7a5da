import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit

Get = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def record(exported: Path) -> dict[str, Any]:
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


def test_the_prediction_is_the_api_s(record: dict[str, Any], api: Get) -> None:
    assert record["prediction"] == api("prediction")
    assert record["prediction"]["scale"] == {"block2": 0}


def test_the_statistics_of_a_layer_are_the_api_s(record: dict[str, Any], api: Get) -> None:
    layer = next(one for one in record["layers"] if one["name"] == "block1.output")
    answer = api("layers/block1.output/activations")
    assert {name: layer[name] for name in answer} == answer


def test_the_figures_of_blocks_are_the_api_s(record: dict[str, Any], api: Get) -> None:
    for written, answered in zip(record["blocks"], api("blocks")["blocks"], strict=True):
        assert {name: written[name] for name in answered} == answered


def test_it_says_what_was_asked_for(record: dict[str, Any], digit: Digit) -> None:
    assert record["network"]["id"] == "mnist-resnet"
    assert record["digit"]["id"] == digit.id
    assert (record["normalize"], record["palette"]) == ("block", "dark")


def test_every_picture_that_it_names_is_there(record: dict[str, Any], exported: Path) -> None:
    named = {one["grid"] for one in record["layers"]}
    named |= {one["kernels"] for one in record["layers"] if one["kernels"]}
    for block in record["blocks"]:
        named |= {block["maps"], *block["parts"].values(), *block["kernels"].values()}
    written = {path.relative_to(exported).as_posix() for path in exported.rglob("*.png")}
    assert named == written - {"input.png"}
