"""Pictures that only the pages need: the sheet of samples, a filter's kernel, a filter's parts."""

from typing import Final

import numpy as np
from fastapi import APIRouter, Request, Response

from app.core.digit import SIDE
from app.core.geometry import near_square
from app.core.grid import encode_grey
from app.core.manifest import LayerInfo
from app.engine.protocol import Engine
from app.errors import UnknownBlockError, UnknownLayerError
from app.service.catalogue import block_of, filter_of, layer_of
from app.service.grids import Grid, GridOptions, kernel_grid
from app.web import urls
from app.web.dependencies import ExaminationDep, LayerDep, NetworkDep, ServicesDep
from app.web.pages.parts import parts_grid
from app.web.pages.view import View, ViewDep
from app.web.responses import PNG, immutable

KERNEL_ZOOM: Final = 12

router = APIRouter(include_in_schema=False, default_response_class=Response)


@router.get(urls.SAMPLES_PNG)
def samples_png(request: Request, services: ServicesDep) -> Response:
    """Every sample in a row, in the order of the API's list."""
    digits = [stored.digit.pixels for stored in services.digits.samples.values()]
    sheet = np.hstack(digits) if digits else np.zeros((SIDE, SIDE), np.uint8)
    return immutable(request, encode_grey(sheet), PNG)


def filter_kernel(engine: Engine, layer: LayerInfo, index: int, view: ViewDep) -> Grid:
    """The grid of one filter's kernel, one map for each input channel.

    Raises:
        UnknownLayerError: the layer has no kernels.
        UnknownFilterError: the layer has no filter of that index.
    """
    filter_of(layer, index)
    if layer.kernel is None:
        raise UnknownLayerError(f"layer {layer.name} has no kernels; convolutions have")
    kernel = engine.weights[f"{layer.name}/kernel"][:, :, :, index : index + 1]
    columns = near_square(kernel.shape[2])
    return kernel_grid(
        kernel, GridOptions(palette=view.palette, zoom=KERNEL_ZOOM, columns=columns)
    )


@router.get(urls.filter_kernel_png("{network}", "{layer}", "{index:int}"))
def filter_kernel_png(
    request: Request, engine: NetworkDep, layer: LayerDep, index: int, view: ViewDep
) -> Response:
    """The kernel of one filter."""
    return immutable(request, filter_kernel(engine, layer, index, view).png(), PNG)


@router.get(urls.filter_parts_png("{network}", "{digit}", "{block}", "{index:int}"))
def filter_parts_png(
    request: Request, examination: ExaminationDep, block: str, index: int, parameters: ViewDep
) -> Response:
    """One filter in the parts of a block."""
    manifest = examination.manifest
    info = block_of(manifest, block)
    if info.identity is None:
        raise UnknownBlockError(f"block {info.name} of network {manifest.id} has no identity path")
    filter_of(layer_of(manifest, info.output), index)
    view = View(manifest.id, examination.digit.id, palette=parameters.palette)
    return immutable(request, parts_grid(examination, info, index, view).png(), PNG)
