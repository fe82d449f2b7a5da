"""Progress of commands, on standard error."""

from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

CONSOLE: Final = Console(stderr=True)


def progress_bar() -> Progress:
    """A bar for each task; a task has the field ``note``, which follows its bar."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=CONSOLE,
    )
