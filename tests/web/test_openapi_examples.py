"""The examples in the API's description of itself: all are there, and all are true."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.core.feature_stats import describe
from tests.web.conftest import NETWORK

NETWORKS = "/api/v1/networks/{network}"
VIEW = f"{NETWORKS}/digits/{{digit}}"
UNIT = f"{VIEW}/layers/{{layer}}/filters/{{filter}}/units/{{row}},{{column}}"
MISSING = "there is no example"
ON_SAMPLE = f"{NETWORK}/digits/68348ce2256ddc1e"
BROUGHT = "/api/v1/digits"  # is answered as /digits/{digit} is, which stands below
ASKED = {
    **{path: path for path in ("/healthz", "/readyz", "/api/v1/samples", "/api/v1/palettes")},
    "/api/v1/networks": "/api/v1/networks",
    NETWORKS: NETWORK,
    f"{NETWORKS}/layers": f"{NETWORK}/layers",
    f"{NETWORKS}/activations": f"{NETWORK}/activations",
    f"{NETWORKS}/dataset": f"{NETWORK}/dataset",
    f"{NETWORKS}/dataset/digits": f"{NETWORK}/dataset/digits",
    f"{NETWORKS}/layers/{{layer}}/filters/{{filter}}/top_activations": (
        f"{NETWORK}/layers/block1.conv1/filters/3/top_activations"
    ),
    "/api/v1/digits/{digit}": "/api/v1/digits/68348ce2256ddc1e",
    f"{VIEW}/layers/{{layer}}/activations": (
        f"{ON_SAMPLE}/layers/block6.output/activations?filters=48&values=true"
    ),
    f"{VIEW}/layers/{{layer}}/grid.json": (f"{ON_SAMPLE}/layers/block1.output/grid.json?filters=3"),
    UNIT: f"{ON_SAMPLE}/layers/block1.norm1/filters/3/units/5,12",
    **{f"{VIEW}/{name}": f"{ON_SAMPLE}/{name}" for name in ("prediction", "blocks", "flow")},
    **{f"{VIEW}/{name}": f"{ON_SAMPLE}/{name}" for name in ("streams", "readout")},
    f"{VIEW}/blocks/{{block}}": f"{ON_SAMPLE}/blocks/block1",
    f"{VIEW}/blocks/{{block}}/strip.json": f"{ON_SAMPLE}/blocks/block1/strip.json",
    f"{VIEW}/streams/{{stream}}/matrix.json": f"{ON_SAMPLE}/streams/1/matrix.json",
    "/api/v1/compare": (
        "/api/v1/compare?a=mnist-resnet/68348ce2256ddc1e&b=mnist-highway/68348ce2256ddc1e"
    ),
}


@pytest.fixture(scope="module")
def schema(browsing: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = browsing.get("/openapi.json").json()
    return described


@pytest.fixture(scope="module")
def examples(schema: dict[str, Any]) -> dict[str, Any]:
    """By path, the example of its answer in JSON."""
    return {
        path: _example(schema, content["application/json"]["schema"], path)
        for path, operations in schema["paths"].items()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if status.startswith("2") and "application/json" in (content := answer.get("content", {}))
    }


def _example(schema: dict[str, Any], node: dict[str, Any], where: str) -> object:
    """The example that is given, or made of those of the fields."""
    if "examples" in node:
        first: object = node["examples"][0]
        return first
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return _example(schema, schema["components"]["schemas"][name], where)
    if "properties" in node:
        fields = node["properties"].items()
        return {name: _example(schema, field, f"{where}: {name}") for name, field in fields}
    return [_example(schema, node["items"], where)] if "items" in node else f"{where}: {MISSING}"


def _within(node: object) -> Iterator[dict[str, Any]]:
    """Every object in an example."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _within(inner)


def _same_kind(example: object, answer: object) -> bool:
    """Whether both have the same keys and JSON types; a list may be shorter in an example.

    FastAPI leaves a null out of an example that is more than the one field's.
    """
    if isinstance(example, dict) and isinstance(answer, dict):
        told = {name: one for name, one in answer.items() if name in example or one is not None}
        return example.keys() == told.keys() and all(
            _same_kind(example[name], told[name]) for name in example
        )
    if isinstance(example, list) and isinstance(answer, list):
        return all(any(_same_kind(one, other) for other in answer) for one in example)
    return type(example) is type(answer)


def test_every_answer_in_json_has_an_example(examples: dict[str, Any]) -> None:
    assert re.findall(f'"([^"]*): {MISSING}"', json.dumps(examples)) == []
    assert examples.keys() == {*ASKED, BROUGHT}


