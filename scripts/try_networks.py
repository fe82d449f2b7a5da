"""Opens every network of a list, or those named, and writes what happened into
``docs/own-networks.md``: ``python -m scripts.try_networks [NAME ...]``.
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import keras

from skiplens.core.manifest import Manifest
from skiplens.engine.litert import run_once
from skiplens.engine.model_folder import open_folder
from skiplens.errors import CompileError
from skiplens.network import commands
from skiplens.network.own_network_files import TrustedCode
from skiplens.settings import ROOT
from tests.network.catalogue import ENTRIES, SLOW, Entry
from tests.network.tiny import randomise

DOCS: Final = ROOT / "docs" / "own-networks.md"
_TABLE: Final = re.compile(r"(?<=<!-- tried -->\n).*?(?=<!-- /tried -->)", re.DOTALL)
_HEAD: Final = """\
| network | input | what happened | layers | blocks | largest relative difference from Keras |
|---|---|---|---:|---:|---:|
"""


def opened(entry: Entry, folder: Path) -> Manifest:
    """The manifest of a network of the list, compiled as ``skiplens open`` does.

    Raises:
        CompileError: it is refused.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    registered = keras.saving.get_custom_objects()
    known = set(registered)
    model = entry.make()
    if entry.weights <= SLOW and not entry.refused:
        randomise(model)
    path = folder / f"{entry.name}.keras"
    model.save(path)
    for name in set(registered) - known:
        del registered[name]  # a file brings no classes with it
    models = folder / "models"
    made = commands.compile_file(
        path, models, None, run_once, measure=False, code=TrustedCode(), options=entry.options
    )
    return open_folder(made).manifest


def row(entry: Entry, folder: Path) -> str:
    """The row of the table of a network."""
    try:
        manifest = opened(entry, folder)
    except CompileError as error:
        reason = str(error).replace(str(folder) + "/", "")
        reason = reason.replace(f"{entry.name}-", "").replace("|", "/")
        return f"| `{entry.name}` | | refused: {reason[:200]} | | | |\n"
    shape = " x ".join(map(str, manifest.input_shape))
    said = "opens" if manifest.no_gradients is None else f"opens; {manifest.no_gradients}"
    deviation = max(graph.deviation for graph in manifest.graphs.values())
    counts = f"{len(manifest.layers)} | {len(manifest.blocks)}"
    return f"| `{entry.name}` | {shape} | {said} | {counts} | {deviation:.0e} |\n"


def main(names: list[str]) -> None:
    """Try the networks of these names, or all, and write their rows into the documentation."""
    text = DOCS.read_text(encoding="utf-8")
    rows = {line.split("`")[1]: f"{line}\n" for line in text.splitlines() if line.startswith("| `")}
    for entry in ENTRIES:
        if names and entry.name not in names:
            continue
        with TemporaryDirectory(prefix="networks-") as folder:
            rows[entry.name] = row(entry, Path(folder))
        sys.stdout.write(rows[entry.name])
        sys.stdout.flush()
    table = _HEAD + "".join(rows[entry.name] for entry in ENTRIES if entry.name in rows)
    DOCS.write_text(_TABLE.sub(lambda _: table, text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
