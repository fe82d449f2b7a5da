"""Reads MNIST from a folder of IDX files, from an ``mnist.npz``, or through Keras' own loader."""

import gzip
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.errors import DatasetError

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]

_LARGEST_LABEL: Final = 9
_IDX_UBYTE: Final = 0x08
_DAMAGED: Final = (OSError, ValueError, KeyError, EOFError, TypeError)
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
        if self.images.shape[1:] != (28, 28) or self.labels.shape != self.images.shape[:1]:
            raise DatasetError(
                f"images have shape {self.images.shape} and labels {self.labels.shape}; "
                "expected (N, 28, 28) and (N,)"
            )
        if self.images.dtype != np.uint8 or self.labels.dtype != np.uint8:
            raise DatasetError(
                f"images are {self.images.dtype} and labels {self.labels.dtype}; expected uint8"
            )
        if self.labels.max(initial=0) > _LARGEST_LABEL:
            raise DatasetError(f"labels go up to {self.labels.max()}; expected 0 to 9")

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
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise DatasetError(f"{path.name} cannot be read as IDX: {error}") from error
    values = np.frombuffer(raw[4 + 4 * rank :], np.uint8)
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
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in _STEMS}
    except (*_DAMAGED, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path.name} is not an MNIST archive: {error}") from error


def _download() -> dict[str, NDArray[np.uint8]]:
    import keras  # only this way of getting MNIST needs Keras

    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises just that where it cannot download
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"MNIST cannot be downloaded, so name its folder: {reason}") from error
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
