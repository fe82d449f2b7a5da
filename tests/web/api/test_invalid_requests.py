"""Bad names and bad parameters: the right status, a problem, and nothing of the input in it."""

import pytest
from starlette.testclient import TestClient

from skiplens.core.input_image import Digit
from tests.web.conftest import NETWORK, Refused

LAYER = "layers/block1.output"

UNKNOWN_NETWORKS = ("mnist-resne", "MNIST-RESNET", "%00", "x" * 5000, "mnist-resnet%20")
UNKNOWN_DIGITS = (
    *("0" * 16, "g" * 16, "0" * 15, "0" * 17, "%00", "%FF%FE", "'%20OR%201=1--", "x" * 5000),
    *("%F0%9F%98%80", "..%5C..", "*"),
)
OF_A_VIEW = (
    ("layers/block9.output/activations", "unknown_layer"),
    ("layers/block1.output%20/grid.png", "unknown_layer"),
    (f"layers/{'x' * 3000}/grid.json", "unknown_layer"),
    (f"{LAYER}/grid.png?filters=16", "unknown_filter"),
    (f"{LAYER}/activations?filters=0-99999", "unknown_filter"),
    (f"{LAYER}/activations?filters=123456", "unknown_filter"),
    (f"{LAYER}/filters/123456/units/0,0", "unknown_filter"),
    (f"{LAYER}/filters/0/units/0,123456", "unknown_unit"),
    ("blocks/block7", "unknown_block"),
    ("blocks/block7/maps.png", "unknown_block"),
    *((f"stages/{stage}/maps.png", "not_found") for stage in (0, 99)),
    ("prediction?scale=block7:0", "unknown_block"),
    ("prediction?scale=:0", "unknown_block"),
)
BAD_PARAMETERS = (
    *(f"{LAYER}/grid.png?zoom={value}" for value in ("0", "17", "1.5", "inf", "nan", "1e3")),
    *(f"{LAYER}/grid.png?columns={value}" for value in ("-1", "4097", "nan", "9" * 5000)),
    *(f"{LAYER}/grid.json?normalize={value}" for value in ("row", "", "LAYER")),
    f"{LAYER}/grid.json?palette=viridis",
    f"{LAYER}/activations?values=perhaps",
    *(f"{LAYER}/activations?filters={value}" for value in ("4-2", "0," * 600)),
    "prediction?scale=block1:4.5",
    *(f"gradients?target={value}" for value in ("10", "nan", "inf", "three")),
    "stages/nan/maps.png",
    *("stages/1/maps.json?role=input", "stages/1/maps.json?role=gate"),
    "blocks/block1/maps.png?zoom=inf",
)

NOT_THERE = (
    *("/nothing", "/api", "/api/v1", "/api/v2/networks", "/static/x/y.css", "/.env", "/docs/x"),
    *(f"{NETWORK}/layers/a%2Fb", f"{NETWORK}/digits/..%2F..%2Fetc%2Fpasswd/prediction"),
)


@pytest.mark.parametrize("name", UNKNOWN_NETWORKS, ids=lambda name: name[:20])
@pytest.mark.parametrize("rest", ["", "/layers", "/digits/0000000000000000/prediction"])
def test_unknown_networks(api: TestClient, refused: Refused, name: str, rest: str) -> None:
    detail = refused(api.get(f"/api/v1/networks/{name}{rest}"), 404, "unknown_network")
    assert detail.endswith("loaded are " + ", ".join(_ids(api)))
    assert len(detail) < 400


@pytest.mark.parametrize("name", UNKNOWN_DIGITS, ids=lambda name: name[:20])
def test_unknown_digits(api: TestClient, refused: Refused, name: str) -> None:
    for address in (f"/api/v1/digits/{name}", f"{NETWORK}/digits/{name}/prediction"):
        detail = refused(api.get(address), 404, "unknown_digit")
        assert "16 hexadecimal digits" in detail
        assert len(detail) < 400


@pytest.mark.parametrize(("rest", "code"), OF_A_VIEW, ids=lambda value: value[-40:])
def test_unknown_parts_of_a_network(
    api: TestClient, view: str, refused: Refused, rest: str, code: str
) -> None:
    refused(api.get(f"{view}/{rest}"), 404, code)


