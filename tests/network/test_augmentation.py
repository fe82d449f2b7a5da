"""Bending digits: one resampling, nothing but what was asked for, the same every time."""

from dataclasses import replace

import numpy as np
import pytest

from skiplens.network.augmentation import Augmentation, augment, redraw
from tests.network.tiny import Array

FAR = Augmentation(thickness=0.5)
STILL = Augmentation(share=1.0, rotation=0, shear=0, scale=0, shift=0, elastic=0)


def blobs(count: int = 40) -> Array:
    """Soft strokes near the middle, float32 ``(count, 28, 28, 1)`` in [0, 1]."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:28, :28]
    rows, columns = rng.uniform(9, 18, (2, count, 4, 1, 1))
    spots = np.exp(-((y - rows) ** 2 + (x - columns) ** 2) / 6)
    found: Array = np.clip(spots.sum(axis=1), 0, 1).astype(np.float32)[..., None]
    return found


def bent(settings: Augmentation, seed: int = 0, images: Array | None = None) -> Array:
    return augment(blobs() if images is None else images, settings, np.random.default_rng(seed))


def changed(settings: Augmentation) -> Array:
    """Which of the digits are no longer what they were."""
    found: Array = np.any(bent(settings) != blobs(), axis=(1, 2, 3))
    return found


def test_settings_that_bend_nothing_return_the_very_same_pixels() -> None:
    assert np.array_equal(bent(STILL), blobs())


def test_a_share_stays_clean() -> None:
    assert not changed(Augmentation(share=0.0)).any()
    assert changed(Augmentation(share=1.0)).all()
    assert 0.3 < changed(Augmentation(share=0.5)).mean() < 0.7


@pytest.mark.parametrize("bend", ["rotation", "shear", "scale", "shift", "elastic", "thickness"])
def test_each_way_to_bend_does_something_by_itself(bend: str) -> None:
    assert changed(replace(STILL, **{bend: getattr(FAR, bend)})).all()


def test_values_stay_in_range_and_the_input_as_it_was() -> None:
    images = blobs()
    found = bent(Augmentation(share=1.0, rotation=90, shift=20, elastic=9), images=images)
    assert np.array_equal(images, blobs())
    assert (found.shape, str(found.dtype)) == (images.shape, "float32")
    assert 0 <= found.min() < found.max() <= 1


def test_the_generator_alone_decides() -> None:
    assert np.array_equal(bent(Augmentation(), seed=1), bent(Augmentation(), seed=1))
    assert not np.array_equal(bent(Augmentation(), seed=1), bent(Augmentation(), seed=2))


class Whole(np.random.Generator):
    """Draws the far end of every range, or the near one."""

    def __init__(self, end: int = 1) -> None:
        super().__init__(np.random.PCG64(0))
        self._end = end

    def uniform(self, low=0.0, high=1.0, size=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        return np.full(size, high if self._end else low)


def test_a_shift_of_one_pixel_moves_every_pixel_by_one() -> None:
    images = np.random.default_rng(0).random((3, 28, 28, 1)).astype(np.float32)
    found = augment(images, replace(STILL, shift=1.0), Whole())
    padded = np.pad(images, ((0, 0), (0, 1), (0, 1), (0, 0)))
    assert np.array_equal(found, np.roll(padded, (-1, -1), (1, 2))[:, :28, :28])


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    images = np.random.default_rng(0).random((3, 28, 28, 1)).astype(np.float32)
    found = augment(images, replace(STILL, rotation=90.0), Whole())
    np.testing.assert_allclose(found, np.rot90(images, axes=(1, 2)), atol=1e-4)


def test_what_is_shifted_out_is_gone_and_black_comes_in() -> None:
    found = augment(np.ones((1, 28, 28, 1), np.float32), replace(STILL, shift=3.0), Whole())
    assert np.array_equal(found[0, :25, :25, 0], np.ones((25, 25)))
    assert not found[0, 25:].any()
    assert not found[0, :, 25:].any()


def test_strokes_are_thickened_up_to_their_dilation_and_thinned_by_half_as_much() -> None:
    images = np.random.default_rng(0).random((3, 28, 28, 1)).astype(np.float32)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moves = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
    around = np.stack([np.roll(padded, move, (1, 2))[:, 1:-1, 1:-1] for move in moves])
    thick = augment(images, replace(STILL, thickness=1.0), Whole())
    np.testing.assert_allclose(thick, around.max(axis=0), atol=1e-6)
    thin = augment(images, replace(STILL, thickness=1.0), Whole(end=0))
    np.testing.assert_allclose(thin, (images + around.min(axis=0)) / 2, atol=1e-6)


def test_ink_is_roughly_kept() -> None:
    before, after = (images.sum(axis=(1, 2, 3)) for images in (blobs(), bent(Augmentation())))
    assert np.abs(after / before - 1).max() < 0.35
    assert abs(after.sum() / before.sum() - 1) < 0.05


def test_a_share_is_redrawn_and_the_rest_left_as_it_was() -> None:
    images, labels = blobs(200), np.arange(200, dtype=np.uint8) % 10
    redrawn = redraw(images, labels, Augmentation(drawn=0.3), np.random.default_rng(0))
    drawn = np.any(redrawn != images, axis=(1, 2, 3))
    assert 0.2 < drawn.mean() < 0.4
    assert np.array_equal(images, blobs(200))


def test_runs_that_draw_nothing_leave_the_generator_alone() -> None:
    rng = np.random.default_rng(0)
    images = blobs()
    assert np.array_equal(redraw(images, np.zeros(40, np.uint8), Augmentation(), rng), images)
    assert rng.random() == np.random.default_rng(0).random()
