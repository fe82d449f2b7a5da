"""Routes of the pages."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from skiplens.core.colormaps import colours
from skiplens.core.grid_image import encode_grey
from skiplens.core.input_image import SIDE
from skiplens.core.share_pictures import draw_card
from skiplens.errors import InvalidParameterError
from skiplens.service.digit_store import InputRecord
from skiplens.service.map_grids import GridOptions, layer_grid
from skiplens.service.registry import check_filter, find_layer
from skiplens.web import links
from skiplens.web.api.dataset import BrowsingDep
from skiplens.web.http.caching import PNG, immutable_response, versioned_response
from skiplens.web.pages import fmt
from skiplens.web.pages.block import BY_INDEX, Order, block_page
from skiplens.web.pages.blocks import blocks_page
from skiplens.web.pages.classic import classic_page
from skiplens.web.pages.compare import ComparedDep, compare_page
from skiplens.web.pages.context import PageContext, PageContextDep, get_network_context, open_page
from skiplens.web.pages.dataset import dataset_page
from skiplens.web.pages.docs import docs_page
from skiplens.web.pages.figures import filter_kernel_grid
from skiplens.web.pages.filter import filter_page
from skiplens.web.pages.gallery import gallery_page
from skiplens.web.pages.layer import layer_page
from skiplens.web.pages.learn.classroom import class_origin, open_lesson
from skiplens.web.pages.learn.steps import HANDOUT, HandoutDep, LearnPageDep
from skiplens.web.pages.prediction import prediction_view
from skiplens.web.pages.templating import RespondDep
from skiplens.web.pages.unit import UnitQueryDep
from skiplens.web.parameters import (
    BlockDep,
    FilterNumber,
    LayerDep,
    NetworkDep,
    Palette,
    ServicesDep,
    ViewDep,
    parse_scales,
)
from skiplens.web.uploads import CandidatesDep, NetworkQuery, store

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get("/")
def home(respond: RespondDep, services: ServicesDep, parameters: ViewDep) -> Response:
    """The gallery of the default network on a sample."""
    engine = services.registry.networks[0]
    stored = services.default_input(engine.manifest)
    return respond(gallery_page(open_page(services, engine, stored, parameters)))


@router.get(links.gallery("{network}", "{digit}"))
def gallery(respond: RespondDep, context: PageContextDep) -> Response:
    """A digit in a network, layer by layer."""
    return respond(gallery_page(context))


@router.get(links.layer_page("{network}", "{digit}", "{layer}"))
def layer(
    respond: RespondDep,
    context: PageContextDep,
    layer: LayerDep,
    page: int = 1,
) -> Response:
    """One layer, filter by filter."""
    return respond(layer_page(context, layer, page))


@router.get(links.filter_page("{network}", "{digit}", "{layer}", "{index}"))
def filter_(
    respond: RespondDep,
    context: PageContextDep,
    layer: LayerDep,
    index: FilterNumber,
    query: UnitQueryDep,
) -> Response:
    """One filter, and how one of its values is computed."""
    return respond(filter_page(context, layer, check_filter(layer, index), query))


@router.get(links.block_page("{network}", "{digit}", "{block}"))
def block(
    respond: RespondDep,
    context: PageContextDep,
    block: BlockDep,
    order: Order = BY_INDEX,
    page: int = 1,
) -> Response:
    """The page of a block."""
    return respond(block_page(context, block, order, page))


@router.get(links.blocks_page("{network}", "{digit}"))
def blocks(
    respond: RespondDep,
    context: PageContextDep,
    target: int | None = None,
    beside: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Block by block."""
    return respond(blocks_page(context, target, beside or None))


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
    page: int = 1,
) -> Response:
    """Two inputs in one network, or two networks."""
    context, b = compared
    return respond(compare_page(context, b, layer, layer_b, page))


@router.get(links.learn_page(HANDOUT))
def handout(respond: RespondDep, page: HandoutDep) -> Response:
    """The whole story, to be printed."""
    return respond(page)


@router.get(links.LEARN)
@router.get(links.learn_page("{step}"))
def learn(request: Request, respond: RespondDep, page: LearnPageDep) -> Response:
    """A step of the story. Presented where a class can come in, it gets the code of a lesson."""
    if page.is_presented and not page.lesson and class_origin(request):
        return open_lesson(request)
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
    engine = services.registry.network(network or services.registry.for_digits)
    scales = parse_scales(engine.manifest, parameters.scale)
    stored = await store(request, candidates)
    view = parameters.view(engine.manifest, stored.image.id, scales)
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
def digits_png(request: Request, services: ServicesDep, digits: str) -> Response:
    """Digits in a row, by their ids."""
    most = request.app.state.settings.max_lesson_digits
    if digits.count(",") >= most:
        raise InvalidParameterError(f"digits may be at most {most}")
    request.scope["skiplens.private"] = True
    return _sheet(request, map(services.digits.get, digits.split(",")))


def _sheet(request: Request, digits: Iterable[InputRecord]) -> Response:
    pixels = [stored.image.fitted((SIDE, SIDE, 1), "pad") for stored in digits]
    sheet = np.hstack(pixels) if pixels else np.zeros((SIDE, SIDE), np.uint8)
    return immutable_response(request, encode_grey(sheet), PNG)


@router.get(links.filter_kernel_png("{network}", "{layer}", "{index}"))
def filter_kernel_png(
    request: Request,
    engine: NetworkDep,
    layer: LayerDep,
    index: FilterNumber,
    palette: Palette = links.DEFAULT.palette,
) -> Response:
    """The kernel of one filter."""
    grid = filter_kernel_grid(engine, layer, index, palette)
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
            context.stored.image.fitted(manifest.input_shape, manifest.input.fit),
            colours(context.links.options.palette, diverging=grid.diverging)[grid.levels()],
            f"{manifest.title}: {prediction.label}, {prediction.share:.2%}",
            f"{shown.name}: {fmt.pluralise(shown.filters, 'filter')} - skiplens",
        ),
        manifest.version,
    )
