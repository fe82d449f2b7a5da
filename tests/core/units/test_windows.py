"""Which values a window lies over: strides, padding, dilation, groups."""

import numpy as np
import pytest

from skiplens.core.manifest import LayerInfo
from skiplens.core.unit_explanation import UnitInputs, convolution, pooling

MAPS = np.arange(1, 6 * 5 * 2 + 1, dtype=np.float32).reshape(6, 5, 2)  # row 0: 1 2, 3 4, ...


def asked(
    place: tuple[int, int], shape: tuple[int, int, int], *, index: int = 0, **fields: object
) -> UnitInputs:
    defaults = {"kernel": (3, 3), "strides": (1, 1), "dilation": (1, 1), **fields}
    layer = LayerInfo("conv", "Conv2D", "conv", None, shape, **defaults)  # type: ignore[arg-type]
    height, width = layer.kernel or (3, 3)
    count = 2 if shape[2] == 1 else 1  # two filters: one group each
    kernel = np.ones((height, width, count, shape[2]), np.float32)
    kernel[..., 1:] *= 10
    return UnitInputs(layer, index, place, [MAPS], {"conv/kernel": kernel}, 1.0)


def test_beyond_the_edge_the_patch_is_zero() -> None:
    found = convolution(asked((0, 4), (6, 5, 1)))
    assert found is not None
    assert found.corner == (-1, 3)
    assert found.inside.tolist() == [[False] * 3, [True, True, False], [True, True, False]]
    assert found.patch[:, :, 1].tolist() == [[0, 0, 0], [8, 10, 0], [18, 20, 0]]
    assert found.sums.tolist() == [7 + 9 + 17 + 19, 8 + 10 + 18 + 20]


def test_without_padding_the_patch_begins_at_the_place() -> None:
    found = convolution(asked((3, 2), (4, 3, 1)))
    assert found is not None
    assert found.corner == (3, 2)
    assert found.inside.all()
    assert found.patch[0, :, 0].tolist() == [35, 37, 39]


@pytest.mark.parametrize(
    ("place", "shape", "corner"),
    [
        ((1, 1), (3, 3, 1), (2, 1)),  # 6 -> 3: one zero, behind; 5 -> 3: one on each side
        ((0, 0), (3, 3, 1), (0, -1)),
        ((1, 1), (2, 2, 1), (2, 2)),  # without padding
    ],
)
def test_strides(
    place: tuple[int, int], shape: tuple[int, int, int], corner: tuple[int, int]
) -> None:
    found = convolution(asked(place, shape, strides=(2, 2)))
    assert found is not None
    assert found.corner == corner


def test_dilation() -> None:
    found = convolution(asked((1, 0), (6, 5, 1), dilation=(2, 1)))
    assert found is not None
    assert found.corner == (-1, -1)
    assert found.patch[:, 1, 0].tolist() == [0, 11, 31]


def test_each_filter_of_a_group_has_its_own_maps() -> None:
    found = convolution(asked((2, 2), (6, 5, 2), index=1))
    assert found is not None
    assert (found.first, found.patch.shape, found.kernel[0, 0, 0]) == (1, (3, 3, 1), 10)
    assert found.patch[1, 1, 0] == MAPS[2, 2, 1]


def test_a_pooling_leaves_out_what_is_beyond_the_edge() -> None:
    layer = LayerInfo(
        "pool", "MaxPooling2D", "pool", None, (3, 3, 2), window=(2, 2), strides=(2, 2)
    )
    inner = pooling(UnitInputs(layer, 1, (1, 1), [MAPS], {}, 1.0))
    assert (inner.corner, inner.window.tolist()) == ((2, 2), [[26, 28], [36, 38]])
    edge = pooling(UnitInputs(layer, 1, (1, 2), [MAPS], {}, 1.0))
    assert (edge.corner, edge.window.tolist()) == ((2, 4), [[30], [40]])
    assert (edge.operation, edge.result) == ("max", 40)


def test_a_global_pooling_takes_the_whole_map() -> None:
    layer = LayerInfo("pool", "GlobalAveragePooling2D", "pool", None, (1, 1, 2))
    found = pooling(UnitInputs(layer, 0, (0, 0), [MAPS], {}, 1.0))
    assert found.window.shape == (6, 5)
    assert found.result == MAPS[:, :, 0].mean()
