"""Files of results: one for the training runs of a recipe from several seeds, and the manifest."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from skiplens.core.manifest import MANIFEST_FILE, NETWORK_FILE
from skiplens.errors import TrainingError
from skiplens.network.recipe import Recipe

Result = dict[str, Any]


def shared_recipe(recipe: Recipe) -> dict[str, Any]:
    """The settings that the recipes of all runs in a file share, as plain JSON values."""
    return {
        name: value for name, value in recipe.to_dict().items() if name not in {"network", "seed"}
    }


def read_results(path: Path, recipe: Recipe) -> list[Result]:
    """The results in a file; none where there is no file.

    Raises:
        TrainingError: the file is damaged, or its results are of another recipe.
    """
    if not path.is_file():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        runs: list[Result] = content["runs"]
        same = content["recipe"] == shared_recipe(recipe)
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    if not same:
        raise TrainingError(f"{path} holds results of another recipe; delete it to start over")
    return runs


def add_result(path: Path, recipe: Recipe, run: Result, key: Callable[[Result], Any]) -> None:
    """Add a run, in place of one with the same key, and keep the file in the order of the keys."""
    others = [one for one in read_results(path, recipe) if key(one) != key(run)]
    lines = ",\n".join(json.dumps(one) for one in sorted([*others, run], key=key))
    replace_text(
        path, f'{{"recipe": {json.dumps(shared_recipe(recipe))},\n"runs": [\n{lines}\n]}}\n'
    )


def network_digest(folder: Path) -> str:
    """SHA-256 of a folder's ``network.keras``, by which results know the network they are of."""
    return hashlib.sha256((folder / NETWORK_FILE).read_bytes()).hexdigest()


def replace_text(path: Path, text: str) -> None:
    """Write a file at once, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a model folder."""
    text = json.dumps(manifest, indent=1) + "\n"
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")
