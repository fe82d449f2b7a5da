"""Writes an exhibit's files to a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.core.arrays import npz
from app.core.grid import encode_grey
from app.errors import ExportError
from app.export import page
from app.export.exhibit import Exhibit
from app.export.pictures import draw
from app.export.record import record
from app.web.api.digits import INPUT_ZOOM

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
    exhibit: Exhibit, folder: Path, on_step: OnStep = lambda step, steps: None
) -> tuple[Path, ...]:
    """Write every file.

    Args:
        exhibit: what is exported.
        folder: where to; files of the same names are written over.
        on_step: called with the files written and in all.

    Returns:
        What was written, as paths below the folder.

    Raises:
        ExportError: a file cannot be written.
    """
    files = _files(exhibit)
    for step, (path, make) in enumerate(files.items(), 1):
        try:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(make())
        except OSError as error:
            raise _unwritable(folder / path, error) from error
        on_step(step, len(files))
    return tuple(map(Path, files))


def _files(exhibit: Exhibit) -> dict[str, Callable[[], bytes]]:
    """What makes each file, by its path; the page last, so that it is there only if all else is."""
    pictures = draw(exhibit)
    return {
        "input.png": lambda: encode_grey(exhibit.stored.digit.pixels, INPUT_ZOOM),
        **{path: drawing.png for path, drawing in pictures.by_path().items()},
        "activations.npz": lambda: npz(exhibit.examination.activations),
        "manifest.json": lambda: record(exhibit, pictures),
        page.STYLE: page.style,
        INDEX: lambda: page.html(exhibit, pictures).encode(),
    }


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path} cannot be written: {error.strerror}")
