"""The examples in the OpenAPI schema: there is one for each answer, and all are true."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from scripts.write_openapi_examples import ADDRESSES, collect_examples, example_app, shortened
from skiplens.core.digit import Digit
from skiplens.core.feature_stats import describe
from skiplens.engine.base import Engine
from skiplens.web.api import EXAMPLES_FILE

NETWORKS = "/api/v1/networks/{network}"
VIEW = f"{NETWORKS}/digits/{{digit}}"
UNIT = f"{VIEW}/layers/{{layer}}/filters/{{filter}}/units/{{row}},{{column}}"


@pytest.fixture(scope="module")
def client(
    engines: Mapping[str, Engine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    app = example_app(engines, tmp_path_factory.mktemp("examples"))
    with TestClient(app, "http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def examples(client: TestClient) -> dict[str, Any]:
    """By path, the example of its answer in JSON; None if there is none."""
    return {
        path: content["application/json"].get("example")
        for path, operations in client.get("/openapi.json").json()["paths"].items()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if status.startswith("2") and "application/json" in (content := answer.get("content", {}))
    }


def _within(node: object) -> Iterator[dict[str, Any]]:
    """Every object in an example."""
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _within(inner)


def test_every_answer_in_json_has_an_example(examples: dict[str, Any]) -> None:
    assert examples.keys() == ADDRESSES.keys()
    assert None not in examples.values()
    assert examples == json.loads(EXAMPLES_FILE.read_bytes())


def test_every_example_is_what_its_model_takes_and_nothing_else(
    client: TestClient, examples: dict[str, Any]
) -> None:
    routes = iter_route_contexts(cast("FastAPI", client.app).routes)
    models = {route.path: getattr(route, "response_model", None) for route in routes}
    for path, example in examples.items():
        model: TypeAdapter[object] = TypeAdapter(cast("type[object]", models[path]))
        taken = model.validate_json(json.dumps(example), strict=True)
        assert _without_null(model.dump_python(taken, mode="json")) == _without_null(example), path


def _without_null(node: object) -> object:
    if isinstance(node, dict):
        return {name: _without_null(value) for name, value in node.items() if value is not None}
    return [_without_null(value) for value in node] if isinstance(node, list) else node


def test_the_examples_are_the_answers(client: TestClient, examples: dict[str, Any]) -> None:
    answers = collect_examples(client)
    for path, example in examples.items():
        _assert_same(example, answers[path], path)


def _assert_same(example: object, answer: object, where: str) -> None:
    """Both are equal, up to the last digits that differ from machine to machine."""
    assert type(example) is type(answer), where
    if isinstance(example, dict) and isinstance(answer, dict):
        assert example.keys() == answer.keys(), where
        for name, value in example.items():
            _assert_same(value, answer[name], f"{where}: {name}")
    elif isinstance(example, list) and isinstance(answer, list):
        assert len(example) == len(answer), where
        for at, value in enumerate(example):
            _assert_same(value, answer[at], f"{where}: {at}")
    elif isinstance(example, float):
        assert answer == pytest.approx(example, rel=1e-3, abs=1e-6), where
    else:
        assert example == answer, where


def test_lists_are_shortened_to_what_shows_their_form() -> None:
    assert shortened({"layers": [{"a": 1}, {"a": 2}]}) == {"layers": [{"a": 1}]}
    assert shortened([list(range(11)), [0, 1]]) == [[0, 1], [0, 1]]
    assert shortened([0.5] * 10) == [0.5] * 10
    assert shortened([]) == []


def test_the_digit_of_the_examples_ships_and_is_found_where_they_say(
    client: TestClient, examples: dict[str, Any], digit: Digit
) -> None:
    (sample,) = examples["/api/v1/samples"]
    assert sample in client.get("/api/v1/samples").json()
    assert examples["/api/v1/digits/{digit}"]["id"] == digit.id
    for example in (sample, examples["/api/v1/digits/{digit}"]):
        for name in ("url", "input_url", "page_url"):
            assert client.get(example[name]).status_code == 200


def test_probabilities_add_up_to_one_and_their_largest_is_the_answer(
    examples: dict[str, Any],
) -> None:
    (network,) = examples["/api/v1/networks"]
    found = [one for one in _within(examples) if "probabilities" in one]
    assert len(found) >= 5
    for one in found:
        assert len(one["probabilities"]) == len(network["classes"])
        assert math.fsum(one["probabilities"]) == pytest.approx(1)
        largest = one["probabilities"].index(max(one["probabilities"]))
        if "label" in one:
            assert network["classes"][largest] == one["label"]


def test_norms_in_examples_fit_their_cosines(examples: dict[str, Any]) -> None:
    def third(a: float, b: float, cosine: float) -> object:
        return pytest.approx(math.sqrt(a * a + b * b + 2 * a * b * cosine), rel=1e-3)

    blocks = [one for one in _within(examples) if "norm_sum" in one and one["cosine"] is not None]
    assert len(blocks) >= 3
    for one in blocks:
        assert one["norm_sum"] == third(one["norm_x"], one["norm_residual"], one["cosine"])
        assert one["ratio"] == pytest.approx(one["norm_residual"] / one["norm_x"], rel=1e-4)
    (gradients,) = examples[f"{VIEW}/gradients"]["blocks"]
    assert gradients["total"] == third(
        gradients["identity"], gradients["residual"], gradients["cosine"]
    )
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
