"""Access checks: host names, the origins of writes, the token, the codes of lessons."""

import hmac
import ipaddress
import re
import secrets
import socket
import time
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.datastructures import URL, Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from skiplens.settings import Settings
from skiplens.web.http.problems import Problem, ProblemResponse
from skiplens.web.links import CLASS, HEALTH, at, within

_UNKNOWN_HOST: Final = Problem(400, "unknown_host", "Unknown host", "this host is not served here")
_CROSS_SITE: Final = Problem(
    403, "cross_site", "Cross-site request", "POST requests from other sites are not accepted"
)
_HOST: Final = re.compile(rb"([\w.-]{1,253}|\[[\w.:%]{1,64}\])(:\d{1,5})?", re.ASCII)
_OPEN: Final = HEALTH - {"/metrics"}
_STATIC: Final = "/static/"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")
        if not self._is_own(host):
            await ProblemResponse(_UNKNOWN_HOST)(scope, receive, send)
        elif scope["method"] not in SAFE_METHODS and self._is_forged(Headers(scope=scope)):
            await ProblemResponse(_CROSS_SITE)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_own(self, given: bytes) -> bool:
        parts = _HOST.fullmatch(given)
        if parts is None:
            return False
        name = parts[1].decode("ascii").lower()
        if name in self._hosts or "*" in self._hosts:
            return True
        return self._addresses and _address(name) is not None

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


def is_unspecified(host: str) -> bool:
    """Whether a server that listens on this address listens on all of the machine's addresses."""
    address = _address(host)
    return address is not None and address.is_unspecified


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


_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
_CODE_LENGTH: Final = 8
_SIGNATURE_LENGTH: Final = 12  # 59 bits
_DAY_S: Final = 24 * 3600


def new_lesson(token: str) -> str:
    """A code that nobody guesses. With a token, it ends in a signature: whoever has the code may
    show a digit to its class, on this day and the next, and nothing else.
    """
    code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
    return code + _signature(token, code, lesson_day()) if token else code


def is_signed_lesson(lesson: str, token: str) -> bool:
    """Whether the code was made with this token, today or on the day before (UTC)."""
    code, given = lesson[:_CODE_LENGTH], lesson[_CODE_LENGTH:]
    today = lesson_day()
    now, before = (
        hmac.compare_digest(given.encode(), _signature(token, code, day).encode())
        for day in (today, today - 1)
    )
    return now or before


def _signature(token: str, code: str, day: int) -> str:
    digest = hmac.digest(token.encode(), f"lesson {code} {day}".encode(), "sha256")
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_SIGNATURE_LENGTH])


def lesson_day() -> int:
    """Days since 1970, UTC."""
    return int(time.time() // _DAY_S)


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
    any page sets whose address ends in ``?token=``. Liveness and readiness tell everyone, style
    sheets and scripts are public, and the signed code of a lesson opens the page of its class.

    Args:
        app: next ASGI app.
        token: what they know.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(within(scope["path"])):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = bearer if scheme.lower() == "bearer" else request.cookies.get(TOKEN_COOKIE, "")
        asked = request.query_params.get(_TOKEN_QUERY)
        if asked is not None and scope["method"] == "GET" and self._matches(asked):
            address = URL("/" + quote(scope["path"].lstrip("/"))).include_query_params(
                **{key: one for key, one in request.query_params.items() if key != _TOKEN_QUERY}
            )
            answer = RedirectResponse(str(address), HTTPStatus.SEE_OTHER)
            answer.set_cookie(
                TOKEN_COOKIE, asked, max_age=_YEAR_S, path=at("/"), httponly=True, samesite="lax"
            )
            await answer(scope, receive, send)
        elif self._matches(given):
            await self._app(scope, receive, send)
        else:
            await ProblemResponse(_NO_TOKEN)(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        if path in _OPEN or path.startswith(_STATIC):
            return True
        folder, _, lesson = path.rpartition("/")
        return folder == CLASS and is_signed_lesson(lesson, self._token.decode())

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
            allow_headers=["Authorization", "X-Request-ID"],
            expose_headers=["Location", "Retry-After", "Server-Timing", "X-Request-ID"],
        )
    ]
