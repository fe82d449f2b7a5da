"""The networks of the list open, or are refused for a true reason."""

from pathlib import Path

import pytest

from scripts.try_networks import opened
from skiplens.errors import CompileError
from tests.network.catalogue import ENTRIES, Entry
from tests.network.tiny import SAVES_WITH_KERAS

pytestmark = SAVES_WITH_KERAS
OPENED = {
    *("fashion", "cats_and_dogs", "cifar_resnet", "shuffled", "transfer"),
    *("of_any_size", "two_outputs"),
}
"""A part that takes seconds; ``scripts/try_networks.py`` tries all."""
FAST = [entry for entry in ENTRIES if entry.refused or entry.name in OPENED]


@pytest.mark.parametrize("entry", FAST, ids=[entry.name for entry in FAST])
def test_it_opens_or_is_refused_for_a_true_reason(entry: Entry, tmp_path: Path) -> None:
    if entry.refused:
        with pytest.raises(CompileError) as caught:
            opened(entry, tmp_path)
        assert entry.refused in str(caught.value)
        assert not [*(tmp_path / "models").glob("*")]
    else:
        manifest = opened(entry, tmp_path)
        assert len(manifest.blocks) == entry.blocks
        assert manifest.layers[-1].activation in ("softmax", "sigmoid")


def test_the_list_is_long() -> None:
    assert len(ENTRIES) >= 40
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
