"""Recipes: their phases, and that those that ship can be followed."""

import json
from dataclasses import replace
from typing import Any

import pytest

from skiplens.core.ladder import KINDS, LADDER, stream_name
from skiplens.network.architectures import ARCHITECTURES
from skiplens.network.augmentation import Augmentation
from skiplens.network.recipe import RECIPES, Phase, Recipe
from tests.conftest import MODELS

RECIPE = Recipe("tiny", (Phase(epochs=2), Phase(epochs=3, learning_rate=1.0)))


def test_phases_follow_one_another() -> None:
    assert RECIPE.epochs == 5
    first, second = RECIPE.phases
    found = [RECIPE.phase_of(epoch) for epoch in range(1, 6)]
    assert found == [(first, 1), (first, 2), (second, 1), (second, 2), (second, 3)]
    with pytest.raises(ValueError, match="beyond the recipe's 5"):
        RECIPE.phase_of(6)


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_of_the_network_it_is_named_for_and_can_be_written(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.network == name
    assert (
        json.loads(json.dumps(recipe.to_dict()))["phases"][0]["epochs"] == recipe.phases[0].epochs
    )


def test_every_network_that_ships_has_a_recipe() -> None:
    assert RECIPES.keys() == ARCHITECTURES.keys()
    blocks = RECIPES["mnist-resnet"]
    for name in ("mnist-plain", "mnist-highway"):
        assert RECIPES[name] == replace(blocks, network=name)
    stream = RECIPES["mnist-stream"]
    for name in (stream_name(kind, depth) for kind in KINDS for depth in LADDER):
        assert RECIPES[name] == replace(stream, network=name)
    assert RECIPES["mnist-rows-plain"] == replace(RECIPES["mnist-rows"], network="mnist-rows-plain")


def recorded(recipe: dict[str, Any]) -> Recipe:
    """A recipe as it was written down; what could not be chosen then was as it is by default."""
    phases = tuple(
        Phase(**{**phase, "augmentation": Augmentation(**phase["augmentation"])})
        for phase in recipe["phases"]
    )
    return Recipe(**{**recipe, "phases": phases})


@pytest.mark.parametrize("name", [path.parent.name for path in MODELS.glob("*/manifest.json")])
def test_the_network_that_ships_was_trained_by_its_recipe(name: str) -> None:
    manifest = json.loads((MODELS / name / "manifest.json").read_text(encoding="utf-8"))
    training = manifest["training"]
    assert recorded(training["recipe"]) == RECIPES[name]
    assert len(training["history"]) == RECIPES[name].epochs
    assert not training["commit"].endswith("-modified")
