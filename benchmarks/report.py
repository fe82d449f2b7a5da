"""Shows figures as a table, and writes them as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.results import Result

_VERDICTS = {True: "[green]pass[/]", False: "[bold red]miss[/]", None: ""}


def table(title: str, results: Sequence[Result]) -> Table:
    """One benchmark's figures."""
    made = Table("", title=title, title_justify="left", title_style="bold", min_width=76)
    for heading in ("target", "measured", ""):
        made.add_column(heading, justify="right")
    for one in results:
        target = "" if one.target is None else f"{one.target.relation} {one.target.value:g}"
        measured = f"{number(one.measured)} {one.unit}".rstrip()
        made.add_row(one.what, target, measured, _VERDICTS[one.passed])
    return made


def number(value: float) -> str:
    """A figure to three digits, more where it is that large: ``0.274``, ``6,130``."""
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def verdict(results: Sequence[Result]) -> str:
    """What meets its target and what misses it, in a sentence."""
    held = [one for one in results if one.target is not None]
    missed = [one.what for one in held if not one.passed]
    met = f"{len(held) - len(missed)} of {len(held)} targets met"
    return f"{met}; missed: {'; '.join(missed)}." if missed else f"{met}."


def write_json(path: Path, found: dict[str, list[Result]]) -> None:
    """Every figure, and what it was measured on, as a file."""
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
