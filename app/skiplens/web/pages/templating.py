"""Renders templates: environment, theme."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Protocol
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import RedirectResponse

from skiplens.core.manifest import Manifest
from skiplens.errors import InvalidParameterError, quoted
from skiplens.settings import ROOT
from skiplens.web import links
from skiplens.web.http.caching import compressed, etag_matches
from skiplens.web.pages import fmt, text
from skiplens.web.pages.assets import Assets
from skiplens.web.pages.figures import ramp_stops, row_tone
from skiplens.web.uploads import read_form

COOKIE: Final = "theme"
_YEAR: Final = 365 * 24 * 3600
_MAX_ADDRESS_LENGTH: Final = 2048
# A browser drops tabs and newlines and takes a backslash for a slash, so that `/\t/host` leaves.
_OWN_ADDRESS: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class Theme(StrEnum):
    """Colours of the site; by default those of the visitor's system."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class SiteContext:
    """Values that every page needs of the request."""

    theme: Theme
    address: str
    """Path and query of the page, to return to after the theme is changed."""
    origin: str
    """The server's address, as the visitor knows it: ``http://127.0.0.1:8000``."""
    is_embedded: bool = False
    """Whether another site shows the page in a frame and wants nothing but its figure."""


def site_context(request: Request) -> SiteContext:
    """The theme from the cookie, and the way back: the gallery after a POST."""
    theme = request.cookies.get(COOKIE)
    return SiteContext(
        Theme(theme) if theme in set(Theme) else Theme.SYSTEM,
        _address(request) if request.method == "GET" else links.at("/"),
        f"{request.base_url.scheme}://{request.base_url.netloc}",
        "embed" in request.query_params,
    )


def _address(request: Request) -> str:
    path = quote(request.scope["path"], safe="/:@!,;=~.-_+()")
    query = quote(request.scope["query_string"], safe="/:@!,;=~.-_+()%&?")
    return f"{path}?{query}" if query else path


def safe_redirect_path(address: str) -> str:
    """The address if it is on this site, else the home page."""
    own = len(address) <= _MAX_ADDRESS_LENGTH and _OWN_ADDRESS.fullmatch(address)
    return address if own else links.at("/")


router = APIRouter(include_in_schema=False)


@router.post(links.THEME)
async def set_theme(request: Request) -> RedirectResponse:
    """Store the theme of the header's form in a cookie for a year, and return to its page.

    Raises:
        InvalidParameterError: there is no such theme.
    """
    form = await read_form(request, files=0, holding="the fields theme and back")
    theme, back = str(form.get("theme", "")), str(form.get("back", ""))
    if theme not in set(Theme):
        raise InvalidParameterError(f"theme must be system, light or dark; got {quoted(theme)}")
    response = RedirectResponse(safe_redirect_path(back), HTTPStatus.SEE_OTHER)
    response.set_cookie(COOKIE, theme, max_age=_YEAR, path=links.at("/"), samesite="lax")
    return response


TEMPLATES: Final = ROOT / "templates"
HTML: Final = "text/html; charset=utf-8"
_NOT_MODIFIED: Final = 304


NetworkLinks = tuple[tuple[Manifest, str, bool], ...]
"""Networks to choose from: the address of each, and whether it is the current one."""


@dataclass(frozen=True)
class Page:
    """A page, the file name of its template, and what that shows, read as attributes."""

    template: str
    title: str
    part: str = field(default="", kw_only=True)
    """The part of the site that it belongs to."""
    values: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # templates read any type
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def sections(self) -> tuple[tuple[str, str], ...]:
        """Parts of the site: name and address."""
        return ()

    @property
    def card(self) -> str | None:
        """A picture of the page, for sites on which its address is shared."""
        return None

    @property
    def networks(self) -> NetworkLinks:
        """The networks of the header; none on a page that is about no network."""
        return ()


def create_environment() -> Environment:
    """Templates, with filters for numbers and texts, and the display options."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        auto_reload=False,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=fmt.number,
        percent=fmt.percent,
        thousands=fmt.thousands,
        cosine=fmt.cosine,
        bar=fmt.bar,
        join_and=fmt.join_and,
        pluralise=fmt.pluralise,
        provenance=text.describe_provenance,
        ramp_stops=ramp_stops,
        still=still,
        row_tone=row_tone,
        symbol=text.symbol,
        symbols=text.symbols_of_block,
        tone=text.tone,
    )
    environment.globals.update(
        default=links.DEFAULT, sharing=text.SHARING, sorting=text.SORTING, palettes=text.PALETTES
    )
    return environment


_IDS: Final = re.compile(r' (id|for|aria-labelledby|aria-describedby)="([^"]*)"')
_WAITING: Final = re.compile(
    r'</?noscript[^>]*>|<svg class="picture-room[^>]*></svg>| data-numbers="[^"]*"'
)


def still(figure: Markup, prefix: str) -> Markup:
    """A figure among others on paper: with all its pictures and details, with ids of its own, and
    without navigation, which each page has once.
    """

    def prefixed(found: re.Match[str]) -> str:
        ids = " ".join(f"{prefix}-{one}" for one in found[2].split())
        return f' {found[1]}="{ids}"'

    plain = str(figure).replace("<nav ", '<div role="group" ').replace("</nav>", "</div>")
    plain = plain.replace("<details ", "<details open ")
    return Markup(_IDS.sub(prefixed, _WAITING.sub("", plain)))  # noqa: S704  # it was escaped


class Renderer:
    """Renders pages; the script checks that an uploaded file has at most ``most_bytes``."""

    def __init__(self, assets: Assets, most_bytes: int) -> None:
        self._environment = create_environment()
        self._environment.globals.update(
            asset=assets.url,
            input_png=links.input_png,
            themes=tuple(Theme),
            at=links.at,
            most_bytes=most_bytes,
        )

    def html(self, page: Page, site: SiteContext) -> str:
        """The page as HTML."""
        return self._environment.get_template(page.template).render(page=page, site=site)

    def respond(self, request: Request, page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """The page, private to the visitor, revalidated by ETag each time."""
        content = self.html(page, site_context(request)).encode()
        etag = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
        if status is HTTPStatus.OK and etag_matches(etag, request.headers):
            return Response(status_code=_NOT_MODIFIED, headers=headers)
        return compressed(request, Response(content, status, headers, HTML))


class Respond(Protocol):
    """Answers the request with a page, as :meth:`Renderer.respond` does."""

    def __call__(self, page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """The response."""


async def get_respond(request: Request) -> Respond:
    """The renderer, for this request."""
    return partial(request.app.state.renderer.respond, request)


RespondDep = Annotated[Respond, Depends(get_respond)]
