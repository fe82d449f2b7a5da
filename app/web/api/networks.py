"""Networks, their layers, and the kernels of their convolutions."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from numpy.typing import NDArray

from app.core.arrays import npy
from app.core.manifest import LayerInfo
from app.core.palettes import PaletteName
from app.engine.protocol import Engine
from app.errors import UnknownLayerError
from app.service.grids import KERNEL_ZOOM, GridOptions, kernel_grid
from app.service.kernels import IndexedKernels
from app.web import schemas
from app.web.dependencies import (
    Columns,
    LayerDep,
    NetworkDep,
    ServicesDep,
    SignedPalette,
    Zoom,
)
from app.web.layer_schemas import Layer
from app.web.responses import NPY, NPY_ANSWER, PNG, PNG_ANSWER, immutable, revalidated

router = APIRouter(tags=["networks"])


@router.get("/networks", summary="Every network that is loaded, the default first")
def networks(services: ServicesDep) -> list[schemas.Network]:
    return [schemas.Network.of(engine) for engine in services.catalogue.networks]


@router.get("/networks/{network}", summary="One network")
def network(engine: NetworkDep) -> schemas.Network:
    return schemas.Network.of(engine)


@router.get("/networks/{network}/layers", summary="Its layers in forward order")
def layers(engine: NetworkDep) -> list[Layer]:
    return Layer.all_of(engine.manifest)


def _kernel(engine: Engine, layer: LayerInfo) -> NDArray[np.float32]:
    if layer.kernel is None:
        convolutions = ", ".join(one.name for one in engine.manifest.layers if one.kernel)
        raise UnknownLayerError(
            f"layer {layer.name} has no kernels; layers that have are {convolutions}"
        )
    return engine.weights[f"{layer.name}/kernel"]


@router.get(
    "/networks/{network}/layers/{layer}/kernels.npy",
    summary="A convolution's kernels, float32 (h, w, in, out)",
    responses=NPY_ANSWER,
    response_class=Response,
)
def kernels_npy(request: Request, engine: NetworkDep, layer: LayerDep) -> Response:
    return revalidated(request, npy(_kernel(engine, layer)), NPY, f"{layer.name}.kernels.npy")


@dataclass(frozen=True)
class KernelParameters:
    """How kernels are drawn: always on one range, centred on zero."""

    palette: SignedPalette = PaletteName.DUSK
    zoom: Zoom = None
    columns: Columns = None
    indices: Annotated[
        bool, Query(description="write the filters' and the inputs' indices", examples=[True])
    ] = False


@router.get(
    "/networks/{network}/layers/{layer}/kernels.png",
    summary="A convolution's kernels: a row for each output filter, a column for each input",
    responses=PNG_ANSWER,
    response_class=Response,
)
def kernels_png(
    request: Request,
    engine: NetworkDep,
    layer: LayerDep,
    parameters: Annotated[KernelParameters, Depends()],
) -> Response:
    kernel, palette, zoom = _kernel(engine, layer), parameters.palette, parameters.zoom
    if parameters.indices:
        drawn = IndexedKernels.of(kernel, palette, zoom or KERNEL_ZOOM).png()
    else:
        options = GridOptions(palette=palette, zoom=zoom, columns=parameters.columns)
        drawn = kernel_grid(kernel, options).png()
    return immutable(request, drawn, PNG)
