"""The API's description of itself."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

API = "/api/v1"
VIEW = f"{API}/networks/{{network}}/digits/{{digit}}"
LAYER = f"{VIEW}/layers/{{layer}}"
PROMISED = {
    *(f"{API}/networks", f"{API}/networks/{{network}}", f"{API}/networks/{{network}}/layers"),
    *(f"{API}/networks/{{network}}/layers/{{layer}}/kernels.{kind}" for kind in ("npy", "png")),
    *(f"{API}/samples", f"{API}/digits", f"{API}/digits/{{digit}}"),
    *(f"{API}/digits/{{digit}}/input.{kind}" for kind in ("png", "npy")),
    *(f"{VIEW}/prediction", f"{VIEW}/activations.npz", f"{LAYER}/activations"),
    *(f"{LAYER}/activations.{kind}" for kind in ("npy", "npz")),
    *(f"{LAYER}/grid.{kind}" for kind in ("png", "json")),
    *(f"{VIEW}/blocks", f"{VIEW}/blocks/{{block}}", f"{VIEW}/blocks/{{block}}/maps.png"),
    *(f"{VIEW}/gradients", f"{API}/networks/{{network}}/activations"),
    *(f"{API}/palettes", "/healthz", "/readyz", "/metrics"),
}
BRINGING = {
    f"{API}/digits",
    *(f"{API}/networks/{{network}}/{name}" for name in ("activations", "live")),
}


@pytest.fixture(scope="module")
def schema(api: TestClient) -> dict[str, Any]:
    answer = api.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    described: dict[str, Any] = answer.json()
    return described


def _operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_api_route_is_described_and_no_page_is(schema: dict[str, Any]) -> None:
    assert set(schema["paths"]) >= PROMISED
    assert all(path.startswith(f"{API}/") or path in PROMISED for path in schema["paths"])
    assert schema["openapi"].startswith("3.1")


def test_every_operation_has_a_summary_and_a_name_of_its_own(schema: dict[str, Any]) -> None:
    operations = [operation for _, _, operation in _operations(schema)]
    assert all(operation["summary"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_parameter_has_a_description_and_an_example(schema: dict[str, Any]) -> None:
    bare = [
        (path, parameter["name"])
        for path, _, operation in _operations(schema)
        for parameter in operation.get("parameters", ())
        if not (parameter.get("description") and parameter["schema"].get("examples"))
    ]
    assert bare == []


def test_every_name_in_a_path_is_a_parameter(schema: dict[str, Any]) -> None:
    for path, _, operation in _operations(schema):
        found = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert found == set(re.findall(r"{(\w+)}", path)), path


def test_every_property_has_a_description(schema: dict[str, Any]) -> None:
    named = {*schema["components"]["schemas"]} - {"HTTPValidationError", "ValidationError"}
    kept = {name: schema["components"]["schemas"][name] for name in named}
    assert _bare({"schemas": kept, "paths": schema["paths"]}, "") == []


def _bare(node: object, where: str) -> list[str]:
    """Properties without a description, those of bodies and problems among them."""
    if isinstance(node, list):
        return [found for at, one in enumerate(node) for found in _bare(one, f"{where}/{at}")]
    if not isinstance(node, dict):
        return []
    fields = node.get("properties", {}).items()
    own = [f"{where}/{name}" for name, field in fields if not field.get("description")]
    return own + [found for name, one in node.items() for found in _bare(one, f"{where}/{name}")]


def test_problems_are_documented_as_what_they_are(schema: dict[str, Any]) -> None:
    for path, _, operation in _operations(schema):
        refusals = {int(status) for status in operation["responses"] if int(status) >= 400}
        if path.startswith(API):
            wanted = {401, 404, 422, 503} | ({408, 413, 415} if path in BRINGING else set())
            assert refusals == wanted, path
        for status in refusals:
            content = operation["responses"][str(status)]["content"]
            assert set(content) == {"application/problem+json"}
            fields = content["application/problem+json"]["schema"]["properties"]
            assert set(fields) == {"type", "title", "status", "detail", "code", "request_id"}


def test_the_token_is_described_where_it_is_asked_for(schema: dict[str, Any]) -> None:
    (name,) = schema["components"]["securitySchemes"]
    assert schema["components"]["securitySchemes"][name]["scheme"] == "bearer"
    assert schema["security"] == [{}, {name: []}]
    for path, _, operation in _operations(schema):
        is_open = path in {"/healthz", "/readyz"}
        assert operation.get("security") == ([] if is_open else None), path
        assert ("401" in operation["responses"]) is not is_open, path


def test_every_reference_resolves(schema: dict[str, Any]) -> None:
    missing = set(_references(schema)) - {
        f"#/components/schemas/{name}" for name in schema["components"]["schemas"]
    }
    assert missing == set()


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
