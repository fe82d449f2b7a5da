"""Runs the benchmarks and reports which targets are met: ``python -m benchmarks [--json FILE]``."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import (
    engine,
    extraction,
    large_network,
    live,
    newcomer,
    pages,
    photos,
    preparation,
    ray_serve,
    report,
    serving,
    start,
    workers,
)
from benchmarks.results import Result

BENCHMARKS: Final = {
    "start": start,
    "engine": engine,
    "serving": serving,
    "newcomer": newcomer,
    "large_network": large_network,
    "live": live,
    "workers": workers,
    "ray": ray_serve,
    "extraction": extraction,
    "pages": pages,
    "photos": photos,
    "preparation": preparation,
}


def main() -> None:
    """Run the named benchmarks, all by default. A missed target is reported and is no failure."""
    parser = _parser()
    given = parser.parse_args()
    unknown = set(given.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark of that name; there are {', '.join(BENCHMARKS)}")
    options = {"photos": {"data": given.data, "held_out": given.held_out}}
    console = Console()
    found: dict[str, list[Result]] = {}
    every = [name for name in BENCHMARKS if name != "ray" or find_spec("ray")]
    for name in given.names or every:
        with console.status(f"measuring {name}"):
            found[name] = list(BENCHMARKS[name].measure(**options.get(name, {})))
        for table in report.tables(BENCHMARKS[name].TITLE, found[name]):
            console.print(table)
    console.print(report.verdict([one for several in found.values() for one in several]))
    if given.json is not None:
        report.write_json(given.json, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to it")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        default=os.environ.get("SKIPLENS_MNIST"),
        help="photos: MNIST, whose digits are taken instead of strokes (SKIPLENS_MNIST)",
    )
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="photos: the hands that are kept for a final figure",
    )
    return parser


if __name__ == "__main__":
    main()
