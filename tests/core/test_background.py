"""The background of drawings and photographs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.core.background import estimated_background, uniform_background
from tests.core.drawings import Grey, Shares, drawn, falling_light, photographed, placed, two

SHAPE = (300, 400)
SHEET: Shares = placed(two(160, 20), SHAPE, (70, 140))


def tones(image: Grey) -> NDArray[np.float32]:
    """The image in the type that grounds are found in."""
    return image.astype(np.float32)


@pytest.mark.parametrize(("ground", "ink"), [(255, 0), (0, 255), (140, 250)])
def test_a_drawing_stands_on_one_tone(ground: float, ink: float) -> None:
    found = uniform_background(tones(drawn(SHEET, ground, ink)))
    assert found is not None
    assert found.uniform
    assert found.noise == 0
    assert (found.tone == ground).all()


def test_ink_on_some_of_the_border_and_a_thin_frame_have_no_vote() -> None:
    image = drawn(np.roll(SHEET, 70, axis=0))
    assert image[-1].min() == 0
    image[:, :3] = image[:3] = image[:, -3:] = 40
    found = uniform_background(tones(image))
    assert found is not None
    assert (found.tone == 255).all()


def test_a_photograph_stands_on_no_single_tone() -> None:
    assert uniform_background(tones(photographed(SHEET, falling_light(SHAPE)))) is None


@pytest.mark.parametrize("noise", [2, 8])
def test_light_that_falls_off_is_found_under_the_ink(noise: float) -> None:
    light = falling_light(SHAPE)
    found = estimated_background(tones(photographed(SHEET, light, noise=noise)))
    assert not found.uniform
    assert np.abs(found.tone - light).max() < 3
    assert found.noise == pytest.approx(noise, rel=0.2)


@pytest.mark.parametrize(("lit", "depth"), [(210, 0.7), (80, -1.5)], ids=["paper", "blackboard"])
def test_a_shadow_keeps_its_edge_and_ink_leaves_no_trace(lit: float, depth: float) -> None:
    light = np.full(SHAPE, float(lit))
    light[:, 250:] *= 0.6
    found = estimated_background(tones(photographed(SHEET, light, depth=depth, noise=1)))
    off = np.abs(found.tone - light)
    off[:, 246:254] = 0  # found on a copy of half the size
    assert off.max() < 6
    assert np.median(found.tone - light) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (5, 4)])
def test_the_smallest_images_have_a_ground(shape: tuple[int, int]) -> None:
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape) * 5
    found = estimated_background(image)
    assert found.tone.shape == shape
    assert np.isfinite(found.tone).all()
    assert np.isfinite(found.noise)


def test_a_thick_digit_that_fills_the_photograph_is_no_sheet_of_paper() -> None:
    shape = (240, 250)
    ink = np.zeros(shape)
    ink[10:70, 20:230] = ink[10:230, 170:230] = 1  # a 7
    light = np.full(shape, 220.0)
    found = estimated_background(tones(photographed(ink, light, noise=1)))
    assert np.abs(found.tone - light).max() < 3
