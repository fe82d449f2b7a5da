"""What handlers are given: services, and what path and query name, looked up."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi import Path as PathParameter

from app.core.geometry import MAX_ZOOM, MIN_ZOOM
from app.core.manifest import BlockInfo, LayerInfo
from app.core.ordering import Sort
from app.core.palettes import PaletteName
from app.core.scaling import Normalisation
from app.engine.protocol import Engine
from app.service.catalogue import block_of, chosen_filters, layer_of, switched_off
from app.service.digits import StoredDigit
from app.service.examination import Examination
from app.service.grids import GridOptions
from app.service.services import Services

LONGEST_LIST = 1024


def services_of(request: Request) -> Services:
    """The services that the app was started with."""
    services: Services = request.app.state.services
    return services


# Look-ups that neither wait nor compute are async: a plain one would cost a trip to a thread.
async def get_services(request: Request) -> Services:
    """The same for a handler."""
    return services_of(request)


ServicesDep = Annotated[Services, Depends(get_services)]

NetworkName = Annotated[
    str, PathParameter(description="id of a network", examples=["mnist-resnet"])
]
LayerName = Annotated[str, PathParameter(description="name of a layer", examples=["block1.output"])]
BlockName = Annotated[str, PathParameter(description="name of a block", examples=["block1"])]
DigitId = Annotated[
    str,
    PathParameter(
        description="id of a digit: the first 16 hex digits of the SHA-256 of its 784 bytes",
        examples=["68348ce2256ddc1e"],
    ),
]
Off = Annotated[
    str | None,
    Query(
        description="blocks whose residual branches are switched off",
        examples=["block2,block5"],
        max_length=LONGEST_LIST,
    ),
]
Filters = Annotated[
    str | None,
    Query(
        description="filter indices and ranges; all by default",
        examples=["0,4-7"],
        max_length=LONGEST_LIST,
    ),
]


async def get_network(network: NetworkName, services: ServicesDep) -> Engine:
    """The network that the path names."""
    return services.catalogue.network(network)


NetworkDep = Annotated[Engine, Depends(get_network)]


async def get_layer(engine: NetworkDep, layer: LayerName) -> LayerInfo:
    """The layer that the path names."""
    return layer_of(engine.manifest, layer)


LayerDep = Annotated[LayerInfo, Depends(get_layer)]


def get_digit(digit: DigitId, services: ServicesDep) -> StoredDigit:
    """The digit that the path names."""
    return services.digits.get(digit)


DigitDep = Annotated[StoredDigit, Depends(get_digit)]


async def get_block(engine: NetworkDep, block: BlockName) -> BlockInfo:
    """The block that the path names."""
    return block_of(engine.manifest, block)


BlockDep = Annotated[BlockInfo, Depends(get_block)]


def get_examination(
    engine: NetworkDep, digit: DigitDep, services: ServicesDep, off: Off = None
) -> Examination:
    """What the network computes for the digit."""
    blocks = switched_off(engine.manifest, off)
    return services.examiner.examine(engine, digit.digit, blocks)


ExaminationDep = Annotated[Examination, Depends(get_examination)]


def get_whole(
    engine: NetworkDep, digit: DigitDep, services: ServicesDep, examination: ExaminationDep
) -> Examination:
    """What the network computes for the digit with every block on."""
    if not examination.off:
        return examination
    return services.examiner.examine(engine, digit.digit, ())


WholeDep = Annotated[Examination, Depends(get_whole)]


Palette = Annotated[
    PaletteName,
    Query(
        description="pair of palettes: sequential for values never negative, else diverging",
        examples=["dusk"],
    ),
]
SignedPalette = Annotated[
    PaletteName,
    Query(description="pair of palettes; the signed one is used", examples=["dusk"]),
]
Zoom = Annotated[
    int | None,
    Query(ge=MIN_ZOOM, le=MAX_ZOOM, description="pixels a value; by size of the map", examples=[4]),
]
Columns = Annotated[
    int | None,
    Query(ge=1, le=4096, description="maps in a row; near-square by default", examples=[8]),
]


@dataclass(frozen=True)
class GridParameters:
    """How a grid is drawn."""

    normalize: Annotated[
        Normalisation, Query(description="what shares one range of values", examples=["layer"])
    ] = Normalisation.BLOCK
    palette: Palette = PaletteName.DUSK
    zoom: Zoom = None
    columns: Columns = None
    labels: Annotated[
        bool, Query(description="write each map's index above it", examples=[False])
    ] = True
    sort: Annotated[
        Sort,
        Query(
            description="order of a layer's maps: largest mean or maximum first, or fewest zeros; "
            "by index as they are, or as filters= names them",
            examples=["mean"],
        ),
    ] = Sort.INDEX

    def options(self) -> GridOptions:
        """The same as the service takes it."""
        return GridOptions(
            self.normalize, self.palette, self.zoom, self.columns, self.labels, self.sort
        )


GridDep = Annotated[GridParameters, Depends()]


async def get_filters(layer: LayerDep, filters: Filters = None) -> tuple[int, ...]:
    """The filters that the query names; all by default."""
    return chosen_filters(layer, filters)


FiltersDep = Annotated[tuple[int, ...], Depends(get_filters)]
