"""What can be taken away from a page: files, its address, and commands that fetch the same."""

import json
import shlex
from dataclasses import dataclass
from typing import Final

from skiplens.core.grid_image import MAX_ZOOM
from skiplens.core.manifest import BlockInfo, LayerInfo
from skiplens.web.links import Links

_HEAD: Final = """import io
import urllib.request

import numpy as np

address = {address}
with urllib.request.urlopen(address) as answer:
"""
_ONE_ARRAY: Final = "    maps = np.load(io.BytesIO(answer.read()))"
_MANY_ARRAYS: Final = "    layers = np.load(io.BytesIO(answer.read()))"


@dataclass(frozen=True)
class Download:
    """A file: what it is, and its address."""

    text: str
    href: str


@dataclass(frozen=True)
class CodeSnippet:
    """Text to copy.

    Attributes:
        name: short, for ids.
        title: what it is.
        what: the same in a sentence.
        text: it, with the server's own address.
    """

    name: str
    title: str
    what: str
    text: str


@dataclass(frozen=True)
class Downloads:
    """What can be taken away from a page."""

    downloads: tuple[Download, ...]
    snippets: tuple[CodeSnippet, ...]


def _link(address: str) -> CodeSnippet:
    return CodeSnippet("link", "Link", "the link", address)


def of_gallery(view: Links, origin: str) -> Downloads:
    """Every layer at once; ``origin`` is the server's address, ``http://127.0.0.1:8000``."""
    arrays = view.network_data("activations.npz")
    table = view.network_data("statistics.csv")
    python = _python(
        origin + arrays,
        _MANY_ARRAYS,
        "for name in layers.files:",
        "    print(name, layers[name].shape, layers[name].max())",
    )
    return Downloads(
        (Download("every layer as NPZ", arrays), Download("statistics as CSV", table)),
        (
            _link(origin + view.gallery()),
            _curl(origin, {f"{view.digit}.npz": arrays}),
            python,
        ),
    )


def of_layer(view: Links, layer: LayerInfo, origin: str) -> Downloads:
    """A layer's maps."""
    name = layer.name
    array, picture = view.data(name, "activations.npy"), view.grid(name)
    python = _python(
        origin + array,
        _ONE_ARRAY,
        "print(maps.shape)  # height, width, filters",
        "print(maps.max(axis=(0, 1)))  # the largest value of each filter",
    )
    return Downloads(
        (
            Download("picture, PNG", picture),
            Download("array, NPY", array),
            Download("array, NPZ", view.data(name, "activations.npz")),
            Download("statistics, CSV", view.data(name, "statistics.csv")),
            Download("numbers, JSON", view.data(name, "activations")),
            Download("grid in words, JSON", picture.replace("/grid.png", "/grid.json")),
            *((Download("kernels, NPY", view.kernels(name)),) if layer.kernel else ()),
        ),
        (
            _link(origin + view.layer(name)),
            _curl(origin, {f"{name}.npy": array, f"{name}.png": picture}),
            python,
        ),
    )


def of_filter(
    view: Links, layer: LayerInfo, index: int, place: tuple[int, int], origin: str
) -> Downloads:
    """A filter's map, and the value at a place of it."""
    name, (row, column) = layer.name, place
    array = view.data(name, "activations.npy")
    picture = view.grid(name, filters=index, zoom=MAX_ZOOM)
    unit = view.data(name, f"filters/{index}/units/{row},{column}")
    python = _python(
        origin + array,
        _ONE_ARRAY,
        f"print(maps[:, :, {index}])  # the map",
        f"print(maps[{row}, {column}, {index}])  # its value at row {row}, column {column}",
    )
    at = f"{row},{column}" if layer.spatial else None
    files = {f"{name}.{index}.png": picture, f"{name}.{index}.json": unit}
    return Downloads(
        (
            Download("map, PNG", picture),
            Download("layer, NPY", array),
            Download("layer's statistics, CSV", view.data(name, "statistics.csv")),
            Download("the value and its arithmetic, JSON", unit),
        ),
        (
            _link(origin + view.filter(name, index, at=at)),
            _curl(origin, files),
            python,
        ),
    )


def of_block(view: Links, block: BlockInfo, origin: str) -> Downloads:
    """A picture of a block's maps, and its parts as arrays."""
    picture, figures = view.block_maps(block.name), view.block_data(block.name)
    named = {"x": block.identity, "fx": block.residual, "output": block.output}
    parts = {part: layer for part, layer in named.items() if layer is not None}
    norms = ", ".join(f"np.linalg.norm({part})" for part in parts)
    python = _python(
        origin + view.network_data("activations.npz"),
        _MANY_ARRAYS,
        *(f"{part} = layers[{json.dumps(layer)}]" for part, layer in parts.items()),
        f"print({norms})  # the sizes of {', '.join(parts)}",
    )
    files = {f"{block.name}.png": picture, f"{block.name}.json": figures}
    return Downloads(
        (
            Download("maps as PNG", picture),
            Download("maps as JSON", picture.replace("maps.png", "maps.json")),
            Download("figures as JSON", figures),
        ),
        (
            _link(origin + view.block(block.name)),
            _curl(origin, files),
            python,
        ),
    )


def _python(address: str, *lines: str) -> CodeSnippet:
    """A program that fetches arrays and does something with them."""
    text = _HEAD.format(address=json.dumps(address)) + "\n".join(lines) + "\n"
    return CodeSnippet("python", "Python", "the program", text)


def _curl(origin: str, files: dict[str, str]) -> CodeSnippet:
    """One command that fetches several files, a line for each."""
    parts = [f"-o {shlex.quote(name)} {shlex.quote(origin + path)}" for name, path in files.items()]
    text = "curl " + " \\\n  ".join(parts) + "\n"
    return CodeSnippet("curl", "curl", "the command", text)
