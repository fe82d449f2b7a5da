"""Colour maps by formula, sequential and diverging, perceptually even.

Signs are green and purple, which colour-blind eyes tell apart, and which mark nothing else on the
pages: there blue is the identity, and orange the residual.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skiplens.core.value_range import TOP_LEVEL

COLOURS: Final = 256
FLAG_LEVEL: Final = 253  # frame around a dead map
LABEL_LEVEL: Final = 254  # indices
CLEAR_LEVEL: Final = 255  # gaps, transparent

_FLAG_RGB: Final = (168, 170, 176)
_LINEAR_BELOW: Final = 0.0031308  # where sRGB's gamma curve begins (IEC 61966-2-1)
_LABEL_RGB: Final = (128, 132, 140)


class PaletteName(StrEnum):
    """Each name stands for a sequential and a diverging colour map."""

    DARK = "dark"
    LIGHT = "light"
    GREY = "grey"


@dataclass(frozen=True)
class _Ramp:
    """A path through OKLCH from zero outwards: lightness, chroma and hue in degrees."""

    lightness: tuple[float, float]
    chroma: tuple[float, float, float]
    hue: tuple[float, float]

    def colours(self, steps: int) -> NDArray[np.float64]:
        """sRGB in 0..1, ``(steps, 3)``, from zero outwards."""
        t = np.linspace(0.0, 1.0, steps)
        lightness = np.interp(t, (0, 1), self.lightness)
        chroma = np.interp(t, (0, 0.62, 1), self.chroma)
        hue = np.deg2rad(np.interp(t, (0, 1), self.hue))
        return _oklab_to_srgb(lightness, chroma * np.cos(hue), chroma * np.sin(hue))


_RAMPS: Final[dict[PaletteName, tuple[_Ramp, _Ramp]]] = {  # negative side, positive side
    PaletteName.DARK: (
        _Ramp((0.17, 0.93), (0.02, 0.19, 0.06), (300, 328)),
        _Ramp((0.17, 0.97), (0.02, 0.15, 0.1), (168, 110)),
    ),
    PaletteName.LIGHT: (
        _Ramp((0.97, 0.28), (0.01, 0.18, 0.14), (315, 295)),
        _Ramp((0.97, 0.28), (0.01, 0.1, 0.07), (120, 150)),
    ),
    PaletteName.GREY: (
        _Ramp((0.58, 0.16), (0.0, 0.0, 0.0), (0, 0)),
        _Ramp((0.58, 1.0), (0.0, 0.0, 0.0), (0, 0)),
    ),
}
_GREY_FROM_BLACK: Final = _Ramp((0.16, 1.0), (0.0, 0.0, 0.0), (0, 0))


@cache
def colours(name: PaletteName, *, diverging: bool) -> NDArray[np.uint8]:
    """A palette's sRGB colours.

    Args:
        name: of the pair of colour maps.
        diverging: whether to take the diverging one of the pair.

    Returns:
        uint8 ``(256, 3)``, read-only: levels 0..252, then the flag, label and transparent levels.
    """
    negative, positive = _RAMPS[name]
    if diverging:
        half = TOP_LEVEL // 2 + 1
        low, high = negative.colours(half)[::-1], positive.colours(half)
        ramp = np.concatenate([low[:-1], high])
    else:
        ramp = (_GREY_FROM_BLACK if name is PaletteName.GREY else positive).colours(TOP_LEVEL + 1)
    table = np.zeros((COLOURS, 3), np.uint8)
    table[: TOP_LEVEL + 1] = np.rint(ramp * 255).astype(np.uint8)
    table[FLAG_LEVEL], table[LABEL_LEVEL] = _FLAG_RGB, _LABEL_RGB
    table.flags.writeable = False
    return table


def _oklab_to_srgb(
    lightness: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """OKLab to gamma-encoded sRGB, ``(N, 3)``, clipped to 0..1."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=-1,
    )
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= _LINEAR_BELOW, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
