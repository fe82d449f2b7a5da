"""Downloads of a page: files, its address, and code that fetches the same."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from skiplens.core.array_files import network_csv_bound, npz_size
from skiplens.core.grid_image import MAX_ZOOM
from skiplens.core.manifest import BlockInfo, LayerInfo
from skiplens.web.links import Links

_HEAD: Final = """import io
import urllib.request

import numpy as np

address = {address}
with urllib.request.urlopen(address) as answer:"""
_CONTINUED: Final = " \\\n  "
_ONE_ARRAY: Final = "    maps = np.load(io.BytesIO(answer.read()))"
_MANY_ARRAYS: Final = "    layers = np.load(io.BytesIO(answer.read()))"


@dataclass(frozen=True)
class CodeSnippet:
    """Text to copy; ``what`` is the title in a sentence."""

    name: str
    title: str
    what: str
    text: str


_MEGABYTE: Final = 1_000_000
_LARGE: Final = 2 * _MEGABYTE  # bytes


@dataclass(frozen=True)
class Downloads:
    """The downloads of a page; addresses are paths on the server.

    Attributes:
        files: to click on, as text and address, which is empty for a file too large to send.
        named_files: those that a command fetches, by the name that they are stored by.
        arrays: address of the arrays that a program loads.
        program: its lines.
    """

    files: tuple[tuple[str, str], ...]
    named_files: Mapping[str, str]
    arrays: str
    program: tuple[str, ...]

    def snippets(self, origin: str, page: str) -> tuple[CodeSnippet, ...]:
        """Text to copy.

        Args:
            origin: the server's address, ``http://127.0.0.1:8000``.
            page: the page's own address, a path.
        """
        fetched = [
            f"-o {shlex.quote(name)} {shlex.quote(origin + path)}"
            for name, path in self.named_files.items()
        ]
        head = _HEAD.format(address=json.dumps(origin + self.arrays))
        return (
            CodeSnippet("link", "Link", "the link", origin + page),
            CodeSnippet("curl", "curl", "the command", f"curl {_CONTINUED.join(fetched)}\n"),
            CodeSnippet("python", "Python", "the program", "\n".join((head, *self.program, ""))),
        )


def _size(size: int, before: str = "") -> str:
    """A number of bytes in megabytes, behind a comma, if it is large."""
    return f", {before}{size / _MEGABYTE:.0f} MB" if size > _LARGE else ""


def _of_all_layers(text: str, size: int, most: int, address: str) -> tuple[str, str]:
    """Text and address of a file; without an address if its size exceeds ``most`` bytes."""
    if size > most:
        return f"{text}: more than this server sends; each layer is on its page", ""
    return text, address


def gallery_downloads(links: Links, layers: Sequence[LayerInfo], most: int) -> Downloads:
    """Every layer at once, in files of at most ``most`` bytes each; the text of a large one tells
    its size.
    """
    arrays = links.network_data("activations.npz")
    table = links.network_data("statistics.csv")
    size = npz_size({layer.name: layer.shape for layer in layers})
    table_size = network_csv_bound({layer.name: layer.filters for layer in layers})
    return Downloads(
        files=(
            _of_all_layers(f"all layers, NPZ{_size(size)}", size, most, arrays),
            _of_all_layers(
                f"statistics, CSV{_size(table_size, 'at most ')}", table_size, most, table
            ),
        ),
        named_files={f"{links.digit}.npz": arrays},
        arrays=arrays,
        program=(
            _MANY_ARRAYS,
            "for name in layers.files:",
            "    print(name, layers[name].shape, layers[name].max())",
        ),
    )


def layer_downloads(links: Links, layer: LayerInfo) -> Downloads:
    """A layer's maps."""
    name = layer.name
    array, picture = links.data(name, "activations.npy"), links.grid(name)
    size = _size(npz_size({name: layer.shape}))
    return Downloads(
        files=(
            ("image, PNG", picture),
            (f"array, NPY{size}", array),
            (f"array, NPZ{size}", links.data(name, "activations.npz")),
            ("statistics, CSV", links.data(name, "statistics.csv")),
            ("values, JSON", links.data(name, "activations")),
            ("grid metadata, JSON", picture.replace("/grid.png", "/grid.json")),
            *((("kernels, NPY", links.kernels(name)),) if layer.kernel else ()),
        ),
        named_files={f"{name}.npy": array, f"{name}.png": picture},
        arrays=array,
        program=(
            _ONE_ARRAY,
            "print(maps.shape)  # height, width, filters",
            "print(maps.max(axis=(0, 1)))  # the largest value of each filter",
        ),
    )


def filter_downloads(
    links: Links, layer: LayerInfo, index: int, position: tuple[int, int]
) -> Downloads:
    """A filter's map, and the value at a row and column."""
    name, (row, column) = layer.name, position
    array = links.data(name, "activations.npy")
    picture = links.grid(name, filters=index, zoom=MAX_ZOOM)
    unit = links.data(name, f"filters/{index}/units/{row},{column}")
    return Downloads(
        files=(
            ("map, PNG", picture),
            ("layer, NPY", array),
            ("layer's statistics, CSV", links.data(name, "statistics.csv")),
            ("the value and its computation, JSON", unit),
        ),
        named_files={f"{name}.{index}.png": picture, f"{name}.{index}.json": unit},
        arrays=array,
        program=(
            _ONE_ARRAY,
            f"print(maps[:, :, {index}])  # the map",
            f"print(maps[{row}, {column}, {index}])  # its value at row {row}, column {column}",
        ),
    )


def block_downloads(links: Links, block: BlockInfo) -> Downloads:
    """A block's maps in rows, and x, F(x) and output as arrays."""
    picture, metrics = links.block_maps(block.name), links.block_data(block.name)
    named = {"x": block.identity, "fx": block.residual, "output": block.output}
    parts = {part: layer for part, layer in named.items() if layer is not None}
    norms = ", ".join(f"np.linalg.norm({part})" for part in parts)
    return Downloads(
        files=(
            ("maps of the block, PNG", picture),
            ("metadata of the maps, JSON", picture.replace("maps.png", "maps.json")),
            ("metrics, JSON", metrics),
        ),
        named_files={f"{block.name}.png": picture, f"{block.name}.json": metrics},
        arrays=links.network_data("activations.npz"),
        program=(
            _MANY_ARRAYS,
            *(f"{part} = layers[{json.dumps(layer)}]" for part, layer in parts.items()),
            f"print({norms})  # the norms of {', '.join(parts)}",
        ),
    )