def test_every_example_is_what_its_model_takes_and_nothing_else(
    browsing: TestClient, examples: dict[str, Any]
) -> None:
    routes = iter_route_contexts(cast("FastAPI", browsing.app).routes)
    models = {route.path: getattr(route, "response_model", None) for route in routes}
    for path, example in examples.items():
        model: TypeAdapter[object] = TypeAdapter(cast("type[object]", models[path]))
        taken = model.validate_json(json.dumps(example), strict=True)
        assert model.dump_python(taken, mode="json", exclude_unset=True) == example, path


@pytest.mark.parametrize("path", ASKED)
def test_an_example_has_the_keys_and_types_of_the_answer(
    browsing: TestClient, examples: dict[str, Any], digit: Digit, path: str
) -> None:
    if path == f"{NETWORKS}/activations":
        answer = browsing.post(ASKED[path], json={"pixels": digit.pixels.tolist()})
    else:
        answer = browsing.get(ASKED[path])
    assert answer.status_code == 200
    assert _same_kind(examples[path], answer.json()), (examples[path], answer.json())


def test_the_digit_of_the_examples_ships_and_is_found_where_they_say(
    browsing: TestClient, examples: dict[str, Any], digit: Digit
) -> None:
    (sample,) = examples["/api/v1/samples"]
    assert sample in browsing.get("/api/v1/samples").json()
    assert sample["id"] == digit.id
    for name in ("url", "input_url", "page_url"):
        assert browsing.get(sample[name]).status_code == 200


def test_probabilities_add_up_to_one_and_their_largest_is_the_answer(
    examples: dict[str, Any],
) -> None:
    (network,) = examples["/api/v1/networks"]
    found = [one for one in _within(examples) if "probabilities" in one]
    assert len(found) == 5
    for one in found:
        assert len(one["probabilities"]) == len(network["classes"])
        assert math.fsum(one["probabilities"]) == pytest.approx(1)
        largest = one["probabilities"].index(max(one["probabilities"]))
        assert network["classes"][largest] == one.get("label", "7")


def test_norms_in_examples_fit_their_cosines(examples: dict[str, Any]) -> None:
    def third(a: float, b: float, cosine: float) -> object:
        return pytest.approx(math.sqrt(a * a + b * b + 2 * a * b * cosine), rel=1e-3)

    blocks = [one for one in _within(examples) if "norm_sum" in one]
    assert len(blocks) == 3
    for one in blocks:
        assert one["norm_sum"] == third(one["norm_x"], one["norm_residual"], one["cosine"])
        assert one["ratio"] == pytest.approx(one["norm_residual"] / one["norm_x"], rel=1e-4)
    (flow,) = examples[f"{VIEW}/flow"]["blocks"]
    assert flow["total"] == third(flow["identity"], flow["residual"], flow["cosine"])
    (layer,) = examples["/api/v1/compare"]["layers"]
    assert layer["norm_difference"] == third(layer["norm_a"], layer["norm_b"], -layer["cosine"])


def test_the_map_of_an_example_has_the_figures_beside_it(examples: dict[str, Any]) -> None:
    layer = examples[f"{VIEW}/layers/{{layer}}/activations"]
    (filter_,) = layer["filters"]
    maps = np.zeros(layer["shape"], np.float32)
    maps[:, :, filter_["index"]] = filter_.pop("values")
    assert filter_ == pytest.approx(vars(describe(maps)[filter_["index"]]), rel=1e-3)
    assert layer["range"][0] <= filter_["min"] <= filter_["max"] <= layer["range"][1]


def test_a_data_set_in_an_example_adds_up(examples: dict[str, Any]) -> None:
    dataset = examples[f"{NETWORKS}/dataset"]
    confusion = np.array(dataset["confusion"])
    assert (confusion.sum(), confusion.trace()) == (dataset["digits"], dataset["correct"])
    assert dataset["accuracy"] == dataset["correct"] / dataset["digits"]


def test_a_value_in_an_example_is_what_its_arithmetic_comes_to(examples: dict[str, Any]) -> None:
    unit = examples[UNIT]
    norm = unit["arithmetic"]
    spread = math.sqrt(norm["variance"] + norm["epsilon"])
    result = (norm["value"] - norm["mean"]) / spread * norm["gamma"] + norm["beta"]
    assert unit["result"] == pytest.approx(result, rel=1e-12)
    assert unit["value"] == pytest.approx(result, rel=1e-6)
