"""Turns a typed context into a page: one frozen dataclass for each template."""

import hashlib
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, ClassVar, Final, Protocol

from fastapi import Depends, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.settings import ROOT
from app.web import urls
from app.web.pages import wording
from app.web.pages.assets import Assets
from app.web.pages.theme import Frame, frame_of
from app.web.responses import compressed

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
        assets: what ``asset("css/base.css")`` finds addresses in.
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
            asset=assets.url, theme_url=urls.THEME, most_bytes=most_bytes
        )
        self._environment.filters.update(
            number=wording.number,
            percent=wording.percent,
            thousands=wording.thousands,
        )

    def html(self, page: Page, frame: Frame) -> str:
        """The page as HTML."""
        return self._environment.get_template(page.template).render(page=page, frame=frame)

    def respond(self, request: Request, page: Page, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """The page as an answer that is asked for again each time, and sent only if it changed.

        It is private to the visitor, whose theme it is in.
        """
        content = self.html(page, frame_of(request)).encode()
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
