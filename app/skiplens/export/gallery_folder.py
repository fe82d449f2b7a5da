"""Writes an export to a folder, with its manifest."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from skiplens.core.array_files import npz, npz_size
from skiplens.core.manifest import BlockMetrics
from skiplens.errors import ExportError
from skiplens.export import gallery_files
from skiplens.export.gallery_files import (
    BlockImages,
    ExportContext,
    ExportOptions,
    GalleryImages,
    draw,
    load_export_context,
)
from skiplens.progress import progress_bar
from skiplens.service.services import Services
from skiplens.web.api.activations import Activations, Prediction
from skiplens.web.api.digits import encode_input
from skiplens.web.api.networks import Layer, Network


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
        gallery_files.STYLE: gallery_files.style,
        INDEX: lambda: gallery_files.html(context, images).encode(),
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
