"""The filter page: map, kernels, the filter across its block, top-activating digits."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Final

from skiplens.core import grid_image
from skiplens.core.block_metrics import first_columns
from skiplens.core.feature_stats import describe
from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.activation_index import TopActivation
from skiplens.service.dataset.indexer import DatasetIndexer
from skiplens.service.feature_map_table import block_table
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import GridOptions, layer_grid
from skiplens.service.registry import find_layer
from skiplens.web.pages import charts, figures, fmt, text
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.digit_tiles import Tile, sprite_sheet
from skiplens.web.pages.downloads import filter_downloads
from skiplens.web.pages.figures import (
    MOST_COLUMNS,
    Legend,
    Picture,
    filter_kernel,
    legend_of,
    map_attributes,
)
from skiplens.web.pages.network_page import NetworkPage, neighbour_links
from skiplens.web.pages.unit import UnitQuery, unit_section

_TEXTS: Final[dict[str | None, str]] = {
    "add": "The block's input, its residual and their sum: at each position, the second map is "
    "added to the first.",
    None: "What the block's layers compute.",
}


@dataclass(frozen=True)
class FilterAcrossBlock:
    """A filter in x, F(x), sum and output of its block."""

    block: BlockInfo
    text: str
    picture: Picture
    parts: tuple[Tile, ...]
    legend: Legend


def filter_across_block(
    context: PageContext, layer: LayerInfo, index: int
) -> FilterAcrossBlock | None:
    """A filter in every part of its block; ``None`` if its layer is not one of the parts."""
    links = context.links
    block = _block_of_part(context.forward.manifest, layer.name)
    if block is None:
        return None
    column, filters = _column(context.forward, block, layer, index)
    table = block_table(context.forward, block, links.options.palette, filters=filters)
    parts = tuple(
        Tile(
            text=row.role,
            href=links.filter(row.layer.name, column - row.first),
            box=" ".join(map(str, box)),
            current=row.layer == layer,
        )
        for row in table.rows
        if (box := table.box(row, column)) is not None
    )
    return FilterAcrossBlock(
        block=block,
        text=_TEXTS.get(block.merge) or text.describe_block(block, context.forward.manifest),
        picture=Picture.of(
            links.block_maps(block.name, filters=column if filters else None), table.layout
        ),
        parts=parts,
        legend=legend_of(table.range, figures.ramp(table), "one value range for all of them"),
    )


def _column(
    forward: ForwardPass, block: BlockInfo, layer: LayerInfo, index: int
) -> tuple[int, tuple[int, ...] | None]:
    """The column of a layer's filter among those of its block, and the columns of the picture that
    it is cut from: the whole table, as on the block's page, or it alone where there are many.
    """
    x, fx = first_columns(block, forward.activations)
    column = index + {block.identity: x, block.residual: fx}.get(layer.name, 0)
    many = find_layer(forward.manifest, block.output).filters > MOST_COLUMNS
    return column, (column,) if many else None


def _block_of_part(manifest: Manifest, layer: str) -> BlockInfo | None:
    """The block that a layer is part of; a block's input is part of the block before."""
    for block in manifest.blocks:
        parts = {block.identity, block.residual, block.gate, block.sum, block.output}
        if layer != block.input and layer in parts:
            return block
    return None


@dataclass(frozen=True)
class TopActivationsSection:
    """The digits with the largest values, largest first; ``None`` if there are no digits."""

    sentence: str
    labels: str | None
    sheet: Picture | None
    tiles: tuple[Tile, ...]


def top_activations(context: PageContext, layer: LayerInfo, index: int) -> TopActivationsSection:
    """A filter's top-activating digits: of the test set once it is indexed, else of the samples."""
    indexes = context.services.indexes
    collection, found = indexes.best_available(context.engine)
    top = found.top_activations(context.engine.manifest, layer, index)
    sheet, boxes = sprite_sheet(collection, [digit.index for digit in top]) if top else (None, ())
    kind = "test digit" if collection.kind == "dataset" else "sample"

    def tile(activation: TopActivation, box: str) -> Tile:
        digit, label = collection.ids[activation.index], collection.label(activation.index)
        value = fmt.number(activation.value)
        return Tile(
            href=context.links.with_digit(digit).filter(layer.name, index),
            text=f"{value} on {kind} {activation.index:,}, labelled {label}",
            box=box,
            current=digit == context.links.digit,
            caption=value,
        )

    return TopActivationsSection(
        sentence=_describe_search(context, indexes, collection, any_digit=bool(top)),
        labels=_describe_labels(collection, top) if top else None,
        sheet=sheet,
        tiles=tuple(map(tile, top, boxes)),
    )


