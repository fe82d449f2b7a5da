"""Caching: strong ETags, 304, HEAD and gzip for every address, and the response cache."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from skiplens.core.input_image import Digit
from skiplens.web.http.caching import IMMUTABLE, ResponseCache, takes_gzip
from skiplens.web.pages.assets import load_assets
from tests.web.conftest import NETWORK
from tests.web.http.asgi import Exchange
from tests.web.images import drawing, encoded

FOR_EVER = "public, max-age=31536000, immutable"
EACH_TIME = "public, no-cache"
KEPT = {"etag", "cache-control", "content-type", "content-length", "content-disposition"}

CARD = "/pictures/networks/mnist-resnet/digits/{digit}/card.png"
KERNEL = "/pictures/networks/mnist-resnet/layers/block1.conv1/filters/3/kernel.png"
COMPARED = "/api/v1/compare/grid.png?a=mnist-resnet/{digit}&b=mnist-resnet/{digit}&layer=block1.sum"
NEVER_CHANGING = (
    "{network}/layers/stem.conv/kernels.png?version={version}",
    "/api/v1/digits/{digit}/input.png",
    "/api/v1/digits/{digit}/input.npy",
    "{network}/digits/{digit}/layers/block1.sum/grid.png?zoom=3&version={version}",
    "{network}/digits/{digit}/blocks/block1/maps.png?version={version}",
    "{network}/digits/{digit}/stages/1/maps.png?version={version}",
    f"{COMPARED}&version={{version}}-{{version}}",
    f"{CARD}?layer=block1.sum&version={{version}}",
    f"{KERNEL}?version={{version}}",
)
CHANGING = (
    "{network}/layers/stem.conv/kernels.png",
    "{network}/digits/{digit}/layers/block1.sum/grid.png?zoom=3",
    "{network}/digits/{digit}/blocks/block1/maps.png?version=0123456789ab",
    "{network}/digits/{digit}/stages/1/maps.png?version=",
    COMPARED,
    f"{COMPARED}&version={{version}}",
    CARD,
    f"{CARD}?version=0123456789ab",
    KERNEL,
    "/api/v1/digits/{digit}/input.png?network=mnist-resnet",
    "/api/v1/palettes",
    "{network}/layers/stem.conv/kernels.npy",
    "{network}/digits/{digit}/statistics.csv",
    "{network}/digits/{digit}/layers/block1.sum/statistics.csv",
    "{network}/digits/{digit}/layers/block1.sum/activations.npy",
    "{network}/digits/{digit}/layers/block1.sum/activations.npz",
    "{network}/digits/{digit}/activations.npz?scale=block3:0",
)


@pytest.fixture(params=NEVER_CHANGING + CHANGING)
def address(request: pytest.FixtureRequest, api: TestClient, digit: Digit) -> str:
    version = api.app.state.services.registry.network("mnist-resnet").manifest.version  # type: ignore[attr-defined]
    return str(request.param).format(network=NETWORK, digit=digit.id, version=version)


@pytest.fixture
def keeping(request: pytest.FixtureRequest) -> str:
    """What the address's answers say of keeping them."""
    return FOR_EVER if request.node.callspec.params["address"] in NEVER_CHANGING else EACH_TIME


