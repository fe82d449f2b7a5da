"""Finding a GPU and a backend without importing either's framework."""

import ctypes
import importlib.util
from typing import Any

import pytest

from skiplens.engine.select import gpu_name, keras_backend


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
