"""Exports the gallery of a digit: pictures, sections and the page that needs no server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from skiplens.core.grid_image import GridLayout
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
from skiplens.web.links import Links
from skiplens.web.pages import common, figures, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.assets import FOLDER as STATIC
from skiplens.web.pages.common import DigitCard, PredictionView, reading
from skiplens.web.pages.figures import (
    Legend,
    Picture,
    Stop,
    alt_text,
    legend,
    matrix_legend,
    ramp_stops,
)
from skiplens.web.pages.templating import TEMPLATES
from skiplens.web.pages.text import Symbols


@dataclass(frozen=True)
class ExportOptions:
    """What a caller asks for; what is left open is as on the first page.

    Attributes:
        network: id.
        digit: id of a sample or a stored digit.
        image: file with a digit, in place of an id; it is prepared and not stored.
        scale: factors of residual branches, such as ``block2:0,block5:0.5``.
        options: how pictures are drawn.
    """

    network: str | None = None
    digit: str | None = None
    image: Path | None = None
    scale: str | None = None
    options: GridOptions = field(default_factory=GridOptions)


@dataclass(frozen=True)
class ExportContext:
    """What is exported.

    Attributes:
        engine: the network.
        stored: the digit.
        forward: what the network computes for it.
        whole: the same with every factor 1.
        options: how pictures are drawn.
    """

    engine: Engine
    stored: StoredDigit
    forward: ForwardPass
    whole: ForwardPass
    options: GridOptions


def load_export_context(services: Services, wish: ExportOptions) -> ExportContext:
    """Look up and compute what is asked for.

    Raises:
        NotFoundError: there is no such network, digit or block.
        InvalidParameterError: both a digit and an image are given, the block cannot be
            scaled, or the image holds no digit that can be read.
        ExportError: the image file cannot be opened.
    """
    engine = services.registry.network(wish.network or services.registry.default)
    scales = parse_scales(engine.manifest, wish.scale)
    stored = _digit(services, wish)
    run = services.runner.run
    return ExportContext(
        engine,
        stored,
        run(engine, stored.digit, scales),
        run(engine, stored.digit, AS_TRAINED),
        wish.options,
    )


def _digit(services: Services, wish: ExportOptions) -> StoredDigit:
    if wish.digit is not None and wish.image is not None:
        raise InvalidParameterError("digit and image are both given; only one of them can be")
    if wish.image is not None:
        return _prepared(wish.image, services.limits)
    return services.digits.get(wish.digit) if wish.digit is not None else services.default_digit


def _prepared(path: Path, limits: ImageLimits) -> StoredDigit:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"image {path} cannot be opened: {error.strerror}") from error
    found = preprocess(decode(content, limits))
    return StoredDigit(found.digit, found.inverted, found.box, found.warnings)


_FILES: Final = {"projected x": "x", "F(x)": "residual"}


class Drawing(Protocol):
    """Something that can be drawn."""

    @property
    def geometry(self) -> GridLayout:
        """Its size and where its maps lie."""

    def png(self) -> bytes:
        """The picture."""


@dataclass(frozen=True)
class BlockPictures:
    """A block.

    Attributes:
        strip: x, F(x), sum and output as rows, on one range.
        parts: each of the rows as a grid, on the same range, by role.
        kernels: of its convolutions, with indices, by layer.
    """

    strip: FeatureMapTable
    parts: Mapping[str, Grid]
    kernels: Mapping[str, LabelledKernelGrid]


@dataclass(frozen=True)
class Pictures:
    """All pictures: grids and kernels by layer, and blocks by name."""

    layers: Mapping[str, Grid]
    kernels: Mapping[str, Grid]
    blocks: Mapping[str, BlockPictures]

    def by_path(self) -> dict[str, Drawing]:
        """Every picture by its path in the folder."""
        found: dict[str, Drawing] = {}
        found |= {layer_path(name): grid for name, grid in self.layers.items()}
        found |= {kernels_path(name): grid for name, grid in self.kernels.items()}
        for name, block in self.blocks.items():
            found[part_path(name, "maps")] = block.strip
            found |= {part_path(name, role): grid for role, grid in block.parts.items()}
            found |= {
                indexed_kernels_path(name, layer): drawing
                for layer, drawing in block.kernels.items()
            }
        return found


def layer_path(layer: str) -> str:
    """Where a layer's grid lies."""
    return f"layers/{layer}.png"


