"""The layer page: every filter's map, large, and all of them in numbers."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from skiplens.core.manifest import LayerInfo
from skiplens.engine.base import Engine
from skiplens.errors import InvalidParameterError
from skiplens.service.forward import ForwardPass
from skiplens.service.images import GridOptions, kernel_layout, layer_grid, sequence_zoom
from skiplens.web.links import Links
from skiplens.web.pages import charts, figures, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.common import ViewPage, neighbour_links
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import layer_downloads
from skiplens.web.pages.figures import Picture, map_attributes

_SEQUENCE_WIDTH: Final = 820  # pixels, with the digit's rows beside it
KERNEL_WIDTH: Final = 900  # pixels across, at most, of the image of all kernels
_KERNEL_ZOOMS: Final = (6, 5, 4, 3, 2, 1)


def layer_page(context: PageContext, layer: LayerInfo, origin: str) -> ViewPage:
    """The page of a layer; ``origin`` is the server's address."""
    manifest, links, forward = context.engine.manifest, context.links, context.forward
    every = tuple(range(layer.filters))
    shape: dict[str, Any] = {"labels": "false"}
    options = replace(links.options, labels=False)
    if layer.is_sequence:
        shape = {"zoom": sequence_zoom(layer.shape[1], layer.filters, _SEQUENCE_WIDTH)}
        options = replace(links.options, **shape)
    grid = layer_grid(forward, layer, every, options)
    names = [other.name for other in manifest.layers]
    statistics, off = forward.statistics(layer), forward.is_disabled(layer)
    values = {
        "layer": layer,
        "explanation": text.describe_layer(manifest, layer),
        "facts": _facts(layer),
        "neighbours": neighbour_links(names, layer.name, links.layer),
        "picture": Picture.of(links.grid(layer.name, **shape), grid.geometry),
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
        "dead_flag": _dead_flag(forward, layer),
        "histogram": charts.histogram(forward.maps(layer)),
        "statistics": tuple(statistics[cell.filter] for cell in grid.cells),
        "kernels": kernels_picture(context.engine, layer, links),
        "downloads": layer_downloads(links, layer, origin),
    }
    return ViewPage(
        "layer.html",
        f"{layer.name} in {manifest.title}",
        context,
        address=lambda other: other.layer(layer.name),
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


def _dead_flag(forward: ForwardPass, layer: LayerInfo) -> str:
    return "switched off" if forward.is_disabled(layer) else "inactive"


def kernels_picture(
    engine: Engine, layer: LayerInfo, links: Links, width: int = KERNEL_WIDTH
) -> Picture | None:
    """The image of all kernels of a convolution, ``width`` pixels across at most if that is
    possible; ``None`` for other layers, and where the image would have too many pixels.
    """
    if layer.kernel is None:
        return None
    shape = engine.weights[f"{layer.name}/kernel"].shape
    for zoom in _KERNEL_ZOOMS:
        with suppress(InvalidParameterError):
            layout = kernel_layout(shape, GridOptions(zoom=zoom))
            if layout.width <= width or zoom == 1:
                return Picture.of(links.kernels_png(layer.name, zoom=zoom), layout)
    return None
