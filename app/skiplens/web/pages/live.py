"""The page while someone draws: texts, line widths and pictures for each change of the drawing."""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from skiplens.core.array_files import pack
from skiplens.core.timing import timed
from skiplens.errors import InvalidParameterError
from skiplens.service.feature_map_table import stage_table
from skiplens.service.forward import ForwardPass, run_uncached
from skiplens.service.map_grids import Grid, layer_grid
from skiplens.service.registry import find_block, find_layer
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.api.blocks import get_block_table
from skiplens.web.links import Links
from skiplens.web.pages import figures, fmt
from skiplens.web.pages.compare import live_comparison
from skiplens.web.pages.experiments import index as experiments
from skiplens.web.pages.experiments.experiment_page import LiveDrawing
from skiplens.web.pages.network_map import LONGEST_IN_MAP, NetworkMap, network_map
from skiplens.web.pages.prediction import PredictionView, compare_predictions
from skiplens.web.parameters import (
    GridParameters,
    NetworkDep,
    ScalesDep,
    ServicesDep,
    parse_filters,
)
from skiplens.web.uploads import Drawing, read_drawing, take_place

MAX_PICTURES: Final = 24
FRAME: Final = "application/octet-stream"
_PICTURE: Final = re.compile(
    r"/api/v1/networks/[^/]+/digits/[^/]+/"
    r"(?:layers/(?P<layer>[^/]+)/grid|blocks/(?P<block>[^/]+)/maps|stages/(?P<stage>\d{1,3})/maps)"
    r"\.png"
)
_GRID: Final = TypeAdapter(GridParameters)


class LiveRequest(Drawing):
    """A drawing, and the pictures of the page that are in view."""

    pictures: Annotated[
        tuple[Annotated[str, Field(max_length=1024)], ...], Field(max_length=MAX_PICTURES)
    ] = ()


@dataclass(frozen=True)
class LivePicture:
    """A picture as palette levels; the legend is that of its figure."""

    address: str
    levels: NDArray[np.uint8]
    """uint8 ``(height, width)``."""
    ramp: str
    legend: dict[str, str] | None


router = APIRouter(include_in_schema=False)


@router.post(
    addresses.live_page("{network}"), response_class=Response, dependencies=[Depends(take_place)]
)
def post_live(
    request: Request,
    engine: NetworkDep,
    services: ServicesDep,
    scales: ScalesDep,
    asked: LiveRequest,
    experiment: Annotated[str | None, Query(max_length=32)] = None,
) -> Response:
    """One frame: a JSON header, the digit as the network gets it, and the pictures. Another image
    than a digit looks as it is drawn, and is left out.

    Raises:
        InvalidParameterError: the drawing is empty, an address is that of no picture, or there is
            no such experiment.
        NotFoundError: there is no such digit to draw over, or no such layer or block.
    """
    with timed("decode"):
        drawn = read_drawing(asked, services, engine.manifest)
    forward, baseline = run_uncached(engine, drawn.image, scales)
    with timed("render"):
        prediction = compare_predictions(forward, baseline)
        links = Links(engine.manifest.id, drawn.image.id, scales)
        drawn_map = network_map(forward, links, Links.gallery, "")
        pictures = [live_picture(forward, address, services) for address in asked.pictures]
    values = live_values(prediction, drawn_map)
    if experiment is not None:
        page = LiveDrawing(services, engine, forward, request.query_params)
        values |= experiments.live_values(experiment, page)
    header: dict[str, Any] = {
        "values": values,
        "announcement": prediction.announcement,
        "warnings": drawn.warnings,
        "pictures": [_described(picture) for picture in pictures],
    }
    levels = [picture.levels for picture in pictures]
    if engine.manifest.takes_digits:
        arrays = [drawn.image.pixels, *levels]
    else:
        header["is_drawn_as_seen"], arrays = True, levels
    content = pack(json.dumps(header).encode(), arrays)
    return Response(content, media_type=FRAME, headers={"Cache-Control": "no-store"})


