"""Exports the gallery of a digit to a folder: images, their manifest, a page without a server."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from skiplens.core.array_files import npz, npz_size
from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.image_decoding import decode_colour, decode_reduced
from skiplens.core.image_stripping import essential
from skiplens.core.input_image import InputImage
from skiplens.core.limits import ImageLimits
from skiplens.core.manifest import BlockInfo, BlockMetrics, LayerInfo, Manifest
from skiplens.core.preprocessing import find_digits
from skiplens.engine.base import Array, Engine
from skiplens.errors import ExportError, InvalidParameterError
from skiplens.progress import progress_bar
from skiplens.service.decoding_pool import longest_side
from skiplens.service.digit_store import InputRecord
from skiplens.service.feature_map_table import FeatureMapTable, block_table
from skiplens.service.forward import ForwardPass
from skiplens.service.map_grids import (
    Grid,
    GridOptions,
    LabelledKernelGrid,
    grid_of,
    kernel_grid,
    layer_grid,
)
from skiplens.service.services import Services
from skiplens.web.api.activations import Activations, Prediction
from skiplens.web.api.digits import encode_input
from skiplens.web.api.networks import Layer, Network
from skiplens.web.pages import text
from skiplens.web.pages.assets import FOLDER as STATIC
from skiplens.web.pages.figures import Picture, alt_text, legend, table_legend
from skiplens.web.pages.gallery import layers_after_blocks, network_facts, outside_blocks
from skiplens.web.pages.prediction import compare_predictions
from skiplens.web.pages.templating import TEMPLATES, create_environment
from skiplens.web.parameters import parse_scales


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
    stored: InputRecord
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
    stored = _digit(services, options, engine.manifest)
    run = services.runner.run
    forward, baseline = (run(engine, stored.image, found) for found in (scales, AS_TRAINED))
    return ExportContext(engine, stored, forward, baseline, options.options)


def _digit(services: Services, options: ExportOptions, manifest: Manifest) -> InputRecord:
    if options.digit is not None and options.image is not None:
        raise InvalidParameterError("digit and image are both given; only one of them can be")
    if options.image is not None:
        return _preprocessed(options.image, services.limits, manifest)
    if options.digit is not None:
        return services.digits.get(options.digit)
    return services.default_input(manifest)


def _preprocessed(path: Path, limits: ImageLimits, manifest: Manifest) -> InputRecord:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"image {path} cannot be opened: {error.strerror}") from error
    if not manifest.takes_digits:
        pixels = decode_colour(essential(content, limits), longest_side([manifest]), limits)
        return InputRecord.of_image(InputImage.of(pixels))
    found, *_ = find_digits(*decode_reduced(essential(content, limits), limits))
    return InputRecord.of_preprocessed(found)


Drawing = FeatureMapTable | Grid | LabelledKernelGrid
_Drawing_co = TypeVar("_Drawing_co", bound=Drawing, covariant=True)
_Kernels = TypeVar("_Kernels", Grid, LabelledKernelGrid)


@dataclass(frozen=True)
class Image(Generic[_Drawing_co]):
    """An image and the path of its file in the folder."""

    path: str
    drawing: _Drawing_co

    @property
    def picture(self) -> Picture:
        """The image on the page."""
        return Picture.of(quote(self.path), self.drawing.layout)


@dataclass(frozen=True)
class BlockImages:
    """A block: x, F(x), sum and output as rows, the same as grids by role, kernels by layer."""

    table: Image[FeatureMapTable]
    parts: Mapping[str, Image[Grid]]
    kernels: Mapping[str, Image[LabelledKernelGrid]]


@dataclass(frozen=True)
class GalleryImages:
    """All images: grids and kernels by layer, and blocks by name."""

    layers: Mapping[str, Image[Grid]]
    kernels: Mapping[str, Image[Grid]]
    blocks: Mapping[str, BlockImages]

    def by_path(self) -> dict[str, Drawing]:
        """Every image by its path in the folder."""
        images: list[Image[Drawing]] = [*self.layers.values(), *self.kernels.values()]
        for block in self.blocks.values():
            images += [block.table, *block.parts.values(), *block.kernels.values()]
        return {image.path: image.drawing for image in images}


def draw(context: ExportContext) -> GalleryImages:
    """Every image, laid out."""
    manifest = context.engine.manifest
    options = GridOptions(palette=context.options.palette)
    layers = {
        layer.name: layer_grid(context.forward, layer, tuple(range(layer.filters)), context.options)
        for layer in manifest.layers
    }
    kernels = _kernels(
        context,
        manifest.layers,
        lambda kernel, zoom: kernel_grid(kernel, replace(options, zoom=zoom)),
    )
    return GalleryImages(
        {name: Image(f"layers/{name}.png", grid) for name, grid in layers.items()},
        {name: Image(f"kernels/{name}.png", grid) for name, grid in kernels.items()},
        {block.name: _block_images(context, block, options) for block in manifest.blocks},
    )


_MOST_KERNELS: Final = 100_000  # in a picture; more cannot be made out


def legible_kernels(
    kernel: Array, draw: Callable[[Array, int | None], _Kernels]
) -> _Kernels | None:
    """Kernels as large as they may be drawn; ``None`` if there are very many."""
    if kernel.shape[2] * kernel.shape[3] > _MOST_KERNELS:
        return None
    for zoom in (None, 3, 2):
        with suppress(InvalidParameterError):
            return draw(kernel, zoom)
    return draw(kernel, 1)


def _kernels(
    context: ExportContext,
    layers: Iterable[LayerInfo],
    draw: Callable[[Array, int | None], _Kernels],
) -> dict[str, _Kernels]:
    """The kernels of layers by name, where they can be made out."""
    found = {
        layer.name: legible_kernels(context.engine.weights[f"{layer.name}/kernel"], draw)
        for layer in layers
        if layer.kernel
    }
    return {name: grid for name, grid in found.items() if grid}


_FILE_NAMES: Final = {"projected x": "x", "F(x)": "residual"}


def _block_images(context: ExportContext, block: BlockInfo, options: GridOptions) -> BlockImages:
    table = block_table(context.forward, block, options.palette)
    folder = f"blocks/{block.name}"
    kernels = _kernels(
        context,
        (layer for layer in context.engine.manifest.layers if layer.block == block.name),
        lambda kernel, zoom: LabelledKernelGrid.of(kernel, options.palette, zoom),
    )
    return BlockImages(
        Image(f"{folder}/maps.png", table),
        {
            row.role: Image(
                f"{folder}/{_FILE_NAMES.get(row.role, row.role)}.png",
                grid_of(
                    maps,
                    (row.range,) * maps.shape[-1],
                    options,
                    diverging=table.diverging,
                    steps=row.layer.is_sequence,
                ),
            )
            for row, maps in zip(table.rows, table.maps, strict=True)
        },
        {
            name: Image(f"{folder}/kernels.{name.removeprefix(f'{block.name}.')}.png", grid)
            for name, grid in kernels.items()
        },
    )


STYLE: Final = "style.css"
# The app's style sheets that the exported page shares.
_SHARED: Final = ("base.css", "layout.css", "maps.css", "workspace.css")


def style() -> bytes:
    """Content of ``style.css``: the app's rules, and the page's own."""
    shared = (STATIC / "css" / sheet for sheet in _SHARED)
    return b"\n".join(sheet.read_bytes() for sheet in (*shared, TEMPLATES / "export" / STYLE))


def html(context: ExportContext, images: GalleryImages) -> str:
    """Content of ``index.html``; every address in it is a file beside it."""
    template = create_environment().get_template("export/index.html")
    return template.render(page=_page(context, images))


def _page(context: ExportContext, images: GalleryImages) -> dict[str, Any]:
    manifest = context.engine.manifest
    prediction = compare_predictions(context.forward, context.baseline)
    outside = outside_blocks(manifest)
    return {
        "title": f"{prediction.label} in {manifest.title}",
        "manifest": manifest,
        "facts": network_facts(context.engine),
        "stored": context.stored,
        "prediction": prediction,
        "palette": context.options.palette,
        "images": images,
        "stem": outside[0],
        "after": layers_after_blocks(manifest, outside),
        "head": outside[-1],
        "metrics": {found.block: found for found in context.forward.block_metrics},
        "describe_layer": partial(text.describe_layer, manifest),
        "alt_text": partial(alt_text, context.forward),
        "legend": legend,
        "table_legend": table_legend,
    }


def manifest_json(context: ExportContext, images: GalleryImages) -> bytes:
    """The content of ``manifest.json``."""
    stored, forward = context.stored, context.forward
    content = {
        "skiplens": version("skiplens"),
        "network": Network.of(context.engine).model_dump(exclude={"url"}),
        "digit": {
            "id": stored.image.id,
            "label": stored.label,
            "inverted": stored.inverted,
            "box": stored.box,
            "warnings": stored.warnings,
        },
        "normalize": context.options.normalize,
        "palette": context.options.palette,
        "prediction": Prediction.of(forward, context.baseline).model_dump(),
        "layers": _layers(context, images),
        "blocks": [
            _block(metrics, images.blocks[metrics.block]) for metrics in forward.block_metrics
        ],
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _layers(context: ExportContext, images: GalleryImages) -> list[dict[str, Any]]:
    manifest = context.engine.manifest
    return [
        {
            **described.model_dump(),
            **Activations.of(context.forward, layer).model_dump(exclude_none=True),
            "grid": images.layers[layer.name].path,
            "kernels": images.kernels[layer.name].path if layer.name in images.kernels else None,
        }
        for layer, described in zip(manifest.layers, Layer.all_of(manifest), strict=True)
    ]


def _block(metrics: BlockMetrics, images: BlockImages) -> dict[str, Any]:
    return {
        **vars(metrics),
        "range": images.table.drawing.range,
        "maps": images.table.path,
        "parts": {role: image.path for role, image in images.parts.items()},
        "kernels": {layer: image.path for layer, image in images.kernels.items()},
    }


INDEX: Final = "index.html"
OnStep = Callable[[int, int], None]


def prepare_folder(folder: Path, *, force: bool) -> None:
    """Make the folder.

    Raises:
        ExportError: it is not empty and ``force`` is false, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise _unwritable(folder, error) from error
    if occupied and not force:
        raise ExportError(f"folder {folder} is not empty; name another, or add --force")


