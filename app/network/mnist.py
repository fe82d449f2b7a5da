"""Reads MNIST from a folder of IDX files, from an ``mnist.npz``, or through Keras' own loader."""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.errors import DatasetError

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]

_IDX_UBYTE: Final = 0x08
_STEMS: Final = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
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
        """Hold images and labels against each other."""
        if self.images.shape[1:] != (28, 28) or len(self.images) != len(self.labels):
            raise DatasetError(
                f"images have shape {self.images.shape} and labels {self.labels.shape}; "
                "expected (N, 28, 28) and (N,)"
            )

    def __len__(self) -> int:
        """How many digits there are."""
        return len(self.labels)

    def __getitem__(self, where: slice | NDArray[np.intp]) -> "Split":
        """A part of the split."""
        return Split(self.images[where], self.labels[where])


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, gzipped or not.

    Raises:
        DatasetError: the file is not a complete IDX file of unsigned bytes.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zeros, kind, rank = struct.unpack_from(">HBB", raw)
        shape = struct.unpack_from(f">{rank}I", raw, 4)
    except (OSError, EOFError, struct.error) as error:
        raise DatasetError(f"{path.name} cannot be read as IDX: {error}") from error
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * rank)
    if zeros != 0 or kind != _IDX_UBYTE or values.size != np.prod(shape, dtype=np.int64):
        raise DatasetError(f"{path.name} is not a complete IDX file of unsigned bytes")
    return values.reshape(shape)


def _find(folder: Path, stem: str) -> Path:
    names = [stem, f"{stem}.gz", stem.replace("-idx", ".idx"), stem.replace("-idx", ".idx") + ".gz"]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DatasetError(f"{folder} holds no {stem}[.gz] and no mnist.npz")


def _read_npz(path: Path) -> dict[str, NDArray[np.uint8]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in _STEMS}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DatasetError(f"{path.name} is not an MNIST archive: {error}") from error


def _download() -> dict[str, NDArray[np.uint8]]:
    import keras  # only this way of getting MNIST needs Keras

    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _arrays(source: Path | None, keys: tuple[str, str]) -> dict[str, NDArray[np.uint8]]:
    if source is None:
        return _download()
    archive = source / "mnist.npz" if source.is_dir() else source
    if archive.is_file():
        return _read_npz(archive)
    if not source.is_dir():
        raise DatasetError(f"{source} is neither a folder of IDX files nor an mnist.npz")
    return {key: read_idx(_find(source, _STEMS[key])) for key in keys}


def load_train(source: Path | None = None) -> Split:
    """The 60,000 training digits, in the order of the source.

    Args:
        source: a folder of IDX files, a folder with ``mnist.npz`` or that file itself; ``None``
            downloads through ``keras.datasets.mnist``.

    Raises:
        DatasetError: the source is missing or damaged.
    """
    arrays = _arrays(source, ("x_train", "y_train"))
    return Split(arrays["x_train"], arrays["y_train"])


def load_test(source: Path | None = None) -> Split:
    """The 10,000 test digits; arguments and errors as in :func:`load_train`."""
    arrays = _arrays(source, ("x_test", "y_test"))
    return Split(arrays["x_test"], arrays["y_test"])


def as_input(images: Images) -> NDArray[np.float32]:
    """Digits as networks take them: float32 ``(N, 28, 28, 1)`` in [0, 1]."""
    return images.astype(np.float32)[..., None] / np.float32(255.0)
