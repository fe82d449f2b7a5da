"""The kinds of photographs that people take of a digit, each in three strengths."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks import photo_scene as scenes
from benchmarks.photo_scene import (
    BLACK_PEN,
    BLUE_PEN,
    PENCIL,
    PRINT,
    Camera,
    Canvas,
    Colour,
    Mask,
    Photo,
    Scene,
)
from benchmarks.writers import Writer
from skiplens.mnist import Split

STRENGTHS: Final = ("mild", "medium", "hard")

Take = Callable[[Scene, int], Photo]
"""Takes a photograph of a scene in a strength: an index of ``STRENGTHS``."""


@dataclass(frozen=True)
class Kind:
    """A kind of photograph.

    Attributes:
        take: takes one.
        least: the shares that have to be read right, by strength.
    """

    take: Take
    least: tuple[float, float, float]


_SIGNS: Final = ((-1, -1), (1, -1), (1, 1), (-1, 1))  # of the corners, clockwise from the top left
_SKIN: Final = ((222, 172, 146), (170, 116, 84), (96, 62, 46))
_BESIDES: Final = (0.9, 0.9, 0.75)  # there is more on the picture than a digit
_ALONE: Final = (1.0, 1.0, 1.0)


def take(name: str, strength: int, seed: int, digits: Split | None = None) -> Photo:
    """The photograph that a kind, a strength and a hand's seed stand for; always the same."""
    rng = np.random.default_rng([crc32(name.encode()), strength, seed])
    label = (seed + 3 * strength + crc32(name.encode())) % 10
    return KINDS[name].take(Scene(Writer(seed, digits), label, rng), strength)


# Something besides the digit, by the same pen or in print.


def _ring(scene: Scene, strength: int) -> Photo:
    gap = (0.45, 0.3, 0.16)[strength] * scene.tall
    across, down = scene.half
    scene.write()
    ring = scene.ellipse(max(across, 0.6 * down) + gap, down + gap)
    scene.put(ring, scene.at, scene.zoom)
    return scene.photo()


def _form_box(scene: Scene, strength: int) -> Photo:
    gap = (0.4, 0.25, 0.12)[strength] * scene.tall
    across, down = (max(half, 0.35 * scene.tall) + gap for half in scene.half)
    scene.write()
    x, y = scene.at
    width = (1.5, 2.5, 4)[strength]
    scene.draw(scenes.box(x - across, y - down, x + across, y + down, width), PRINT, 0.8)
    return scene.photo()


def _row_of_boxes(scene: Scene, strength: int) -> Photo:
    half = 0.5 * scene.tall + (0.3, 0.2, 0.12)[strength] * scene.tall
    boxes, at = (3, 4, 6)[strength], scene.rng.integers(0, 3)
    scene.zoom *= 0.7
    half *= 0.7
    left = scene.at[0] - half * (2 * at + 1)
    scene.write()
    for i in range(boxes):
        around = (left + 2 * half * i, scene.at[1] - half, left + 2 * half * (i + 1))
        scene.draw(scenes.box(*around, scene.at[1] + half, 2), PRINT, 0.7)
    return scene.photo()


def _print_nearby(scene: Scene, strength: int) -> Photo:
    size = (0.1, 0.15, 0.2)[strength] * scene.tall
    gap = (0.6, 0.35, 0.15)[strength] * scene.tall
    scene.write()
    x, y = scene.at
    left = x - scene.rng.uniform(0.8, 1.4) * scene.tall
    for i in range(strength + 1):
        above = y - scene.half[1] - gap - (0.5 + 1.4 * i) * size
        scene.draw(scenes.text((left, above), size, 5, scene.rng), PRINT)
    below = y + scene.half[1] + gap + 0.5 * size
    scene.draw(scenes.text((left, below), size, 6, scene.rng), PRINT)
    return scene.photo(fitting={"several"})


def _handwriting_nearby(scene: Scene, strength: int) -> Photo:
    zoom = (0.25, 0.35, 0.45)[strength] * scene.zoom
    gap = (0.6, 0.4, 0.2)[strength] * scene.tall
    scene.write()
    x, y = scene.at
    word = scene.writer.word(3 + strength)
    aside = gap + scene.half[0] + zoom * word.shape[1] / 2
    side = scene.rng.choice([-1, 1])
    scene.put(word, (x + side * aside, y + scene.rng.uniform(-0.3, 0.3) * scene.tall), zoom)
    if strength:
        above = y - scene.half[1] - gap - zoom * word.shape[0] / 2
        scene.put(scene.writer.word(6), (x, above), zoom)
    return scene.photo(fitting={"several"})


