"""Reads HTTP/1.1 requests from the bytes of one connection, with httptools, within bounds."""

from collections.abc import Iterable
from typing import Final, Protocol
from urllib.parse import unquote

import httptools
from starlette.types import Scope

from skiplens.errors import OutOfResourcesError
from skiplens.settings import Settings
from skiplens.web.http.problems import Problem

_FIELD_BYTES: Final = 4  # around name and value
_CHUNK_BYTES: Final = 6  # around the least chunk
_NOT_HTTP: Final = Problem(400, "bad_request", "Bad request", "the request is not valid HTTP")
_HOST: Final = Problem(
    400, "bad_request", "Bad request", "a request must have one Host header, and no more than one"
)
_CODING: Final = Problem(
    501, "not_implemented", "Not implemented", "the only transfer coding understood is chunked"
)
_OVERHEAD: Final = Problem(
    400, "bad_request", "Bad request", "the chunks of the body are too small for their number"
)


class RefusedError(Exception):
    """The request is refused with this problem; with none, the connection closes."""

    def __init__(self, problem: Problem | None) -> None:
        self.problem = problem


class Receiver(Protocol):
    """Learns of each request, part by part; may raise :class:`RefusedError`."""

    def on_begin(self) -> None:
        """The first byte of a request has arrived."""

    def on_head(self, scope: Scope, *, keep_alive: bool, expects_continue: bool) -> None:
        """Request line and headers have arrived.

        Args:
            scope: of the request, without the addresses.
            keep_alive: whether the client may send another request afterwards.
            expects_continue: whether it waits for ``100 Continue`` before it sends the body.
        """

    def on_body(self, data: bytes) -> None:
        """A part of the body has arrived."""

    def on_end(self) -> None:
        """The request has arrived completely."""


class RequestParser:
    """Parses what one client sends; tells ``receiver`` of the requests.

    Headers are bounded as middleware looks through them again and again, the query as it is parsed
    more than once, and the content type as its parameters take long to parse.
    """

    def __init__(self, receiver: Receiver, settings: Settings) -> None:
        self._receiver = receiver
        self._settings = settings
        self._most = settings.max_head_bytes, settings.max_headers  # compared for every header
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_head = self._upgrading = False
        self._number = self._fields = self._head_bytes = 0
        self._raw_bytes = self._body_bytes = self._chunks = 0

    def feed(self, data: bytes) -> None:
        """Parse what has arrived.

        Raises:
            RefusedError: it is not HTTP, or exceeds a bound. Nothing can be parsed after it.
        """
        before = self._in_head, self._number
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            raised = error.__context__  # by a callback
            raise _refusal(raised) from None
        except MemoryError as error:
            raise _refusal(error) from None
        if before == (self._in_head, self._number):
            self._raw_bytes += len(data)
            self._check_overhead()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
            return
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        # Declined, as the server may (RFC 9110, 7.8). The parser takes the body for another
        # protocol, so a new one reads the request, without the offer.
        method = self._parser.get_method()
        if method == b"CONNECT":
            raise RefusedError(_NOT_HTTP)
        version = self._parser.get_http_version().encode()
        fields = [b"%b: %b\r\n" % field for field in self._headers if field[0] != b"upgrade"]
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self._url, version, b"".join(fields))
        self._upgrading = False
        self._parser = httptools.HttpRequestParser(self)
        self._parse(head + rest)

    def _check_overhead(self) -> None:
        """Refuse heads without end, and chunks that are mostly sizes and extensions."""
        if self._in_head and self._raw_bytes > self._settings.max_head_bytes:
            raise self._too_large()
        if not self._in_head:
            self._bound_overhead(self._raw_bytes - self._body_bytes)

    def _bound_overhead(self, size: int) -> None:
        settings = self._settings
        if size > settings.max_head_bytes + self._body_bytes * settings.max_chunk_share:
            raise RefusedError(_OVERHEAD)

    def _too_large(self) -> RefusedError:
        most = self._settings
        detail = (
            f"request line, headers and trailers may fill at most {most.max_head_bytes:,} bytes, "
            f"with at most {most.max_headers} headers, {most.max_parameters} query parameters and "
            f"{most.max_content_type_bytes} bytes of content type"
        )
        return RefusedError(Problem(431, "head_too_large", "Headers too large", detail))

    # What httptools calls

    def on_message_begin(self) -> None:
        """The first byte of a request has arrived."""
        self._receiver.on_begin()
        self._url, self._headers = b"", []
        self._number += 1
        self._in_head = True
        self._fields = self._head_bytes = self._raw_bytes = self._body_bytes = self._chunks = 0

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is dropped."""
        self._fields += 1
        self._count_head(len(name) + len(value) + _FIELD_BYTES)
        if self._in_head:
            self._headers.append((name.lower(), value))

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        most_bytes, most_fields = self._most
        if self._head_bytes > most_bytes or self._fields > most_fields:
            raise self._too_large()

    def on_headers_complete(self) -> None:
        """Request line and headers have arrived."""
        if self._parser.should_upgrade():
            self._upgrading = True
            return
        version = self._parser.get_http_version()
        expects = self._check_fields(self._headers, version)
        scope = self._scope(self._parser.get_method().decode("ascii"), version)
        self._in_head = False
        self._raw_bytes = 0
        self._receiver.on_head(
            scope, keep_alive=self._parser.should_keep_alive(), expects_continue=expects
        )

    def on_chunk_header(self) -> None:
        """The size of a chunk: a single read may have thousands."""
        self._chunks += 1
        self._bound_overhead(self._chunks * _CHUNK_BYTES)

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(data)
        self._receiver.on_body(data)

    def on_message_complete(self) -> None:
        """The request is here."""
        if not self._upgrading:
            self._receiver.on_end()

    def _scope(self, method: str, version: str) -> Scope:
        raw_path, _, query = self._url.partition(b"?")
        try:
            if raw_path[:1] != b"/" or b"#" in self._url:  # an absolute address, or none
                url = httptools.parse_url(self._url)
                raw_path, query = url.path, url.query or b""
            path = raw_path.decode("ascii")
        except (httptools.HttpParserError, UnicodeDecodeError, AttributeError) as error:
            raise RefusedError(_NOT_HTTP) from error
        if query.count(b"&") >= self._settings.max_parameters:
            raise self._too_large()
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "scheme": "http",
            "root_path": "",
            "method": method,
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._headers,
            "state": {},
        }

    def _check_fields(self, headers: Iterable[tuple[bytes, bytes]], version: str) -> bool:
        """Whether the client waits for ``100 Continue`` before it sends the body.

        Raises:
            RefusedError: ``Host`` is missing or doubled, there is an unknown transfer coding, or
                the content type is too long.
        """
        hosts, expects = 0, False
        for name, value in headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
                raise RefusedError(_CODING)
            elif name == b"content-type" and len(value) > self._settings.max_content_type_bytes:
                raise self._too_large()
            elif name == b"expect":
                expects = value.lower() == b"100-continue"
        if hosts > 1 or (not hosts and version != "1.0"):
            raise RefusedError(_HOST)
        return expects


def _refusal(raised: BaseException | None) -> RefusedError:
    """The error for a request that a callback or the parser did not accept."""
    if isinstance(raised, RefusedError):
        return raised
    lacking = None if raised is None else OutOfResourcesError.of(raised)
    return RefusedError(_NOT_HTTP if lacking is None else Problem.of(lacking))
