"""The examples in the OpenAPI schema: there is one for each answer, and all are true."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from scripts.write_openapi_examples import ADDRESSES, collect_examples, example_app, shortened
from skiplens.core.feature_stats import describe
from skiplens.core.input_image import Digit
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


def test_every_example_has_the_fields_of_its_schema_and_no_others(
    client: TestClient, examples: dict[str, Any]
) -> None:
    described = client.get("/openapi.json").json()
    for path, example in examples.items():
        for operation in described["paths"][path].values():
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    schema = answer["content"]["application/json"]["schema"]
                    assert _fits(example, schema, described["components"]["schemas"]), path


TYPES: dict[str, set[type]] = {
    "string": {str},
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
    "null": {type(None)},
}


def _fits(node: object, schema: dict[str, Any], named: dict[str, Any]) -> bool:
    """Whether a JSON schema allows the node; lists may have been shortened."""
    if "$ref" in schema:
        return _fits(node, named[schema["$ref"].rpartition("/")[-1]], named)
    if kinds := schema.get("anyOf") or schema.get("oneOf"):
        return any(_fits(node, kind, named) for kind in kinds)
    if "const" in schema or "enum" in schema:
        return node in schema.get("enum", [schema.get("const")])
    match schema["type"]:
        case "object":
            return isinstance(node, dict) and _has_fields(node, schema, named)
        case "array":
            return isinstance(node, list) and _has_entries(node, schema, named)
    return type(node) in TYPES[schema["type"]]


def _has_fields(node: dict[str, Any], schema: dict[str, Any], named: dict[str, Any]) -> bool:
    if "additionalProperties" in schema:
        return all(_fits(value, schema["additionalProperties"], named) for value in node.values())
    fields = schema["properties"]
    complete = set(schema["required"]) <= node.keys() <= fields.keys()
    return complete and all(_fits(value, fields[name], named) for name, value in node.items())


def _has_entries(node: list[Any], schema: dict[str, Any], named: dict[str, Any]) -> bool:
    if "items" in schema:
        return all(_fits(entry, schema["items"], named) for entry in node)
    kinds = schema["prefixItems"]
    pairs = zip(node, kinds, strict=False)
    return len(node) == len(kinds) and all(_fits(entry, kind, named) for entry, kind in pairs)


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


def test_every_address_with_the_examples_of_its_parameters_answers(client: TestClient) -> None:
    collect_examples(client)  # waits until the data set is read
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if "get" not in operations:
            continue
        given: dict[str, dict[str, str]] = {"path": {}, "query": {}}
        for parameter in operations["get"].get("parameters", ()):
            example = parameter["schema"]["examples"][0]
            if example is not None:
                given[parameter["in"]][parameter["name"]] = str(example)
        answer = client.get(path.format_map(given["path"]), params=given["query"])
        assert answer.status_code == 200, (path, given, answer.text)
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in operations["get"]["responses"]["200"]["content"], path
    assert '"x-example"' not in client.get("/openapi.json").text


def test_long_lists_are_shortened() -> None:
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