def _underline(scene: Scene, strength: int) -> Photo:
    gap = (0.3, 0.16, 0.08)[strength] * scene.tall
    length = (0.9, 1.3, 1.8)[strength] * 100
    line = scene.writer.trace([f"0,0 {length / 2:.1f},{scene.rng.uniform(-3, 3):.1f} {length},-2"])
    scene.write()
    x, y = scene.at
    below = y + scene.half[1] + gap + scene.zoom * line.shape[0] / 2
    scene.put(line, (x, below), scene.zoom)
    return scene.photo()


def _finger(scene: Scene, strength: int) -> Photo:
    scene.write()
    width = (0.05, 0.07, 0.09)[strength] * scene.width
    side, y = scene.rng.choice([-1, 1]), scene.rng.uniform(0.55, 0.85) * scene.height
    edge = 0 if side > 0 else scene.width
    free = abs(scene.at[0] - edge) - scene.half[0] - width - 0.15 * scene.tall
    reach = min((0.1, 0.17, 0.24)[strength] * scene.width, free)
    tip, root = edge + side * reach, edge - side * 0.2 * scene.width

    def draw(pen: ImageDraw.ImageDraw, fine: float) -> None:
        pen.line((fine * root, fine * 1.1 * y, fine * tip, fine * y), 255, round(2 * fine * width))
        pen.circle((fine * tip, fine * y), fine * width, fill=255)

    finger = scenes.drawn((scene.width, scene.height), draw)
    scene.shade(1 - 0.35 * scenes.blurred(finger, 14))
    round_ = 0.75 + 0.25 * scenes.blurred(finger, width / 3)
    scene.cover(finger, _SKIN[scene.rng.integers(len(_SKIN))])
    scene.shade(1 - finger * (1 - round_))
    return scene.photo()


def _stray_dot(scene: Scene, strength: int) -> Photo:
    radius = (0.02, 0.05, 0.09)[strength] * scene.tall
    away = (1.2, 0.9, 0.7)[strength] * scene.tall
    turn = scene.rng.uniform(0, 2 * np.pi)
    scene.write()
    x, y = scene.at
    at = x + away * np.cos(turn), y + min(away, 0.9 * scene.tall) * np.sin(turn)
    scene.draw(scenes.disc(at, radius), BLACK_PEN)
    return scene.photo()


def _specks(scene: Scene, strength: int) -> Photo:
    scene.write()
    for _ in range((4, 10, 25)[strength]):
        at = scene.rng.uniform(0, scene.width), scene.rng.uniform(0, scene.height)
        if abs(at[0] - scene.at[0]) > 0.7 * scene.tall or abs(at[1] - scene.at[1]) > scene.tall:
            scene.draw(scenes.disc(at, scene.rng.uniform(1, 2.5 + strength)), (70, 60, 50), 0.8)
    return scene.photo()


def _coffee_stain(scene: Scene, strength: int) -> Photo:
    x, y = scene.rng.uniform(0, 0.25) * scene.width, scene.rng.uniform(0.1, 0.9) * scene.height
    radius = 0.3 * scene.height
    outer, inner = (
        scenes.drawn((scene.width, scene.height), scenes.disc((x, y), radius * share))
        for share in (1, 0.93)
    )
    stain = 0.35 * scenes.blurred(outer, 2) + 0.65 * scenes.blurred(outer - inner, 2)
    scene.cover(stain, (150, 110, 70), (0.25, 0.45, 0.7)[strength])
    scene.write()
    return scene.photo()


def _punched_holes(scene: Scene, strength: int) -> Photo:
    radius = (12, 16, 20)[strength]
    scene.write()
    for y in (0.25, 0.75):
        at = 0.06 * scene.width, y * scene.height
        scene.draw(scenes.disc(at, radius), (60, 52, 46), 1)
    return scene.photo()


