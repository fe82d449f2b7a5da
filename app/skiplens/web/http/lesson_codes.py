"""Codes of lessons: on a server with a token, they open the page of a class to whoever has them."""

import hmac
import secrets
import time
from typing import Final

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
