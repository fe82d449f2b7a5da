"""Strips of blocks: every row on one scale, and each map where the strip says that it is."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from skiplens.core.colormaps import PaletteName
from skiplens.core.manifest import LayerInfo
from skiplens.core.value_range import TOP_LEVEL
from skiplens.errors import InvalidParameterError
from skiplens.service.forward import ForwardPass
from skiplens.service.images import block_table


def test_a_strips_rows_share_one_scale_and_equal_their_arrays(
    forward_passes: dict[str, ForwardPass],
) -> None:
    for forward in forward_passes.values():
        for block in forward.manifest.blocks:
            strip = block_table(forward, block, PaletteName.DARK)
            with Image.open(io.BytesIO(strip.png())) as image:
                picture = np.asarray(image)
            filters = strip.geometry.columns
            for at, row in enumerate(strip.rows):
                x, y, width, height = strip.geometry.boxes[at * filters + 1]
                zoom = strip.geometry.zoom
                levels = picture[y : y + height : zoom, x : x + width : zoom]
                step = (row.range[1] - row.range[0]) / TOP_LEVEL
                found = row.range[0] + levels * step
                expected = forward.activations[row.layer.name][..., 1]
                assert np.abs(found - expected).max() <= step * 0.5001
            shared = {row.range for row in strip.rows if row.role != "gate"}
            assert len(shared) == 1


def test_strips_name_their_rows(forward_passes: dict[str, ForwardPass]) -> None:
    manifest = forward_passes["mnist-resnet"].manifest
    roles = [
        [
            row.role
            for row in block_table(forward_passes["mnist-resnet"], one, PaletteName.GREY).rows
        ]
        for one in manifest.blocks
    ]
    assert roles[0] == ["x", "F(x)", "sum", "output"]
    assert roles[2] == ["projected x", "F(x)", "sum", "output"]


@pytest.fixture
def concatenating(forward_passes: dict[str, ForwardPass]) -> ForwardPass:
    """A block that lays two maps of F(x) behind three of x."""
    manifest = forward_passes["mnist-classic"].manifest
    rng = np.random.default_rng(3)
    x, fx = (rng.normal(size=(6, 6, count)).astype(np.float32) for count in (3, 2))
    both = np.concatenate([x, fx], axis=-1)
    maps = {"stem": x, "block1.residual": fx, "block1.sum": both, "block1.output": both.clip(0)}
    layers = tuple(
        LayerInfo(name, "Any", "any", "block1", (6, 6, one.shape[-1])) for name, one in maps.items()
    )
    block = replace(manifest.blocks[0], merge="concatenate", input="stem", identity="stem")
    manifest = replace(manifest, layers=layers, blocks=(block,))
    return replace(forward_passes["mnist-classic"], manifest=manifest, activations=maps)


def test_what_is_laid_behind_x_has_columns_of_its_own(concatenating: ForwardPass) -> None:
    block = concatenating.manifest.blocks[0]
    strip = block_table(concatenating, block, PaletteName.GREY, zoom=1)
    x, fx, total, _ = strip.rows
    assert [(row.first, row.layer.filters) for row in strip.rows] == [
        (0, 3),
        (3, 2),
        (0, 5),
        (0, 5),
    ]
    assert strip.box(x, 3) is None
    assert strip.box(fx, 2) is None
    with Image.open(io.BytesIO(strip.png())) as image:
        picture = np.asarray(image)
    for column in range(5):
        above = strip.box(x if column < 3 else fx, column)
        below = strip.box(total, column)
        assert above
        assert below
        assert above[0] == below[0]
        first, second = (picture[y : y + 6, left : left + 6] for left, y, *_ in (above, below))
        assert np.array_equal(first, second)


def test_a_strip_too_large_to_draw_is_refused(concatenating: ForwardPass) -> None:
    block = concatenating.manifest.blocks[0]
    with pytest.raises(InvalidParameterError, match="at most 16000000 are allowed"):
        block_table(concatenating, block, PaletteName.GREY, zoom=1000)
