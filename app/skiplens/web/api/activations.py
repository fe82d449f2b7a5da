"""API routes for activations: arrays, grids, statistics, live preview."""

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Annotated, Final, Self

import numpy as np
from fastapi import Depends, Query, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.requests import ClientDisconnect

from skiplens.core.array_files import (
    FLOAT_BYTES,
    layer_csv,
    network_csv,
    network_csv_bound,
    network_csv_parts,
    npy,
    npz,
    npz_parts,
    npz_size,
    pack,
)
from skiplens.core.feature_stats import FilterStatistics, describe, extent
from skiplens.core.manifest import LayerInfo
from skiplens.core.timing import timed
from skiplens.core.value_range import Normalisation
from skiplens.errors import InvalidParameterError
from skiplens.service.digit_store import InputRecord
from skiplens.service.forward import ForwardPass, run_uncached
from skiplens.service.map_grids import Grid, GridCell, layer_grid
from skiplens.service.services import Services
from skiplens.web.api.routing import EXAMPLE, REORDERED, Router
from skiplens.web.api.schemas import (
    DigitId,
    ImageLayout,
    InkBox,
    Inverted,
    Joined,
    LayerName,
    NetworkId,
    Pair,
    Probabilities,
    Rows,
    Shape,
    Warnings,
)
from skiplens.web.http.caching import (
    CSV,
    NPY,
    NPZ,
    PNG,
    revalidated_response,
    streamed_response,
    versioned_response,
)
from skiplens.web.http.problems import UPLOAD_PROBLEMS
from skiplens.web.parameters import (
    MAX_LIST_CHARACTERS,
    BaselineDep,
    FiltersDep,
    ForwardPassDep,
    GridDep,
    LayerDep,
    NetworkDep,
    ReorderedPassDep,
    ScalesDep,
    ServicesDep,
    parse_layers,
)
from skiplens.web.uploads import UPLOAD_BODY, UploadDep

VIEW = "/networks/{network}/digits/{digit}"
LAYER = VIEW + "/layers/{layer}"

router = Router("views")


class Prediction(BaseModel):
    """The prediction of a network for a digit."""

    label: str = Field(description="Most probable class")
    probabilities: Probabilities
    network: NetworkId
    digit: DigitId
    scale: dict[str, float] = Field(
        description="Factor of the residual branch of each block whose factor is not 1"
    )
    order: tuple[str, ...] = Field(
        description="Every block, in the order in which they ran; empty for the trained order"
    )
    baseline: list[float] | None = Field(
        None,
        description="Probabilities of the network as trained; null if no factor and no order "
        "differs from it",
    )

    @classmethod
    def of(cls, forward: ForwardPass, baseline: ForwardPass | None = None) -> Self:
        """The prediction of a forward pass, with that of the baseline, if any."""
        changed = forward.scales or forward.order
        return cls(
            label=forward.manifest.classes[forward.label],
            probabilities=forward.probabilities.tolist(),
            network=forward.manifest.id,
            digit=forward.digit.id,
            scale=dict(forward.scales.factors),
            order=forward.order.names,
            baseline=baseline.probabilities.tolist() if baseline and changed else None,
        )


class Filter(Joined):
    """Statistics of a filter's map."""

    records = ("statistics",)
    statistics: FilterStatistics
    values: Rows | None = Field(
        None, description="Values of the map, H x W; null unless values= asks for them"
    )


class Activations(BaseModel):
    """Statistics of a layer's maps."""

    layer: LayerName
    shape: Shape
    range: Pair = Field(description="Smallest and largest value of the whole layer")
    filters: list[Filter] = Field(description="The filters that filters= names; all by default")

    @classmethod
    def of(
        cls,
        forward: ForwardPass,
        layer: LayerInfo,
        filters: tuple[int, ...] | None = None,
        *,
        values: bool = False,
    ) -> Self:
        """Statistics of filters of a layer; all by default."""
        maps = forward.maps(layer)
        statistics = forward.statistics(layer)
        described = [
            Filter(
                statistics=statistics[index], values=maps[:, :, index].tolist() if values else None
            )
            for index in (range(layer.filters) if filters is None else filters)
        ]
        return cls(layer=layer.name, shape=layer.shape, range=extent(maps), filters=described)


class Summary(BaseModel):
    """Prediction and statistics of every layer."""

    prediction: Prediction = Field(description="Prediction of the network")
    inverted: Inverted
    box: InkBox
    warnings: Warnings
    layers: list[Activations] = Field(
        description="Every layer in forward order, with all filters and no values"
    )


