"""Colour maps."""

import numpy as np
import pytest

from skiplens.core.colormaps import PaletteName, colours
from skiplens.core.value_range import TOP_LEVEL

MIDDLE = TOP_LEVEL // 2
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def luminance(palette: np.ndarray) -> np.ndarray:
    """Relative luminance (WCAG 2) of the value levels."""
    srgb = palette[: TOP_LEVEL + 1] / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    found: np.ndarray = linear @ LUMINANCE
    return found


@pytest.mark.parametrize("name", PaletteName)
def test_a_sequential_palette_reads_without_colour(name: PaletteName) -> None:
    steps = np.diff(luminance(colours(name, diverging=False))[::12])
    assert (steps > 0).all() or (steps < 0).all()


@pytest.mark.parametrize("name", [name for name in PaletteName if name is not PaletteName.GREY])
def test_a_signed_palette_grows_away_from_zero_on_both_sides(name: PaletteName) -> None:
    away = np.abs(
        luminance(colours(name, diverging=True)) - luminance(colours(name, diverging=True))[MIDDLE]
    )
    assert (np.diff(away[MIDDLE::-14]) > 0).all()
    assert (np.diff(away[MIDDLE::14]) > 0).all()


@pytest.mark.parametrize("name", PaletteName)
def test_the_signs_differ_for_every_kind_of_eye(name: PaletteName) -> None:
    palette = colours(name, diverging=True).astype(int)
    half = MIDDLE // 2
    negative, positive = palette[MIDDLE - half], palette[MIDDLE + half]
    blue_minus_yellow = (negative - positive) @ np.array([-0.5, -0.5, 1.0])
    assert abs(blue_minus_yellow) > 60 or abs(int(negative.sum()) - int(positive.sum())) > 200


@pytest.mark.parametrize("name", PaletteName)
def test_a_palette_is_256_read_only_colours(name: PaletteName) -> None:
    palette = colours(name, diverging=True)
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        palette[0] = 0


@pytest.mark.parametrize("name", [PaletteName.DARK, PaletteName.LIGHT])
@pytest.mark.parametrize("diverging", [False, True])
def test_every_level_has_a_colour_of_its_own(name: PaletteName, diverging: bool) -> None:
    levels = colours(name, diverging=diverging)[: TOP_LEVEL + 1]
    assert len(np.unique(levels, axis=0)) == TOP_LEVEL + 1