def kernels_path(layer: str) -> str:
    """Where a convolution's kernels lie."""
    return f"kernels/{layer}.png"


def part_path(block: str, role: str) -> str:
    """Where a block's strip, or one of its parts, lies."""
    return f"blocks/{block}/{_FILES.get(role, role)}.png"


def indexed_kernels_path(block: str, layer: str) -> str:
    """Where the kernels of one of a block's convolutions lie, with indices."""
    return f"blocks/{block}/kernels.{layer.removeprefix(f'{block}.')}.png"


def draw(context: ExportContext) -> Pictures:
    """Lay every picture out."""
    manifest, weights = context.engine.manifest, context.engine.weights
    options = GridOptions(palette=context.options.palette)
    return Pictures(
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
        blocks={block.name: _block_pictures(context, block, options) for block in manifest.blocks},
    )


def _block_pictures(
    context: ExportContext, block: BlockInfo, options: GridOptions
) -> BlockPictures:
    strip = block_table(context.forward, block, options.palette)
    weights = context.engine.weights
    return BlockPictures(
        strip,
        {
            row.role: grid_of(maps, (row.range,) * maps.shape[-1], options, diverging=True)
            for row, maps in zip(strip.rows, strip.maps, strict=True)
        },
        {
            layer.name: LabelledKernelGrid.of(weights[f"{layer.name}/kernel"], options.palette)
            for layer in context.engine.manifest.layers
            if layer.kernel and layer.block == block.name
        },
    )


_WORDS: Final = {
    "x": "what the block is given",
    "projected x": "what the block is given, in the shape of F(x)",
    "F(x)": "the residual: what the block adds",
    "gated F(x)": "the residual: what the block works out, before the gate weighs it",
    "gate": "T(x): the share of F(x) that is taken",
    "sum": "the pre-activation: both together",
    "output": "the activation: what the block hands on",
}
_INDEXED: Final = "a row for each filter, a column for each map that it is given, with indices"


@dataclass(frozen=True)
class Figure:
    """A picture with its name.

    Attributes:
        name: of the layer, or the role in the block.
        tone: ``identity``, ``residual`` or nothing.
        words: what it shows, in a phrase or a sentence.
        meta: kind and shape; nothing of parts and kernels.
        picture: the picture.
        alt: what it shows, for people who do not see it.
        legend: of its colours; nothing where a block's one holds for it.
    """

    name: str
    tone: str
    words: str
    meta: str
    picture: Picture
    alt: str
    legend: Legend | None


@dataclass(frozen=True)
class BlockSection:
    """A block.

    Attributes:
        name: of the block.
        figures: in numbers.
        residual: whether it has an identity path.
        symbols: what the two that are added are called.
        strip: its parts as rows.
        strip_alt: what the strip shows.
        legend: of the strip and the parts.
        parts: each part as a grid.
        kernels: of its convolutions, with indices.
        layers: every layer, each on the scale that was asked for.
    """

    name: str
    figures: BlockMetrics
    residual: bool
    symbols: Symbols
    strip: Picture
    strip_alt: str
    legend: Legend
    parts: tuple[Figure, ...]
    kernels: tuple[Figure, ...]
    layers: tuple[Figure, ...]


def place_figures(context: ExportContext, pictures: Pictures, place: str) -> tuple[Figure, ...]:
    """The layers of the stem, the head, or a block."""
    layers = context.engine.manifest.layers
    return tuple(_layer(context, pictures, one) for one in layers if one.place == place)


def kernel_figures(pictures: Pictures) -> tuple[Figure, ...]:
    """The kernels of every convolution."""
    return tuple(
        _plain(name, "", kernels_path(name), drawing, f"Every kernel of {name}")
        for name, drawing in pictures.kernels.items()
    )


def block_sections(context: ExportContext, pictures: Pictures) -> tuple[BlockSection, ...]:
    """Every block, in forward order."""
    blocks = zip(context.engine.manifest.blocks, all_block_metrics(context.forward), strict=True)
    return tuple(_block(context, pictures, block, one) for block, one in blocks)


