"""Errors as pages, for people: the same status and headers, HTML in place of problem+json."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import UnknownDigitError
from app.service.services import Services
from app.web import urls
from app.web.pages.rendering import HTML, Page, Renderer
from app.web.pages.samples import Samples, sample_links
from app.web.pages.theme import frame_of
from app.web.problems import MEDIA_TYPE, Problem
from app.web.urls import API

_ADVICE: Final[dict[int, str]] = {
    404: "The address may be mistyped. Everything there is can be reached from the gallery.",
    408: "The connection may be slow. Try again, or try a smaller image.",
    413: "Crop the image to the digit, or save it smaller, and try again.",
    415: "Save the image as PNG, JPEG, GIF, WEBP or BMP and try again.",
    422: "Nothing was changed. Go back and try something else.",
    503: "It is not you: too many people are looking at once. The page comes as soon as it can.",
}
_EXPIRED: Final = (
    "Digits are kept while there is room, then the oldest unused goes: this one may have gone. "
    "Bring it again, and it has the same address; or take one of these."
)
_USUAL_ADVICE: Final = "The log of the server has the details, under the number below."


@dataclass(frozen=True)
class ErrorPage(Page):
    """An error.

    Attributes:
        status: of the answer.
        heading: what went wrong, in a word or two.
        detail: what was given and what is allowed.
        advice: what to do about it.
        request_id: names the request in the log.
        again: seconds after which the page may be asked for again; nothing where that is no use.
        samples: digits to take instead of one that is gone.
    """

    template: ClassVar[str] = "error.html"

    status: int
    heading: str
    detail: str
    advice: str
    request_id: str
    again: int | None = None
    samples: Samples | None = None


def error_page(problem: Problem, again: int | None, samples: Samples | None) -> ErrorPage:
    """The page of a problem."""
    advice = _ADVICE.get(problem.status, _USUAL_ADVICE)
    return ErrorPage(
        title=problem.title,
        networks=(),
        status=problem.status,
        heading=problem.title,
        detail=problem.detail[:1].upper() + problem.detail[1:].rstrip(".") + ".",
        advice=_EXPIRED if problem.code == UnknownDigitError.code else advice,
        request_id=problem.request_id,
        again=again,
        samples=samples,
    )


class ErrorPages:
    """Rewrites problems outside the API for clients that ask for HTML.

    It stands outside of every other middleware, so that their refusals become pages too.

    Args:
        app: what answers.
        renderer: renders the page.
    """

    def __init__(self, app: ASGIApp, renderer: Renderer) -> None:
        self._app = app
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and _wants_page(scope):
            await self._app(scope, receive, self._rewriting(Request(scope), send))
        else:
            await self._app(scope, receive, send)

    def _rewriting(self, request: Request, send: Send) -> Send:
        start: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._send_page(request, start, body, send)

        return send_page

    async def _send_page(self, request: Request, start: Message, body: bytes, send: Send) -> None:
        problem = Problem.model_validate_json(body)
        headers = MutableHeaders(raw=list(start["headers"]))
        again = int(headers["Retry-After"]) if "Retry-After" in headers else None
        page = error_page(
            problem,
            again if request.method == "GET" else None,
            _samples(request) if problem.code == UnknownDigitError.code else None,
        )
        content = self._renderer.html(page, frame_of(request)).encode()
        headers["Content-Type"] = HTML
        headers["Content-Length"] = str(len(content))
        headers["Vary"] = "Accept, Cookie"
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": content})


def _samples(request: Request) -> Samples:
    """The samples, in the network that the digit was looked for in."""
    services: Services = request.app.state.services
    network = request.path_params.get("network", services.catalogue.default)
    return sample_links(services.digits.samples, "", lambda digit: urls.gallery(network, digit))


def _wants_page(scope: Scope) -> bool:
    api = scope["path"] == API or scope["path"].startswith(f"{API}/")
    return not api and "text/html" in Headers(scope=scope).get("accept", "")


def _is_problem(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] >= HTTPStatus.BAD_REQUEST and headers.get("content-type", "").startswith(
        MEDIA_TYPE
    )
