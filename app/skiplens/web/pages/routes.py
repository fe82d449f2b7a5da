"""Routes of the pages."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from skiplens.core.colormaps import colours
from skiplens.core.digit import SIDE
from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import ID_LENGTH
from skiplens.core.share_card import draw_card
from skiplens.errors import NoDatasetError, UnknownDigitError
from skiplens.service.digit_store import MOST_SHARED, DigitRecord
from skiplens.service.images import GridOptions, layer_grid
from skiplens.service.registry import check_filter, find_layer
from skiplens.service.services import Services
from skiplens.web import links
from skiplens.web.api.dataset import BrowsingDep, FilterIndex
from skiplens.web.http.caching import PNG, immutable_response, versioned_response
from skiplens.web.http.problems import Problem
from skiplens.web.http.request_id import request_id
from skiplens.web.pages import format as fmt
from skiplens.web.pages.block import BY_INDEX, Order, block_page
from skiplens.web.pages.classic import classic_page
from skiplens.web.pages.common import Samples, SitePage, prediction_view, sample_links
from skiplens.web.pages.compare import ComparedDep, compare_page
from skiplens.web.pages.context import (
    PageContext,
    PageContextDep,
    get_network_context,
    get_page_context,
)
from skiplens.web.pages.dataset import dataset_page
from skiplens.web.pages.depth import depth_page
from skiplens.web.pages.docs import docs_page
from skiplens.web.pages.figures import filter_kernel_grid
from skiplens.web.pages.filter import filter_page
from skiplens.web.pages.gallery import gallery_page
from skiplens.web.pages.layer import layer_page
from skiplens.web.pages.learn.classroom import class_origin, new_lesson
from skiplens.web.pages.learn.steps import HANDOUT, HandoutDep, LearnPageDep
from skiplens.web.pages.templating import HTML, RespondDep, origin_of, site_context
from skiplens.web.pages.unit import UnitQueryDep
from skiplens.web.parameters import (
    BlockDep,
    LayerDep,
    NetworkDep,
    ServicesDep,
    ViewDep,
    parse_scales,
)
from skiplens.web.uploads import CandidatesDep, NetworkQuery, store

_ADVICE: Final[dict[int, str]] = {
    404: "The address may be mistyped. Start from the gallery.",
    408: "The connection may be slow. Try again, or try a smaller image.",
    413: "Crop the image to the digit, or save it smaller, and try again.",
    415: "Save the image as PNG, JPEG, GIF, WEBP or BMP and try again.",
    422: "Nothing was changed. Go back and try another value.",
    503: "The server is busy. This page will reload automatically.",
}
_ADVICE_BY_CODE: Final[dict[str, str]] = {
    UnknownDigitError.code: "The least recently used digits are deleted to make room, and this one "
    "may have been. Upload it again, and it has the same address; or choose a sample.",
    NoDatasetError.code: "This page shows how a network classifies MNIST's test digits. "
    "The server does not have them.",
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
    network = request.path_params.get("network", services.registry.default)
    return sample_links(services.digits.samples, "", lambda digit: links.gallery(network, digit))


async def get_origin(request: Request) -> str:
    """See :func:`origin_of`."""
    return origin_of(request)


OriginDep = Annotated[str, Depends(get_origin)]

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get("/")
def home(
    respond: RespondDep, origin: OriginDep, services: ServicesDep, parameters: ViewDep
) -> Response:
    """The gallery of the default network on a sample."""
    engine = services.registry.networks[0]
    stored = services.default_input(engine.manifest)
    scales = parse_scales(engine.manifest, parameters.scale)
    forward = services.runner.run(engine, stored.digit, scales)
    context = get_page_context(services, engine, stored, forward, parameters)
    return respond(gallery_page(context, origin))


@router.get(links.gallery("{network}", "{digit}"))
def gallery(respond: RespondDep, origin: OriginDep, context: PageContextDep) -> Response:
    """A digit in a network, layer by layer."""
    return respond(gallery_page(context, origin))


@router.get(links.layer_page("{network}", "{digit}", "{layer}"))
def layer(
    respond: RespondDep,
    origin: OriginDep,
    context: PageContextDep,
    layer: LayerDep,
    page: int = 1,
) -> Response:
    """One layer, filter by filter."""
    return respond(layer_page(context, layer, origin, page))


@router.get(links.filter_page("{network}", "{digit}", "{layer}", "{index}"))
def filter_(
    respond: RespondDep,
    origin: OriginDep,
    context: PageContextDep,
    layer: LayerDep,
    index: FilterIndex,
    query: UnitQueryDep,
) -> Response:
    """One filter, and how one of its values is computed."""
    return respond(filter_page(context, layer, check_filter(layer, index), query, origin))


@router.get(links.block_page("{network}", "{digit}", "{block}"))
def block(
    respond: RespondDep,
    origin: OriginDep,
    context: PageContextDep,
    block: BlockDep,
    order: Order = BY_INDEX,
) -> Response:
    """What a block adds to its input."""
    return respond(block_page(context, block, order, origin))


@router.get(links.depth_page("{network}", "{digit}"))
def depth(
    respond: RespondDep,
    context: PageContextDep,
    target: int | None = None,
    beside: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Block by block."""
    return respond(depth_page(context, target, beside or None))


