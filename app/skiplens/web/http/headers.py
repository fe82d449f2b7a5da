"""Security headers and request ids on responses."""

import random
import re
from contextvars import ContextVar
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID_HEADER: Final = b"x-request-id"

_request_id: Final[ContextVar[str]] = ContextVar("request_id", default="-")


def request_id() -> str:
    """The id of the current request; ``-`` outside of requests."""
    return _request_id.get()


def new_request_id() -> str:
    """A new id of 16 hexadecimal digits; it need not be unpredictable."""
    return f"{random.getrandbits(64):016x}"


def set_request_id(value: str) -> None:
    """Set the id of the current request; each request has its own context."""
    _request_id.set(value)


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
