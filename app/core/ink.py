"""Finds the ink in an image: how strongly each pixel is inked, and where the digit is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.core.ground import Floats, find_ground

_WORKING_SIDE: Final = 512
_CELLS: Final = 64
_FAINTEST: Final = 8.0  # tones; what differs less from the ground is no ink
_SPECK = float(__import__('os').environ.get('SPECK', '.03'))
SPANK = float(__import__('os').environ.get('SPANK', '.05'))


@dataclass(frozen=True, eq=False)
class Ink:
    amount: Floats
    dark: bool
    even: bool
    contrast: float
    step: int
    box: tuple[int, int, int, int]
    parts: int
    gap: float


def find_ink(grey: NDArray[np.uint8]) -> Ink | None:
    step = -(-max(grey.shape) // _WORKING_SIDE)
    work = np.asarray(Image.fromarray(grey).reduce(step), np.float32)
    ground = find_ground(work)
    if not ground.even:
        work = np.asarray(Image.fromarray(grey).reduce(step).filter(ImageFilter.BoxBlur(1)), np.float32)
        ground = find_ground(work)
    away = ground.tone - work
    faintest = max(4 * ground.noise, _FAINTEST)
    beyond = np.where(np.abs(away) > faintest, away, 0)
    lighter = np.minimum(beyond, 0)
    darker = np.maximum(beyond, 0)
    dl, dd = float(np.vdot(lighter, lighter)), float(np.vdot(darker, darker))
    if dl == dd == 0:
        return None
    dark = dd >= dl
    tone = ground.tone
    if not dark:
        tone, away = 255 - tone, -away
    contrast = np.clip(away / np.maximum(tone, 32), 0, 1)
    floor = faintest / float(np.median(tone))
    inked = away > faintest
    level = float(np.percentile(contrast[inked], 90))
    mask = contrast > max(floor, 0.3 * level)
    kept, boxes = _parts(mask, ground.even)
    if kept is None:
        return None
    low = 0.0 if ground.even else max(floor, .25 * level)
    amount = np.clip((contrast - low) / (.85 * level - low), 0, 1) * kept
    strong = (amount > .3)
    rows, cols = np.flatnonzero(strong.any(1)), np.flatnonzero(strong.any(0))
    if not rows.size: return None
    box = int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1
    return Ink(amount, dark, ground.even, level, step, box, len(boxes), 0.0)


def _parts(mask, even):
    h, w = mask.shape
    cell = -(-max(h, w) // _CELLS)
    gh, gw = -(-h // cell), -(-w // cell)
    padded = np.zeros((gh * cell, gw * cell), np.bool_)
    padded[:h, :w] = mask
    counts = padded.reshape(gh, cell, gw, cell).sum((1, 3))
    labels = _label(counts > 0)
    n = int(labels.max())
    if n == 0:
        return None, []
    mass = np.bincount(labels.ravel(), counts.ravel(), n + 1)[1:]
    if not even and mass.max() < 12:
        return None, []
    keep = mass >= _SPECK * mass.max()
    for i in range(n):
        if not keep[i]: continue
        r, c = np.nonzero(labels == i + 1)
        spans = (r.min() == 0 and r.max() == gh - 1) or (c.min() == 0 and c.max() == gw - 1)
        touches = (not even) and (r.min() == 0 or r.max() == gh - 1 or c.min() == 0 or c.max() == gw - 1)
        if spans or touches:
            others = keep.copy(); others[i] = False
            if mass[others].sum() > SPANK * mass[i]: keep = others
    boxes = []
    chosen = np.zeros(n + 1, bool); chosen[1:] = keep
    grid = chosen[labels]
    # one cell around
    grown = np.asarray(Image.fromarray(grid.astype(np.uint8)).filter(ImageFilter.MaxFilter(3)), bool)
    grown = grown & (grid | (labels == 0))
    return np.repeat(np.repeat(grown, cell, 0), cell, 1)[:h, :w], [0] * int(keep.sum())


def _label(cells):
    h, w = cells.shape
    stride = w + 2
    flat = bytearray(np.pad(cells, 1).astype(np.uint8).tobytes())
    labels = np.zeros((h + 2) * stride, np.intp)
    around = (-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1)
    n = 0
    start = flat.find(1)
    while start >= 0:
        n += 1
        flat[start] = 0
        stack = [start]; seen = [start]
        while stack:
            at = stack.pop()
            for off in around:
                if flat[at + off]:
                    flat[at + off] = 0
                    stack.append(at + off); seen.append(at + off)
        labels[seen] = n
        start = flat.find(1, start)
    return labels.reshape(h + 2, stride)[1:-1, 1:-1]