def test_what_is_told_about_an_upload_is_private(api: TestClient, digit: Digit) -> None:
    posted = api.post("/api/v1/digits", files={"file": encoded(drawing())}).json()["id"]
    for path in (
        f"/api/v1/digits/{posted}/input.png",
        f"{NETWORK}/digits/{posted}/layers/block1.sum/grid.png",
        (
            f"/api/v1/compare/grid.png?a=mnist-resnet/{digit.id}&b=mnist-resnet/{posted}"
            "&layer=block1.sum"
        ),
    ):
        assert api.get(path).headers["cache-control"].startswith("private, "), path


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
def test_a_known_etag_is_304_without_body(
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


@pytest.mark.parametrize("address", ["/", "/docs", "/static/{version}/css/site.css"])
def test_text_is_compressed_for_clients_that_accept_gzip(api: TestClient, address: str) -> None:
    address = address.format(version=load_assets().version)
    plain = api.get(address, headers={"Accept-Encoding": "identity"})
    small = api.get(address, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.text == plain.text
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) * 0.7
    for answer in (plain, small):
        assert "Accept-Encoding" in answer.headers["vary"]


def test_a_compressed_style_sheet_has_another_etag(api: TestClient) -> None:
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
def test_gzip_is_sent_only_if_it_is_accepted(*, offer: str, taken: bool) -> None:
    assert takes_gzip(Headers({"accept-encoding": offer})) is taken


HEADERS = (
    *((b"etag", b'"abc"'), (b"cache-control", IMMUTABLE.encode())),
    *((b"content-type", b"image/png"), (b"content-length", b"7"), (b"content-disposition", b"x")),
)


class Source:
    """Answers, and counts how often."""

    def __init__(
        self,
        status: int = 200,
        headers: Sequence[tuple[bytes, bytes]] = HEADERS,
        parts: Sequence[bytes] = (b"picture",),
    ) -> None:
        self.calls = 0
        self._status, self._headers, self._parts = status, headers, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        start: Message = {"type": "http.response.start", "status": self._status}
        await send({**start, "headers": list(self._headers)})
        last = len(self._parts) - 1
        for at, part in enumerate(self._parts):
            await send({"type": "http.response.body", "body": part, "more_body": at < last})


def _ask(kept: ResponseCache, exchange: Exchange) -> Exchange:
    return asyncio.run(exchange.run(kept))


def test_the_second_response_comes_from_the_cache_unchanged() -> None:
    source = Source()
    kept = ResponseCache(source, 10_000)
    first, second = _ask(kept, Exchange(path="/a")), _ask(kept, Exchange(path="/a"))
    assert source.calls == 1
    assert (second.status, second.headers, second.body) == (200, first.headers, b"picture")


def test_a_known_etag_is_304_from_the_cache() -> None:
    kept = ResponseCache(Source(), 10_000)
    _ask(kept, Exchange())
    answer = _ask(kept, Exchange(headers={"if-none-match": '"abc"'}))
    assert (answer.status, answer.body) == (304, b"")
    assert set(answer.headers) == {"etag", "cache-control"}


def test_other_paths_queries_and_methods_reach_the_app() -> None:
    source = Source()
    kept = ResponseCache(source, 10_000)
    for exchange in (
        *(Exchange(path="/a"), Exchange(path="/b"), Exchange(path="/a", query=b"zoom=2")),
        *(Exchange(method="POST", path="/c"), Exchange(method="POST", path="/c")),
        Exchange(path="/c"),
    ):
        _ask(kept, exchange)
    assert source.calls == 6


@pytest.mark.parametrize(
    "source",
    [
        Source(status=404),
        Source(status=304, parts=(b"",)),
        Source(status=206),
        Source(headers=HEADERS[:1] + HEADERS[3:]),
        Source(headers=((b"cache-control", b"no-store"), *HEADERS[2:])),
        Source(parts=(b"pict", b"ure")),
        Source(parts=(b"pict",)),
        Source(headers=HEADERS[:3]),
        Source(headers=(*HEADERS, (b"vary", b"Accept-Encoding"))),
    ],
    ids=[
        *("404", "304", "206", "no mark", "no-store", "in parts", "cut short", "no length"),
        "varies",
    ],
)
def test_only_complete_cacheable_responses_are_cached(source: Source) -> None:
    kept = ResponseCache(source, 10_000)
    _ask(kept, Exchange())
    _ask(kept, Exchange())
    assert source.calls == 2


def test_the_cache_is_bounded_long_addresses_included() -> None:
    source = Source()
    kept = ResponseCache(source, 10_000)
    for number in range(4):
        _ask(kept, Exchange(query=b"x" * 4000 + b"%d" % number))
    _ask(kept, Exchange(query=b"x" * 4000 + b"3"))
    assert source.calls == 4
    _ask(kept, Exchange(query=b"x" * 4000 + b"0"))
    assert source.calls == 5


def test_nothing_is_cached_without_room() -> None:
    source = Source()
    kept = ResponseCache(source, 0)
    _ask(kept, Exchange())
    assert _ask(kept, Exchange()).body == b"picture"
    assert source.calls == 2
