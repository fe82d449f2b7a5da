"""Extracts the activations of many images into a Zarr group, chunk by chunk, and their statistics.

What is finished is on disk, so an extraction that was interrupted goes on where it was.
"""

import csv
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.image_decoding import (
    LONGEST_TO_FIT,
    SUFFIXES,
    decode,
    decode_colour,
    image_files,
)
from skiplens.core.image_stripping import essential
from skiplens.core.input_image import InputImage
from skiplens.core.manifest import LayerInfo
from skiplens.core.preprocessing import preprocess
from skiplens.engine.base import Array, Engine
from skiplens.errors import ExportError, NonFiniteError, SkiplensError, install
from skiplens.mnist import read_idx
from skiplens.service.dataset.activation_index import TopK
from skiplens.service.forward import branch_scales, network_input

_CHUNK_BYTES: Final = 16 * 1024 * 1024  # of all layers' maps together
_MOST_IN_A_CHUNK: Final = 256
_STATE: Final = ".progress.npz"
MAPS: Final = "maps"
PROBABILITIES: Final = "probabilities"
_TURN: Final = 16  # images that a thread computes in a row
OnImages = Callable[[int], None]
Lows = tuple[Array, NDArray[np.float64]]  # smallest values and sums, as in Totals
T = TypeVar("T")


class ImageSource(Protocol):
    """Images to extract from.

    Attributes:
        key: changes with them.
        names: of the images, if they have any.
    """

    key: str
    names: tuple[str, ...]

    def __len__(self) -> int: ...

    def image(self, at: int) -> InputImage:
        """One of them.

        Raises:
            ExportError: it cannot be read.
        """


class IdxImages:
    """Digits of an IDX file, gzipped or not.

    Raises:
        DatasetError: it is not a complete IDX file of unsigned bytes.
        ExportError: it holds something else than images.
    """

    names: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self._pixels = read_idx(path)
        if self._pixels.ndim != 3 or not len(self._pixels):  # noqa: PLR2004  # (N, H, W)
            raise ExportError(f"{path} holds an array {self._pixels.shape}; expected (N, H, W)")
        self.key = hashlib.sha256(self._pixels.tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self._pixels)

    def image(self, at: int) -> InputImage:
        """See :meth:`ImageSource.image`."""
        return InputImage.of(self._pixels[at])


class FileImages:
    """The image files of a folder, by name; prepared as uploads are.

    Raises:
        ExportError: there is none.
    """

    def __init__(self, folder: Path, *, digits: bool) -> None:
        self._paths = image_files(folder)
        if not self._paths:
            raise ExportError(f"{folder} holds no image ({', '.join(SUFFIXES)})")
        self._digits = digits
        self.names = tuple(path.name for path in self._paths)
        found = ((path.name, path.stat()) for path in self._paths)
        listing = "\n".join(f"{name} {one.st_size} {one.st_mtime_ns}" for name, one in found)
        self.key = hashlib.sha256(listing.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, at: int) -> InputImage:
        """See :meth:`ImageSource.image`."""
        path = self._paths[at]
        try:
            content = essential(path.read_bytes())
            if self._digits:
                return preprocess(decode(content)).digit
            return InputImage.of(decode_colour(content, LONGEST_TO_FIT))
        except (OSError, SkiplensError) as error:
            raise ExportError(f"{path} cannot be read: {error}") from error


def open_images(source: Path, engine: Engine) -> ImageSource:
    """The images of a folder or of an IDX file.

    Raises:
        DatasetError, ExportError: there is none, or it cannot be read.
    """
    if source.is_dir():
        return FileImages(source, digits=engine.manifest.takes_digits)
    return IdxImages(source)


class Totals:
    """Statistics of every filter over the images so far, all layers in forward order.

    Attributes:
        done: number of images.
        low: smallest value, float64 ``(F,)``.
        high: largest value, likewise.
        sums: of values, of their squares, and number of values that are not zero: ``(3, F)``.
        top: images with the largest values.
    """

    def __init__(self, filters: int) -> None:
        self.done = 0
        self.low = np.full(filters, np.inf)
        self.high = np.full(filters, -np.inf)
        self.sums = np.zeros((3, filters))
        self.top = TopK(filters)

    def add(self, chunk: "Chunk") -> None:
        """Add the next images, which are computed."""
        for low, sums in chunk.wait():
            self.low = np.minimum(self.low, low)
            self.sums += sums
        self.high = np.maximum(self.high, chunk.high.max(axis=0))
        self.top.add(self.done, chunk.high)
        self.done += len(chunk.high)

    def save(self, path: Path, key: str) -> None:
        """Write them atomically."""
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(
                file,
                key=np.array(key),
                done=np.array(self.done),
                low=self.low,
                high=self.high,
                sums=self.sums,
                digits=self.top.digits,
                values=self.top.values,
            )
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    @classmethod
    def load(cls, path: Path, filters: int, key: str) -> Self:
        """Those of an extraction that was begun; none otherwise.

        Raises:
            ExportError: it was begun with something else.
        """
        totals = cls(filters)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                if str(saved["key"]) != key:
                    raise ExportError(
                        f"{path.parent} holds activations of another network, of other images or "
                        "layers; choose another folder with --out"
                    )
                totals.done = int(saved["done"])
                totals.low, totals.high, totals.sums = saved["low"], saved["high"], saved["sums"]
                totals.top.digits, totals.top.values = saved["digits"], saved["values"]
        except FileNotFoundError:
            pass
        return totals

    def write_csv(self, path: Path, layers: Sequence[LayerInfo]) -> None:
        """A row for each filter, with the images of its largest values in descending order."""
        positions = np.concatenate([[_positions(one)] * one.filters for one in layers]) * self.done
        mean = self.sums[0] / positions
        std = np.sqrt(np.maximum(self.sums[1] / positions - mean**2, 0))
        zero = 1 - self.sums[2] / positions
        names = [(layer.name, index) for layer in layers for index in range(layer.filters)]
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(_COLUMNS)
            for at, name in enumerate(names):
                figures = (self.low[at], self.high[at], mean[at], std[at], zero[at])
                top = (self.top.digits[at].tolist(), self.top.values[at].tolist())
                lists = (" ".join(f"{one:g}" for one in several) for several in top)
                rows.writerow((*name, *(f"{one:.7g}" for one in figures), *lists))


