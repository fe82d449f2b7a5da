"""Which engine is taken."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skiplens import errors
from skiplens.engine import litert, select
from skiplens.engine.keras import KerasEngine
from skiplens.engine.litert import LiteRTEngine
from skiplens.engine.select import EngineChoice, choose, gpu_name, keras_backend, open_engines
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
    with pytest.raises(StartupError, match="engine keras needs Keras and a backend: pip install"):
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


def test_where_litert_is_missing_keras_is_taken_or_named(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(litert, "MISSING", "No module named 'ai_edge_litert'")
    assert choose("auto") == ("litert", "CPU")  # which is told when it opens a network
    machine.setattr(select, "keras_backend", lambda: "jax")
    assert choose("auto") == ("keras", "CPU (jax)")
    assert choose("litert") == ("litert", "CPU")


BLOCKED = """
import sys
sys.modules["ai_edge_litert"] = None  # its import fails
from skiplens.cli import main
main()
"""


def test_where_litert_cannot_be_imported_serving_names_the_keras_engine(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", BLOCKED, "serve", "--port", "0", "--engine", "litert"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "SKIPLENS_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (2, "")
    (line,) = said.stderr.splitlines()
    assert line.startswith("skiplens: LiteRT cannot be loaded on this machine (")
    assert line.endswith(f"{errors.install('tensorflow')}, then skiplens serve --engine keras")


class Driver:
    """Answers as CUDA's driver does; ``failing`` names a function that reports an error."""

    def __init__(self, count: int = 1, failing: str = "") -> None:
        self._count = count
        self._failing = failing

    def _status(self, function: str) -> int:
        return 100 if function == self._failing else 0

    def cuInit(self, flags: int) -> int:  # noqa: N802  # CUDA's name
        return self._status("cuInit")

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: ANN401, N802
        count._obj.value = self._count  # noqa: SLF001  # what byref points to
        return self._status("cuDeviceGetCount")

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:  # noqa: ANN401, N802
        device._obj.value = ordinal  # noqa: SLF001
        return self._status("cuDeviceGet")

    def cuDeviceGetName(self, name: Any, length: int, device: object) -> int:  # noqa: ANN401, N802
        name.value = b"Imaginary 100"
        return self._status("cuDeviceGetName")


def install(monkeypatch: pytest.MonkeyPatch, driver: Driver | None) -> None:
    def load(name: str) -> Driver:
        assert name == "libcuda.so.1"
        if driver is None:
            raise OSError("cannot open shared object file")
        return driver

    monkeypatch.setattr(ctypes, "CDLL", load)


def test_the_first_gpu_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Driver(count=2))
    assert gpu_name() == "Imaginary 100"


@pytest.mark.parametrize(
    "function", ["cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName"]
)
def test_a_driver_that_fails_is_none(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Driver(failing=function))
    assert gpu_name() is None


def test_without_driver_or_device_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, None)
    assert gpu_name() is None
    install(monkeypatch, Driver(count=0))
    assert gpu_name() is None


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in names else None)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (("keras", "tensorflow", "jax"), None, "tensorflow"),
        (("keras", "torch"), None, "torch"),
        (("keras", "tensorflow", "jax"), "jax", "jax"),
        (("keras", "tensorflow"), "jax", None),
        (("keras",), None, None),
        (("tensorflow",), None, None),
    ],
)
def test_the_backend_is_the_one_named_or_the_first_installed(
    names: tuple[str, ...], wanted: str | None, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, *names)
    if wanted:
        monkeypatch.setenv("KERAS_BACKEND", wanted)
    assert keras_backend() == found
