"""A process that decodes images for another: one image at a time, bounded in work and memory.

It reads requests from standard input and writes answers to standard output:

    request   >IQBH  bytes; memory that it may take; 1 if only a small image is to be decoded;
              longest side of a picture in colour, 0 for digits; then the file
    answer    >I     length, then JSON

Pillow and the libraries below it see bytes that a stranger chose, so the answer is plain data.
"""

import ctypes
import json
import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from skiplens.core.image_decoding import decode_colour, decode_reduced, format_of
from skiplens.core.image_stripping import essential, work
from skiplens.core.limits import ImageLimits
from skiplens.core.preprocessing import PreprocessedDigit, find_digits
from skiplens.errors import ImageWorkError, SkiplensError, UnreadableImageError

REQUEST: Final = struct.Struct(">IQBH")
ANSWER: Final = struct.Struct(">I")
_LARGE_BLOCKS: Final = -3, 1 << 20  # M_MMAP_THRESHOLD of mallopt, and bytes
_KEPT: Final = -1, 4 << 20  # M_TRIM_THRESHOLD, and bytes; by default the least that is free goes


def serve(cpu_seconds: float, limits: ImageLimits) -> None:
    """Answer requests until standard input ends.

    Args:
        cpu_seconds: processor time for one image, after which the process ends by ``SIGPROF``.
        limits: largest image.
    """
    _ignore_stop_signals()
    _settle_memory()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := requests.read(REQUEST.size):
        length, memory_bytes, small, longest = REQUEST.unpack(head)
        data = requests.read(length)
        _limit_work(cpu_seconds)
        _limit_memory(memory_bytes)
        answer = json.dumps(_answer(data, limits, longest, small=bool(small))).encode()
        _limit_work(0)
        _limit_memory(None)
        answers.write(ANSWER.pack(len(answer)) + answer)
        answers.flush()


def _answer(data: bytes, limits: ImageLimits, longest: int, *, small: bool) -> dict[str, Any]:
    try:
        reduced = essential(data, limits)
        if small and not _is_small(reduced, limits):
            return {"large": True}
        if longest:
            pixels = decode_colour(reduced, longest, limits)
            return {"shape": pixels.shape, "pixels": pixels.tobytes().hex()}
        found = find_digits(*decode_reduced(reduced, limits))
        return {"digits": [as_json(one) for one in found]}
    except (MemoryError, cv2.error):  # OpenCV raises its own where memory lacks
        return {"large": True} if small else _refusal(_too_much_memory())
    except SkiplensError as error:
        lacked = isinstance(error.__cause__, MemoryError)
        unclear = isinstance(error, UnreadableImageError) and format_of(data) == "WEBP"
        if small and (lacked or unclear):  # a WEBP for which memory lacks is called damaged
            return {"large": True}
        return _refusal(_too_much_memory() if lacked else error)


def _is_small(data: bytes, limits: ImageLimits) -> bool:
    try:
        return work(data, limits) <= limits.small_pixels
    except Exception:  # noqa: BLE001  # damaged: decoding says how
        return True


def _too_much_memory() -> ImageWorkError:
    return ImageWorkError("image takes more memory to decode than one image may")


def _refusal(error: SkiplensError) -> dict[str, Any]:
    return {"error": type(error).__name__, "detail": str(error)}


def as_json(found: PreprocessedDigit) -> dict[str, Any]:
    """A digit as plain data."""
    return {
        "pixels": found.digit.pixels.tobytes().hex(),
        "inverted": bool(found.inverted),
        "box": [int(value) for value in found.box],
        "warnings": list(found.warnings),
        "score": float(found.score),
    }


def _ignore_stop_signals() -> None:
    """A terminal sends them to all processes; this one ends when its input does."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)


def _settle_memory() -> None:
    """Reserve what OpenBLAS does at its first use, 32 MB, so that the first image may take as much
    as any other; and have glibc give freed blocks of a megabyte back at once, as it would keep up
    to 60 MB of them, which the next image could not use.
    """
    np.linalg.solve(np.eye(2), np.ones(2))
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)  # musl has none
        set_option(*_LARGE_BLOCKS)
        set_option(*_KEPT)


def _limit_memory(most: int | None) -> None:
    """Bound the address space that the process takes beyond what it has now, or no longer; within
    the hard limit that it was started with.
    """
    if not sys.platform.startswith("linux"):  # others do not enforce it
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = hard
    if most is not None:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        bound = int(pages) * os.sysconf("SC_PAGE_SIZE") + most
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))


def _limit_work(seconds: float) -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    serve(float(sys.argv[1]), ImageLimits(*map(int, sys.argv[2:])))
