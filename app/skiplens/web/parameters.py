"""Path and query parameters, as dependencies of the routes."""

import inspect
import math
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import Depends, Query, Request
from fastapi import Path as PathParameter

from skiplens.core.block_order import TRAINED_ORDER, BlockOrder
from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.grid_image import MAX_ZOOM, MIN_ZOOM
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Engine
from skiplens.errors import (
    BlockNotDisableableError,
    BlocksNotReorderableError,
    InvalidParameterError,
    quoted,
)
from skiplens.service.digit_store import InputRecord
from skiplens.service.forward import ForwardPass, run_reordered
from skiplens.service.map_grids import GridOptions
from skiplens.service.registry import check_filter, find_block, find_layer, listed
from skiplens.service.services import Services
from skiplens.web.links import DEFAULT, Links

T = TypeVar("T")
MAX_LIST_CHARACTERS = 1024
MAX_FACTOR = 4.0
MAX_LAYERS = 64
_FILTERS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_FACTOR = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def services_of(request: Request) -> Services:
    """The services that the app was started with."""
    services: Services = request.app.state.services
    return services


# Look-ups that neither wait nor compute are coroutines: plain functions would run in a thread.
async def get_services(request: Request) -> Services:
    """:func:`services_of` as a dependency."""
    return services_of(request)


ServicesDep = Annotated[Services, Depends(get_services)]


def query_of(kind: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """A dependency that makes a record of the query; FastAPI would call its class in a thread."""

    async def make(**given: object) -> T:
        return kind(**given)

    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]  # what FastAPI reads
    return make


NetworkName = Annotated[
    str, PathParameter(description="id of a network", examples=["mnist-resnet"])
]
LayerName = Annotated[str, PathParameter(description="name of a layer", examples=["block1.output"])]
FilterNumber = Annotated[int, PathParameter(description="index of a filter", examples=[7])]
BlockName = Annotated[str, PathParameter(description="name of a block", examples=["block1"])]
DigitId = Annotated[
    str,
    PathParameter(
        description="id of a digit: the first 16 hex digits of the SHA-256 of its 784 bytes",
        examples=["68348ce2256ddc1e"],
    ),
]
ScaleText = Annotated[
    str | None,
    Query(
        description="factors of residual branches, -4 to 4: block:factor pairs; 1 where a block is "
        "not named, 0 switches its branch off",
        examples=["block1:0.5,block2:0"],
        max_length=MAX_LIST_CHARACTERS,
    ),
]
OrderText = Annotated[
    str | None,
    Query(
        description="blocks that run in another order: those named run, in this order, in the "
        "places that they take together as trained; only where all blocks are alike",
        examples=["block3,block2"],
        max_length=MAX_LIST_CHARACTERS,
    ),
]
Filters = Annotated[
    str | None,
    Query(
        description="filter indices and ranges; all by default",
        examples=["0,4-7"],
        max_length=MAX_LIST_CHARACTERS,
    ),
]


def parse_scales(manifest: Manifest, scale: str | None, name: str = "scale") -> Scales:
    """The factors of ``scale=block2:0,block5:0.5``; ``name`` is the parameter's name.

    Raises:
        InvalidParameterError: it is not a list of pairs, a factor is outside -4 to 4, or a block
            occurs twice.
        UnknownBlockError: the network has no such block.
        BlockNotDisableableError: the branch of a block cannot be scaled.
    """
    if not scale:
        return AS_TRAINED
    factors: dict[str, float] = {}
    for pair in scale.split(","):
        block, colon, text = (part.strip() for part in pair.rpartition(":"))
        factor = float(text) if _FACTOR.fullmatch(text) else math.nan
        if not colon or not abs(factor) <= MAX_FACTOR:
            raise InvalidParameterError(
                f"{name} must be block:factor pairs such as block2:0,block5:0.5, with factors from "
                f"{-MAX_FACTOR:g} to {MAX_FACTOR:g}; got {quoted(scale)}"
            )
        if block in factors:
            raise InvalidParameterError(f"{name} must name each block once; got {quoted(scale)}")
        factors[find_block(manifest, block).name] = factor
    fixed = factors.keys() - set(manifest.disableable_blocks)
    if fixed:
        raise BlockNotDisableableError(
            f"{name} names {listed(sorted(fixed))}, but in network {manifest.id} x would not pass "
            "there with the branch off; blocks that can be scaled are "
            f"{listed(manifest.disableable_blocks)}"
        )
    return Scales.in_order(factors, manifest.disableable_blocks)


