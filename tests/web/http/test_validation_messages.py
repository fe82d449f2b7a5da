"""What is said of a parameter that is not allowed: its name, what is allowed, what came."""

from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from skiplens.core.colormaps import PaletteName
from skiplens.web.http.problems import validation_message
from tests.web.conftest import Refused

LAYER = "layers/block1.output"
WHOLE = "must be a whole number"
PALETTES = ", ".join(PaletteName).replace(f", {[*PaletteName][-1]}", f" or {[*PaletteName][-1]}")
PLAIN_TEXT = {"type", "description", "examples", "title"}
TOLD = (
    (f"{LAYER}/grid.png?zoom=99", f"zoom {WHOLE} from 1 to 16; got '99'"),
    (f"{LAYER}/grid.png?zoom=", f"zoom {WHOLE} from 1 to 16; got ''"),
    (f"{LAYER}/grid.png?columns=0", f"columns {WHOLE} from 1 to 4,096; got '0'"),
    (f"{LAYER}/grid.png?labels=perhaps", "labels must be true or false; got 'perhaps'"),
    (f"{LAYER}/grid.json?palette=%00red", f"palette must be {PALETTES}; got '?red'"),
    ("stages/1/maps.json?role=x", "role must be output, residual, sum or gate; got 'x'"),
    (
        f"prediction?scale={'block1:0,' * 200}",
        f"scale must be text of at most 1,024 characters; got '{'block1:0,' * 6}block1...'",
    ),
    ("gradients?target=-1", "target must be 0 to 9; got '-1'"),
    (
        f"{LAYER}/filters/x/units/0,-1",
        (
            f"filter {WHOLE} from 0 to 999,999,999; got 'x'; "
            f"column {WHOLE} from 0 to 999,999,999; got '-1'"
        ),
    ),
)


@pytest.mark.parametrize(("rest", "says"), TOLD, ids=lambda value: value[-30:])
def test_the_message_names_the_allowed_and_the_received_value(
    api: TestClient, view: str, refused: Refused, rest: str, says: str
) -> None:
    assert refused(api.get(f"{view}/{rest}"), 422, "invalid_parameter") == says


LESSON = "lesson must be the code of a lesson: 6 to 24 small letters and digits; got 'AB'"
TOLD_OF_THE_STORY = (
    ("GET", "/learn/gradient?w1=7", "w1 must be a number from -6 to 6; got '7'"),
    ("GET", "/learn/gradient?x=abc", "x must be a number from -6 to 6; got 'abc'"),
    ("GET", "/learn/sum?lesson=AB", LESSON),
    ("GET", "/learn/class/AB", LESSON),
    ("POST", "/learn/S1/lesson/abcdef", "step must be the name of a step; got 'S1'"),
)


@pytest.mark.parametrize(("method", "address", "says"), TOLD_OF_THE_STORY)
def test_a_parameter_of_the_story_has_such_a_message_too(
    api: TestClient, refused: Refused, method: str, address: str, says: str
) -> None:
    assert refused(api.request(method, address), 422, "invalid_parameter") == says


def test_a_missing_parameter_is_named_with_its_allowed_values(
    api: TestClient, refused: Refused
) -> None:
    detail = refused(api.get("/api/v1/compare?a=mnist-resnet/0"), 422, "invalid_parameter")
    assert detail == "b is missing; it must be text of at most 160 characters"


def test_a_fault_of_a_body_is_named_with_its_place(api: TestClient, refused: Refused) -> None:
    body = {"strokes": [{"points": [[0.5, 7, 0.1]]}]}
    detail = refused(api.post("/networks/mnist-resnet/live", json=body), 422, "invalid_parameter")
    assert detail.startswith("strokes.0.points.0.1: ")
    detail = refused(api.post("/networks/mnist-resnet/live"), 422, "invalid_parameter")
    assert detail == "the body: Field required"


def test_a_parameter_with_a_pattern_is_described_in_words(
    api: TestClient, refused: Refused
) -> None:
    detail = refused(api.get("/api/v1/dataset/digits.png?indices=0,x"), 422, "invalid_parameter")
    assert detail.startswith("indices must be at most 100 indices of the data set")
    assert detail.endswith("; got '0,x'")


def test_every_bounded_parameter_has_a_message(api: TestClient, refused: Refused) -> None:
    names = set()
    for address, name in _with_one_wrong(api.get("/openapi.json").json()):
        detail = refused(api.get(address), 422, "invalid_parameter")
        assert detail.startswith(f"{name} must be "), address
        assert detail.endswith(f"; got '{'~' * 60}...'"), address
        names.add(name)
    assert names >= {"zoom", "scale_b", "wrong", "page", "indices", "row", "filter", "target"}


def test_every_parameter_of_every_route_has_a_message(api: TestClient) -> None:
    app, names = cast("FastAPI", api.app), set()
    for handler in (route.dependant for route in app.routes if isinstance(route, APIRoute)):
        for name in _parameters(handler):
            fault = {"loc": ("query", name), "type": "wrong", "input": "~"}
            assert validation_message(handler, fault).startswith(f"{name} must be ")
            names.add(name)
    assert names >= {"w1", "lesson", "draw", "pair", "version", "zoom"}


def _parameters(handler: Dependant) -> Iterator[str]:
    yield from (one.alias for one in handler.path_params + handler.query_params)
    for dependency in handler.dependencies:
        yield from _parameters(dependency)


def _with_one_wrong(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Addresses with one parameter wrong each, the others as in their examples."""
    for path, methods in schema["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        for wrong in parameters:
            if wrong["schema"].keys() <= PLAIN_TEXT and wrong["schema"]["type"] == "string":
                continue
            asked = {
                one["name"]: "~" * 1100 if one is wrong else str(one["schema"]["examples"][0])
                for one in parameters
                if one is wrong or one["required"]
            }
            query = {name: value for name, value in asked.items() if f"{{{name}}}" not in path}
            yield f"{path.format(**asked)}?{urlencode(query)}", wrong["name"]
