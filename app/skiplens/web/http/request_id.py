"""The id of the current request, for logs and responses."""

import random
from contextvars import ContextVar
from typing import Final

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
