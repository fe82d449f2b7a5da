"""Arrays as files."""

import io

import numpy as np

from skiplens.core.file_formats import npy, npz


def test_npy_gives_the_array_back() -> None:
    array = np.random.default_rng(3).normal(size=(4, 5, 2)).astype(np.float32)
    found = np.load(io.BytesIO(npy(array)), allow_pickle=False)
    assert found.dtype == np.float32
    assert (found == array).all()


def test_npz_gives_the_arrays_back_by_name_and_has_the_same_bytes_each_time() -> None:
    arrays = {"block1.conv1": np.ones((2, 2), np.float32), "stem": np.zeros(3, np.float32)}
    content = npz(arrays)
    assert npz(arrays) == content
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        assert set(found.files) == set(arrays)
        assert (found["block1.conv1"] == 1).all()
