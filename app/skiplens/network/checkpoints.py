"""Checkpoints of a training run, and the commit of the code that ran it."""

import json
import subprocess
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import keras

from skiplens.core.experiment_results import EpochResult
from skiplens.errors import TrainingError
from skiplens.network.recipe import Recipe
from skiplens.network.results import replace_text

MODIFIED: Final = "-modified"


def code_commit() -> str | None:
    """The checked-out commit, with ``-modified`` if files have changed; ``None`` outside git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", f"--dirty={MODIFIED}"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None


STATE_FILE: Final = "run.json"


@dataclass(frozen=True)
class Run:
    """A training run so far.

    Attributes:
        recipe: of the network.
        commit: of the code that started it; see :func:`code_commit`.
        history: one report for each epoch.
    """

    recipe: Recipe
    commit: str | None
    history: tuple[EpochResult, ...] = ()


def read_run(folder: Path, recipe: Recipe) -> Run:
    """The run in a folder, or a new one.

    Raises:
        TrainingError: it is a run of another recipe or damaged.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        return Run(recipe, code_commit())
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        history = tuple(EpochResult(**epoch) for epoch in state["history"])
        run = Run(recipe, state["commit"], history)
        same = state["recipe"] == recipe.to_dict()
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged: {error}") from error
    if not same:
        raise TrainingError(
            f"{folder} holds a run of another recipe; delete it, or choose another with --runs"
        )
    return run


def _checkpoint(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:03d}.keras"


def restore(network: keras.Model, folder: Path, run: Run) -> None:
    """Load the last checkpoint into a network that is compiled and has a built optimizer.

    Raises:
        TrainingError: the checkpoint is missing or damaged.
    """
    path = _checkpoint(folder, len(run.history))
    if not path.is_file():
        raise TrainingError(f"checkpoint {path} is missing")
    try:
        network.load_weights(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TrainingError(f"checkpoint {path} is damaged; train in another folder") from error


def write_run(folder: Path, run: Run, network: keras.Model) -> None:
    """Save the run and a checkpoint of the network; delete older checkpoints."""
    newest = _checkpoint(folder, len(run.history))
    network.save(newest)
    replace_text(folder / STATE_FILE, json.dumps(asdict(run), indent=2))
    for old in folder.glob("epoch-*.keras"):
        if old != newest:
            old.unlink()