class GridDescription(ImageLayout):
    """Layout and value ranges of a grid."""

    columns: int = Field(description="Number of maps in a row")
    diverging: bool = Field(description="Whether the diverging palette is used, centred on zero")
    normalize: str = Field(
        description="Which maps share one range, as in normalize=; `layer` where `block` means "
        "the same"
    )
    sort: str = Field(description="Order of the maps, as in sort=")
    cells: tuple[GridCell, ...] = Field(description="Maps in the order of the image, row by row")

    @classmethod
    def of(cls, grid: Grid) -> Self:
        return cls(
            width=grid.layout.width,
            height=grid.layout.height,
            zoom=grid.layout.zoom,
            columns=grid.layout.columns,
            palette=grid.options.palette,
            diverging=grid.diverging,
            normalize=grid.options.normalize,
            sort=grid.options.sort,
            cells=grid.cells,
        )


@router.get(
    f"{VIEW}/prediction", summary="Prediction", openapi_extra={EXAMPLE: {"network": REORDERED}}
)
def prediction(forward: ReorderedPassDep, baseline: BaselineDep) -> Prediction:
    return Prediction.of(forward, baseline)


@router.get(
    f"{LAYER}/activations",
    summary="Statistics of a layer's maps, one entry for each filter",
    response_model_exclude_none=True,
)
def activations(
    forward: ForwardPassDep,
    layer: LayerDep,
    filters: FiltersDep,
    values: Annotated[
        bool, Query(description="whether to add the values of each map, H x W", examples=[True])
    ] = False,
) -> Activations:
    return Activations.of(forward, layer, filters, values=values)


@router.file(f"{LAYER}/activations.npy", NPY, "Activations of a layer, float32 (H, W, C)")
def activations_npy(request: Request, forward: ForwardPassDep, layer: LayerDep) -> Response:
    return revalidated_response(request, npy(forward.maps(layer)), NPY, f"{layer.name}.npy")


_STREAMED: Final = 16 << 20  # bytes: what is smaller is made at once, and kept for others


@router.file(f"{VIEW}/activations.npz", NPZ, "Activations of every layer, by name")
def network_npz(request: Request, forward: ForwardPassDep, services: ServicesDep) -> Response:
    size = npz_size({layer.name: layer.shape for layer in forward.manifest.layers})
    _check_size(size, services, "activations", "activations.npy")
    if size < _STREAMED:
        return _npz(request, forward, forward.activations)
    arrays = (pair for batch in forward.batches() for pair in batch.items())
    return _streamed(request, forward, npz_parts(arrays), NPZ, size)


def _check_size(size: int, services: Services, what: str, file: str) -> None:
    """Refuse to send more than the server allows in one file.

    Raises:
        InvalidParameterError: it is more; the message names the ``file`` of a layer instead.
    """
    if size > services.max_download_bytes:
        raise InvalidParameterError(
            f"the {what} of all layers take {size:,} bytes; at most "
            f"{services.max_download_bytes:,} are sent in one file; take layers one by one, at "
            f"layers/{{layer}}/{file}"
        )


def _streamed(
    request: Request,
    forward: ForwardPass,
    parts: Iterator[bytes],
    media_type: str,
    size: int | None = None,
) -> Response:
    version = f"{forward.manifest.version} {forward.scales}"
    suffix = {NPZ: "npz", CSV: "csv"}[media_type]
    name = f"{forward.digit.id}.{suffix}"
    return streamed_response(request, parts, media_type, version, name, size)


@router.file(f"{LAYER}/activations.npz", NPZ, "Activations of one layer, by name")
def layer_npz(request: Request, forward: ForwardPassDep, layer: LayerDep) -> Response:
    return _npz(request, forward, {layer.name: forward.maps(layer)})


def _npz(
    request: Request, forward: ForwardPass, arrays: Mapping[str, NDArray[np.float32]]
) -> Response:
    with timed("encode"):
        content = npz(arrays)
    return revalidated_response(request, content, NPZ, f"{forward.digit.id}.npz")


@router.file(f"{LAYER}/grid.png", PNG, "Feature maps of a layer as one image")
def grid_png(
    request: Request,
    forward: ForwardPassDep,
    layer: LayerDep,
    filters: FiltersDep,
    parameters: GridDep,
) -> Response:
    grid = layer_grid(forward, layer, filters, parameters.grid_options())
    return versioned_response(request, grid.png(), forward.manifest.version)


@router.get(f"{LAYER}/grid.json", summary="Grid metadata as JSON")
def grid_json(
    forward: ForwardPassDep, layer: LayerDep, filters: FiltersDep, parameters: GridDep
) -> GridDescription:
    return GridDescription.of(layer_grid(forward, layer, filters, parameters.grid_options()))


@router.post(
    "/networks/{network}/activations",
    summary="Prediction and statistics of every layer for an image, which is not stored",
    responses=UPLOAD_PROBLEMS,
    openapi_extra=UPLOAD_BODY,
)
def post_activations(engine: NetworkDep, upload: UploadDep, scales: ScalesDep) -> Summary:
    forward, baseline = run_uncached(engine, upload.image, scales)
    return Summary(
        prediction=Prediction.of(forward, baseline),
        inverted=upload.inverted,
        box=upload.box,
        warnings=upload.warnings,
        layers=[Activations.of(forward, layer) for layer in engine.manifest.layers],
    )


