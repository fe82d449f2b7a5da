"""Limits of what uploads, stored digits and networks may cost, by default; each is a setting."""

from dataclasses import dataclass
from typing import Final

WAIT_SECONDS: Final = 2.0
MAX_DOWNLOAD_BYTES: Final = 512 << 20


@dataclass(frozen=True)
class ImageLimits:
    """Largest accepted image, by what its file says before it is decoded, and largest drawing.

    Attributes:
        pixels: largest width times height; of all frames of an animation that are looked at.
        side: largest width, and largest height, in pixels.
        jpeg_pixels: largest width times height of a JPEG that can be decoded at a reduced scale.
            Not of a progressive one, as all of its coefficients are kept in memory.
        parts: chunks, segments or blocks; a file of 8 MiB has about half as many.
        scans: of a JPEG, each of which costs as much as all pixels, and tables before the first;
            frames of an animation that are looked at.
        rle_pixels: of a run-length encoded BMP, which Pillow decodes in Python; and bytes.
        small_pixels: times scans, of an image that takes milliseconds.
        strokes: of a drawing.
        points: of a stroke.
        discs: of the pen in a drawing, and one for each point; a minute of drawing makes 10,000.
    """

    pixels: int = 16_000_000
    side: int = 8192
    jpeg_pixels: int = 64_000_000
    parts: int = 65_536
    scans: int = 100
    rle_pixels: int = 1 << 20
    small_pixels: int = 1 << 20
    strokes: int = 500
    points: int = 4000
    discs: int = 20_000

    @property
    def small_bytes(self) -> int:
        """Largest file that may be such a small image."""
        return self.small_pixels // 16


DEFAULT: Final = ImageLimits()


@dataclass(frozen=True)
class DecodingBounds:
    """Bounds of decoding.

    Attributes:
        processes: for large images; one more is kept for small ones.
        waiting: images that may wait for a process.
        wait_seconds: that an image may wait.
        cpu_seconds: processor time for one image.
        memory_bytes: for one image.
        held_bytes: for all images and for bodies of requests together.
        seconds: for one image, whatever it waits for.
        share: of the waiting images, and of the bytes, that one client may have, 0 to 1.
    """

    processes: int = 1  # with more, a server with the networks that ship may take more than 512 MB
    waiting: int = 32
    wait_seconds: float = WAIT_SECONDS
    cpu_seconds: float = 2.0
    memory_bytes: int = 256 << 20
    held_bytes: int = 384 << 20
    seconds: float = 5.0
    share: float = 1.0

    @property
    def small_memory_bytes(self) -> int:
        """Of those, for one small image; those of a mebipixel need up to 24 MiB."""
        return self.memory_bytes // 8

    @property
    def all_memory_bytes(self) -> int:
        """For images in all processes."""
        return self.processes * self.memory_bytes + self.small_memory_bytes


@dataclass(frozen=True)
class StoreLimits:
    """Limits of stored digits, besides their number.

    Attributes:
        lesson_digits: that a lesson keeps: those of a class, twice.
        lesson_seconds: for which it keeps them.
        connections: to a PostgreSQL database. One writes; the others bound the threads that wait
            for a stuck database.
    """

    lesson_digits: int = 60
    lesson_seconds: float = 24 * 3600.0
    connections: int = 3


@dataclass(frozen=True)
class InterpreterLimits:
    """Limits of the memory that LiteRT's interpreters hold.

    Attributes:
        idle: interpreters that keep their arrays while no one uses them, besides two for each that
            may run at a time; for one network, 15 MB at most of those that ship.
        activation_bytes: of the activations in all interpreters of a graph.
    """

    idle: int = 8
    activation_bytes: int = 400 << 20