_COLUMNS: Final = (
    *("layer", "filter", "min", "max", "mean", "std", "zero_share"),
    *("top_images", "top_values"),
)


class Runner:
    """Computes images; may be called from several threads."""

    def __init__(self, engine: Engine, images: ImageSource, layers: Sequence[LayerInfo]) -> None:
        self._manifest, self._images = engine.manifest, images
        self.kept = (engine.manifest.layers[-1], *layers)
        self.filters = sum(layer.filters for layer in engine.manifest.layers)
        self._run = engine.filter_figures([layer.name for layer in self.kept])
        self._scales = branch_scales(engine.manifest, AS_TRAINED)

    def run(self, part: range, high: Array, kept: Sequence[Array]) -> Lows:
        """Compute some images.

        Args:
            part: indices of the images.
            high: written: as :attr:`Chunk.high`.
            kept: written: as :attr:`Chunk.kept`.

        Raises:
            ExportError: an image cannot be read.
            NonFiniteError: the network computed NaN or infinity.
        """
        low, sums = np.full(self.filters, np.inf, np.float32), np.zeros((3, self.filters))
        with np.errstate(invalid="ignore"):  # it is refused below
            for at, index in enumerate(part):
                image = network_input(self._manifest, self._images.image(index))
                found = self._run(image, self._scales)
                np.minimum(low, found.low, out=low)
                high[at] = found.high
                sums += found.sums
                for layer, maps in zip(self.kept, kept, strict=True):
                    maps[at] = found.maps[layer.name]
        if not np.isfinite(sums[1]).all():
            layers = self._manifest.layers
            names = np.repeat([one.name for one in layers], [one.filters for one in layers])
            name = names[~np.isfinite(sums[1])][0]
            raise NonFiniteError(f"layer {name} holds a value that is NaN or infinite")
        return low, sums


@dataclass(frozen=True)
class Chunk:
    """The images of a chunk, which may still be computed.

    Attributes:
        part: indices of the images.
        kept: maps of the last layer, which holds the probabilities, and of the chosen ones, float32
            ``(n, H, W, C)``.
        high: largest value of every filter in each image, float32 ``(n, F)``.
        wait: waits until it is computed. Returns the smallest value and the sums, as in
            :class:`Totals`, of every few images; raises errors as of :meth:`Runner.run`.
    """

    part: range
    kept: Sequence[Array]
    high: Array
    wait: Callable[[], list[Lows]]


def begin(runner: Runner, pool: ThreadPoolExecutor, part: range) -> Chunk:
    """A chunk that threads begin to compute."""
    kept = [np.empty((len(part), *layer.shape), np.float32) for layer in runner.kept]
    high = np.empty((len(part), runner.filters), np.float32)
    turns = [
        pool.submit(runner.run, part[turn], high[turn], [maps[turn] for maps in kept])
        for turn in (slice(first, first + _TURN) for first in range(0, len(part), _TURN))
    ]
    return Chunk(part, kept, high, lambda: [turn.result() for turn in turns])


Compute = Callable[[Iterable[range]], AbstractContextManager[Iterable[Chunk]]]
"""Computes the chunks of these images, in their order, for as long as the context is open."""


def in_threads(runner: Runner, threads: int) -> Compute:
    """Computes chunks in so many threads of this process."""

    @contextmanager
    def compute(parts: Iterable[range]) -> Iterator[Iterable[Chunk]]:
        with ThreadPoolExecutor(threads, thread_name_prefix="extracting") as pool:
            try:
                yield (begin(runner, pool, part) for part in parts)
            finally:
                pool.shutdown(cancel_futures=True)

    return compute


def _positions(layer: LayerInfo) -> int:
    height, width, _ = layer.shape
    return height * width


