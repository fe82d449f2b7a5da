"""Security headers, host and origin checks, request ids on responses."""

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens.web.http.problems import Problem, ProblemResponse
from skiplens.web.http.request_id import REQUEST_ID_HEADER, new_request_id, set_request_id

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)
_FEATURES: Final = (
    "accelerometer",
    "camera",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "payment",
    "usb",
)
HEADERS: Final = tuple(
    (name.encode(), value.encode())
    for name, value in (
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            ", ".join(f"{feature}=()" for feature in _FEATURES),
        ),
    )
)
_UNKNOWN_HOST: Final = Problem(400, "unknown_host", "Unknown host", "this host is not served here")
_CROSS_SITE: Final = Problem(
    403, "cross_site", "Cross-site request", "POST requests from other sites are not accepted"
)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class HostAndOriginCheck:
    """Rejects requests for other hosts, and cross-site POST requests (CSRF).

    Args:
        app: next ASGI app.
        hosts: allowed host names; ``*`` allows all.
        origins: other sites that may send POST requests.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], origins: tuple[str, ...]) -> None:
        self._app = app
        self._all_hosts = "*" in hosts
        self._hosts = frozenset(host.lower().encode() for host in hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not (self._all_hosts or _host(scope) in self._hosts):
            await ProblemResponse(_UNKNOWN_HOST)(scope, receive, send)
        elif scope["method"] not in _SAFE_METHODS and self._is_forged(Headers(scope=scope)):
            await ProblemResponse(_CROSS_SITE)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_forged(self, headers: Headers) -> bool:
        cross = headers.get("sec-fetch-site") == "cross-site"
        return cross and headers.get("origin") not in self._origins


def _host(scope: Scope) -> bytes:
    """The host that the request names, in lower case and without a port."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: bytes = value.lower()
            return host if host.endswith(b"]") else host.rsplit(b":", 1)[0]
    return b""


def cross_origin(origins: tuple[str, ...]) -> list[Middleware]:
    """CORS for the given sites; nothing without any."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["X-Request-ID"],
            expose_headers=["Location", "Retry-After", "Server-Timing", "X-Request-ID"],
        )
    ]


_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class ResponseHeaders:
    """Sets the request id in the context; adds it and the security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = _received_id(scope) or new_request_id()
        set_request_id(chosen)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                named = (REQUEST_ID_HEADER, chosen.encode())
                message["headers"] = [*message["headers"], *HEADERS, named]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _received_id(scope: Scope) -> str:
    """The request's own id, as proxies set it; empty if there is none or it is malformed."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER and _ACCEPTED.fullmatch(value):
            return str(value, "ascii")
    return ""
