"""Results of finished runs: in order, each once, and of one recipe."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from skiplens.errors import TrainingError
from skiplens.network.recipe import Phase, Recipe
from skiplens.network.results import Result, add_result, read_results

RECIPE = Recipe("tiny", (Phase(epochs=1),), seed=3)


def seed_of(run: Result) -> int:
    seed: int = run["seed"]
    return seed


def test_results_are_kept_in_order_and_each_once(tmp_path: Path) -> None:
    path = tmp_path / "models" / "seeds.json"
    assert read_results(path, RECIPE) == []
    for seed, correct in ((4, 1), (2, 2), (4, 3)):
        add_result(path, RECIPE, {"seed": seed, "correct": correct}, seed_of)
    assert read_results(path, RECIPE) == [{"seed": 2, "correct": 2}, {"seed": 4, "correct": 3}]
    assert [one.name for one in path.parent.iterdir()] == ["seeds.json"]


def test_a_recipe_is_the_same_whatever_its_seed_and_its_network(tmp_path: Path) -> None:
    path = tmp_path / "seeds.json"
    add_result(path, RECIPE, {"seed": 3}, seed_of)
    assert read_results(path, replace(RECIPE, seed=4, network="other")) == [{"seed": 3}]
    with pytest.raises(TrainingError, match="of another recipe"):
        read_results(path, replace(RECIPE, batch_size=64))


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"runs": []})])
def test_a_damaged_file_is_told_of(tmp_path: Path, content: str) -> None:
    path = tmp_path / "seeds.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TrainingError, match="is damaged"):
        read_results(path, RECIPE)
