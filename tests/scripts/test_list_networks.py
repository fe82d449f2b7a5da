from dataclasses import replace
from pathlib import Path

import pytest

from scripts import list_networks
from skiplens.core.ladder import RUNGS
from skiplens.core.manifest import Accuracy, SeedAccuracy
from skiplens.engine.model_folder import find_networks, open_folder
from skiplens.settings import ROOT


def test_the_table_says_what_the_manifests_say() -> None:
    rows = list_networks.table().splitlines()[2:]
    folders = [path for path in find_networks(ROOT / "models") if path.name not in RUNGS]
    found = {path.name: open_folder(path).manifest for path in folders}
    assert len(rows) == len(found)
    for row in rows:
        name = row.split("`")[1]
        assert f"{found[name].parameters:,}" in row
        accuracy = found[name].test_accuracy
        assert accuracy is None or f"{100 * accuracy.value:.2f} % (" in row
    assert "`mnist-resnet` (default)" in rows[0]


def test_only_the_table_is_written_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- networks -->\nold\n<!-- /networks -->\nafter\n")
    monkeypatch.setattr(list_networks, "README", readme)
    list_networks.main()
    list_networks.main()
    table = list_networks.table()
    expected = f"before\n<!-- networks -->\n{table}<!-- /networks -->\nafter\n"
    assert readme.read_text() == expected


def test_each_seed_is_told_with_mean_and_deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_folder(ROOT / "models" / "mnist-classic")
    seeds = tuple(SeedAccuracy(seed, Accuracy.of(9900 + 10 * seed, 10_000)) for seed in (0, 2))
    told = replace(folder, manifest=replace(folder.manifest, seeds=seeds))
    monkeypatch.setattr(list_networks, "open_folder", lambda path: told)
    assert " | 99.00, 99.20 %; 99.10 % ± 0.14 % |" in list_networks.table()
