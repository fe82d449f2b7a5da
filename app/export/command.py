"""What the command line does to export, with a progress bar."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.export.exhibit import Wish, open_exhibit
from app.export.writing import INDEX, ready, write
from app.service.services import Services


def export_gallery(services: Services, wish: Wish, folder: Path, *, force: bool) -> None:
    """Write the gallery of a digit to a folder and say where it opens.

    Raises:
        SkiplensError: what is asked for is not to be had, or the folder cannot be written.
    """
    exhibit = open_exhibit(services, wish)
    ready(folder, force=force)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("exporting", total=None)
        files = write(
            exhibit,
            folder,
            lambda step, steps: progress.update(task, completed=step, total=steps),
        )
    console.print(f"{len(files)} files are written; open {folder / INDEX}", soft_wrap=True)