def _two_digits(scene: Scene, strength: int) -> Photo:
    """Beside each other; the second is smaller in the milder strengths."""
    other = int((scene.label + scene.rng.integers(1, 10)) % 10)
    second = scene.writer.digit(other)
    zoom = (0.7, 0.85, 1)[strength] * scene.zoom
    gap = (0.6, 0.4, 0.25)[strength] * scene.tall
    apart = scene.half[0] + gap + zoom * second.shape[1] / 2
    x, y = scene.at
    scene.at = x - apart / 2, y
    scene.write()
    scene.put(second, (x + apart / 2, y), zoom)
    photo = scene.photo(due={"several"})
    return Photo(photo.data, frozenset({scene.label, other}), photo.due, photo.fitting)


# A sheet that does not fill the picture.


def _desk(colour: Colour, *, turned: bool) -> Take:
    def take_it(scene: Scene, strength: int) -> Photo:
        margin = scene.rng.uniform(*((0.02, 0.05), (0.05, 0.11), (0.11, 0.2))[strength])
        turn = np.radians((2, 3.5, 5)[strength] * scene.rng.choice([-1, 1])) * turned
        x, y = (0.5 - margin) * scene.width, (0.5 - margin) * scene.height
        corners = [
            (
                x * a * np.cos(turn) - y * b * np.sin(turn),
                x * a * np.sin(turn) + y * b * np.cos(turn),
            )
            for a, b in _SIGNS
        ]
        scene.write()
        _lay_on(scene, colour, corners)
        return scene.photo()

    return take_it


def _desk_in_perspective(colour: Colour, grain: float) -> Take:
    def take_it(scene: Scene, strength: int) -> Photo:
        most = (0.05, 0.1, 0.15)[strength]
        corners = [
            (
                a * scene.width * (0.45 - scene.rng.uniform(0, most)),
                b * scene.height * (0.45 - scene.rng.uniform(0, most)),
            )
            for a, b in _SIGNS
        ]
        scene.write()
        _lay_on(scene, colour, corners, grain)
        return scene.photo()

    return take_it


def _lay_on(scene: Scene, colour: Colour, corners: list[scenes.Point], grain: float = 0.03) -> None:
    """Lay the sheet on a desk; its corners are counted from the middle of the picture."""
    size = scene.width, scene.height
    desk: Canvas = np.full_like(scene.canvas, colour)
    desk *= 1 + grain * scenes.cloudy(scene.rng, size, (4, 60))[..., None]
    seen = [(scene.width / 2 + x, scene.height / 2 + y) for x, y in corners]
    shadow = scenes.blurred(scenes.quadrilateral(size, [(x + 4, y + 5) for x, y in seen]), 5)
    desk *= 1 - 0.3 * shadow[..., None]
    scene.canvas = scenes.warped(scene.canvas, desk, seen)


# Light.


def _hard_shadow(scene: Scene, strength: int) -> Photo:
    """From one side over most of the width."""
    share = scene.rng.uniform(0.6, 0.8)
    return _shadowed(scene, (0.35, 0.47, 0.6)[strength], share * scene.width)


def _hard_shadow_across(scene: Scene, strength: int) -> Photo:
    """Its edge runs through the digit."""
    edge = scene.at[0] + scene.rng.uniform(-0.5, 0.5) * scene.half[0]
    return _shadowed(scene, (0.2, 0.35, 0.5)[strength], edge)


def _shadowed(scene: Scene, taken: float, edge: float) -> Photo:
    size, turn = (scene.width, scene.height), scene.rng.uniform(-0.2, 0.2)
    scene.write()
    shadow = scenes.half_plane(size, (edge, scene.height / 2), turn, scene.rng.uniform(3, 9))
    if scene.rng.random() < 0.5 and edge > 0.55 * scene.width:
        shadow = scenes.half_plane(size, (scene.width - edge, scene.height / 2), turn, 6)
        shadow = 1 - shadow
    scene.shade(1 - taken * shadow)
    return scene.photo()


def _soft_shadow(scene: Scene, strength: int) -> Photo:
    scene.write()
    size = scene.width, scene.height
    edge = scene.rng.uniform(0.3, 0.7) * scene.width, scene.height / 2
    shadow = scenes.half_plane(size, edge, scene.rng.uniform(0, 6), 250)
    scene.shade(1 - (0.2, 0.35, 0.5)[strength] * shadow)
    return scene.photo()