def _block(
    context: ExportContext, pictures: Pictures, block: BlockInfo, numbers: BlockMetrics
) -> BlockSection:
    drawn, name = pictures.blocks[block.name], block.name
    roles = fmt.join_and(list(drawn.parts))
    return BlockSection(
        name=name,
        figures=numbers,
        residual=block.identity is not None,
        symbols=text.symbols_of_block(block),
        strip=_picture(part_path(name, "maps"), drawn.strip),
        strip_alt=f"{roles} of {name} as rows, one column for each filter, on one scale",
        legend=matrix_legend(drawn.strip),
        parts=tuple(
            _plain(role, _words(block, role), part_path(name, role), grid, f"{role} of {name}")
            for role, grid in drawn.parts.items()
        ),
        kernels=tuple(
            _plain(layer, _INDEXED, indexed_kernels_path(name, layer), one, f"Kernels of {layer}")
            for layer, one in drawn.kernels.items()
        ),
        layers=place_figures(context, pictures, name),
    )


def _words(block: BlockInfo, role: str) -> str:
    return _WORDS.get(f"gated {role}" if block.gate else role, _WORDS[role])


def _layer(context: ExportContext, pictures: Pictures, layer: LayerInfo) -> Figure:
    grid = pictures.layers[layer.name]
    return Figure(
        name=layer.name,
        tone=text.tone(layer),
        words=text.of_layer(context.engine.manifest, layer),
        meta=f"{layer.kind}, {fmt.shape(*layer.shape)}",
        picture=_picture(layer_path(layer.name), grid),
        alt=alt_text(context.forward, layer, grid),
        legend=legend(grid),
    )


def _plain(name: str, words: str, path: str, drawing: Drawing, alt: str) -> Figure:
    return Figure(name, figures.tone(name), words, "", _picture(path, drawing), alt, None)


def _picture(path: str, drawing: Drawing) -> Picture:
    return Picture(path, drawing.geometry.width, drawing.geometry.height)


STYLE: Final = "style.css"
# The sheets of the app that the exported page shares.
_SHARED: Final = ("base.css", "layout.css", "intro.css", "maps.css")


@dataclass(frozen=True)
class Sheet:
    """The page.

    Attributes:
        title: of the document.
        heading: title of the network.
        summary: one sentence about it.
        facts: name and value.
        digit: what the network is given.
        reading: what it answers.
        palette: name of the palette.
        signed_ramp: the palette for signed values.
        positive_ramp: the palette for values never negative.
        zero_words: what dark and bright mean in the palette.
        stem: the beginning.
        blocks: the middle.
        head: the end.
        kernels: of every convolution.
    """

    title: str
    heading: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    digit: DigitCard
    reading: PredictionView
    palette: str
    signed_ramp: tuple[Stop, ...]
    positive_ramp: tuple[Stop, ...]
    zero_words: str
    stem: tuple[Figure, ...]
    blocks: tuple[BlockSection, ...]
    head: tuple[Figure, ...]
    kernels: tuple[Figure, ...]


def style() -> bytes:
    """The content of ``style.css``: the app's own rules, and what the page adds to them."""
    shared = (STATIC / "css" / sheet for sheet in _SHARED)
    return b"\n".join(sheet.read_bytes() for sheet in (*shared, TEMPLATES / "export" / STYLE))


def html(context: ExportContext, pictures: Pictures) -> str:
    """The content of ``index.html``; every address in it is a file beside it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=fmt.number, percent=fmt.percent, cosine=fmt.cosine)
    return environment.get_template("export/index.html").render(page=_sheet(context, pictures))


def _sheet(context: ExportContext, pictures: Pictures) -> Sheet:
    manifest, palette = context.engine.manifest, context.options.palette
    read = reading(context.forward, context.whole)
    view = Links(manifest.id, context.stored.digit.id, palette=palette)
    return Sheet(
        title=f"{read.label} in {manifest.title}",
        heading=manifest.title,
        summary=manifest.summary,
        facts=common.facts(context.engine),
        digit=common.digit_card(context.stored),
        reading=read,
        palette=palette.value,
        signed_ramp=ramp_stops(view, diverging=True),
        positive_ramp=ramp_stops(view, diverging=False),
        zero_words=text.ZERO[palette],
        stem=place_figures(context, pictures, "stem"),
        blocks=block_sections(context, pictures),
        head=place_figures(context, pictures, "head"),
        kernels=kernel_figures(pictures),
    )
