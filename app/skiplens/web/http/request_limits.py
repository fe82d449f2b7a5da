"""Limits of requests: size and time of bodies, bytes held, concurrent requests, places to compute.

Each client has a share, so that one alone does not shut out the others.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens.errors import (
    BusyError,
    RequestTimeoutError,
    SkiplensError,
    TooLargeError,
    UnsupportedFormatError,
)
from skiplens.service.admission import ANYONE, Place, Places, Quota, client_at
from skiplens.settings import Settings
from skiplens.web.http.access_checks import SAFE_METHODS
from skiplens.web.http.client_address import client_of
from skiplens.web.http.metrics import Metrics
from skiplens.web.http.problems import error_response, stopping
from skiplens.web.links import HEALTH, within

_END: Final[Message] = {"type": "http.response.body", "body": b"", "more_body": False}
_LARGE_TYPES: Final = ("image/", "application/octet-stream", "multipart/form-data")
_JSON: Final = "application/json"


class BodyLimit:
    """Receives bodies before the app runs, and refuses those that are too large (413), too slow
    (408) or compressed (415), chunked ones included, or where too many are being received or too
    many bytes held (503). Leaves the client's address in the scope, for the shares.

    If the body was not received completely, the connection is closed after the response. The rest
    of it is read and dropped first, within the limits of size and time: closing at once would
    reset the connection, and clients that send everything before they read would not see the
    response. Bodies of GET, which mean nothing, are not waited for.

    Args:
        app: next ASGI app.
        settings: with the limits.
        metrics: count the bodies.
        ready: whether requests are taken on.
        memory: bytes that they may hold; asked for once they are taken on.
    """

    def __init__(  # one parameter a part
        self,
        app: ASGIApp,
        settings: Settings,
        metrics: Metrics,
        ready: Callable[[], bool],
        memory: Callable[[], Quota],
    ) -> None:
        self._app = app
        self._settings = settings
        self._ready = ready
        self._header = settings.client_header.lower().encode()
        share = settings.client_share
        self._receiving = Quota(settings.max_requests, share, "bodies")
        self._memory = memory
        metrics.follow(metrics.receiving, lambda: self._receiving.taken)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["skiplens.client"] = client_at((scope.get("client") or (ANYONE,))[0])
        if self._header:
            self._believe_proxy(scope)
        declared = _declared_bytes(scope)
        ready = self._ready() or within(scope["path"]) in HEALTH
        if ready and declared == 0:
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._limit(scope), self._settings, complete=declared == 0)
        await self._answer(scope, body, declared or 0, ready=ready)(
            scope, body.receive, body.closing(send)
        )
        await body.end(send)

    def _answer(self, scope: Scope, body: "_Body", declared: int, *, ready: bool) -> ASGIApp:
        """The app that answers: the inner one, unless the request is refused at once."""
        if not ready:
            return stopping()
        try:
            body.check(declared)
            _check_coding(scope)
        except SkiplensError as error:
            return error_response(error)
        if scope["method"] in SAFE_METHODS:
            return self._app
        return partial(self._with_body, body)

    async def _with_body(self, body: "_Body", scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app once the body is there; if it will not be, the app learns why when it asks
        for it, as it answers by route.
        """
        client = client_of(scope)
        content, failure, memory = b"", None, self._memory()
        try:
            try:
                with self._receiving.one(client):
                    content = await body.content(lambda more: memory.take(client, more))
            except (SkiplensError, ClientDisconnect) as error:
                failure = error
            part = self._settings.body_part_bytes
            replay, content = _Replay(content, failure, receive, part), b""
            await self._app(scope, replay.receive, send)
        finally:
            memory.give(client, body.held)

    def _believe_proxy(self, scope: Scope) -> None:
        """Take the client's address and the scheme from the headers that a proxy sets. Of several
        addresses, those before the last are the client's own words.
        """
        headers = dict(scope["headers"])  # the last of a name
        named = headers.get(self._header, b"").rpartition(b",")[2].strip().decode("latin-1")
        scope["skiplens.client"] = client_at(named) if named else scope["skiplens.client"]
        if headers.get(b"x-forwarded-proto") == b"https":
            scope["scheme"] = "https"

    def _limit(self, scope: Scope) -> int:
        """Largest body of this kind, in bytes."""
        kind = Headers(scope=scope).get("content-type", "").strip().lower()
        most = self._settings.max_body_bytes
        if kind.startswith(_LARGE_TYPES):
            return most
        small = self._settings.max_json_bytes if kind.startswith(_JSON) else None
        return min(most, small or self._settings.max_form_bytes)