def parse_order(manifest: Manifest, order: str | None) -> BlockOrder:
    """The order of ``order=block3,block2``: the blocks named run, in that order, in the places that
    they take together as trained; the others keep theirs.

    Raises:
        InvalidParameterError: a block occurs twice.
        UnknownBlockError: the network has no such block.
        BlocksNotReorderableError: its blocks differ in shape or in their layers.
    """
    if not order:
        return TRAINED_ORDER
    trained = [block.name for block in manifest.blocks]
    named = [find_block(manifest, name.strip()).name for name in order.split(",")]
    if len(set(named)) != len(named):
        raise InvalidParameterError(f"order must name each block once; got {quoted(order)}")
    if not manifest.can_reorder:
        raise BlocksNotReorderableError(
            f"the blocks of network {manifest.id} cannot run in another order: that takes blocks "
            "of one shape with the same layers, which x passes unchanged"
        )
    moved = iter(named)
    return BlockOrder.of([next(moved) if name in named else name for name in trained], trained)


def parse_layers(manifest: Manifest, layers: str | None) -> tuple[LayerInfo, ...]:
    """The layers of ``layers=stem.output,block1.sum``, without duplicates; none by default.

    Raises:
        InvalidParameterError: there are more than 64.
        UnknownLayerError: the network has no such layer.
    """
    names = layers.split(",") if layers else []
    if len(names) > MAX_LAYERS:
        raise InvalidParameterError(
            f"layers names {len(names)} layers; at most {MAX_LAYERS} are allowed"
        )
    return tuple(find_layer(manifest, name) for name in dict.fromkeys(map(str.strip, names)))


def parse_filters(layer: LayerInfo, filters: str | None) -> tuple[int, ...]:
    """The filter indices of ``filters=0,4-7``, in that order; all by default.

    Raises:
        InvalidParameterError: it is not a list of indices and ranges, or a filter occurs twice.
        UnknownFilterError: the layer has no such filter.
    """
    if not filters:
        return tuple(range(layer.filters))
    chosen: list[int] = []
    for part in filters.split(","):
        match = _FILTERS.fullmatch(part.strip())
        if match is None:
            raise InvalidParameterError(
                f"filters must be indices and ranges such as 0,4-7; got {quoted(filters)}"
            )
        start = check_filter(layer, int(match[1]))
        stop = check_filter(layer, int(match[2] or match[1]))
        if stop < start:
            raise InvalidParameterError(
                f"filters must have the lower index of a range first; got {quoted(filters)}"
            )
        chosen.extend(range(start, stop + 1))
    if len(set(chosen)) != len(chosen):
        raise InvalidParameterError(f"filters must name each filter once; got {quoted(filters)}")
    return tuple(chosen)


# These take the services from the request: FastAPI analyses a dependency again for each
# route and each dependency that has it, at every start.
async def get_network(network: NetworkName, request: Request) -> Engine:
    """The network that the path names."""
    return services_of(request).registry.network(network)


NetworkDep = Annotated[Engine, Depends(get_network)]


async def get_layer(engine: NetworkDep, layer: LayerName) -> LayerInfo:
    """The layer that the path names."""
    return find_layer(engine.manifest, layer)


LayerDep = Annotated[LayerInfo, Depends(get_layer)]


async def get_digit(digit: DigitId, request: Request) -> InputRecord:
    """The digit that the path names; what is told about an upload is private."""
    digits = services_of(request).digits
    stored = digits.in_memory(digit)
    if stored is None:
        stored = await to_thread.run_sync(digits.get, digit)
    return mark_private(request, stored)


def mark_private(request: Request, stored: InputRecord) -> InputRecord:
    """Have caches that several people use keep no answer about a digit if it is an upload."""
    if stored.label is None:
        request.scope["skiplens.private"] = True
    return stored


DigitDep = Annotated[InputRecord, Depends(get_digit)]


async def get_block(engine: NetworkDep, block: BlockName) -> BlockInfo:
    """The block that the path names."""
    return find_block(engine.manifest, block)


BlockDep = Annotated[BlockInfo, Depends(get_block)]


async def get_scales(engine: NetworkDep, scale: ScaleText = None) -> Scales:
    """The factors that the query names."""
    return parse_scales(engine.manifest, scale)


ScalesDep = Annotated[Scales, Depends(get_scales)]


def get_forward_pass(
    engine: NetworkDep, digit: DigitDep, request: Request, scales: ScalesDep
) -> ForwardPass:
    """The forward pass of the digit."""
    return services_of(request).runner.run(engine, digit.image, scales)


