"""The layer page: every filter's map, large, and all of them in numbers."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from skiplens.core.grid_image import GAP, near_square
from skiplens.core.manifest import LayerInfo
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.map_grids import GridOptions, kernel_layout, layer_grid, sequence_zoom
from skiplens.web.links import Links
from skiplens.web.pages import charts, figures, fmt, text
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import layer_downloads
from skiplens.web.pages.figures import Picture, map_attributes
from skiplens.web.pages.network_page import NetworkPage, neighbour_links

_SEQUENCE_WIDTH: Final = 820  # pixels, with the digit's rows beside it
KERNEL_WIDTH: Final = 900  # pixels across, at most, of the image of all kernels
_KERNEL_ZOOMS: Final = (6, 5, 4, 3, 2, 1)
_MOST_KERNELS: Final = 400_000


MOST_FILTERS: Final = 128
"""Filters on one page, the strongest first where there are more."""


def layer_page(context: PageContext, layer: LayerInfo, page: int = 1) -> NetworkPage:
    """The page of a layer; ``page`` is the part of its filters.

    Raises:
        InvalidParameterError: there is no such part.
    """
    manifest, links, forward = context.engine.manifest, context.links, context.forward
    part = figures.filter_part(forward, layer, links, MOST_FILTERS, page)
    shape: dict[str, Any] = {"labels": "false", **part.query}
    options = replace(links.options, labels=False)
    if layer.is_sequence:
        shape = {"zoom": sequence_zoom(layer.shape[1], layer.filters, _SEQUENCE_WIDTH)}
        options = replace(links.options, **shape)
    grid = layer_grid(forward, layer, part.filters, options)
    names = [other.name for other in manifest.layers]
    statistics, off = forward.statistics(layer), forward.is_disabled(layer)
    values = {
        "layer": layer,
        "step": text.step_noun(manifest, layer),
        "pages": part.links(lambda number: links.layer(layer.name, page=number)),
        "explanation": text.describe_layer(manifest, layer),
        "facts": _facts(layer),
        "neighbours": neighbour_links(names, layer.name, links.layer),
        "picture": Picture.of(links.grid(layer.name, **shape), grid.layout),
        "cells": grid.cells,
        "alt": figures.alt_text(forward, layer, grid),
        "legend": figures.legend(grid),
        "attributes": map_attributes(layer, grid, links),
        "note": fmt.dead_filters_note(
            layer,
            [filter_.index for filter_ in statistics if filter_.dead],
            off=off,
            noun=manifest.noun,
        ),
        "dead_flag": "switched off" if off else "inactive",
        "histogram": charts.histogram(forward.maps(layer)),
        "statistics": tuple(statistics[cell.filter] for cell in grid.cells),
        "kernels": kernels_picture(context.engine, layer, links),
        "downloads": layer_downloads(links, layer),
    }
    return NetworkPage(
        "layer.html",
        f"{layer.name} · {manifest.title}",
        context,
        address=lambda other: other.layer(layer.name, page=page if page > 1 else None),
        current_block=layer.block or "",
        layer_name=layer.name,
        values=values,
    )


def _facts(layer: LayerInfo) -> tuple[tuple[str, str], ...]:
    rows = [("kind", layer.kind), ("shape", fmt.shape(*layer.shape))]
    if layer.kernel:
        rows.append(("kernel", f"{layer.kernel[0]} {fmt.TIMES} {layer.kernel[1]}"))
    if layer.strides:
        rows.append(("stride", str(layer.strides[0])))
    return (*rows, ("weights", fmt.thousands(layer.parameters)))


def kernels_picture(
    engine: Engine, layer: LayerInfo, links: Links, width: int = KERNEL_WIDTH
) -> Picture | None:
    """The image of all kernels of a convolution, ``width`` pixels across at most if that is
    possible; ``None`` for other layers, and where there are too many kernels to be made out.
    """
    if layer.kernel is None:
        return None
    shape = engine.weights[f"{layer.name}/kernel"].shape
    _, across, channels, count = shape
    if channels * count > _MOST_KERNELS:
        return None
    columns = channels if channels > 1 else near_square(count)
    for zoom in _KERNEL_ZOOMS:
        if columns * (across * zoom + GAP) + GAP > width and zoom > 1:
            continue
        with suppress(InvalidParameterError):
            layout = kernel_layout(shape, GridOptions(zoom=zoom))
            return Picture.of(links.kernels_png(layer.name, zoom=zoom), layout)
    return None