def chunk_of(layers: Sequence[LayerInfo]) -> int:
    """Images in a chunk: those whose maps fit into memory together, at most 256."""
    size = sum(4 * _positions(layer) * layer.filters for layer in layers)
    return max(1, min(_MOST_IN_A_CHUNK, _CHUNK_BYTES // max(size, 1)))


def extract(  # noqa: PLR0913  # what to compute, where to, and how
    engine: Engine,
    images: ImageSource,
    layers: Sequence[LayerInfo],
    out: Path,
    threads: int = 1,
    on_images: OnImages = lambda done: None,
    *,
    compute: Compute | None = None,
) -> Path:
    """Write maps of these layers and the probabilities to a Zarr group, and the statistics of all
    layers to a CSV file beside it, whose path is returned.

    Args:
        engine: the network, with an interpreter for each thread.
        images: its inputs.
        layers: whose maps to write; none are allowed.
        out: folder of the group; one that was begun with the same arguments is finished.
        threads: images computed at the same time.
        on_images: called with the number of images done.
        compute: computes them, instead of those threads.

    Raises:
        ExportError: Zarr is missing, an image cannot be read, or the folder holds something else.
        NonFiniteError: the network computed NaN or infinity.
    """
    if find_spec("zarr") is None:
        raise ExportError(f"extracting needs Zarr: {install('extract')}")
    every = engine.manifest.layers
    key = _key(engine, images, layers)
    out = out.absolute()  # "." has no name to give to the table
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file; choose a folder with --out")
    if out.exists() and not (out / _STATE).exists() and any(out.iterdir()):
        raise ExportError(f"{out} is in use; choose another folder with --out")
    totals = Totals.load(out / _STATE, sum(layer.filters for layer in every), key)
    try:
        out.mkdir(parents=True, exist_ok=True)
        totals.save(out / _STATE, key)  # now the folder is known to be an extraction's
    except OSError as error:
        raise ExportError(f"{out} cannot be written: {error.strerror}") from error
    arrays = _arrays(engine, images, layers, out)
    compute = compute or in_threads(Runner(engine, images, layers), threads)

    def write(chunk: Chunk) -> int:
        for array, values in zip(arrays, chunk.kept, strict=True):
            array[chunk.part.start : chunk.part.stop] = values.reshape(-1, *array.shape[1:])
        totals.add(chunk)
        totals.save(out / _STATE, key)
        return totals.done

    on_images(totals.done)
    left, size = range(len(images))[totals.done :], chunk_of(layers)
    with compute(left[first : first + size] for first in range(0, len(left), size)) as chunks:
        _write_each(chunks, write, on_images)
    table = out.with_name(f"{out.name}.csv")
    totals.write_csv(table, every)
    return table


def _write_each(
    chunks: Iterable[Chunk], write: Callable[[Chunk], int], on_images: OnImages
) -> None:
    """Write chunks on a thread of its own, while the next ones are computed."""
    writing: Future[int] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="writing") as writer:
        for chunk in _one_ahead(chunks):
            chunk.wait()
            if writing is not None:
                on_images(writing.result())
            writing = writer.submit(write, chunk)
        if writing is not None:
            on_images(writing.result())


def _one_ahead(items: Iterable[T]) -> Iterator[T]:
    """Each, once the next one is there too."""
    ahead: deque[T] = deque()
    for item in items:
        ahead.append(item)
        if len(ahead) > 1:
            yield ahead.popleft()
    yield from ahead


def _key(engine: Engine, images: ImageSource, layers: Sequence[LayerInfo]) -> str:
    """Changes with everything that the values depend on."""
    names = ",".join(layer.name for layer in layers)
    parts = (engine.manifest.id, engine.manifest.version, engine.name, images.key, names)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _arrays(
    engine: Engine, images: ImageSource, layers: Sequence[LayerInfo], out: Path
) -> list[Any]:
    """The arrays for probabilities and for the maps of each layer, opened or made."""
    import zarr

    manifest = engine.manifest
    root = zarr.open_group(out, mode="a", zarr_format=3)
    root.attrs.update(
        network=manifest.id,
        version=manifest.version,
        classes=list(manifest.classes),
        images=list(images.names),
    )
    make = partial(_array, images=len(images), chunk=chunk_of(layers))
    maps = root.require_group(MAPS)
    return [
        make(root, PROBABILITIES, (len(manifest.classes),), ("class",)),
        *(
            make(maps, layer.name, layer.shape, tuple(f"{layer.name}.{axis}" for axis in "yxc"))
            for layer in layers
        ),
    ]


def _array(
    group: Any,  # noqa: ANN401  # Zarr is optional
    name: str,
    shape: tuple[int, ...],
    axes: tuple[str, ...],
    *,
    images: int,
    chunk: int,
) -> Any:  # noqa: ANN401  # an array of Zarr
    import zarr.codecs

    if name in group:
        return group[name]
    return group.create_array(
        name,
        shape=(images, *shape),
        chunks=(min(chunk, images), *shape),
        dtype="float32",
        compressors=zarr.codecs.BloscCodec(cname="lz4", clevel=1, shuffle="noshuffle"),
        fill_value=float("nan"),
        dimension_names=("image", *axes),
        config={"write_empty_chunks": True},  # looking for those takes as long as writing
    )
