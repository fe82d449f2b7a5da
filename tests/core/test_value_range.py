"""Display ranges and quantisation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from skiplens.core.value_range import TOP_LEVEL, Normalisation, display_ranges, quantise

SOMEWHERE = (-9.0, 12.0)


def extremes(maps: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return maps.min(axis=(0, 1)), maps.max(axis=(0, 1))


@pytest.fixture
def maps() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Three filters: up to 1, up to 4, and silent."""
    made = np.zeros((2, 2, 3), np.float32)
    made[..., 0] = [[0.0, 0.25], [0.5, 1.0]]
    made[..., 1] = [[-2.0, 0.0], [3.0, 4.0]]
    return made


def test_each_filter_has_its_own_range(maps: np.ndarray) -> None:
    found = display_ranges(extremes(maps), Normalisation.FILTER, signed=False, scope=SOMEWHERE)
    assert found == ((0.0, 1.0), (-4.0, 4.0), (0.0, 0.0))


@pytest.mark.parametrize(
    ("normalisation", "signed", "expected"),
    [
        (Normalisation.LAYER, True, (-12.0, 12.0)),
        (Normalisation.SYMMETRIC, False, (-12.0, 12.0)),
        (Normalisation.BLOCK, False, (0.0, 12.0)),
        (Normalisation.NETWORK, False, (0.0, 12.0)),
    ],
)
def test_a_shared_range_reaches_as_far_as_anything_that_shares_it(
    maps: np.ndarray, normalisation: Normalisation, signed: bool, expected: tuple[float, float]
) -> None:
    assert (
        display_ranges(extremes(maps), normalisation, signed=signed, scope=SOMEWHERE)
        == (expected,) * 3
    )


def test_values_never_negative_are_drawn_from_zero_up() -> None:
    maps = np.full((3, 3, 2), 5.0, np.float32)
    maps[0, 0, 1] = 7.0
    found = display_ranges(extremes(maps), Normalisation.LAYER, signed=False, scope=(5.0, 7.0))
    assert found == ((0.0, 7.0), (0.0, 7.0))


def test_zero_is_exactly_the_middle_level_of_a_centred_range() -> None:
    levels = quantise(np.array([[[-3.0], [0.0], [3.0]]], np.float32), ((-3.0, 3.0),))
    assert levels.tolist() == [[[0, TOP_LEVEL // 2, TOP_LEVEL]]]


def test_levels_are_rounded_then_clipped_then_cast() -> None:
    values = np.array([[[-0.2], [0.0019], [0.0021], [1.2]]], np.float32)
    assert quantise(values, ((0.0, 1.0),)).tolist() == [[[0, 0, 1, TOP_LEVEL]]]


def test_a_silent_filter_is_drawn_flat() -> None:
    silent = np.zeros((4, 4, 1), np.float32)
    assert not quantise(silent, ((0.0, 0.0),)).any()
    assert (quantise(silent, ((0.0, 0.0),), centred=True) == TOP_LEVEL // 2).all()


def test_the_callers_array_is_left_alone(maps: np.ndarray) -> None:
    before = maps.copy()
    quantise(
        maps, display_ranges(extremes(maps), Normalisation.FILTER, signed=True, scope=SOMEWHERE)
    )
    assert (maps == before).all()


@given(
    arrays(
        np.float32,
        (3, 4, 2),
        elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
    ),
    st.sampled_from(Normalisation),
)
def test_levels_give_the_values_back_to_half_a_step(
    maps: np.ndarray, normalisation: Normalisation
) -> None:
    network = (float(maps.min()), float(maps.max()))
    scales = display_ranges(extremes(maps), normalisation, signed=True, scope=network)
    levels = quantise(maps, scales).transpose(1, 2, 0)
    low = np.array([pair[0] for pair in scales])
    step = (np.array([pair[1] for pair in scales]) - low) / TOP_LEVEL
    assert (np.abs(low + levels * step - maps) <= step * 0.5001 + 1e-30).all()