ForwardPassDep = Annotated[ForwardPass, Depends(get_forward_pass)]


def get_reordered_pass(
    engine: NetworkDep, forward: ForwardPassDep, order: OrderText = None
) -> ForwardPass:
    """The forward pass of the digit with the blocks in the order that the query names."""
    names = parse_order(engine.manifest, order)
    return run_reordered(engine, forward.digit, forward.scales, names) if names else forward


ReorderedPassDep = Annotated[ForwardPass, Depends(get_reordered_pass)]


def get_baseline(
    engine: NetworkDep, digit: DigitDep, request: Request, forward: ForwardPassDep
) -> ForwardPass:
    """The forward pass of the digit with every factor 1."""
    if not forward.scales:
        return forward
    return services_of(request).runner.run(engine, digit.image, AS_TRAINED)


BaselineDep = Annotated[ForwardPass, Depends(get_baseline)]


Palette = Annotated[
    PaletteName,
    Query(
        description="pair of palettes: sequential for values never negative, else diverging",
        examples=["dark"],
    ),
]
SignedPalette = Annotated[
    PaletteName,
    Query(description="pair of palettes; the signed one is used", examples=["dark"]),
]
Zoom = Annotated[
    int | None,
    Query(
        ge=MIN_ZOOM,
        le=MAX_ZOOM,
        description="pixels along a side of one value; by default by the size of the map",
        examples=[4],
    ),
]
Columns = Annotated[
    int | None,
    Query(
        ge=1,
        le=4096,
        description="maps in a row; by default the image is nearly square",
        examples=[8],
    ),
]


@dataclass(frozen=True)
class GridParameters:
    """How a grid is drawn."""

    normalize: Annotated[
        Normalisation, Query(description="which maps share one value range", examples=["layer"])
    ] = Normalisation.BLOCK
    palette: Palette = PaletteName.DARK
    zoom: Zoom = None
    columns: Columns = None
    labels: Annotated[
        bool,
        Query(
            description="whether to draw each map's index above it, where it has room",
            examples=[False],
        ),
    ] = True
    sort: Annotated[
        Sort,
        Query(
            description="order of the maps: largest mean or maximum first, fewest zeros first, or "
            "by index: ascending, or as listed in filters=",
            examples=["mean"],
        ),
    ] = Sort.INDEX
    block: Annotated[
        str | None,
        Query(
            description="with normalize=block, the block whose range is used; by default that of "
            "the layer, so that this shows its input in the range of the next block",
            examples=["block1"],
            max_length=128,
        ),
    ] = None

    def grid_options(self) -> GridOptions:
        """The options for the service."""
        return GridOptions(**vars(self))


GridDep = Annotated[GridParameters, Depends(query_of(GridParameters))]


async def get_filters(layer: LayerDep, filters: Filters = None) -> tuple[int, ...]:
    """The selected filters; all by default."""
    return parse_filters(layer, filters)


FiltersDep = Annotated[tuple[int, ...], Depends(get_filters)]


class PaletteChoice(StrEnum):
    """A pair of palettes, or that of the page's theme: zero has the tone of the page."""

    THEME = "theme"
    DARK = PaletteName.DARK
    LIGHT = PaletteName.LIGHT
    GREY = PaletteName.GREY


@dataclass(frozen=True)
class ViewParameters:
    """Display options, which are the same on every page.

    ``scale`` is here as text, for the form that passes it on; :func:`parse_scales` tells what it
    means to a network.
    """

    scale: ScaleText = None
    normalize: Annotated[Normalisation, Query(description="which maps share one value range")] = (
        DEFAULT.normalize
    )
    palette: Annotated[PaletteChoice, Query(description="pair of palettes")] = PaletteChoice.THEME
    sort: Annotated[Sort, Query(description="order of a layer's maps")] = DEFAULT.sort
    find: Annotated[
        str, Query(max_length=100, description="classes to show: part of their names")
    ] = ""

    def view(self, network: Manifest, digit: str, scales: Scales) -> Links:
        """The links of a digit in a network; ``scales`` are that network's."""
        by_theme = self.palette is PaletteChoice.THEME
        palette = None if by_theme else PaletteName(self.palette)
        chosen = (self.normalize, palette, self.sort)
        return Links(network.id, digit, scales, *chosen, version=network.version)


ViewDep = Annotated[ViewParameters, Depends(query_of(ViewParameters))]
