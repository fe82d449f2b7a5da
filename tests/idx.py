"""Small data sets for tests: IDX files, and the samples shifted by a few pixels."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skiplens.mnist import Split
from skiplens.samples import load_samples

SHIFTS = ((1, 0), (0, 1), (-1, 0), (0, -1), (3, 0), (0, 14))


def idx(array: NDArray[np.uint8]) -> bytes:
    """An array as an IDX file of unsigned bytes."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def shifted_samples() -> Split:
    """The samples, each shifted in six ways: once so far round that nobody can read all of them."""
    samples = load_samples()
    images = [np.roll(one.digit.pixels, shift, (0, 1)) for shift in SHIFTS for one in samples]
    labels = [one.label for _ in SHIFTS for one in samples]
    return Split(np.stack(images), np.array(labels, np.uint8))


def flat_digits(*values: int) -> Split:
    """Digits of one tone each, labelled 0, 1, 2 ..."""
    images = np.stack([np.full((28, 28), value, np.uint8) for value in values])
    return Split(images, np.arange(len(values), dtype=np.uint8))


def write_test_set(folder: Path, split: Split) -> Path:
    """Write a test set as MNIST's files are named, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(split.images))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(split.labels))
    return folder