def test_layers_without_kernels_name_those_that_have(api: TestClient, refused: Refused) -> None:
    for picture in ("kernels.npy", "kernels.png"):
        answer = api.get(f"{NETWORK}/layers/block1.sum/{picture}")
        assert "stem.conv, block1.conv1" in refused(answer, 404, "unknown_layer")


@pytest.mark.parametrize("rest", BAD_PARAMETERS, ids=lambda rest: rest[:50])
def test_bad_parameters(api: TestClient, view: str, refused: Refused, rest: str) -> None:
    name, _, value = rest.rpartition("?")[2].partition("=")
    detail = refused(api.get(f"{view}/{rest}"), 422, "invalid_parameter")
    assert name in detail or "stage" in detail
    assert len(value) < 60 or value not in detail


def test_blocks_of_several_shapes_keep_their_order(
    api: TestClient, view: str, refused: Refused
) -> None:
    for rest in ("prediction", "blocks", "early-exits"):
        answer = api.get(f"{view}/{rest}?order=block3,block2")
        assert "blocks of one shape" in refused(answer, 422, "not_reorderable")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("layer=block1.output", 422, "invalid_parameter"),
        ("layer=block1.output&a={0}", 422, "invalid_parameter"),
        ("layer=block1.output&a={0}&b=mnist-resnet", 422, "invalid_parameter"),
        ("layer=block1.output&a={0}&b={0}/more", 422, "invalid_parameter"),
        ("layer=block1.output&a={0}&b={0}&side=c", 422, "invalid_parameter"),
        ("layer=block1.output&a={0}&b=nothing/{1}", 404, "unknown_network"),
        ("layer=block1.output&a={0}&b=mnist-resnet/0000000000000000", 404, "unknown_digit"),
        ("layer=block1.output&a={0}&b={0}&scale_b=block9:0", 404, "unknown_block"),
        ("layer=block9.output&a={0}&b={0}", 404, "unknown_layer"),
        ("layer=block1.output&layer_b=block9.output&a={0}&b={0}", 404, "unknown_layer"),
        ("layer=block1.output&layer_b=block2.output&a={0}&b={0}", 422, "invalid_parameter"),
        ("layer=block1.sum&side=a&a={0}&b=mnist-plain/{1}", 422, "invalid_parameter"),
    ],
)
def test_bad_comparisons(
    api: TestClient, digit: Digit, refused: Refused, query: str, status: int, code: str
) -> None:
    filled = query.format(f"mnist-resnet/{digit.id}", digit.id)
    refused(api.get(f"/api/v1/compare/grid.png?{filled}"), status, code)


@pytest.mark.parametrize(
    "page", ["/networks/mnist-resnet/digits/{}", "/pictures/networks/mnist-resnet"]
)
def test_a_filter_of_too_many_digits(
    api: TestClient, digit: Digit, refused: Refused, page: str
) -> None:
    rest = "/kernel.png" if "pictures" in page else ""
    address = f"{page.format(digit.id)}/layers/stem.conv/filters/{'1' * 5000}{rest}"
    assert "whole number" in refused(api.get(address), 422, "invalid_parameter")


@pytest.mark.parametrize("address", NOT_THERE)
def test_unknown_addresses(api: TestClient, refused: Refused, address: str) -> None:
    refused(api.get(address), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("POST", NETWORK, {"GET", "HEAD"}),
        ("DELETE", "/api/v1/digits/0000000000000000", {"GET", "HEAD"}),
        ("PUT", "/api/v1/digits", {"POST"}),
        ("HEAD", "/api/v1/digits", {"POST"}),
        ("OPTIONS", "/api/v1/networks", {"GET", "HEAD"}),
        ("PATCH", "/healthz", {"GET", "HEAD"}),
    ],
)
def test_a_405_names_the_allowed_methods(
    api: TestClient, method: str, address: str, allowed: set[str]
) -> None:
    answer = api.request(method, address)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert answer.headers["content-type"] == "application/problem+json"


def _ids(api: TestClient) -> list[str]:
    return [one["id"] for one in api.get("/api/v1/networks").json()]
