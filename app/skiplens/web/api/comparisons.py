"""API routes that compare two forward passes: two digits, or two networks."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from skiplens.core.similarity import NetworkSimilarity
from skiplens.errors import InvalidParameterError
from skiplens.service import comparison
from skiplens.service.comparison import LayerComparison, Side, comparison_grid, find_pair
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web.api.activations import Prediction
from skiplens.web.api.routing import Router
from skiplens.web.http.caching import PNG, versioned_response
from skiplens.web.parameters import (
    Filters,
    GridDep,
    ScaleText,
    ServicesDep,
    mark_private,
    parse_filters,
    parse_scales,
)

View = Annotated[
    str,
    Query(description="network/digit", examples=["mnist-resnet/68348ce2256ddc1e"], max_length=160),
]

router = Router("compare")


class Comparison(BaseModel):
    """Two forward passes compared."""

    a: Prediction = Field(description="Prediction for A")
    b: Prediction = Field(description="Prediction for B")
    layers: tuple[LayerComparison, ...] = Field(
        description="Every layer of one network; of two, layers at the same place: of the same "
        "role on the same path, blocks matched by their share of the depth. In forward order"
    )
    similarity: NetworkSimilarity | None = Field(
        description="Linear CKA (Kornblith et al. 2019) of A's layers with B's over test digits; "
        "null for one network, and where it was not measured"
    )


def run_view(services: Services, view: str, scale: str | None, side: str) -> ForwardPass:
    """The forward pass that ``network/digit`` names; ``side`` is ``a`` or ``b``.

    Raises:
        InvalidParameterError: it is not of that form.
        NotFoundError: there is no such network or digit.
    """
    network, slash, digit = view.partition("/")
    if not slash or "/" in digit:
        raise InvalidParameterError("a and b must each be network/digit, with one slash between")
    engine = services.registry.network(network)
    scales = parse_scales(engine.manifest, scale, f"scale_{side}")
    return services.runner.run(engine, services.digits.get(digit).image, scales)


def get_pair(
    request: Request,
    services: ServicesDep,
    a: View,
    b: View,
    scale_a: ScaleText = None,
    scale_b: ScaleText = None,
) -> tuple[ForwardPass, ForwardPass]:
    """Both forward passes, each with factors of its own."""
    pair = run_view(services, a, scale_a, "a"), run_view(services, b, scale_b, "b")
    for forward in pair:
        mark_private(request, services.digits.get(forward.digit.id))
    return pair


PairDep = Annotated[tuple[ForwardPass, ForwardPass], Depends(get_pair)]


@router.get("/compare", summary="Both predictions, and how alike the layers are")
def compare(pair: PairDep) -> Comparison:
    a, b = pair
    return Comparison(
        a=Prediction.of(a),
        b=Prediction.of(b),
        layers=comparison.compare(a, b),
        similarity=comparison.similarity(a.manifest, b.manifest),
    )


@router.file(
    "/compare/grid.png",
    PNG,
    "One layer of A or of B, or in one network the signed difference A - B, as one image",
)
def compare_grid_png(  # noqa: PLR0913, PLR0917  # one parameter each
    request: Request,
    pair: PairDep,
    layer: Annotated[
        str,
        Query(
            description="layer of A; in one network it is B's too, in two B's is at the same place",
            examples=["stem.output"],
        ),
    ],
    parameters: GridDep,
    side: Annotated[
        Side,
        Query(
            description="a, b or difference; two networks have no difference, as filters of "
            "separately trained networks do not correspond",
            examples=["difference"],
        ),
    ] = "difference",
    layer_b: Annotated[
        str | None,
        Query(description="of two networks: another layer of B", examples=[None], max_length=128),
    ] = None,
    filters: Filters = None,
) -> Response:
    """In one network A and B share one range, and their difference has a symmetric one of its own;
    of two networks, each side is the grid of its layer. `normalize`, `sort` and `block` have an
    effect only with two networks; `block` then names a block of that side's network.
    """
    a, b = pair
    layers = find_pair(a.manifest, b.manifest, layer, layer_b)
    chosen = parse_filters(layers.b if side == "b" else layers.a, filters)
    grid = comparison_grid(a, b, layers, side, parameters.grid_options(), chosen)
    return versioned_response(request, grid.png(), "-".join(one.manifest.version for one in pair))
