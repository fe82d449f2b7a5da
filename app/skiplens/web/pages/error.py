"""The page of a problem: what went wrong, and what to do about it."""

from typing import Final

from fastapi import Request, Response

from skiplens.errors import NoDatasetError, UnknownDigitError
from skiplens.service.services import Services
from skiplens.web import links
from skiplens.web.http.headers import request_id
from skiplens.web.http.problems import Problem
from skiplens.web.pages.digit_tiles import Samples, sample_links
from skiplens.web.pages.network_page import SitePage
from skiplens.web.pages.templating import HTML, site_context

_ADVICE: Final[dict[int, str]] = {
    404: "The address may be mistyped. Start from the gallery.",
    408: "The connection may be slow. Try again, or try a smaller image.",
    413: "Crop the image to the digit, or save it smaller, and try again.",
    415: "Save the image as PNG, JPEG, GIF, WEBP or BMP and try again.",
    422: "Nothing was changed. Go back and try another value.",
    503: "The server is busy. Try again in a moment.",
}
_ADVICE_BY_CODE: Final[dict[str, str]] = {
    UnknownDigitError.code: "The least recently used digits are deleted to make room, and this one "
    "may have been. Upload it again, and it has the same address; or choose a sample.",
    NoDatasetError.code: "This page shows how a network classifies MNIST's test digits. "
    "The server does not have them, or this network classifies other images.",
}
_DEFAULT_ADVICE: Final = "The server's log has the details, under the request number below."


def error_page(
    problem: Problem, services: Services, again: int | None, samples: Samples | None
) -> SitePage:
    """The page of a problem, and what to do about it.

    Args:
        problem: what went wrong.
        services: of the server.
        again: seconds to wait before the page is requested again, if that can help.
        samples: digits to choose instead of one that was deleted.
    """
    by_status = _ADVICE.get(problem.status, _DEFAULT_ADVICE)
    values = {
        "status": problem.status,
        "detail": problem.detail[:1].upper() + problem.detail[1:].rstrip(".") + ".",
        "advice": _ADVICE_BY_CODE.get(problem.code, by_status),
        "request_id": request_id(),
        "again": again,
        "samples": samples,
    }
    return SitePage("error.html", problem.title, values=values, services=services)


def problem_page(request: Request, problem: Problem) -> Response:
    """A problem as a page, for :attr:`app.state.problem_page`."""
    page = error_page(
        problem,
        request.app.state.services,
        problem.retry_after if request.method == "GET" else None,
        _samples(request) if problem.code == UnknownDigitError.code else None,
    )
    content = request.app.state.renderer.html(page, site_context(request))
    headers = problem.headers | {"Vary": "Accept, Cookie"}
    return Response(content, problem.status, headers, HTML)


def _samples(request: Request) -> Samples:
    """The samples, in the network of the address."""
    services: Services = request.app.state.services
    network = request.path_params.get("network", services.registry.for_digits)
    return sample_links(services.digits.samples, "", lambda digit: links.gallery(network, digit))