def write(
    context: ExportContext, folder: Path, on_step: OnStep = lambda step, steps: None
) -> tuple[Path, ...]:
    """Write every file.

    Args:
        context: what to export.
        folder: where to; files of the same names are overwritten.
        on_step: called with the number of files written and their total.

    Returns:
        Paths below the folder.

    Raises:
        ExportError: a file cannot be written.
    """
    files = _files(context)
    for step, (path, make) in enumerate(files.items(), 1):
        try:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(make())
        except OSError as error:
            raise _unwritable(folder / path, error) from error
        on_step(step, len(files))
    return tuple(map(Path, files))


def _files(context: ExportContext) -> dict[str, Callable[[], bytes]]:
    """What makes each file, by path; the page comes last, so it exists only if all others do."""
    images, manifest = draw(context), context.engine.manifest
    return {
        "input.png": lambda: encode_input(
            context.stored.image.fitted(manifest.input_shape, manifest.input.fit)
        ),
        **{path: drawing.png for path, drawing in images.by_path().items()},
        "activations.npz": lambda: npz(context.forward.activations),
        "manifest.json": lambda: manifest_json(context, images),
        STYLE: style,
        INDEX: lambda: html(context, images).encode(),
    }


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} cannot be written: {error.strerror}")


_LARGE: Final = 10_000_000  # bytes


def export_gallery(
    services: Services, options: ExportOptions, folder: Path, *, force: bool
) -> None:
    """Write the gallery of a digit to a folder, with a progress bar.

    Raises:
        SkiplensError: there is no such network, digit or block, or the folder cannot be written.
    """
    context = load_export_context(services, options)
    prepare_folder(folder, force=force)
    with progress_bar() as progress:
        size = npz_size({layer.name: layer.shape for layer in context.engine.manifest.layers})
        if size > _LARGE:
            progress.console.print(f"the arrays of all layers take {size / 1e6:.0f} MB")
        task = progress.add_task("exporting", total=None, note="")
        files = write(
            context, folder, lambda step, steps: progress.update(task, completed=step, total=steps)
        )
    said = f"{len(files)} files are written; open {folder / INDEX}"
    progress.console.print(said, soft_wrap=True)
