"""Runs of blocks of one shape, and a filter followed through them."""

import pytest

from skiplens.core.colormaps import PaletteName
from skiplens.errors import InvalidParameterError
from skiplens.service.forward import ForwardPass
from skiplens.service.images import stage_table, stages


def test_streams_are_runs_of_one_shape(forward_passes: dict[str, ForwardPass]) -> None:
    names = [
        [block.name for block in run] for run in stages(forward_passes["mnist-resnet"].manifest)
    ]
    assert names == [["block1", "block2"], ["block3", "block4"], ["block5", "block6"]]
    assert len(stages(forward_passes["mnist-classic"].manifest)) == 1


def test_a_stage_table_follows_one_filter(forward_passes: dict[str, ForwardPass]) -> None:
    forward = forward_passes["mnist-classic"]
    matrix = stage_table(forward, 1, "residual", PaletteName.DARK)
    assert [row.layer.name for row in matrix.rows] == [f"block{at}.residual" for at in range(1, 6)]
    assert matrix.geometry.columns == 8
    with pytest.raises(InvalidParameterError, match="stage must be 1 to 1; got '2'"):
        stage_table(forward, 2, "output", PaletteName.DARK)
    with pytest.raises(InvalidParameterError, match="role gate is not available"):
        stage_table(forward, 1, "gate", PaletteName.DARK)
