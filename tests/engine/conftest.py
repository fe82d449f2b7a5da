"""Copies of a small network's folder to spoil."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def spoilt(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "models" / "tiny"))
