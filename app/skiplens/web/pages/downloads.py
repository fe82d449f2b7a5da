"""Downloads of a page: files, its address, and code that fetches the same."""

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
class CodeSnippet:
    """Text to copy, with the server's address; ``what`` is the title in a sentence."""

    name: str
    title: str
    what: str
    text: str


_MEGABYTE: Final = 1_000_000
_LARGE: Final = 10 * _MEGABYTE  # bytes


@dataclass(frozen=True)
class Downloads:
    """Files, as text and address, and text to copy."""

    files: tuple[tuple[str, str], ...]
    snippets: tuple[CodeSnippet, ...]


def gallery_downloads(links: Links, origin: str, size: int = 0) -> Downloads:
    """Every layer at once; ``origin`` is the server's address, ``http://127.0.0.1:8000``, and
    ``size`` the number of bytes of all arrays, which is told if it is large.
    """
    arrays = links.network_data("activations.npz")
    table = links.network_data("statistics.csv")
    told = f", up to {size // _MEGABYTE} MB" if size > _LARGE else ""
    python = _python(
        origin + arrays,
        _MANY_ARRAYS,
        "for name in layers.files:",
        "    print(name, layers[name].shape, layers[name].max())",
    )
    return Downloads(
        ((f"all layers, NPZ{told}", arrays), ("statistics, CSV", table)),
        _snippets(origin, links.gallery(), {f"{links.digit}.npz": arrays}, python),
    )


def layer_downloads(links: Links, layer: LayerInfo, origin: str) -> Downloads:
    """A layer's maps."""
    name = layer.name
    array, picture = links.data(name, "activations.npy"), links.grid(name)
    python = _python(
        origin + array,
        _ONE_ARRAY,
        "print(maps.shape)  # height, width, filters",
        "print(maps.max(axis=(0, 1)))  # the largest value of each filter",
    )
    return Downloads(
        (
            ("image, PNG", picture),
            ("array, NPY", array),
            ("array, NPZ", links.data(name, "activations.npz")),
            ("statistics, CSV", links.data(name, "statistics.csv")),
            ("values, JSON", links.data(name, "activations")),
            ("grid metadata, JSON", picture.replace("/grid.png", "/grid.json")),
            *((("kernels, NPY", links.kernels(name)),) if layer.kernel else ()),
        ),
        _snippets(
            origin, links.layer(name), {f"{name}.npy": array, f"{name}.png": picture}, python
        ),
    )


def filter_downloads(
    links: Links, layer: LayerInfo, index: int, position: tuple[int, int], origin: str
) -> Downloads:
    """A filter's map, and the value at a row and column."""
    name, (row, column) = layer.name, position
    array = links.data(name, "activations.npy")
    picture = links.grid(name, filters=index, zoom=MAX_ZOOM)
    unit = links.data(name, f"filters/{index}/units/{row},{column}")
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
            ("map, PNG", picture),
            ("layer, NPY", array),
            ("layer's statistics, CSV", links.data(name, "statistics.csv")),
            ("the value and its computation, JSON", unit),
        ),
        _snippets(origin, links.filter(name, index, at=at), files, python),
    )


def block_downloads(links: Links, block: BlockInfo, origin: str) -> Downloads:
    """A block's maps in rows, and x, F(x) and output as arrays."""
    picture, metrics = links.block_maps(block.name), links.block_data(block.name)
    named = {"x": block.identity, "fx": block.residual, "output": block.output}
    parts = {part: layer for part, layer in named.items() if layer is not None}
    norms = ", ".join(f"np.linalg.norm({part})" for part in parts)
    python = _python(
        origin + links.network_data("activations.npz"),
        _MANY_ARRAYS,
        *(f"{part} = layers[{json.dumps(layer)}]" for part, layer in parts.items()),
        f"print({norms})  # the norms of {', '.join(parts)}",
    )
    files = {f"{block.name}.png": picture, f"{block.name}.json": metrics}
    return Downloads(
        (
            ("maps of the block, PNG", picture),
            ("metadata of the maps, JSON", picture.replace("maps.png", "maps.json")),
            ("metrics, JSON", metrics),
        ),
        _snippets(origin, links.block(block.name), files, python),
    )


def _python(address: str, *lines: str) -> CodeSnippet:
    """A program that fetches arrays and prints something about them."""
    text = _HEAD.format(address=json.dumps(address)) + "\n".join(lines) + "\n"
    return CodeSnippet("python", "Python", "the program", text)


def _snippets(
    origin: str, page: str, files: dict[str, str], python: CodeSnippet
) -> tuple[CodeSnippet, ...]:
    link = CodeSnippet("link", "Link", "the link", origin + page)
    parts = [f"-o {shlex.quote(name)} {shlex.quote(origin + path)}" for name, path in files.items()]
    command = "curl " + " \\\n  ".join(parts) + "\n"
    return link, CodeSnippet("curl", "curl", "the command", command), python
