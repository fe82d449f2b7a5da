from pathlib import Path

import pytest

from scripts import list_networks
from skiplens.engine.model_folder import find_networks, open_folder
from skiplens.settings import ROOT


def test_the_table_says_what_the_manifests_say() -> None:
    rows = list_networks.table().splitlines()[2:]
    found = {path.name: open_folder(path).manifest for path in find_networks(ROOT / "models")}
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