@router.get(links.classic_page("{network}", "{digit}"))
def classic(respond: RespondDep, context: PageContextDep) -> Response:
    """The 2016 figures, corrected; 404 if the network has no such blocks."""
    page = classic_page(context)
    status = HTTPStatus.OK if page.blocks else HTTPStatus.NOT_FOUND
    return respond(page, status)


@router.get(links.dataset_page("{network}"))
def dataset(
    respond: RespondDep,
    context: Annotated[PageContext, Depends(get_network_context)],
    browsing: BrowsingDep,
) -> Response:
    """The test set, as a network classifies it, beside an input."""
    return respond(dataset_page(context, browsing))


@router.get(links.COMPARE)
def compare(
    respond: RespondDep,
    compared: ComparedDep,
    layer: Annotated[str | None, Query(max_length=128)] = None,
    layer_b: Annotated[str | None, Query(max_length=128)] = None,
) -> Response:
    """Two inputs in one network, or two networks."""
    context, b = compared
    return respond(compare_page(context, b, layer, layer_b))


@router.get(links.learn_page(HANDOUT))
def handout(respond: RespondDep, page: HandoutDep) -> Response:
    """The whole story, to be printed."""
    return respond(page)


@router.get(links.LEARN)
@router.get(links.learn_page("{step}"))
def learn(request: Request, respond: RespondDep, page: LearnPageDep) -> Response:
    """A step of the story. Presented where a class can come in, it gets the code of a lesson."""
    if page.is_presented and not page.lesson and class_origin(request):
        query = [*request.query_params.multi_items(), ("lesson", new_lesson())]
        headers = {"Cache-Control": "no-store"}
        return RedirectResponse(f"?{urlencode(query)}", HTTPStatus.SEE_OTHER, headers)
    return respond(page)


@router.post(links.UPLOAD)
async def upload(
    request: Request,
    candidates: CandidatesDep,
    services: ServicesDep,
    parameters: ViewDep,
    network: NetworkQuery = None,
) -> Response:
    """Store a digit and redirect to its gallery, for a form without a script."""
    engine = services.registry.network(network or services.registry.default)
    scales = parse_scales(engine.manifest, parameters.scale)
    stored = await store(request, candidates)
    view = parameters.view(engine.manifest, stored.digit.id, scales)
    return RedirectResponse(view.gallery(), HTTPStatus.SEE_OTHER)


@router.get("/docs")
def docs(request: Request, services: ServicesDep, respond: RespondDep) -> Response:
    """The API's reference."""
    return respond(docs_page(services, request.app.openapi()))


@router.get(links.SAMPLES_PNG)
def samples_png(request: Request, services: ServicesDep) -> Response:
    """All samples in a row, in the order of the API's list."""
    return _sheet(request, services.digits.samples.values())


@router.get(links.DIGITS_PNG)
def digits_png(
    request: Request,
    services: ServicesDep,
    digits: Annotated[str, Query(max_length=MOST_SHARED * (ID_LENGTH + 1))],
) -> Response:
    """Digits in a row, by their ids."""
    request.scope["skiplens.private"] = True
    return _sheet(request, map(services.digits.get, digits.split(",")))


def _sheet(request: Request, digits: Iterable[DigitRecord]) -> Response:
    pixels = [stored.digit.fitted((SIDE, SIDE, 1), "pad") for stored in digits]
    sheet = np.hstack(pixels) if pixels else np.zeros((SIDE, SIDE), np.uint8)
    return immutable_response(request, encode_grey(sheet), PNG)


@router.get(links.filter_kernel_png("{network}", "{layer}", "{index}"))
def filter_kernel_png(
    request: Request, engine: NetworkDep, layer: LayerDep, index: FilterIndex, parameters: ViewDep
) -> Response:
    """The kernel of one filter."""
    grid = filter_kernel_grid(engine, layer, index, parameters.palette)
    return versioned_response(request, grid.png(), engine.manifest.version)


@router.get(links.card_png("{network}", "{digit}"))
def card_png(
    request: Request,
    context: PageContextDep,
    layer: Annotated[str | None, Query(max_length=128)] = None,
) -> Response:
    """The card of a view: the input, maps of a layer, and the prediction."""
    manifest, forward = context.engine.manifest, context.forward
    featured = [block.output for block in manifest.blocks] or [manifest.layers[0].name]
    shown = find_layer(manifest, layer or featured[0])
    grid = layer_grid(forward, shown, tuple(range(shown.filters)), GridOptions(labels=False))
    prediction = prediction_view(context.services, forward)
    return versioned_response(
        request,
        draw_card(
            context.stored.digit.fitted(manifest.input_shape, manifest.input.fit),
            colours(context.links.palette, diverging=grid.diverging)[grid.levels()],
            f"{manifest.title}: {prediction.label}, {prediction.share:.2%}",
            f"{shown.name}: {fmt.pluralise(shown.filters, 'filter')} - skiplens",
        ),
        manifest.version,
    )
