"""Which pieces of ink make up the digit."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.segmentation import bounding_box, digit_components

Mask = NDArray[np.bool_]


@pytest.fixture
def digit() -> Mask:
    """A vertical stroke in the middle of 256 x 256 pixels."""
    mask = np.zeros((256, 256), np.bool_)
    mask[80:180, 120:132] = True
    return mask


def kept(mask: Mask, *, photograph: bool = False) -> Mask:
    """What is left of the mask."""
    parts = digit_components(mask, photograph=photograph)
    return mask & parts.mask if parts else np.zeros_like(mask)


def test_bounds_are_those_of_what_is_true() -> None:
    mask = np.zeros((6, 8), np.bool_)
    assert bounding_box(mask) is None
    mask[2, 3] = mask[4, 6] = True
    assert bounding_box(mask) == (3, 2, 7, 5)


def test_strokes_that_do_not_touch_stay_together(digit: Mask) -> None:
    digit[80:92, 150:190] = True
    parts = digit_components(digit, photograph=False)
    assert parts is not None
    assert (kept(digit) == digit).all()
    assert sorted(parts.boxes) == [(120, 80, 132, 180), (148, 80, 192, 92)]


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    steps = np.kron(np.eye(8, dtype=np.bool_), np.ones((4, 4), np.bool_))
    parts = digit_components(np.pad(steps, 112), photograph=False)
    assert parts is not None
    assert len(parts.boxes) == 1


def test_dust_is_left_out(digit: Mask) -> None:
    dusty = digit.copy()
    dusty[20:23, 20:23] = dusty[230:235, 30:34] = True
    assert (kept(dusty) == digit).all()


@pytest.mark.parametrize("where", [np.s_[:, 40:43], np.s_[200:204, :], np.s_[:, :30]])
def test_what_spans_the_image_is_left_out_if_there_is_more(
    digit: Mask, where: tuple[slice, slice]
) -> None:
    ruled = digit.copy()
    ruled[where] = True
    assert (kept(ruled) == digit).all()
    alone = ruled & ~digit
    assert (kept(alone) == alone).all()


@pytest.mark.parametrize("photograph", [False, True])
def test_only_on_a_photograph_is_what_touches_the_border_left_out(
    digit: Mask, photograph: bool
) -> None:
    touching = digit.copy()
    touching[:40, 200:] = True
    assert (kept(touching, photograph=photograph) == (digit if photograph else touching)).all()


def test_a_digit_that_touches_the_border_alone_is_kept(digit: Mask) -> None:
    touching = np.roll(digit, -80, axis=0)
    assert (kept(touching, photograph=True) == touching).all()


@pytest.mark.parametrize("photograph", [False, True])
def test_a_dot_is_ink_on_a_drawing_only(photograph: bool) -> None:
    dot = np.zeros((30, 30), np.bool_)
    dot[10:12, 20] = True
    assert kept(dot, photograph=photograph).any() is np.bool_(not photograph)
    assert digit_components(np.zeros((30, 30), np.bool_), photograph=photograph) is None


def test_the_mask_holds_the_soft_edges_of_kept_parts_and_nothing_of_others(digit: Mask) -> None:
    beside = digit.copy()
    beside[:, 136:140] = True
    parts = digit_components(beside, photograph=False)
    assert parts is not None
    assert parts.mask[80:180, 116:120].all()
    assert not parts.mask[:, 136:140].any()
