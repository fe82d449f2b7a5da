"""Renders templates: environment, theme, the API documentation page."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, ClassVar, Final, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse

from skiplens.errors import InvalidParameterError, quoted
from skiplens.settings import ROOT
from skiplens.web import links
from skiplens.web.http.caching import compressed
from skiplens.web.pages import format as fmt
from skiplens.web.pages.assets import Assets
from skiplens.web.uploads import read_form

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


def site_context(request: Request) -> Frame:
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


def safe_redirect_path(address: str) -> str:
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
        raise InvalidParameterError(f"theme must be system, light or dark; got {quoted(chosen)}")
    return Choice(Theme(chosen), back)


@router.post(links.THEME)
def choose(choice: Annotated[Choice, Depends(get_choice)]) -> RedirectResponse:
    """Keep the choice for a year, and lead back to the page."""
    response = RedirectResponse(safe_redirect_path(choice.back), HTTPStatus.SEE_OTHER)
    response.set_cookie(COOKIE, choice.theme.value, max_age=_YEAR, samesite="lax")
    return response


TEMPLATES: Final = ROOT / "templates"
HTML: Final = "text/html; charset=utf-8"
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True)
class NetworkLink:
    """A network to choose.

    Attributes:
        title: of the network.
        summary: one sentence about it.
        href: the page under way, with this network.
        current: whether it is the one shown.
    """

    title: str
    summary: str
    href: str
    current: bool


@dataclass(frozen=True)
class Page:
    """What every page needs; each subclass names its template.

    Attributes:
        title: of the document.
        networks: to choose from; empty where nothing is shown of any.
    """

    template: ClassVar[str]

    title: str
    networks: tuple[NetworkLink, ...]


class Renderer:
    """Renders pages.

    Args:
        assets: what ``asset("css/site.css")`` finds addresses in.
        most_bytes: of a file that is brought, for a script that looks before it sends one.
    """

    def __init__(self, assets: Assets, most_bytes: int) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            asset=assets.url, theme_url=links.THEME, most_bytes=most_bytes
        )
        self._environment.filters.update(
            number=fmt.number,
            percent=fmt.percent,
            thousands=fmt.thousands,
        )

    def html(self, page: Page, frame: Frame) -> str:
        """The page as HTML."""
        return self._environment.get_template(page.template).render(page=page, frame=frame)

    def respond(self, request: Request, page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """The page as an answer that is asked for again each time, and sent only if it changed.

        It is private to the visitor, whose theme it is in.
        """
        content = self.html(page, site_context(request)).encode()
        etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
        if status is HTTPStatus.OK and etag in request.headers.get("if-none-match", ""):
            return Response(status_code=_NOT_MODIFIED, headers=headers)
        return compressed(request, Response(content, status, headers, HTML))


class Respond(Protocol):
    """Answers the request under way with a page."""

    def __call__(self, page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """See :meth:`Renderer.respond`."""


async def get_respond(request: Request) -> Respond:
    """What a handler answers with."""
    return partial(request.app.state.renderer.respond, request)


RespondDep = Annotated[Respond, Depends(get_respond)]


@dataclass(frozen=True)
class DocsPage(Page):
    """The page that Swagger UI fills."""

    template: ClassVar[str] = "docs.html"
