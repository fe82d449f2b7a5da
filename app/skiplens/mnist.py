"""MNIST's digits: read from a folder of IDX files or from an ``mnist.npz``, and counted right.

:mod:`skiplens.network.mnist_download` downloads it.
"""

import gzip
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from skiplens.core.manifest import Accuracy
from skiplens.errors import DatasetError

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Inputs = NDArray[np.float32]
Part = Literal["train", "test"]

_MAX_LABEL: Final = 9
_IDX_UBYTE: Final = 0x08
NPZ_ERRORS: Final = (  # what reading a damaged .npz raises
    *(OSError, ValueError, KeyError, EOFError, TypeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
_IDX_NAMES: Final[dict[Part, tuple[str, str]]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True)
class Split:
    """Digits and their labels.

    Attributes:
        images: uint8 ``(N, 28, 28)``, white ink (255) on black (0).
        labels: uint8 ``(N,)`` in 0..9.
    """

    images: Images
    labels: Labels

    def __post_init__(self) -> None:
        if self.images.shape[1:] != (28, 28) or self.labels.shape != self.images.shape[:1]:
            raise DatasetError(
                f"images have shape {self.images.shape} and labels {self.labels.shape}; "
                "expected (N, 28, 28) and (N,)"
            )
        if self.images.dtype != np.uint8 or self.labels.dtype != np.uint8:
            raise DatasetError(
                f"images are {self.images.dtype} and labels {self.labels.dtype}; expected uint8"
            )
        if self.labels.max(initial=0) > _MAX_LABEL:
            raise DatasetError(f"labels go up to {self.labels.max()}; expected 0 to 9")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, selection: slice | NDArray[np.intp]) -> "Split":
        return Split(self.images[selection], self.labels[selection])

    def inputs(self) -> Inputs:
        """The digits as a network takes them: float32 ``(N, 28, 28, 1)`` in [0, 1]."""
        return self.images.astype(np.float32)[..., None] / np.float32(255.0)

    def batches(self, size: int = 500) -> Iterator[tuple[Inputs, Labels]]:
        """The inputs and labels of at most ``size`` digits at a time, in order."""
        for start in range(0, len(self), size):
            batch = self[start : start + size]
            yield batch.inputs(), batch.labels

    def evenly_spaced(self, count: int) -> "Split":
        """At most ``count`` of the digits."""
        return self[:: max(1, len(self) // count)][:count]

    def accuracy(self, classify: Callable[[Inputs], NDArray[Any]], size: int = 500) -> Accuracy:
        """How many digits have their label as the most probable class.

        Args:
            classify: gives the probabilities ``(N, classes)`` of inputs.
            size: digits at a time.
        """
        found = ((classify(images), labels) for images, labels in self.batches(size))
        correct = sum(int(np.sum(each.argmax(axis=-1) == labels)) for each, labels in found)
        return Accuracy.of(correct, len(self))


def read_split(source: Path, part: Part) -> Split:
    """The training or the test digits, in the order of the source.

    Args:
        source: a folder of IDX files, gzipped or not, a folder with ``mnist.npz``, or that file.
        part: ``train`` or ``test``.

    Raises:
        DatasetError: the source is missing or damaged, or holds no digits.
    """
    archive = source / "mnist.npz" if source.is_dir() else source
    if archive.is_file():
        found = _read_npz(archive, part)
    elif source.is_dir():
        found = Split(*(read_idx(_find(source, name)) for name in _IDX_NAMES[part]))
    else:
        raise DatasetError(f"{source} is neither a folder of IDX files nor an mnist.npz")
    if not len(found):
        raise DatasetError(f"{source} holds no {part} digits")
    return found


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, gzipped or not.

    Raises:
        DatasetError: the file is not a complete IDX file of unsigned bytes.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zeros, kind, rank = struct.unpack_from(">HBB", raw)
        shape = struct.unpack_from(f">{rank}I", raw, 4)
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise DatasetError(f"{path.name} cannot be read as IDX: {error}") from error
    values = np.frombuffer(raw[4 + 4 * rank :], np.uint8)
    if zeros != 0 or kind != _IDX_UBYTE or values.size != np.prod(shape, dtype=np.int64):
        raise DatasetError(f"{path.name} is not a complete IDX file of unsigned bytes")
    return values.reshape(shape)


def _find(folder: Path, name: str) -> Path:
    dotted = name.replace("-idx", ".idx")  # how some archives unpack
    for candidate in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    raise DatasetError(f"{folder} holds no {name}[.gz] and no mnist.npz")


def _read_npz(path: Path, part: Part) -> Split:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            images, labels = archive[f"x_{part}"], archive[f"y_{part}"]
    except NPZ_ERRORS as error:
        raise DatasetError(f"{path.name} is not an MNIST archive: {error}") from error
    return Split(images, labels)
