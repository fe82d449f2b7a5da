"""Shows results as a table and writes them as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.results import Result

_VERDICTS = {True: "[green]pass[/]", False: "[bold red]miss[/]", None: ""}


def table(title: str, results: Sequence[Result]) -> Table:
    """The results of one benchmark as a table."""
    made = Table("", title=title, title_justify="left", title_style="bold", min_width=76)
    for heading in ("target", "measured", ""):
        made.add_column(heading, justify="right")
    for one in results:
        target = "" if one.target is None else f"{one.target.relation} {one.target.value:g}"
        measured = f"{number(one.measured)} {one.unit}".rstrip()
        made.add_row(one.what, target, measured, _VERDICTS[one.passed])
    return made


def number(value: float) -> str:
    """A value to three significant digits, whole from 100 on: ``0.274``, ``6,130``."""
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def verdict(results: Sequence[Result]) -> str:
    """One sentence: how many targets are met, and which are missed."""
    held = [one for one in results if one.target is not None]
    missed = [one.what for one in held if not one.passed]
    met = f"{len(held) - len(missed)} of {len(held)} targets met"
    return f"{met}; missed: {'; '.join(missed)}." if missed else f"{met}."


def write_json(path: Path, found: dict[str, list[Result]]) -> None:
    """Write every result, and the machine it was measured on, to a file."""
    machine = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
    }
    results = [
        {"benchmark": name, **one.to_dict()} for name, several in found.items() for one in several
    ]
    text = json.dumps({"machine": machine, "results": results}, indent=1)
    path.write_text(f"{text}\n", encoding="utf-8")
