"""File formats: NPY, NPZ, CSV and the binary frame."""

import csv
import io
import json
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.array_files import (
    layer_csv,
    network_csv,
    network_csv_bound,
    npy,
    npz,
    npz_parts,
    npz_size,
    pack,
)
from skiplens.core.feature_stats import describe


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


@pytest.mark.parametrize("text", ["{}", '{"a":1}', '{"ab":1}', '{"abc":1}', '{"é":1}'])
def test_a_header_is_filled_up_so_that_what_follows_is_aligned(text: str) -> None:
    packed = pack(text.encode(), ())
    (length,) = struct.unpack_from("<I", packed)
    assert len(packed) == 4 + length
    assert length % 4 == 0
    assert json.loads(packed[4:]) == json.loads(text)


def test_arrays_follow_row_by_row_with_the_lowest_byte_first() -> None:
    pixels = np.array([[1, 2], [3, 4]], np.uint8)
    maps = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    packed = pack(b"{}", (pixels.T, maps.astype(">f4")))
    assert packed[8:12] == bytes([1, 3, 2, 4])
    np.testing.assert_array_equal(np.frombuffer(packed, "<f4", offset=12), np.arange(6))


MAPS = np.array([[[0.1, 0, 5], [-0.25, 0, 5]]], np.float32)


def test_every_number_comes_back_whole() -> None:
    statistics = describe(MAPS)
    rows = list(csv.DictReader(layer_csv(statistics).decode().splitlines()))
    assert len(rows) == 3
    for row, one in zip(rows, statistics, strict=True):
        assert int(row["index"]) == one.index
        for name in ("min", "max", "mean", "std", "zero_share"):
            assert float(row[name]) == getattr(one, name)
    assert [(row["dead"], row["constant"]) for row in rows] == [
        ("false", "false"),
        ("true", "true"),
        ("false", "true"),
    ]


def test_lines_end_as_the_standard_has_it() -> None:
    text = layer_csv(describe(MAPS))
    assert text.startswith(b"index,min,max,mean,std,zero_share,dead,constant\r\n0,-0.25,")
    assert text.endswith(b"\r\n")


def test_a_network_has_a_column_for_the_layer() -> None:
    both = network_csv({"stem, first": describe(MAPS), "head": describe(MAPS[:, :, :1])})
    rows = list(csv.reader(both.decode().splitlines()))
    assert rows[0][:2] == ["layer", "index"]
    assert [row[:2] for row in rows[1:]] == [
        ["stem, first", "0"],
        ["stem, first", "1"],
        ["stem, first", "2"],
        ["head", "0"],
    ]


def test_a_table_is_as_large_as_is_said_beforehand_at_most() -> None:
    longest = -np.float32(1.2345678e-38)
    maps = np.full((3, 3, 2000), longest) * np.linspace(0.1, 1, 9, dtype=np.float32).reshape(
        3, 3, 1
    )
    name = 'a "long", quoted name'
    size = len(network_csv({name: describe(maps)}))
    assert size <= network_csv_bound({name: 2000}) < 1.5 * size


def test_an_archive_is_as_large_as_is_said_beforehand_and_read_array_by_array() -> None:
    arrays = {
        "stem.conv": np.arange(600, dtype=np.float32).reshape(5, 4, 30),
        "größer@2": np.random.default_rng(1).normal(size=(64, 64, 300)).astype(np.float32),
        "logits": np.ones((1, 1, 10), np.float32),
    }
    read: list[str] = []

    def each() -> Iterator[tuple[str, NDArray[np.float32]]]:
        for name, array in arrays.items():
            read.append(name)
            yield name, array

    parts = npz_parts(each())
    first = next(parts)
    assert read == ["stem.conv", "größer@2"]
    content = first + b"".join(parts)
    assert len(content) == npz_size({name: array.shape for name, array in arrays.items()})
    assert content == npz(arrays)
    with np.load(io.BytesIO(content)) as found:
        assert set(found.files) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