@router.file(
    f"{LAYER}/statistics.csv", CSV, "Statistics of a layer's maps, one row for each filter"
)
def layer_statistics(request: Request, forward: ForwardPassDep, layer: LayerDep) -> Response:
    content = layer_csv(forward.statistics(layer))
    return revalidated_response(request, content, CSV, f"{layer.name}.csv")


@router.file(
    f"{VIEW}/statistics.csv", CSV, "Statistics of every layer's maps, one row for each filter"
)
def network_statistics(
    request: Request, forward: ForwardPassDep, services: ServicesDep
) -> Response:
    layers = forward.manifest.layers
    size = network_csv_bound({layer.name: layer.filters for layer in layers})
    _check_size(size, services, "statistics", "statistics.csv")
    if forward.manifest.activation_bytes < _STREAMED:
        content = network_csv({layer.name: forward.statistics(layer) for layer in layers})
        return revalidated_response(request, content, CSV, f"{forward.digit.id}.csv")
    batches = (
        {name: describe(maps) for name, maps in batch.items()} for batch in forward.batches()
    )
    return _streamed(request, forward, network_csv_parts(batches), CSV)


FRAME: Final = "application/octet-stream"
FRAME_ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": (
            "One frame. It starts with the length of the header in bytes, a little-endian uint32. "
            "The header is JSON in UTF-8, padded with spaces to a multiple of four bytes: `label, "
            "probabilities, network, digit, scale, baseline, inverted, warnings, input_shape, "
            "network_range`, then `layers: [{name, shape, offset, block_range}]` and `blocks`, the "
            "metrics of every block with `norm_input` and `norm_output`. After it come the input, "
            "uint8 of `input_shape` in row-major order, and each layer's maps, little-endian "
            "float32 `(H, W, C)`, at its `offset` from the end of the header, a multiple of four "
            "bytes. A digit is 28 x 28 with ink 255; another image is grey or RGB, as it is "
            "stored. `digit` is the id that the image would get if it were uploaded to `/digits`."
        ),
        "content": {FRAME: {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def get_layers(
    engine: NetworkDep,
    layers: Annotated[
        str | None,
        Query(
            description="layers whose maps the frame holds, at most 64; none by default",
            examples=["stem.output,block1.sum"],
            max_length=MAX_LIST_CHARACTERS,
        ),
    ] = None,
) -> tuple[LayerInfo, ...]:
    """The layers that the query names."""
    return parse_layers(engine.manifest, layers)


async def get_drawn(request: Request, upload: UploadDep) -> InputRecord:
    """The uploaded digit.

    Raises:
        ClientDisconnect: the client is gone, so nothing needs to be computed.
    """
    if await request.is_disconnected():
        raise ClientDisconnect
    return upload


def live_frame(
    forward: ForwardPass, baseline: ForwardPass, drawn: InputRecord, layers: tuple[LayerInfo, ...]
) -> bytes:
    """The frame: header, the input, the maps of these layers, which start at a multiple of four."""
    pixels, maps = drawn.image.pixels, [forward.maps(layer) for layer in layers]
    padding = np.zeros(-pixels.nbytes % FLOAT_BYTES, np.uint8)
    start = pixels.nbytes + padding.nbytes
    offsets = accumulate((array.nbytes for array in maps), initial=start)
    header = {
        **Prediction.of(forward, baseline).model_dump(),
        "inverted": drawn.inverted,
        "warnings": drawn.warnings,
        "input_shape": pixels.shape,
        "network_range": forward.network_range,
        "layers": [
            {
                "name": layer.name,
                "shape": layer.shape,
                "offset": offset,
                "block_range": forward.value_range(layer, Normalisation.BLOCK),
            }
            for layer, offset in zip(layers, offsets, strict=False)
        ],
        "blocks": [
            {
                **vars(metrics),
                "norm_input": forward.norm(block.input),
                "norm_output": forward.norm(block.output),
            }
            for block, metrics in zip(forward.manifest.blocks, forward.block_metrics, strict=True)
        ],
    }
    return pack(to_json(header), (pixels, padding, *maps))


@router.post(
    "/networks/{network}/live",
    summary="Live preview while drawing: an image in, one binary frame out; nothing is stored",
    responses=UPLOAD_PROBLEMS | FRAME_ANSWER,
    openapi_extra=UPLOAD_BODY,
    response_class=Response,
)
def post_live(
    engine: NetworkDep,
    layers: Annotated[tuple[LayerInfo, ...], Depends(get_layers)],
    scales: ScalesDep,
    drawn: Annotated[InputRecord, Depends(get_drawn)],
) -> Response:
    forward, baseline = run_uncached(engine, drawn.image, scales)
    with timed("encode"):
        content = live_frame(forward, baseline, drawn, layers)
    return Response(content, media_type=FRAME, headers={"Cache-Control": "no-store"})
