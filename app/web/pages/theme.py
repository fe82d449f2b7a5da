"""Light, dark or as the system has it: a cookie says which, a form in the header sets it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse

from app.errors import InvalidParameterError, shown
from app.web import urls
from app.web.forms import read_form

COOKIE: Final = "theme"
_YEAR: Final = 365 * 24 * 3600
_FIELDS: Final = 4
_LONGEST: Final = 2048  # characters of an address to lead back to
# A browser drops tabs and newlines and takes a backslash for a slash, so that `/\t/host` leaves.
_OWN_ADDRESS: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class Theme(StrEnum):
    """What the colours are chosen by."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Frame:
    """What is around a page whatever it shows.

    Attributes:
        theme: of the visitor's choice.
        here: path and query of the page, where the choice of a theme leads back to.
    """

    theme: Theme
    here: str

    @property
    def themes(self) -> tuple[Theme, ...]:
        """To choose from."""
        return tuple(Theme)


def frame_of(request: Request) -> Frame:
    """The frame of the page that a request asks for.

    What answers a POST is no page to come back to: its frame leads to the gallery.
    """
    chosen = request.cookies.get(COOKIE)
    theme = Theme(chosen) if chosen in set(Theme) else Theme.SYSTEM
    return Frame(theme, _here(request) if request.method == "GET" else "/")


def _here(request: Request) -> str:
    path = quote(request.scope["path"], safe="/:@!,;=~.-_+()")
    query = quote(request.scope["query_string"], safe="/:@!,;=~.-_+()%&?")
    return f"{path}?{query}" if query else path


def back_to(address: str) -> str:
    """The address, if it is one of this site; else the gallery of a sample."""
    own = len(address) <= _LONGEST and _OWN_ADDRESS.fullmatch(address)
    return address if own else "/"


router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Choice:
    """What the form in the header sends: a theme, and the address to lead back to."""

    theme: Theme
    back: str


async def get_choice(request: Request) -> Choice:
    """What was chosen.

    Raises:
        InvalidParameterError: no theme there is.
    """
    holding = "the fields theme and back"
    form = await read_form(request, files=0, fields=_FIELDS, holding=holding)
    chosen, back = str(form.get("theme", "")), str(form.get("back", "/"))
    if chosen not in set(Theme):
        raise InvalidParameterError(f"theme must be system, light or dark; got {shown(chosen)}")
    return Choice(Theme(chosen), back)


@router.post(urls.THEME)
def choose(choice: Annotated[Choice, Depends(get_choice)]) -> RedirectResponse:
    """Keep the choice for a year, and lead back to the page."""
    response = RedirectResponse(back_to(choice.back), HTTPStatus.SEE_OTHER)
    response.set_cookie(COOKIE, choice.theme.value, max_age=_YEAR, samesite="lax")
    return response
