"""Runs of blocks of one shape, and a filter followed through them."""

import pytest

from skiplens.core.colormaps import PaletteName
from skiplens.errors import InvalidParameterError
from skiplens.service.forward import Examination
from skiplens.service.images import stream_matrix, streams


def test_streams_are_runs_of_one_shape(examinations: dict[str, Examination]) -> None:
    names = [
        [block.name for block in run] for run in streams(examinations["mnist-resnet"].manifest)
    ]
    assert names == [["block1", "block2"], ["block3", "block4"], ["block5", "block6"]]
    assert len(streams(examinations["mnist-classic"].manifest)) == 1


def test_a_stream_matrix_follows_one_filter(examinations: dict[str, Examination]) -> None:
    examination = examinations["mnist-classic"]
    matrix = stream_matrix(examination, 1, "residual", PaletteName.DUSK)
    assert [row.layer.name for row in matrix.rows] == [f"block{at}.residual" for at in range(1, 6)]
    assert matrix.geometry.columns == 8
    with pytest.raises(InvalidParameterError, match="stream must be 1 to 1; got '2'"):
        stream_matrix(examination, 2, "output", PaletteName.DUSK)
    with pytest.raises(InvalidParameterError, match="role gate is not to be had"):
        stream_matrix(examination, 1, "gate", PaletteName.DUSK)
