"""Writes the README's table of networks: ``python -m scripts.list_networks``."""

import re
from statistics import mean, stdev
from typing import Final

from skiplens.core.ladder import RUNGS
from skiplens.core.manifest import Accuracy, Manifest
from skiplens.engine.model_folder import find_networks, open_folder
from skiplens.network.architectures import TITLES
from skiplens.settings import ROOT, Settings

README: Final = ROOT / "README.md"
_TABLE: Final = re.compile(r"(?<=<!-- networks -->\n).*?(?=<!-- /networks -->)", re.DOTALL)
_HEAD: Final = """\
| id | what it is | weights | test accuracy (95 % interval) | of each seed; mean ± deviation |
|---|---|---:|---:|---:|
"""


def table() -> str:
    """One row for each manifest in ``models/``, shipped networks first; of the ladder of depths
    only the deepest two.
    """
    folders = [path for path in find_networks(ROOT / "models") if path.name not in RUNGS]
    found = {path.name: open_folder(path).manifest for path in folders}
    order = [name for name in TITLES if name in found]
    order += [name for name in found if name not in TITLES]
    return _HEAD + "".join(_row(found[name]) for name in order)


def _row(manifest: Manifest) -> str:
    default = manifest.id == Settings.model_fields["default_network"].default
    name = f"`{manifest.id}`{' (default)' if default else ''}"
    accuracy = _percent(manifest.test_accuracy) if manifest.test_accuracy else "not measured"
    cells = (name, manifest.summary, f"{manifest.parameters:,}", accuracy, _seeds(manifest))
    return f"| {' | '.join(cells)} |\n"


def _seeds(manifest: Manifest) -> str:
    """The accuracy of each training run of a recipe, in per cent; nothing of a single run."""
    values = [100 * seed.accuracy.value for seed in manifest.seeds]
    if len(values) <= 1:
        return ""
    each = ", ".join(f"{value:.2f}" for value in values)
    return f"{each} %; {mean(values):.2f} % ± {stdev(values):.2f} %"


def _percent(accuracy: Accuracy) -> str:
    low, high = accuracy.interval
    return f"{accuracy.value:.2%} ({low:.2%} to {high:.2%})".replace("%", " %")


def main() -> None:
    """Put the table into the README."""
    text = README.read_text(encoding="utf-8")
    README.write_text(_TABLE.sub(lambda _: table(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
