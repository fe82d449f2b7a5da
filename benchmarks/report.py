"""Shows results as a table and writes them as JSON."""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.results import Result

_VERDICTS = {True: "[green]pass[/]", False: "[bold red]miss[/]", None: ""}


def tables(title: str, results: Sequence[Result]) -> Iterator[Table]:
    """The results of one benchmark: those that share a row, then the others."""
    shared = [one for one in results if one.column]
    if shared:
        yield _shared_rows(title, shared)
    yield table(title, [one for one in results if not one.column])


def _shared_rows(title: str, results: Sequence[Result]) -> Table:
    """A row for each thing, a column for each figure of it; a miss is red."""
    made = Table("", title=title, title_justify="left", title_style="bold", min_width=76)
    columns = list(dict.fromkeys(one.column for one in results))
    for column in columns:
        made.add_column(column, justify="right")
    for what in dict.fromkeys(one.what for one in results):
        own = {one.column: one for one in results if one.what == what}
        made.add_row(what, *(_cell(own[column]) if column in own else "" for column in columns))
    return made


def _cell(one: Result) -> str:
    measured = f"{number(one.measured)} {one.unit}".rstrip()
    return f"[bold red]{measured}[/]" if one.passed is False else measured


def table(title: str, results: Sequence[Result]) -> Table:
    """The results of one benchmark that have a row each."""
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
    missed = [", ".join(filter(None, (one.what, one.column))) for one in held if not one.passed]
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
