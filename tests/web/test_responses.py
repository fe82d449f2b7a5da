"""Answers that a client may keep: strong ETags, 304 and HEAD, for every address that gives them;
and text that travels compressed.
"""

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.web.http.caching import takes_gzip
from skiplens.web.pages.assets import load_assets
from tests.web.conftest import NETWORK

FOR_EVER = "public, max-age=31536000, immutable"
EACH_TIME = "public, no-cache"
KEPT = {"etag", "cache-control", "content-type", "content-length", "content-disposition"}

IMMUTABLE = (
    "{network}/layers/stem.conv/kernels.png",
    "/api/v1/digits/{digit}/input.png",
    "/api/v1/digits/{digit}/input.npy",
    "{network}/digits/{digit}/layers/block1.sum/grid.png?zoom=3",
    "{network}/digits/{digit}/blocks/block1/maps.png",
    "{network}/digits/{digit}/stages/1/maps.png",
    "/api/v1/compare/grid.png?layer=block1.sum&a=mnist-resnet/{digit}&b=mnist-resnet/{digit}",
)
REVALIDATED = (
    "/api/v1/palettes",
    "{network}/layers/stem.conv/kernels.npy",
    "{network}/digits/{digit}/statistics.csv",
    "{network}/digits/{digit}/layers/block1.sum/statistics.csv",
    "{network}/digits/{digit}/layers/block1.sum/activations.npy",
    "{network}/digits/{digit}/layers/block1.sum/activations.npz",
    "{network}/digits/{digit}/activations.npz?scale=block3:0",
)


@pytest.fixture(params=IMMUTABLE + REVALIDATED)
def address(request: pytest.FixtureRequest, digit: Digit) -> str:
    return str(request.param).format(network=NETWORK, digit=digit.id)


@pytest.fixture
def keeping(request: pytest.FixtureRequest) -> str:
    """What the address's answers say of keeping them."""
    return FOR_EVER if request.node.callspec.params["address"] in IMMUTABLE else EACH_TIME


def test_the_same_address_gives_the_same_bytes_under_a_strong_etag(
    api: TestClient, address: str, keeping: str
) -> None:
    first, again = api.get(address), api.get(address)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert first.headers["cache-control"] == keeping
    assert first.headers["etag"].startswith('"')
    for name in KEPT:  # the second comes from memory
        assert first.headers.get(name) == again.headers.get(name)


def test_etags_differ_where_the_bytes_do(api: TestClient, view: str) -> None:
    address = f"{view}/layers/block1.sum/grid.png"
    tags = {api.get(f"{address}?zoom={zoom}").headers["etag"] for zoom in (1, 2, 3)}
    assert len(tags) == 3


@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}', "*"])
def test_a_known_etag_is_answered_without_body(
    api: TestClient, address: str, keeping: str, known: str
) -> None:
    fresh = address + ("&" if "?" in address else "?") + "not=kept"
    tag = api.get(address).headers["etag"]
    made, kept = (
        api.get(one, headers={"If-None-Match": known.format(tag)}) for one in (fresh, address)
    )
    for answer in (made, kept):
        assert answer.status_code == 304
        assert answer.content == b""
        assert (answer.headers["etag"], answer.headers["cache-control"]) == (tag, keeping)
        assert "content-type" not in answer.headers
    other = api.get(address, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_head_is_get_without_body(api: TestClient, address: str) -> None:
    got, asked = api.get(address), api.head(address)
    assert asked.status_code == 200
    assert asked.content == b""
    assert {name: asked.headers.get(name) for name in KEPT} == {
        name: got.headers.get(name) for name in KEPT
    }


def test_head_of_json_and_of_what_is_not_there(api: TestClient, view: str) -> None:
    assert api.head(f"{view}/prediction").status_code == 200
    assert api.head(f"{view}/layers/nothing/grid.png").status_code == 404
    assert api.head("/healthz").status_code == 200


@pytest.mark.parametrize("address", ["/", "/docs", "/static/{version}/css/site.css"])
def test_text_is_compressed_for_whom_can_undo_it(api: TestClient, address: str) -> None:
    address = address.format(version=load_assets().version)
    plain = api.get(address, headers={"Accept-Encoding": "identity"})
    small = api.get(address, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.text == plain.text
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) * 0.7
    for answer in (plain, small):
        assert "Accept-Encoding" in answer.headers["vary"]


def test_a_style_sheet_bears_another_etag_when_it_is_compressed(api: TestClient) -> None:
    address = load_assets().url("css/site.css")
    tags = {
        api.get(address, headers={"Accept-Encoding": one}).headers["etag"]
        for one in ("identity", "gzip")
    }
    assert len(tags) == 2


@pytest.mark.parametrize(
    ("offer", "taken"),
    [
        ("gzip", True),
        ("br;q=1.0, GZIP;q=0.8", True),
        ("deflate, gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
        ("xgzip", False),
    ],
)
def test_gzip_is_sent_only_where_it_is_asked_for(*, offer: str, taken: bool) -> None:
    assert takes_gzip(Headers({"accept-encoding": offer})) is taken