def _falling_light(scene: Scene, strength: int) -> Photo:
    scene.write()
    fall = (0.25, 0.4, 0.55)[strength]
    scene.shade(scenes.falling_light(scene.rng, (scene.width, scene.height), fall))
    return scene.photo()


def _vignette(scene: Scene, strength: int) -> Photo:
    scene.write()
    y, x = np.mgrid[-1 : 1 : scene.height * 1j, -1 : 1 : scene.width * 1j]
    dark = (0.15, 0.3, 0.45)[strength]
    scene.shade(np.asarray(1 - dark * (x * x + y * y) / 2, np.float32))
    return scene.photo()


def _lamp_light(scene: Scene, strength: int) -> Photo:
    scene.write()
    blue = (0.75, 0.6, 0.45)[strength]
    scene.canvas *= np.array([1, (1 + blue) / 2, blue], np.float32)
    return scene.photo()


def _dim(scene: Scene, strength: int) -> Photo:
    scene.write()
    light = (0.6, 0.4, 0.25)[strength]
    scene.canvas *= np.float32(light)
    return scene.photo(Camera(noise=(4, 5, 6)[strength]))


def _overexposed(scene: Scene, strength: int) -> Photo:
    scene.write(depth=0.85)
    scene.canvas = scene.canvas * np.float32(1.1) + np.float32((20, 60, 100)[strength])
    return scene.photo()


# Paper.


def _ruled(scene: Scene, contrast: float, period: float) -> None:
    """Lines of a share of the pen's contrast."""
    first = scene.rng.uniform(0, period)
    ys = np.arange(first, scene.height, period)
    ends = [((0.0, float(y)), (float(scene.width), float(y))) for y in ys]
    scene.draw(scenes.lines(ends, 3), (36, 50, 110), contrast)


def _ruled_lines(scene: Scene, strength: int) -> Photo:
    _ruled(scene, (0.2, 0.4, 0.7)[strength], 0.4 * scene.tall)
    scene.write()
    return scene.photo()


def _margin_line(scene: Scene, strength: int) -> Photo:
    _ruled(scene, (0.1, 0.2, 0.35)[strength], 0.45 * scene.tall)
    x = 0.15 * scene.width
    line = scenes.lines([((x, 0), (x + 4, scene.height))], 2.5)
    scene.draw(line, (200, 60, 70), (0.4, 0.6, 0.9)[strength])
    scene.write()
    return scene.photo()


def _squares(scene: Scene, contrast: float) -> None:
    period, first = 0.22 * scene.tall, scene.rng.uniform(0, 20)
    xs = np.arange(first, scene.width, period).tolist()
    ys = np.arange(first, scene.height, period).tolist()
    ends = [((x, 0.0), (x, float(scene.height))) for x in xs]
    ends += [((0.0, y), (float(scene.width), y)) for y in ys]
    scene.draw(scenes.lines(ends, 2.5), (36, 60, 120), contrast)


def _graph_paper(scene: Scene, strength: int) -> Photo:
    _squares(scene, (0.15, 0.35, 0.6)[strength])
    scene.write()
    return scene.photo()


def _pencil_on_ruled_paper(scene: Scene, strength: int) -> Photo:
    _ruled(scene, (0.15, 0.3, 0.45)[strength], 0.4 * scene.tall)
    scene.write(PENCIL, (0.95, 0.85, 0.75)[strength])
    return scene.photo()


def _pencil_on_graph_paper(scene: Scene, strength: int) -> Photo:
    _squares(scene, (0.1, 0.2, 0.35)[strength])
    scene.write(PENCIL, (0.95, 0.85, 0.75)[strength])
    return scene.photo()


def _fold(scene: Scene, strength: int) -> Photo:
    size, step = (scene.width, scene.height), (0.06, 0.12, 0.2)[strength]
    x, turn = scene.rng.uniform(0.15, 0.3) * scene.width, scene.rng.uniform(-0.1, 0.1)
    side = scenes.half_plane(size, (x, scene.height / 2), turn, 3)
    crease = scenes.half_plane(size, (x + 3, scene.height / 2), turn, 4) - side
    scene.write()
    scene.shade(1 - step * side - 0.5 * step * np.clip(crease, 0, 1))
    return scene.photo()


