"""Digits drawn for tests: ink as shares of full ink, and papers to put it on."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Grey = NDArray[np.uint8]
Shares = NDArray[np.float64]

_FINE = 4  # pixels are drawn this many times finer, for smooth edges


def two(height: int, stroke: int) -> Shares:
    """A 2 that fills its array: ``(height, about 0.7 height)`` in 0..1."""
    width = round(0.7 * height)
    image = Image.new("L", (width * _FINE, height * _FINE))
    pen = ImageDraw.Draw(image)
    tall, broad, thick = height * _FINE - 1, width * _FINE - 1, stroke * _FINE
    pen.arc((0, 0, broad, 0.6 * tall), 180, 380, fill=255, width=thick)
    half = thick / 2
    pen.line((broad - half, 0.36 * tall, half, tall - half), fill=255, width=thick)
    pen.rectangle((0, tall - thick + 1, broad, tall), fill=255)
    return np.asarray(image.reduce(_FINE)) / 255


def placed(ink: Shares, shape: tuple[int, int], at: tuple[int, int]) -> Shares:
    """The ink with its top left corner at a row and column of a blank sheet."""
    sheet = np.zeros(shape)
    sheet[at[0] : at[0] + ink.shape[0], at[1] : at[1] + ink.shape[1]] = ink
    return sheet


def drawn(ink: Shares, ground: float | Shares = 255, tone: float = 0) -> Grey:
    """Foreground of one tone over a ground, as a drawing program mixes them."""
    return np.rint(ground + (tone - ground) * ink).astype(np.uint8)


def photographed(
    ink: Shares, light: Shares, *, depth: float = 0.7, noise: float = 4, seed: int = 0
) -> Grey:
    """Foreground that takes a share of the light, under noise."""
    rng = np.random.default_rng(seed)
    tones = light * (1 - depth * ink) + rng.normal(0, noise, ink.shape)
    return np.clip(np.rint(tones), 0, 255).astype(np.uint8)


def falling_light(shape: tuple[int, int]) -> Shares:
    """Light that falls off from 210 at the top left to 110 at the bottom right."""
    down, across = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
    return np.asarray(210 - 70 * across - 30 * down**2)
