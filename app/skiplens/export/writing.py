"""Writes an export to a folder, with its manifest."""

import json
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skiplens.core.file_formats import npz
from skiplens.core.grid_image import encode_grey
from skiplens.core.manifest import BlockMetrics
from skiplens.errors import ExportError
from skiplens.export import gallery
from skiplens.export.gallery import (
    BlockPictures,
    ExportContext,
    ExportOptions,
    Pictures,
    draw,
    indexed_kernels_path,
    kernels_path,
    layer_path,
    load_export_context,
    part_path,
)
from skiplens.service.analysis import all_block_metrics
from skiplens.service.services import Services
from skiplens.web.api.digits import INPUT_ZOOM
from skiplens.web.api.schemas import Activations, Layer, Network, Prediction


def record(context: ExportContext, pictures: Pictures) -> bytes:
    """The content of ``manifest.json``."""
    stored, forward = context.stored, context.forward
    content = {
        "skiplens": version("skiplens"),
        "network": Network.of(context.engine).model_dump(exclude={"url"}),
        "digit": {
            "id": stored.digit.id,
            "label": stored.label,
            "inverted": stored.inverted,
            "box": stored.box,
            "warnings": stored.warnings,
        },
        "normalize": context.options.normalisation,
        "palette": context.options.palette,
        "prediction": Prediction.of(forward, context.whole).model_dump(),
        "layers": _layers(context, pictures),
        "blocks": [_block(one, pictures.blocks[one.block]) for one in all_block_metrics(forward)],
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _layers(context: ExportContext, pictures: Pictures) -> list[dict[str, Any]]:
    manifest = context.engine.manifest
    return [
        {
            **asdict(described),
            **Activations.of(context.forward, layer).model_dump(exclude_none=True),
            "grid": layer_path(layer.name),
            "kernels": kernels_path(layer.name) if layer.name in pictures.kernels else None,
        }
        for layer, described in zip(manifest.layers, Layer.all_of(manifest), strict=True)
    ]


def _block(one: BlockMetrics, pictures: BlockPictures) -> dict[str, Any]:
    return {
        **vars(one),
        "range": pictures.strip.range,
        "maps": part_path(one.block, "maps"),
        "parts": {role: part_path(one.block, role) for role in pictures.parts},
        "kernels": {layer: indexed_kernels_path(one.block, layer) for layer in pictures.kernels},
    }


INDEX: Final = "index.html"
OnStep = Callable[[int, int], None]


def ready(folder: Path, *, force: bool) -> None:
    """Make the folder, and see to it that nothing in it is lost.

    Raises:
        ExportError: it holds something already and ``force`` is not given, or cannot be made.
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
        context: what is exported.
        folder: where to; files of the same names are written over.
        on_step: called with the files written and in all.

    Returns:
        What was written, as paths below the folder.

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
    """What makes each file, by its path; the page last, so that it is there only if all else is."""
    pictures = draw(context)
    return {
        "input.png": lambda: encode_grey(context.stored.digit.pixels, INPUT_ZOOM),
        **{path: drawing.png for path, drawing in pictures.by_path().items()},
        "activations.npz": lambda: npz(context.forward.activations),
        "manifest.json": lambda: record(context, pictures),
        gallery.STYLE: gallery.style,
        INDEX: lambda: gallery.html(context, pictures).encode(),
    }


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} cannot be written: {error.strerror}")


def export_gallery(services: Services, wish: ExportOptions, folder: Path, *, force: bool) -> None:
    """Write the gallery of a digit to a folder and say where it opens.

    Raises:
        SkiplensError: what is asked for is not to be had, or the folder cannot be written.
    """
    context = load_export_context(services, wish)
    ready(folder, force=force)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("exporting", total=None)
        files = write(
            context,
            folder,
            lambda step, steps: progress.update(task, completed=step, total=steps),
        )
    console.print(f"{len(files)} files are written; open {folder / INDEX}", soft_wrap=True)
