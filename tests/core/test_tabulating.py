"""Statistics as comma-separated values, read back."""

import csv

import numpy as np

from skiplens.core.feature_stats import describe
from skiplens.core.file_formats import layer_csv, network_csv

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
