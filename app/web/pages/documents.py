"""The pages' addresses: a handler looks things up, makes one context and renders it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
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
from app.web.pages.rendering import Renderer
from app.web.pages.subject import SubjectDep, get_subject
from app.web.pages.units.section import WishDep
from app.web.pages.view import ViewDep
from app.web.uploads import UploadDep


def origin_of(request: Request) -> str:
    """The server's address, as the visitor knows it: ``http://127.0.0.1:8000``."""
    return str(request.base_url).rstrip("/")


def documents(renderer: Renderer) -> APIRouter:
    """The router of every page."""
    router = APIRouter(include_in_schema=False, default_response_class=Response)

    @router.get("/")
    def home(request: Request, services: ServicesDep, parameters: ViewDep) -> Response:
        engine, stored = services.catalogue.networks[0], services.welcome
        off = switched_off(engine.manifest, parameters.off)
        examination = services.examiner.examine(engine, stored.digit, off)
        subject = get_subject(services, engine, stored, examination, parameters)
        return renderer.respond(request, gallery_page(subject, origin_of(request)))

    @router.get(urls.gallery("{network}", "{digit}"))
    def gallery(request: Request, subject: SubjectDep) -> Response:
        return renderer.respond(request, gallery_page(subject, origin_of(request)))

    @router.get(urls.layer_page("{network}", "{digit}", "{layer}"))
    def layer(request: Request, subject: SubjectDep, layer: LayerDep) -> Response:
        return renderer.respond(request, layer_page(subject, layer, origin_of(request)))

    @router.get(urls.filter_page("{network}", "{digit}", "{layer}", "{index:int}"))
    def filter_(
        request: Request, subject: SubjectDep, layer: LayerDep, index: int, wish: WishDep
    ) -> Response:
        page = filter_page(subject, layer, filter_of(layer, index), wish, origin_of(request))
        return renderer.respond(request, page)

    @router.get(urls.block_page("{network}", "{digit}", "{block}"))
    def block(
        request: Request, subject: SubjectDep, block: BlockDep, order: Order = BY_INDEX
    ) -> Response:
        return renderer.respond(request, block_page(subject, block, order, origin_of(request)))

    @router.get(urls.depth_page("{network}", "{digit}"))
    def depth(
        request: Request,
        subject: SubjectDep,
        target: Annotated[int | None, Query(ge=0, le=999)] = None,
        beside: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        return renderer.respond(request, depth_page(subject, target, beside or None))

    @router.get(urls.classic_page("{network}", "{digit}"))
    def classic(request: Request, subject: SubjectDep) -> Response:
        page = classic_page(subject)
        status = HTTPStatus.OK if page.blocks else HTTPStatus.NOT_FOUND
        return renderer.respond(request, page, status)

    @router.get(urls.dataset_page("{network}"))
    def dataset(
        request: Request,
        services: ServicesDep,
        engine: NetworkDep,
        parameters: ViewDep,
        browsing: BrowsingDep,
    ) -> Response:
        view = parameters.view(engine.manifest, services.welcome.digit.id, ())
        return renderer.respond(request, dataset_page(services, engine, view, browsing))

    @router.get(urls.COMPARE)
    def compare(
        request: Request,
        services: ServicesDep,
        pair: PairDep,
        parameters: ViewDep,
        layer: Annotated[str | None, Query(max_length=128)] = None,
    ) -> Response:
        a, b = pair
        view = parameters.view(a.manifest, a.digit.id, a.off)
        return renderer.respond(request, compare_page(services, a, b, view, layer))

    @router.post(urls.UPLOAD)
    def upload(
        upload: UploadDep,
        services: ServicesDep,
        parameters: ViewDep,
        network: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        engine = services.catalogue.network(network or services.catalogue.default)
        off = switched_off(engine.manifest, parameters.off)
        services.digits.put(upload)
        view = parameters.view(engine.manifest, upload.digit.id, off)
        return RedirectResponse(view.gallery(), HTTPStatus.SEE_OTHER)

    @router.get("/docs")
    def docs(request: Request) -> Response:
        return renderer.respond(request, DocsPage("API", ()))

    return router