class _Body:
    """The body of one request, as it arrives.

    Attributes:
        held: bytes taken from the budget.
    """

    def __init__(
        self, receive: Receive, max_bytes: int, settings: Settings, *, complete: bool
    ) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._max_dropped = settings.max_body_bytes + settings.body_part_bytes
        self._seconds = settings.receive_seconds
        self._deadline = asyncio.get_running_loop().time() + self._seconds
        self._received = 0
        self._complete = complete
        self._unended = False  # the response, which the client has all the same
        self.held = 0

    def check(self, size: int) -> None:
        """Refuse a size.

        Raises:
            TooLargeError: the body is larger than the limit.
        """
        if size > self._max_bytes:
            raise TooLargeError(f"the request body is larger than {self._max_bytes:,} bytes")

    async def content(self, hold: Callable[[int], None]) -> bytes:
        """All of it.

        Args:
            hold: takes so many bytes more from the budget.

        Raises:
            TooLargeError: the body is larger than the limit.
            RequestTimeoutError: it did not arrive in time.
            BusyError: the budget does not suffice.
            ClientDisconnect: the client is gone.
        """
        parts = []
        while not self._complete:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part = message.get("body", b"")
            hold(len(part))
            self.held += len(part)
            parts.append(part)
        return b"".join(parts)

    async def receive(self) -> Message:
        """The next part.

        Raises:
            TooLargeError: the parts so far exceed the limit.
            RequestTimeoutError: the time limit has passed.
        """
        if self._complete:  # only a disconnect can follow, without a deadline
            return await self._receive()
        message = await self._next()
        self.check(self._received)
        return message

    def closing(self, send: Send) -> Send:
        """Wraps ``send`` to close the connection after the response if the body is incomplete."""

        async def send_closing(message: Message) -> None:
            if self._complete:
                await send(message)
            elif message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                headers["Connection"] = "close"
                await send({**message, "headers": headers.raw})
            elif message.get("more_body", False):
                await send(message)
            else:
                self._unended = True
                await send({**message, "more_body": True})

        return send_closing

    async def end(self, send: Send) -> None:
        """End the response, when the rest of the body was dropped."""
        if self._unended:
            await self._drop_rest()
            await send(_END)

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            raise RequestTimeoutError(
                f"the request body did not arrive within {self._seconds:g} s"
            ) from error
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message

    async def _drop_rest(self) -> None:
        most = self._received + self._max_dropped
        try:
            while not self._complete and self._received < most:
                await self._next()
        except RequestTimeoutError:
            return


class _Replay:
    """Hands a received body to the app in pieces, so that parsing it does not hold up others."""

    def __init__(
        self, content: bytes, failure: Exception | None, rest: Receive, piece_bytes: int
    ) -> None:
        self._content = content
        self._piece_bytes = piece_bytes
        self._failure = failure
        self._at = 0
        self._rest = rest
        self._done = False

    async def receive(self) -> Message:
        """The next piece, then what follows the body; raises why there is no body."""
        if self._failure is not None:
            raise self._failure
        if self._done:
            return await self._rest()
        if self._at:
            await asyncio.sleep(0)
        piece = self._content[self._at : self._at + self._piece_bytes]
        self._at += len(piece)
        self._done = self._at >= len(self._content)
        if self._done:
            self._content = b""
        return {"type": "http.request", "body": piece, "more_body": not self._done}


def _check_coding(scope: Scope) -> None:
    coding = Headers(scope=scope).get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        raise UnsupportedFormatError(
            "the request body is compressed; it must be sent without Content-Encoding"
        )


def _declared_bytes(scope: Scope) -> int | None:
    """``Content-Length`` in bytes, 0 without a body; ``None`` for chunked bodies."""
    length: int | None = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value) if value.isdigit() else None
    return length


class ConcurrencyLimit:
    """Rejects requests with 503 while ``max_requests`` are in progress, except health checks."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._requests = Quota(settings.max_requests, settings.client_share, "requests")
        self._refusals = settings.max_refusals
        self._longest_pause = settings.wait_seconds
        self._paused: Counter[str] = Counter()
        metrics.follow(metrics.in_flight, lambda: self._requests.taken)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if within(scope["path"]) in HEALTH:
            await self._answer(scope, receive, send)
            return
        client = client_of(scope)
        try:
            self._requests.take(client)
        except SkiplensError as error:
            await self._pause(client)
            await error_response(error)(scope, receive, send)
            return
        try:
            await self._answer(scope, receive, send)
        finally:
            self._requests.give(client)

    async def _pause(self, client: str) -> None:
        """Longer for who is refused more, as some ask again at once: refusing is little work."""
        self._paused[client] += 1
        try:
            await asyncio.sleep(min(self._paused[client] / self._refusals, self._longest_pause))
        finally:
            self._paused[client] -= 1
            if not self._paused[client]:
                del self._paused[client]

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle HEAD like GET; the server leaves the body out."""
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send)
        finally:  # outer middleware reads what inner ones leave in the scope
            scope.update({**as_get, "method": "HEAD"})


class ComputingPlaces:
    """Lets few requests compute at a time, as more would only take turns; the others wait in
    order, and are answered 503 if that takes too long. One place is left for other clients if one
    has all the others. Health checks do not wait.

    The place is in the scope: requests with a body take it themselves, when the body is decoded.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        count = settings.computing
        self._places = Places(
            count,
            settings.max_requests,
            settings.wait_seconds,
            "requests",
            each=max(1, count - 1) if settings.client_share < 1 else count,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or within(scope["path"]) in HEALTH:
            await self._app(scope, receive, send)
            return
        scope["skiplens.place"] = place = Place(self._places, client_of(scope))

        async def send_freely(message: Message) -> None:
            if message["type"] == "http.response.body":
                place.give()  # whoever reads slowly keeps none; a stream takes it for its next part
            await send(message)

        try:
            if scope["method"] in SAFE_METHODS:
                await place.take()
                await asyncio.sleep(0)  # handlers that never wait still take turns with others
            await self._app(scope, receive, send_freely)
        except BusyError as error:
            await error_response(error)(scope, receive, send)
        finally:
            place.give()