def _described(picture: LivePicture) -> dict[str, Any]:
    height, width = picture.levels.shape
    return {
        "address": picture.address,
        "width": width,
        "height": height,
        "ramp": picture.ramp,
        "legend": picture.legend,
    }


def live_values(prediction: PredictionView, drawn: NetworkMap) -> dict[str, str]:
    """Texts and attributes by the keys of ``data-live`` in the templates of the frame."""
    values = {
        "label": prediction.label,
        "predicted": "predicted is-word" if prediction.is_word else "predicted",
        "answer": prediction.label if len(prediction.label) <= LONGEST_IN_MAP else "",
        "share": fmt.percent(prediction.share),
        "verdict": "",
        "change": prediction.sentence or "",
        "stem": str(drawn.stem.width),
        "head": str(drawn.head.width),
    }
    for at, chance in enumerate(prediction.classes):
        values |= {
            f"class{at}": "first" if chance.first else "",
            f"bar{at}": str(fmt.bar(chance.share)),
            f"ghost{at}": str(fmt.bar(chance.baseline)),
            f"name{at}": chance.label,
            f"share{at}": fmt.percent(chance.share),
        }
    for block in drawn.blocks:
        values |= {f"{block.name}.line{at}": str(line.width) for at, line in enumerate(block.lines)}
        if block.branch:
            values[f"{block.name}.branch"] = str(block.branch.width)
        if block.ratio:
            values[f"{block.name}.ratio"] = block.ratio
    return values


def live_picture(forward: ForwardPass, address: str, services: Services) -> LivePicture:
    """The picture that an address of the page would show for another forward pass.

    Raises:
        InvalidParameterError: it is the address of no picture that follows a drawing.
    """
    path, query = urlsplit(addresses.within(address))[2:4]
    found = _PICTURE.fullmatch(path)
    if found is None and path != addresses.COMPARE_PNG:
        raise InvalidParameterError("pictures must be addresses of grid.png or maps.png")
    given = dict(parse_qsl(query))
    try:
        options = _GRID.validate_python(given)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        raise InvalidParameterError(f"pictures: {fault['loc'][0]}: {fault['msg']}") from error
    if found is None:
        compared, legend = live_comparison(services, forward, given, options.grid_options())
        return LivePicture(address, compared.levels(), figures.ramp(compared), _texts(legend, None))
    manifest = forward.manifest
    if name := unquote(found["layer"] or ""):
        layer = find_layer(manifest, name)
        filters = parse_filters(layer, given.get("filters"))
        grid = layer_grid(forward, layer, filters, options.grid_options())
        return LivePicture(address, grid.levels(), figures.ramp(grid), _legend(forward, grid, name))
    if found["block"]:
        block = find_block(manifest, unquote(found["block"]))
        named = given.get("filters")
        table = get_block_table(forward, block, options.palette, options.zoom, named)
    else:
        role = given.get("role", "output")
        if role not in _ROLES:
            raise InvalidParameterError(f"pictures: role must be one of {', '.join(_ROLES)}")
        table = stage_table(forward, int(found["stage"]), role, options.palette, options.zoom)
    texts = _texts(figures.table_legend(table), None)
    return LivePicture(address, table.levels(), figures.ramp(table), texts)


_ROLES: Final = ("output", "residual", "sum", "gate")


def _legend(forward: ForwardPass, grid: Grid, name: str) -> dict[str, str]:
    layer = find_layer(forward.manifest, name)
    dead = np.flatnonzero(forward.summary(layer).dead).tolist()
    note = fmt.dead_filters_note(
        layer, dead, off=forward.is_disabled(layer), noun=forward.manifest.noun
    )
    return _texts(figures.legend(grid), note)


def _texts(legend: figures.Legend, note: str | None) -> dict[str, str]:
    return {
        "low": legend.low,
        "zero": "0" if legend.zero else "",
        "high": legend.high,
        "range-scope": legend.sharing,
        "ramp": f"url(#ramp-{legend.ramp})",
        "note": note or "",
    }
