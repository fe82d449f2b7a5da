import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from skiplens.web.http.caching import IMMUTABLE, ResponseCache
from tests.web.middleware.asgi import Exchange

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


def test_the_second_answer_comes_from_memory_and_is_the_first() -> None:
    source = Source()
    kept = ResponseCache(source, 10_000)
    first, second = _ask(kept, Exchange(path="/a")), _ask(kept, Exchange(path="/a"))
    assert source.calls == 1
    assert (second.status, second.headers, second.body) == (200, first.headers, b"picture")


def test_a_known_etag_is_304_from_memory() -> None:
    kept = ResponseCache(Source(), 10_000)
    _ask(kept, Exchange())
    answer = _ask(kept, Exchange(headers={"if-none-match": '"abc"'}))
    assert (answer.status, answer.body) == (304, b"")
    assert set(answer.headers) == {"etag", "cache-control"}


def test_other_paths_queries_and_methods_are_asked_for_anew() -> None:
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
def test_only_whole_answers_that_never_change_are_kept(source: Source) -> None:
    kept = ResponseCache(source, 10_000)
    _ask(kept, Exchange())
    _ask(kept, Exchange())
    assert source.calls == 2


def test_what_is_kept_is_bounded_long_addresses_included() -> None:
    source = Source()
    kept = ResponseCache(source, 10_000)
    for number in range(4):
        _ask(kept, Exchange(query=b"x" * 4000 + b"%d" % number))
    _ask(kept, Exchange(query=b"x" * 4000 + b"3"))
    assert source.calls == 4
    _ask(kept, Exchange(query=b"x" * 4000 + b"0"))
    assert source.calls == 5


def test_nothing_is_kept_without_room() -> None:
    source = Source()
    kept = ResponseCache(source, 0)
    _ask(kept, Exchange())
    assert _ask(kept, Exchange()).body == b"picture"
    assert source.calls == 2
