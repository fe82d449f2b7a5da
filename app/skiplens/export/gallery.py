"""Exports the gallery of a digit: images, and a page that needs no server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skiplens.core.image_decoding import ImageLimits, decode
from skiplens.core.manifest import AS_TRAINED, BlockInfo, BlockMetrics, LayerInfo
from skiplens.core.preprocessing import preprocess
from skiplens.engine.base import Engine
from skiplens.errors import ExportError, InvalidParameterError
from skiplens.service.analysis import all_block_metrics
from skiplens.service.digit_store import StoredDigit
from skiplens.service.forward import ForwardPass
from skiplens.service.images import (
    FeatureMapTable,
    Grid,
    GridOptions,
    LabelledKernelGrid,
    block_table,
    grid_of,
    kernel_grid,
    layer_grid,
)
from skiplens.service.registry import parse_scales
from skiplens.service.services import Services
from skiplens.web.pages import common, figures, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.assets import FOLDER as STATIC
from skiplens.web.pages.figures import (
    MapFigure,
    Picture,
    alt_text,
    legend,
    ramp_stops,
    table_legend,
)
from skiplens.web.pages.templating import TEMPLATES, create_environment


@dataclass(frozen=True)
class ExportOptions:
    """What to export; by default what the home page shows."""

    network: str | None = None
    digit: str | None = None
    """Id of a sample or a stored digit."""
    image: Path | None = None
    """File to preprocess, in place of an id; it is not stored."""
    scale: str | None = None
    """Factors of residual branches, such as ``block2:0,block5:0.5``."""
    options: GridOptions = field(default_factory=GridOptions)


@dataclass(frozen=True)
class ExportContext:
    """A digit in a network; ``baseline`` is the forward pass with every factor 1."""

    engine: Engine
    stored: StoredDigit
    forward: ForwardPass
    baseline: ForwardPass
    options: GridOptions


def load_export_context(services: Services, options: ExportOptions) -> ExportContext:
    """Look up and compute what is exported.

    Raises:
        NotFoundError: there is no such network, digit or block.
        InvalidParameterError: there are both a digit and an image, the block cannot be
            scaled, or the image contains no digit.
        ExportError: the image file cannot be opened.
    """
    engine = services.registry.network(options.network or services.registry.default)
    scales = parse_scales(engine.manifest, options.scale)
    stored = _digit(services, options)
    run = services.runner.run
    forward, baseline = (run(engine, stored.digit, found) for found in (scales, AS_TRAINED))
    return ExportContext(engine, stored, forward, baseline, options.options)


def _digit(services: Services, options: ExportOptions) -> StoredDigit:
    if options.digit is not None and options.image is not None:
        raise InvalidParameterError("digit and image are both given; only one of them can be")
    if options.image is not None:
        return _preprocessed(options.image, services.limits)
    if options.digit is not None:
        return services.digits.get(options.digit)
    return services.default_digit


def _preprocessed(path: Path, limits: ImageLimits) -> StoredDigit:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"image {path} cannot be opened: {error.strerror}") from error
    found = preprocess(decode(content, limits))
    return StoredDigit(found.digit, found.inverted, found.box, found.warnings)


Drawing = FeatureMapTable | Grid | LabelledKernelGrid


@dataclass(frozen=True)
class BlockImages:
    """A block: x, F(x), sum and output as rows, the same as grids by role, kernels by layer."""

    table: FeatureMapTable
    parts: Mapping[str, Grid]
    kernels: Mapping[str, LabelledKernelGrid]


@dataclass(frozen=True)
class Images:
    """All images: grids and kernels by layer, and blocks by name."""

    layers: Mapping[str, Grid]
    kernels: Mapping[str, Grid]
    blocks: Mapping[str, BlockImages]

    def by_path(self) -> dict[str, Drawing]:
        """Every image by its path in the folder."""
        return dict(self._paths())

    def _paths(self) -> Iterator[tuple[str, Drawing]]:
        for layer, grid in self.layers.items():
            yield layer_path(layer), grid
        for layer, kernels in self.kernels.items():
            yield kernels_path(layer), kernels
        for name, block in self.blocks.items():
            yield part_path(name, "maps"), block.table
            for role, grid in block.parts.items():
                yield part_path(name, role), grid
            for layer, labelled in block.kernels.items():
                yield labelled_kernels_path(name, layer), labelled


_FILE_NAMES: Final = {"projected x": "x", "F(x)": "residual"}


def layer_path(layer: str) -> str:
    """Path of a layer's grid."""
    return f"layers/{layer}.png"


def kernels_path(layer: str) -> str:
    """Path of a convolution's kernels."""
    return f"kernels/{layer}.png"


def part_path(block: str, role: str) -> str:
    """Path of a block's maps, or of one of its rows."""
    return f"blocks/{block}/{_FILE_NAMES.get(role, role)}.png"


def labelled_kernels_path(block: str, layer: str) -> str:
    """Path of a convolution's kernels with indices."""
    return f"blocks/{block}/kernels.{layer.removeprefix(f'{block}.')}.png"


