"""Security headers, host and origin checks, request ids on responses."""

import hmac
import ipaddress
import re
import socket
from http import HTTPStatus
from typing import Final

from starlette.datastructures import URL, Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skiplens.settings import Settings
from skiplens.web.http.problems import Problem, ProblemResponse
from skiplens.web.http.request_id import REQUEST_ID_HEADER, new_request_id, set_request_id
from skiplens.web.links import HEALTH, within

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
        # With no-referrer, browsers would send "Origin: null" with the forms of these pages.
        ("referrer-policy", "same-origin"),
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
_OPEN: Final = HEALTH - {"/metrics"}
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MANY_NAMES: Final = 1000


class HostAndOriginCheck:
    """Rejects requests for other hosts (DNS rebinding), and writes from other sites (CSRF).

    Unless told which host names are its own, a server that listens on the loopback interface alone
    answers to the names of that, and another one also to addresses and to the machine's name:
    whoever rebinds a name cannot choose these.

    Args:
        app: next ASGI app.
        settings: name the hosts, ``*`` for all, and other sites that may send POST requests.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        names = settings.allowed_hosts
        self._hosts = frozenset(name.lower() for name in names or _own_names(settings.host))
        self._addresses = not names and not is_loopback(settings.host)
        self._origins = frozenset(settings.cors_origins)
        self._known: set[bytes] = set()  # Host headers that were found to be its own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        if not self._is_own(host):
            await ProblemResponse(_UNKNOWN_HOST)(scope, receive, send)
        elif scope["method"] not in _SAFE_METHODS and self._is_forged(Headers(scope=scope)):
            await ProblemResponse(_CROSS_SITE)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_own(self, given: bytes) -> bool:
        if given in self._known:
            return True
        host = given.decode("latin-1").lower()
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        own = name in self._hosts or "*" in self._hosts
        own = own or (self._addresses and _address(name) is not None)
        if own and len(self._known) < _MANY_NAMES:
            self._known.add(given)
        return own

    def _is_forged(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site")  # which no page can set
        if origin in self._origins or site == "same-origin":
            return False
        if site == "cross-site":
            return True
        # Browsers leave Sec-Fetch-Site out where the address is plain http on a local network.
        return origin is not None and origin.partition("://")[2] != headers.get("host", "")


_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach a server that listens on this address."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _own_names(host: str) -> tuple[str, ...]:
    address = _address(host)
    if is_loopback(host):
        own = f"[{host}]" if address is not None and address.version == _IPV6 else host
        return (*_LOOPBACK_NAMES, own)
    return (*_LOOPBACK_NAMES, host.lower(), socket.gethostname().lower())


_IPV6: Final = 6


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None


TOKEN_COOKIE: Final = "skiplens_token"  # noqa: S105  # its name
_TOKEN_QUERY: Final = "token"  # noqa: S105  # its name
_YEAR_S: Final = 365 * 24 * 3600
_NO_TOKEN: Final = Problem(
    401,
    "token_needed",
    "Token needed",
    "this server needs its token: for programs in the header `Authorization: Bearer TOKEN`, in a "
    "browser once as `?token=TOKEN` at the end of the address",
    {"WWW-Authenticate": "Bearer"},
)


class TokenCheck:
    """Answers only those who know the token: as a bearer, or as a cookie that
    any page sets whose address ends in ``?token=``. Liveness and readiness tell everyone.

    Args:
        app: next ASGI app.
        token: what they know.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or within(scope["path"]) in _OPEN:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer if scheme.lower() == "bearer" else request.cookies.get(TOKEN_COOKIE, "")
        asked = request.query_params.get(_TOKEN_QUERY)
        if asked is not None and scope["method"] == "GET" and self._matches(asked):
            address = URL("/" + scope["path"].lstrip("/")).include_query_params(
                **{key: one for key, one in request.query_params.items() if key != _TOKEN_QUERY}
            )
            answer = RedirectResponse(str(address), HTTPStatus.SEE_OTHER)
            answer.set_cookie(TOKEN_COOKIE, asked, max_age=_YEAR_S, httponly=True, samesite="lax")
            await answer(scope, receive, send)
        elif self._matches(given):
            await self._app(scope, receive, send)
        else:
            await ProblemResponse(_NO_TOKEN)(scope, receive, send)

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token)


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


def _headers_for(frame_ancestors: tuple[str, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """The security headers where these sites may show pages in a frame."""
    if not frame_ancestors:
        return HEADERS
    policy = CONTENT_SECURITY_POLICY.replace(
        "frame-ancestors 'none'", f"frame-ancestors {' '.join(frame_ancestors)}"
    )
    return ((b"content-security-policy", policy.encode()), *HEADERS[1:])


_OF_THIS_SITE: Final = (b"cross-origin-resource-policy", b"same-origin")
_OF_ANY_SITE: Final = (b"cross-origin-resource-policy", b"cross-origin")


class ResponseHeaders:
    """Sets the request id in the context; adds it and the security headers to every response.

    Args:
        app: next ASGI app.
        frame_ancestors: other sites that may show pages in a frame.
        shared_pictures: whether any site may show the pictures.
    """

    def __init__(
        self, app: ASGIApp, frame_ancestors: tuple[str, ...] = (), *, shared_pictures: bool = False
    ) -> None:
        self._app = app
        self._headers = _headers_for(frame_ancestors)
        self._picture_headers = self._headers
        if shared_pictures:
            kept = (header for header in self._headers if header != _OF_THIS_SITE)
            self._picture_headers = (*kept, _OF_ANY_SITE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = _received_id(scope) or new_request_id()
        set_request_id(chosen)
        is_picture = scope["path"].endswith(".png")
        headers = self._picture_headers if is_picture else self._headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                named = (REQUEST_ID_HEADER, chosen.encode())
                message["headers"] = [*message["headers"], *headers, named]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _received_id(scope: Scope) -> str:
    """The request's own id, as proxies set it; empty if there is none or it is malformed."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID_HEADER and _ACCEPTED.fullmatch(value):
            return str(value, "ascii")
    return ""
