"""API routes for networks, what experiments found about them, and palettes."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

import numpy as np
from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter

from skiplens.core.array_files import npy
from skiplens.core.colormaps import (
    CLEAR_LEVEL,
    COLOURS,
    FLAG_LEVEL,
    LABEL_LEVEL,
    PaletteName,
    colours,
)
from skiplens.core.experiment_results import MeasuredExperiment
from skiplens.core.input_image import InputKind
from skiplens.core.ladder import MeasuredRun
from skiplens.core.manifest import LayerInfo, Manifest
from skiplens.core.receptive_field import ReceptiveField, receptive_fields
from skiplens.core.value_range import TOP_LEVEL
from skiplens.engine.base import Engine
from skiplens.errors import NotMeasuredError, UnknownLayerError
from skiplens.service.map_grids import GridOptions, LabelledKernelGrid, kernel_grid
from skiplens.service.registry import listed
from skiplens.web import links
from skiplens.web.api.routing import Router
from skiplens.web.api.schemas import BlockNames, Joined, NetworkId, Pair
from skiplens.web.http.caching import NPY, PNG, revalidated_response, versioned_response
from skiplens.web.parameters import (
    Columns,
    LayerDep,
    NetworkDep,
    ServicesDep,
    SignedPalette,
    Zoom,
    query_of,
)

router = Router("networks")


class Network(BaseModel):
    """A loaded network."""

    id: NetworkId
    title: str = Field(description="Display name")
    summary: str = Field(description="One sentence about the network")
    input_shape: tuple[int, int, int] = Field(description="Height, width, channels")
    input_kind: InputKind = Field(
        description="`digit`: images are prepared as MNIST's were; `image`: taken as they are"
    )
    classes: tuple[str, ...] = Field(
        description="Label of each class, in the order of the probabilities"
    )
    parameters: int = Field(description="Number of weights")
    test_accuracy: float | None = Field(
        description="Accuracy on test images, 0 to 1; null if not measured"
    )
    test_accuracy_interval: Pair | None = Field(
        description="95 % Wilson score interval of the accuracy; null if not measured"
    )
    engine: str = Field(description="What runs the network: `litert` or `keras`")
    device: str = Field(description="Device that the engine runs on")
    blocks: BlockNames
    can_disable: tuple[str, ...] = Field(description="Blocks that scale= may name")
    url: str = Field(description="Path of the network in the API")

    @classmethod
    def of(cls, engine: Engine) -> Self:
        manifest = engine.manifest
        accuracy = manifest.test_accuracy
        return cls(
            id=manifest.id,
            title=manifest.title,
            summary=manifest.summary,
            input_shape=manifest.input_shape,
            input_kind=manifest.input.kind,
            classes=manifest.classes,
            parameters=manifest.parameters,
            test_accuracy=accuracy.value if accuracy else None,
            test_accuracy_interval=accuracy.interval if accuracy else None,
            engine=engine.name,
            device=engine.device,
            blocks=tuple(block.name for block in manifest.blocks),
            can_disable=manifest.disableable_blocks,
            url=links.api_network(manifest.id),
        )


class Layer(Joined):
    """A layer of a network."""

    records = ("layer",)
    layer: LayerInfo
    receptive_field: ReceptiveField = Field(
        description="Part of the input that each of its values depends on"
    )

    @classmethod
    def all_of(cls, manifest: Manifest) -> list[Self]:
        """Every layer of a network, in forward order."""
        height, width, _ = manifest.input_shape
        fields = receptive_fields(manifest.layers, (height, width))
        return [cls(layer=layer, receptive_field=fields[layer.name]) for layer in manifest.layers]


@router.get("/networks", summary="Loaded networks, the default first")
def networks(services: ServicesDep) -> list[Network]:
    return [Network.of(engine) for engine in services.registry.networks]


@router.get("/networks/{network}", summary="One network")
def network(engine: NetworkDep) -> Network:
    return Network.of(engine)


@router.get("/networks/{network}/layers", summary="Layers of a network, in forward order")
def layers(engine: NetworkDep) -> list[Layer]:
    return Layer.all_of(engine.manifest)


def _kernel(engine: Engine, layer: LayerInfo) -> NDArray[np.float32]:
    if layer.kernel is None:
        convolutions = listed(one.name for one in engine.manifest.layers if one.kernel)
        raise UnknownLayerError(
            f"layer {layer.name} has no kernels; layers with kernels are {convolutions}"
        )
    return engine.weights[f"{layer.name}/kernel"]


@router.file(
    "/networks/{network}/layers/{layer}/kernels.npy",
    NPY,
    "Kernels of a convolution, float32 (h, w, in, out)",
    layer="stem.conv",
)
def kernels_npy(request: Request, engine: NetworkDep, layer: LayerDep) -> Response:
    return revalidated_response(
        request, npy(_kernel(engine, layer)), NPY, f"{layer.name}.kernels.npy"
    )


@dataclass(frozen=True)
class KernelParameters:
    """How kernels are drawn: always with one range, centred on zero."""

    palette: SignedPalette = PaletteName.DARK
    zoom: Zoom = None
    columns: Columns = None
    indices: Annotated[
        bool,
        Query(
            description="whether to draw the indices of filters and inputs, in a row for each "
            "filter, whatever columns= says",
            examples=[True],
        ),
    ] = False


@router.file(
    "/networks/{network}/layers/{layer}/kernels.png",
    PNG,
    "Kernels of a convolution: a row for each filter, a column for each input map",
    layer="stem.conv",
)
def kernels_png(
    request: Request,
    engine: NetworkDep,
    layer: LayerDep,
    parameters: Annotated[KernelParameters, Depends(query_of(KernelParameters))],
) -> Response:
    kernel, palette, zoom = _kernel(engine, layer), parameters.palette, parameters.zoom
    if parameters.indices:
        drawn = LabelledKernelGrid.of(kernel, palette, zoom).png()
    else:
        options = GridOptions(palette=palette, zoom=zoom, columns=parameters.columns)
        drawn = kernel_grid(kernel, options).png()
    return versioned_response(request, drawn, engine.manifest.version)


JSON: Final = "application/json"
_LEVELS: Final = (
    f"{COLOURS} colours in sRGB, six hex digits each: levels 0 to {TOP_LEVEL} are values, "
    f"{FLAG_LEVEL} is the frame of a dead or constant map, {LABEL_LEVEL} the index labels, "
    f"{CLEAR_LEVEL} transparent"
)


class Palette(BaseModel):
    """A sequential palette and its diverging partner."""

    name: str = Field(description="Name, as in palette=")
    sequential: str = Field(description=f"For values that are never negative: {_LEVELS}")
    diverging: str = Field(
        description=f"For signed values, zero at level {TOP_LEVEL // 2}: {_LEVELS}"
    )

    @classmethod
    def of(cls, name: PaletteName) -> Self:
        return cls(
            name=name,
            sequential=colours(name, diverging=False).tobytes().hex(),
            diverging=colours(name, diverging=True).tobytes().hex(),
        )


ExperimentName = Annotated[
    Literal["removal", "order", "scale", "early-exits"],
    PathParameter(description="name of an experiment", examples=["removal"]),
]

experiments_router = Router("experiments")


class DepthExperiment(BaseModel):
    """Networks of several depths."""

    runs: tuple[MeasuredRun, ...] = Field(
        description="Every trained network: with the skip first, from the fewest blocks up"
    )


@experiments_router.get(
    "/experiments/depth",
    summary="Accuracy and training of networks of several depths, with the skip and without",
)
def depth(services: ServicesDep) -> DepthExperiment:
    return DepthExperiment(runs=services.experiments.ladder)


@experiments_router.get(
    "/networks/{network}/experiments/{experiment}",
    summary="Test accuracy with blocks removed, reordered or scaled, or after each block",
)
def measured(
    engine: NetworkDep, services: ServicesDep, experiment: ExperimentName
) -> MeasuredExperiment:
    found = services.experiments.measured(engine.manifest, experiment)
    if found is None:
        raise NotMeasuredError(
            f"experiment {experiment} was not measured with network {engine.manifest.id}: "
            "skiplens experiments does it"
        )
    return found


palettes_router = Router("palettes")
_LIST: Final = TypeAdapter(list[Palette])


@palettes_router.get(
    "/palettes", summary="Palettes and their colours", response_model=list[Palette]
)
def palettes(request: Request) -> Response:
    found = [Palette.of(name) for name in PaletteName]
    return revalidated_response(request, _LIST.dump_json(found), JSON)
