"""The pages' addresses: a handler looks things up, makes one context and renders it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from app.service.catalogue import filter_of, switched_off
from app.web import urls
from app.web.api.comparisons import PairDep
from app.web.api.dataset import BrowsingDep
from app.web.dependencies import BlockDep, LayerDep, NetworkDep, ServicesDep
from app.web.pages.block_table import BY_INDEX, Order
from app.web.pages.blocks import block_page
from app.web.pages.classic import classic_page
from app.web.pages.compare import compare_page
from app.web.pages.dataset import dataset_page
from app.web.pages.depth import depth_page
from app.web.pages.docs import DocsPage
from app.web.pages.filters import filter_page
from app.web.pages.gallery import gallery_page
from app.web.pages.layers import layer_page
from app.web.pages.looking import ViewDep
from app.web.pages.rendering import RespondDep
from app.web.pages.subject import SubjectDep, get_subject
from app.web.pages.units.section import WishDep
from app.web.uploads import UploadDep


async def get_origin(request: Request) -> str:
    """The server's address, as the visitor knows it: ``http://127.0.0.1:8000``."""
    return str(request.base_url).rstrip("/")


OriginDep = Annotated[str, Depends(get_origin)]

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get("/")
def home(
    respond: RespondDep, origin: OriginDep, services: ServicesDep, parameters: ViewDep
) -> Response:
    """The gallery of the default network on a sample."""
    engine, stored = services.catalogue.networks[0], services.welcome
    off = switched_off(engine.manifest, parameters.off)
    examination = services.examiner.examine(engine, stored.digit, off)
    subject = get_subject(services, engine, stored, examination, parameters)
    return respond(gallery_page(subject, origin))


@router.get(urls.gallery("{network}", "{digit}"))
def gallery(respond: RespondDep, origin: OriginDep, subject: SubjectDep) -> Response:
    """A digit in a network, layer by layer."""
    return respond(gallery_page(subject, origin))


@router.get(urls.layer_page("{network}", "{digit}", "{layer}"))
def layer(respond: RespondDep, origin: OriginDep, subject: SubjectDep, layer: LayerDep) -> Response:
    """One layer, filter by filter."""
    return respond(layer_page(subject, layer, origin))


@router.get(urls.filter_page("{network}", "{digit}", "{layer}", "{index:int}"))
def filter_(
    respond: RespondDep,
    origin: OriginDep,
    subject: SubjectDep,
    layer: LayerDep,
    index: int,
    wish: WishDep,
) -> Response:
    """One filter, and how one of its values comes about."""
    return respond(filter_page(subject, layer, filter_of(layer, index), wish, origin))


@router.get(urls.block_page("{network}", "{digit}", "{block}"))
def block(
    respond: RespondDep,
    origin: OriginDep,
    subject: SubjectDep,
    block: BlockDep,
    order: Order = BY_INDEX,
) -> Response:
    """What a block adds to what it is given."""
    return respond(block_page(subject, block, order, origin))


@router.get(urls.depth_page("{network}", "{digit}"))
def depth(
    respond: RespondDep,
    subject: SubjectDep,
    target: int | None = None,
    beside: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """What happens over the depth."""
    return respond(depth_page(subject, target, beside or None))


@router.get(urls.classic_page("{network}", "{digit}"))
def classic(respond: RespondDep, subject: SubjectDep) -> Response:
    """The pictures of 2016; 404 where a network has no such blocks."""
    page = classic_page(subject)
    status = HTTPStatus.OK if page.blocks else HTTPStatus.NOT_FOUND
    return respond(page, status)


@router.get(urls.dataset_page("{network}"))
def dataset(
    respond: RespondDep,
    services: ServicesDep,
    engine: NetworkDep,
    parameters: ViewDep,
    browsing: BrowsingDep,
) -> Response:
    """How a network reads the data set."""
    view = parameters.view(engine.manifest, services.welcome.digit.id, ())
    return respond(dataset_page(services, engine, view, browsing))


@router.get(urls.COMPARE)
def compare(
    respond: RespondDep,
    services: ServicesDep,
    pair: PairDep,
    parameters: ViewDep,
    layer: Annotated[str | None, Query(max_length=128)] = None,
) -> Response:
    """Two digits, or two networks, side by side."""
    a, b = pair
    view = parameters.view(a.manifest, a.digit.id, a.off)
    return respond(compare_page(services, a, b, view, layer))


@router.post(urls.UPLOAD)
def upload(
    upload: UploadDep,
    services: ServicesDep,
    parameters: ViewDep,
    network: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Keep a digit and lead to its gallery, for a form without a script."""
    engine = services.catalogue.network(network or services.catalogue.default)
    off = switched_off(engine.manifest, parameters.off)
    services.digits.put(upload)
    view = parameters.view(engine.manifest, upload.digit.id, off)
    return RedirectResponse(view.gallery(), HTTPStatus.SEE_OTHER)


@router.get("/docs")
def docs(respond: RespondDep) -> Response:
    """The API, to be tried out."""
    return respond(DocsPage("API", ()))
