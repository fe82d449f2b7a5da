"""Addresses to request: the default network, a sample, and the grids that its gallery shows."""

from typing import Final

from skiplens.engine.model_folder import ModelFolder, open_folder
from skiplens.samples import load_samples
from skiplens.settings import ROOT
from skiplens.web import links

NETWORK: Final = "mnist-resnet"
GRID_LAYER: Final = "block1.output"


def folder() -> ModelFolder:
    """The default network's folder."""
    return open_folder(ROOT / "models" / NETWORK)


def sample() -> str:
    """The id of a sample."""
    return load_samples()[0].digit.id


def grid(digit: str, layer: str = GRID_LAYER) -> str:
    """The address of a layer's grid in the gallery."""
    return links.grid_png(NETWORK, digit, layer)


def grids(digit: str) -> tuple[str, ...]:
    """The address of every grid in the gallery of a digit."""
    return tuple(grid(digit, layer.name) for layer in folder().manifest.layers)