def _crumpled(scene: Scene, strength: int) -> Photo:
    scene.write()
    facets = scenes.creased(scene.rng, (scene.width, scene.height), 30)
    scene.shade(0.93 + (0.012, 0.025, 0.045)[strength] * facets)
    return scene.photo()


def _show_through(scene: Scene, strength: int) -> Photo:
    """Writing on the back of the sheet."""
    for row in (-0.8, 0, 0.8):
        word = scene.writer.word(7)[:, ::-1]
        at = scene.width / 2, scene.at[1] + row * scene.tall
        scene.put(word, at, 0.5 * scene.zoom, BLACK_PEN, (0.04, 0.08, 0.14)[strength])
    scene.write()
    return scene.photo()


def _coloured_paper(scene: Scene, strength: int) -> Photo:
    scene.fill(((245, 232, 130), (150, 215, 160), (235, 120, 150))[strength])
    scene.write()
    return scene.photo()


def _plain(scene: Scene, strength: int) -> Photo:
    scene.write()
    return scene.photo(Camera(noise=(1, 2, 4)[strength]))


# Pens and boards.


def _coloured_pen(scene: Scene, strength: int) -> Photo:
    scene.write((BLUE_PEN, (190, 40, 45), (40, 150, 70))[strength])
    return scene.photo()


def _pencil(scene: Scene, strength: int) -> Photo:
    scene.write(PENCIL, (0.95, 0.75, 0.5)[strength])
    return scene.photo()


def _barely_visible(scene: Scene, strength: int) -> Photo:
    scene.write(PENCIL, (0.25, 0.2, 0.16)[strength])
    return scene.photo(Camera(noise=1.5), due={"faint"})


def _marker(scene: Scene, strength: int) -> Photo:
    scene.hold((17, 20, 24)[strength])
    scene.write(BLACK_PEN, 0.95)
    return scene.photo()


def _fine_pen(scene: Scene, strength: int) -> Photo:
    scene.hold((4, 2.5, 1.5)[strength])
    scene.write(BLUE_PEN)
    return scene.photo(fitting={"thin"})


def _whiteboard(scene: Scene, strength: int) -> Photo:
    scene.fill((228, 232, 234))
    scene.write((BLACK_PEN, BLUE_PEN, (190, 45, 50))[scene.rng.integers(3)])
    x, y = scene.rng.uniform(0, 0.25) * scene.width, scene.rng.uniform(0, 0.3) * scene.height
    glare = scenes.drawn((scene.width, scene.height), scenes.disc((x, y), 60))
    scene.cover(scenes.blurred(glare, 40), (255, 255, 255), (0.4, 0.7, 1)[strength])
    return scene.photo()


def _chalkboard(scene: Scene, strength: int) -> Photo:
    scene.fill((44, 66, 56))
    size = scene.width, scene.height
    dust = (0.03, 0.06, 0.1)[strength]
    scene.shade(1 + dust * scenes.cloudy(scene.rng, size, (12, 9)))
    grain = np.clip(1 + 0.25 * scene.rng.standard_normal((size[1], size[0]), np.float32), 0, 1)
    chalk = grain * scenes.placed(scene.ink, scene.at, scene.zoom, size)
    scene.cover(chalk, (230, 230, 222), (0.9, 0.75, 0.6)[strength])
    return scene.photo()


def _red_on_green(scene: Scene, strength: int) -> Photo:
    """Of nearly the same luminance, which is 0.299 R + 0.587 G + 0.114 B."""
    lighter = (14, 6, 0)[strength]
    scene.fill((60, 136 + lighter / 0.587, 60))
    scene.write((209, 60, 60), 1)
    return scene.photo()


# The camera.


