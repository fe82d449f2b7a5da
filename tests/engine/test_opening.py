"""Choosing the engine, and opening every network with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skiplens.engine import select
from skiplens.engine.keras import KerasEngine
from skiplens.engine.litert import LiteRTEngine
from skiplens.engine.select import EngineChoice, choose, open_engines
from skiplens.errors import ModelError, StartupError
from tests.network.tiny import SAVES_WITH_KERAS, images

pytestmark = SAVES_WITH_KERAS


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without GPU or backend; the environment that is chosen is put back."""
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(select, "gpu_name", lambda: None)
    monkeypatch.setattr(select, "keras_backend", lambda: None)
    return monkeypatch


@pytest.mark.parametrize(
    ("choice", "gpu", "backend", "chosen"),
    [
        ("auto", None, None, ("litert", "CPU")),
        ("auto", None, "tensorflow", ("litert", "CPU")),
        ("auto", "H200", None, ("litert", "CPU")),
        ("auto", "H200", "jax", ("keras", "H200 (jax)")),
        ("litert", "H200", "jax", ("litert", "CPU")),
        ("keras", None, "torch", ("keras", "CPU (torch)")),
        ("keras", "H200", "torch", ("keras", "H200 (torch)")),
    ],
)
def test_the_choice_follows_from_what_there_is(
    choice: EngineChoice,
    gpu: str | None,
    backend: str | None,
    chosen: tuple[str, str],
    machine: pytest.MonkeyPatch,
) -> None:
    machine.setattr(select, "gpu_name", lambda: gpu)
    machine.setattr(select, "keras_backend", lambda: backend)
    machine.setenv("KERAS_BACKEND", "unset")
    assert choose(choice) == chosen
    assert os.environ["KERAS_BACKEND"] == (backend if chosen[0] == "keras" else "unset")


def test_keras_without_keras_is_told(machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartupError, match="engine keras needs Keras and a backend installed"):
        choose("keras")


def test_litert_is_chosen_without_looking_for_anything(machine: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise LookupError

    machine.setattr(select, "gpu_name", fail)
    machine.setattr(select, "keras_backend", fail)
    assert choose("litert") == ("litert", "CPU")


@pytest.mark.parametrize(("choice", "kind"), [("litert", LiteRTEngine), ("keras", KerasEngine)])
def test_every_network_is_opened_by_its_id(
    choice: EngineChoice, kind: type, spoilt: Path, machine: pytest.MonkeyPatch
) -> None:
    machine.setattr(select, "keras_backend", lambda: "tensorflow")
    engines = open_engines(spoilt.parent, choice, 1, 4)
    assert engines.keys() == {"tiny"}
    assert isinstance(engines["tiny"], kind)
    assert engines["tiny"].device == ("CPU" if choice == "litert" else "CPU (tensorflow)")
    engines["tiny"].close()


def test_one_unusable_network_is_told(spoilt: Path, machine: pytest.MonkeyPatch) -> None:
    shutil.copytree(spoilt, spoilt.parent / "other")
    with pytest.raises(ModelError, match="is of network tiny, not other"):
        open_engines(spoilt.parent, "litert", 1, 4)


def test_a_machine_without_models_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no compiled network"):
        open_engines(tmp_path, "litert", 1, 4)


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from skiplens.engine.select import gpu_name, keras_backend
from skiplens.engine.select import open_engines
gpu_name(), keras_backend()
engine = open_engines(Path(sys.argv[1]), "litert", 1, 4)["tiny"]
branch_scales = np.ones(3, np.float32)
found = engine.activations(np.load(sys.argv[2]), branch_scales)
engine.gradients(np.load(sys.argv[2]), branch_scales, 3)
print(found["head.probabilities"].argmax())
print(*sorted({"tensorflow", "keras", "jax", "torch"} & set(sys.modules)))
"""


def test_litert_runs_without_importing_a_framework(tiny_folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", images())
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, tiny_folder.parent, tmp_path / "image.npy"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    here = open_engines(tiny_folder.parent, "litert", 1, 4)["tiny"]
    answer = here.activations(images(), np.ones(3, np.float32))["head.probabilities"]
    assert said.stdout.split("\n") == [str(answer.argmax()), "", ""]