def _describe_search(
    context: PageContext, indexes: DatasetIndexer, collection: LabelledDigits, *, any_digit: bool
) -> str:
    count = f"{len(collection):,}"
    if collection.kind == "dataset":
        where = f"the {count} test digits"
        more = ""
    else:
        where = f"the {count} samples"
        more = (
            " The test set is still being indexed; its digits are used as soon as it is."
            if indexes.has_dataset
            else " Start skiplens with --data and a folder with MNIST to search its test digits "
            "instead."
        )
    found = (
        f"The digits among {where} on which its map has the largest values, shown below each."
        if any_digit
        else f"None of {where} activates it: its map has no value above zero on any of them."
    )
    baseline = " Values are with every block on." if context.links.scales else ""
    return found + baseline + more


def _describe_labels(collection: LabelledDigits, top: tuple[TopActivation, ...]) -> str:
    counts = Counter(collection.label(digit.index) for digit in top)
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"Among them {fmt.join_and([f'{count} labelled {label}' for label, count in by_count])}."


def filter_page(
    context: PageContext, layer: LayerInfo, index: int, query: UnitQuery
) -> NetworkPage:
    """The page of a filter, with one value explained.

    Raises:
        InvalidParameterError, UnknownUnitError, UnknownFilterError: as
            :func:`skiplens.web.pages.unit.unit_section` does.
    """
    manifest, links = context.engine.manifest, context.links
    maps = context.forward.maps(layer)
    statistics = replace(describe(maps[:, :, index : index + 1])[0], index=index)
    off = context.forward.is_disabled(layer)
    unit = unit_section(context, layer, index, query)

    def in_layer(name: str) -> str:
        """The page of its filter with the same index, or of its last one."""
        return links.filter(name, min(index, find_layer(manifest, name).filters - 1))

    values = {
        "layer": layer,
        "step": text.step_noun(manifest, layer),
        "index": index,
        "explanation": text.describe_layer(manifest, layer),
        "neighbours": neighbour_links(
            range(layer.filters), index, lambda at: links.filter(layer.name, at)
        ),
        "layers": neighbour_links([one.name for one in manifest.layers], layer.name, in_layer),
        "map": _map(context, layer, index),
        "unit": unit,
        "note": fmt.dead_map_note(layer, off=off, noun=manifest.noun) if statistics.dead else None,
        "statistics": statistics,
        "histogram": charts.histogram(maps[:, :, index]),
        "top_activations": top_activations(context, layer, index)
        if manifest.takes_digits
        else None,
        "kernel": filter_kernel(context, layer, index),
        "across_block": filter_across_block(context, layer, index),
        "downloads": filter_downloads(links, layer, index, (unit.row, unit.column)),
    }
    return NetworkPage(
        "filter.html",
        f"{layer.name}:{index} · {manifest.title}",
        context,
        address=lambda other: other.filter(layer.name, index, at=query.at, channel=query.channel),
        current_block=layer.block or "",
        layer_name=layer.name,
        values=values,
    )


def _map(context: PageContext, layer: LayerInfo, index: int) -> dict[str, Any]:
    """The filter's map, enlarged: cut from the image by its ``viewBox``."""
    links = context.links
    options = GridOptions(links.normalize, zoom=grid_image.MAX_ZOOM, labels=False)
    grid = layer_grid(context.forward, layer, (index,), options)
    layout, (cell,) = grid.layout, grid.cells
    height, width, _ = layer.shape
    low, high = grid.extent
    return {
        "picture": Picture.of(
            links.grid(layer.name, filters=index, zoom=layout.zoom, labels="false"), layout
        ),
        "box": " ".join(map(str, cell.box)),
        "alt": f"Activation map of {layer.filter_noun} {index} of {layer.name}, "
        f"{height} by {width}, values from {fmt.number(low)} to {fmt.number(high)}",
        "legend": figures.legend(grid),
        "attributes": map_attributes(layer, grid, links),
    }