def _turned_camera(scene: Scene, strength: int) -> Photo:
    """The file says by EXIF how it is to be turned."""
    orientation = (6, 3, 8)[strength]
    back = {6: 1, 3: 2, 8: 3}[orientation]  # quarter turns, counter-clockwise
    scene.write()
    scene.canvas = np.ascontiguousarray(np.rot90(scene.canvas, back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return scene.photo(Camera(exif=exif.tobytes()))


def _perspective(scene: Scene, strength: int) -> Photo:
    """The camera looks at the sheet from one side, which is nearer to it."""
    near, side = (0.15, 0.3, 0.5)[strength], scene.rng.integers(4)
    scene.write()
    corners = []
    for a, b in _SIGNS:
        out = 0.5 + near * ((a > 0, a < 0, b > 0, b < 0)[side])
        corners.append((scene.width * (0.5 + a * out), scene.height * (0.5 + b * out)))
    scene.canvas = scenes.warped(scene.canvas, scene.canvas, corners)
    return scene.photo()


def _tilted(scene: Scene, strength: int) -> Photo:
    degrees = (4, 8, 12)[strength] * scene.rng.choice([-1, 1])
    turned = Image.fromarray(scene.ink).rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    scene.ink = np.asarray(turned)
    scene.write()
    return scene.photo()


def _noise(scene: Scene, strength: int) -> Photo:
    scene.write()
    return scene.photo(Camera(noise=(8, 14, 22)[strength]))


def _out_of_focus(scene: Scene, strength: int) -> Photo:
    scene.write()
    return scene.photo(Camera(blur=(2, 4, 6)[strength]))


def _motion_blur(scene: Scene, strength: int) -> Photo:
    length = (5, 9, 15)[strength]
    scene.write()
    still = scene.canvas.copy()
    for step in range(1, length):
        scene.canvas += np.roll(still, step, 1)
    scene.canvas /= length
    return scene.photo()


def _poor_jpeg(scene: Scene, strength: int) -> Photo:
    scene.write()
    return scene.photo(Camera(quality=(40, 20, 8)[strength]))


def _small(scene: Scene, strength: int) -> Photo:
    scene.zoom *= (0.35, 0.2, 0.12)[strength]
    scene.write()
    return scene.photo(fitting={"small"})


def _off_centre(scene: Scene, strength: int) -> Photo:
    scene.zoom *= 0.6
    share = (0.5, 0.75, 0.95)[strength]
    across, down = scene.half
    x, y = (scene.width / 2 - across - 12) * share, (scene.height / 2 - down - 12) * share
    signs = scene.rng.choice([-1, 1], 2)
    scene.at = scene.width / 2 + signs[0] * x, scene.height / 2 + signs[1] * y
    scene.write()
    return scene.photo()


def _at_the_edge(scene: Scene, strength: int) -> Photo:
    """The digit runs up to the edge of the picture, or over it."""
    _write_at_the_edge(scene, (0, 0.03, 0.07)[strength])
    return scene.photo(due={"cut"})


def _at_the_edge_with_a_dot(scene: Scene, strength: int) -> Photo:
    _write_at_the_edge(scene, 0.01)
    at = scene.width - scene.at[0], scene.rng.uniform(0.3, 0.7) * scene.height
    scene.draw(scenes.disc(at, (0.02, 0.05, 0.09)[strength] * scene.tall), BLACK_PEN)
    return scene.photo(due={"cut"})


def _write_at_the_edge(scene: Scene, beyond: float) -> None:
    """With a share of the digit beyond the left or the right edge."""
    within = scene.half[0] * (1 - 2 * beyond)
    scene.at = (within, scene.width - within)[scene.rng.integers(2)], scene.at[1]
    scene.write()


def _fills_picture(scene: Scene, strength: int) -> Photo:
    """Cropped closely by hand."""
    scene.write()
    margin = (0.2, 0.1, 0.04)[strength] * scene.tall
    (x, y), (across, down) = scene.at, scene.half
    left, top = (max(0, round(at - half - margin)) for at, half in ((x, across), (y, down)))
    right, bottom = round(x + across + margin), round(y + down + margin)
    scene.canvas = scene.canvas[top:bottom, left:right].copy()
    return scene.photo()


def _large_phone(scene: Scene, strength: int) -> Photo:
    """12, 24 and 50 megapixels."""
    return _enlarged(scene, ((4032, 3024), (5712, 4284), (8160, 6120))[strength])


def _a4_scan(scene: Scene, strength: int) -> Photo:
    """At 300, 400 and 600 dots an inch."""
    writer, label, rng = scene.writer, scene.label, scene.rng
    sheet = Scene(writer, label, rng, (744, 1052))
    sheet.zoom *= 0.35
    sheet.at = sheet.at[0], rng.uniform(0.2, 0.8) * sheet.height
    return _enlarged(sheet, ((2480, 3508), (3307, 4677), (4961, 7016))[strength], noise=1)


def _enlarged(scene: Scene, size: tuple[int, int], noise: float = 3) -> Photo:
    scene.write()
    image = scenes.taken(scene.canvas, Camera(noise=noise), scene.rng)
    large = image.resize(size, Image.Resampling.BILINEAR)
    return scene.file(scenes.saved(large, "JPEG", quality=80))


# Files that no camera made.


def _alpha(scene: Scene) -> Mask:
    return scenes.placed(scene.ink, scene.at, scene.zoom, (scene.width, scene.height))


def _paint_program(scene: Scene, strength: int) -> Photo:
    scene.fill((255, 255, 255))
    ink = _alpha(scene) > 0.5 if strength == 2 else _alpha(scene)
    scene.cover(np.asarray(ink, np.float32), ((0, 0, 0), (0, 0, 255), (0, 0, 0))[strength])
    return scene.file(scenes.saved(_image(scene.canvas), "PNG"))


def _dark_mode(scene: Scene, strength: int) -> Photo:
    scene.fill(((0, 0, 0), (24, 26, 32), (60, 62, 70))[strength])
    scene.cover(_alpha(scene), ((255, 255, 255), (235, 235, 235), (200, 205, 215))[strength])
    return scene.file(scenes.saved(_image(scene.canvas), "PNG"))


def _ink_on_transparent(tone: int) -> Take:
    def take_it(scene: Scene, strength: int) -> Photo:
        scene.zoom *= (1, 0.6, 0.8)[strength]
        alpha = np.rint(255 * (1, 1, 0.6)[strength] * _alpha(scene)).astype(np.uint8)
        image = Image.new("LA", (scene.width, scene.height), (tone, 0))
        image.putalpha(Image.fromarray(alpha))
        return scene.file(scenes.saved(image.convert("RGBA"), "PNG"))

    return take_it


def _few_bits_of_16(scene: Scene, strength: int) -> Photo:
    """12, 10 and 8 bits in a file of 16."""
    scene.write()
    image = scenes.taken(scene.canvas, Camera(noise=2), scene.rng).convert("L")
    most = 2 ** (12, 10, 8)[strength] - 1
    values = np.rint(np.asarray(image, np.float64) * most / 255).astype(np.uint16)
    return scene.file(scenes.saved(Image.fromarray(values), "PNG", compress_level=1))


def _gif_that_starts_empty(scene: Scene, strength: int) -> Photo:
    """A drawing that grows: nothing is there in the first frame or the first few."""
    scene.fill((255, 255, 255))
    empty = _image(scene.canvas).convert("L")
    scene.write(depth=1)
    full = _image(scene.canvas).convert("L")
    half = full.copy()
    half.paste(255, (0, round(scene.at[1]), scene.width, scene.height))
    frames = ([full], [half, full], [half, full, full])[strength]
    options = {"save_all": True, "append_images": frames, "duration": 200, "optimize": False}
    return scene.file(scenes.saved(empty, "GIF", **options))


def _image(canvas: Canvas) -> Image.Image:
    levels: NDArray[np.uint8] = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    return Image.fromarray(levels)


# Ways to write.


def _european_one(scene: Scene, strength: int) -> Photo:
    """A 1 with a long upstroke, longer and flatter in the harder strengths."""
    length = (38, 50, 62)[strength] + scene.rng.uniform(-4, 4)
    turn = np.radians((33, 39, 45)[strength] + scene.rng.uniform(-4, 4))  # from the vertical
    out, down, lean = length * np.sin(turn), length * np.cos(turn), scene.rng.uniform(-2, 8)
    middle = f"{60 - 0.45 * out:.1f},{0.42 * down:.1f}"
    strokes = [f"{60 - out:.1f},{down:.1f} {middle} 60,0^ {60 - lean:.1f},100"]
    return _written(scene, 1, strokes)


def _crossed_seven(scene: Scene, strength: int) -> Photo:
    half, y = (14, 20, 28)[strength], scene.rng.uniform(44, 52)
    lean = scene.rng.uniform(18, 30)
    strokes = [
        f"8,8 40,6 74,4^ {74 - 0.55 * lean:.1f},48 {74 - lean - 6:.1f},100",
        f"{60 - half:.1f},{y + 3:.1f} 60,{y:.1f} {60 + half:.1f},{y - 2:.1f}",
    ]
    return _written(scene, 7, strokes)


def _open_four(scene: Scene, strength: int) -> Photo:
    gap = (24, 34, 44)[strength]
    strokes = [f"{60 - gap:.1f},0 16,56^ 46,55 86,52", "62,14 58,60 56,100"]
    return _written(scene, 4, strokes)


def _written(scene: Scene, label: int, strokes: list[str]) -> Photo:
    scene.label = label
    scene.ink = scene.writer.trace(strokes, scene.rng.uniform(-0.03, 0.12))
    scene.write()
    return scene.photo()


_DARK: Final = (58.0, 48.0, 42.0)
_LIGHT: Final = (176.0, 164.0, 146.0)

_CROWDED: Final[Mapping[str, Take]] = {
    "ring around the digit": _ring,
    "form box": _form_box,
    "row of form boxes": _row_of_boxes,
    "print nearby": _print_nearby,
    "handwriting nearby": _handwriting_nearby,
    "underline": _underline,
    "finger": _finger,
    "stray dot": _stray_dot,
    "specks": _specks,
    "coffee stain": _coffee_stain,
    "punched holes": _punched_holes,
    "two digits": _two_digits,
    "sheet on a dark desk": _desk(_DARK, turned=False),
    "sheet on a light desk": _desk(_LIGHT, turned=False),
    "sheet on a dark desk, turned": _desk(_DARK, turned=True),
    "sheet on a light desk, turned": _desk(_LIGHT, turned=True),
    "sheet on a dark desk, in perspective": _desk_in_perspective(_DARK, 0.03),
    "sheet on a wooden desk, in perspective": _desk_in_perspective((124, 88, 58), 0.12),
    "hard shadow": _hard_shadow,
    "hard shadow across the digit": _hard_shadow_across,
    "ruled lines": _ruled_lines,
    "ruled lines with a margin": _margin_line,
    "graph paper": _graph_paper,
    "pencil on ruled paper": _pencil_on_ruled_paper,
    "pencil on graph paper": _pencil_on_graph_paper,
    "digit at the edge of the picture": _at_the_edge,
    "digit at the edge, and a dot": _at_the_edge_with_a_dot,
    "red on green": _red_on_green,
    "white ink on transparent": _ink_on_transparent(255),
    "few bits in a 16-bit file": _few_bits_of_16,
    "GIF whose first frame is empty": _gif_that_starts_empty,
    "large phone": _large_phone,
    "A4 scan": _a4_scan,
    "1 with a long upstroke": _european_one,
}
_CLEAR: Final[Mapping[str, Take]] = {
    "plain paper": _plain,
    "soft shadow": _soft_shadow,
    "falling light": _falling_light,
    "vignette": _vignette,
    "lamp light": _lamp_light,
    "dim light": _dim,
    "overexposed": _overexposed,
    "fold": _fold,
    "crumpled paper": _crumpled,
    "writing on the back": _show_through,
    "coloured paper": _coloured_paper,
    "coloured pen": _coloured_pen,
    "pencil": _pencil,
    "barely visible pencil": _barely_visible,
    "marker": _marker,
    "fine pen": _fine_pen,
    "whiteboard": _whiteboard,
    "chalkboard": _chalkboard,
    "turned by EXIF": _turned_camera,
    "perspective": _perspective,
    "tilted": _tilted,
    "noise": _noise,
    "out of focus": _out_of_focus,
    "motion blur": _motion_blur,
    "poor JPEG": _poor_jpeg,
    "small": _small,
    "off centre": _off_centre,
    "closely cropped": _fills_picture,
    "paint program": _paint_program,
    "dark mode": _dark_mode,
    "black ink on transparent": _ink_on_transparent(0),
    "crossed 7": _crossed_seven,
    "open 4": _open_four,
}
KINDS: Final[Mapping[str, Kind]] = {
    **{name: Kind(one, _BESIDES) for name, one in _CROWDED.items()},
    **{name: Kind(one, _ALONE) for name, one in _CLEAR.items()},
}
