"""The request under way: its id, known to everything that logs or answers."""

import random
from contextvars import ContextVar
from typing import Final

REQUEST_ID_HEADER: Final = b"x-request-id"

_request_id: Final[ContextVar[str]] = ContextVar("request_id", default="-")


def request_id() -> str:
    """The id of the request under way, ``-`` outside of any."""
    return _request_id.get()


def new_request_id() -> str:
    """An id for a request that brings none: 16 hexadecimal digits, and no secret."""
    return f"{random.getrandbits(64):016x}"


def set_request_id(value: str) -> None:
    """Name the request under way; each runs in a context of its own."""
    _request_id.set(value)
