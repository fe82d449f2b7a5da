"""Pictures that only the pages need: the sheet of samples, and one filter's kernel."""

import numpy as np
from fastapi import APIRouter, Request, Response

from app.core.digit import SIDE
from app.core.grid import encode_grey
from app.web import urls
from app.web.dependencies import LayerDep, NetworkDep, ServicesDep
from app.web.pages.kernels import filter_kernel_grid
from app.web.pages.looking import ViewDep
from app.web.responses import PNG, immutable

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get(urls.SAMPLES_PNG)
def samples_png(request: Request, services: ServicesDep) -> Response:
    """Every sample in a row, in the order of the API's list."""
    digits = [stored.digit.pixels for stored in services.digits.samples.values()]
    sheet = np.hstack(digits) if digits else np.zeros((SIDE, SIDE), np.uint8)
    return immutable(request, encode_grey(sheet), PNG)


@router.get(urls.filter_kernel_png("{network}", "{layer}", "{index:int}"))
def filter_kernel_png(
    request: Request, engine: NetworkDep, layer: LayerDep, index: int, parameters: ViewDep
) -> Response:
    """The kernel of one filter."""
    grid = filter_kernel_grid(engine, layer, index, parameters.palette)
    return immutable(request, grid.png(), PNG)
