"""A small network, compiled once, and copies of its folder to spoil."""

import shutil
from pathlib import Path

import pytest

from tests.network.tiny import compile_tiny


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled network that tests leave as it is."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    compile_tiny(folder)
    return folder


@pytest.fixture
def spoilt(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "models" / "tiny"))