def draw(context: ExportContext) -> Images:
    """Every image, laid out."""
    manifest, weights = context.engine.manifest, context.engine.weights
    options = GridOptions(palette=context.options.palette)
    return Images(
        layers={
            layer.name: layer_grid(
                context.forward, layer, tuple(range(layer.filters)), context.options
            )
            for layer in manifest.layers
        },
        kernels={
            layer.name: kernel_grid(weights[f"{layer.name}/kernel"], options)
            for layer in manifest.layers
            if layer.kernel
        },
        blocks={block.name: _block_images(context, block, options) for block in manifest.blocks},
    )


def _block_images(context: ExportContext, block: BlockInfo, options: GridOptions) -> BlockImages:
    table = block_table(context.forward, block, options.palette)
    weights = context.engine.weights
    return BlockImages(
        table,
        {
            row.role: grid_of(maps, (row.range,) * maps.shape[-1], options, diverging=True)
            for row, maps in zip(table.rows, table.maps, strict=True)
        },
        {
            layer.name: LabelledKernelGrid.of(weights[f"{layer.name}/kernel"], options.palette)
            for layer in context.engine.manifest.layers
            if layer.kernel and layer.block == block.name
        },
    )


_TEXTS: Final = {
    "x": "the block's input",
    "projected x": "the block's input, projected to the shape of F(x)",
    "F(x)": "the residual: what the block adds",
    "gated F(x)": "the residual: what the block computes, before the gate weights it",
    "gate": "T(x): the share of F(x) that is used",
    "sum": "the pre-activation: the sum of both",
    "output": "the activation: the block's output",
}
_INDEXED: Final = "one row per filter, one column per input map, with indices"


def _layers(context: ExportContext, images: Images, section: str) -> tuple[MapFigure, ...]:
    """The layers of the stem, the head, or a block."""
    layers = context.engine.manifest.layers
    return tuple(_layer(context, images, layer) for layer in layers if layer.section == section)


def _block(
    context: ExportContext, images: Images, block: BlockInfo, metrics: BlockMetrics
) -> dict[str, Any]:
    """A block: its maps as rows, each row as a grid, its kernels, and all its layers."""
    drawn, name = images.blocks[block.name], block.name
    roles = fmt.join_and(list(drawn.parts))
    return {
        "name": name,
        "metrics": metrics,
        "residual": block.identity is not None,
        "symbols": text.symbols_of_block(block),
        "picture": Picture.of(part_path(name, "maps"), drawn.table.geometry),
        "alt": f"{roles} of {name} as rows, one column for each filter, with one value range",
        "legend": table_legend(drawn.table),
        "parts": tuple(
            _plain(role, _text(block, role), part_path(name, role), grid, f"{role} of {name}")
            for role, grid in drawn.parts.items()
        ),
        "kernels": tuple(
            _plain(layer, _INDEXED, labelled_kernels_path(name, layer), grid, f"Kernels of {layer}")
            for layer, grid in drawn.kernels.items()
        ),
        "layers": _layers(context, images, name),
    }


def _text(block: BlockInfo, role: str) -> str:
    return _TEXTS.get(f"gated {role}" if block.gate else role, _TEXTS[role])


def _layer(context: ExportContext, images: Images, layer: LayerInfo) -> MapFigure:
    grid = images.layers[layer.name]
    return MapFigure(
        name=layer.name,
        tone=text.tone(layer),
        text=text.describe_layer(context.engine.manifest, layer),
        meta=f"{layer.kind}, {fmt.shape(*layer.shape)}",
        picture=Picture.of(layer_path(layer.name), grid.geometry),
        alt=alt_text(context.forward, layer, grid),
        legend=legend(grid),
    )


def _plain(name: str, text: str, path: str, drawing: Drawing, alt: str) -> MapFigure:
    return MapFigure(
        name, Picture.of(path, drawing.geometry), alt, None, figures.row_tone(name), text=text
    )


STYLE: Final = "style.css"
# The app's style sheets that the exported page shares.
_SHARED: Final = ("base.css", "layout.css", "intro.css", "maps.css")


def style() -> bytes:
    """Content of ``style.css``: the app's rules, and the page's own."""
    shared = (STATIC / "css" / sheet for sheet in _SHARED)
    return b"\n".join(sheet.read_bytes() for sheet in (*shared, TEMPLATES / "export" / STYLE))


def html(context: ExportContext, images: Images) -> str:
    """Content of ``index.html``; every address in it is a file beside it."""
    template = create_environment().get_template("export/index.html")
    return template.render(page=_page(context, images))


def _page(context: ExportContext, images: Images) -> dict[str, Any]:
    manifest, palette = context.engine.manifest, context.options.palette
    prediction = common.compare_predictions(context.forward, context.baseline)
    metrics = all_block_metrics(context.forward)
    return {
        "title": f"{prediction.label} in {manifest.title}",
        "manifest": manifest,
        "facts": common.network_facts(context.engine),
        "digit": common.digit_card(context.stored),
        "prediction": prediction,
        "palette": palette.value,
        "signed_ramp": ramp_stops(palette, diverging=True),
        "positive_ramp": ramp_stops(palette, diverging=False),
        "zero_text": text.ZERO[palette],
        "stem": _layers(context, images, "stem"),
        "blocks": tuple(
            _block(context, images, block, found)
            for block, found in zip(manifest.blocks, metrics, strict=True)
        ),
        "head": _layers(context, images, "head"),
        "kernels": tuple(
            _plain(name, "", kernels_path(name), grid, f"All kernels of {name}")
            for name, grid in images.kernels.items()
        ),
    }
