"""Images are decoded in child processes, within bounds."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skiplens.core.limits import DecodingBounds, ImageLimits
from skiplens.core.preprocessing import PreprocessedDigit, find_digits
from skiplens.errors import (
    BlankImageError,
    BusyError,
    ImageWorkError,
    OutOfResourcesError,
    TooLargeError,
)
from skiplens.service.decoding_pool import DecodingPool, _Process
from tests.core.images import saved
from tests.web.images import drawing, encoded

SMALL = encoded(drawing())


@cache
def large() -> bytes:
    """Noise, which takes seconds to encode: not in every process that only collects tests."""
    noise = np.random.default_rng(0).integers(0, 256, (4000, 4000), np.uint8)
    return saved(Image.fromarray(noise), "WEBP")


def clear() -> bytes:
    return saved(Image.new("RGBA", (4000, 4000)), "PNG")


@contextmanager
def pool(**bounds: Any) -> Iterator[DecodingPool]:  # noqa: ANN401
    with closing(DecodingPool(ImageLimits(), DecodingBounds(**bounds))) as opened:
        yield opened


def run(work: Coroutine[Any, Any, tuple[PreprocessedDigit, ...]]) -> PreprocessedDigit:
    return asyncio.run(work)[0]


def test_a_digit_is_what_it_is_in_this_process() -> None:
    with pool() as decoding:
        found = run(decoding.find_digits(SMALL))
    assert (found.digit.pixels.shape, found.inverted) == ((28, 28), True)
    assert found.digit.pixels.max() == 255


def test_all_candidates_come_with_their_scores() -> None:
    two = Image.new("L", (300, 150), 255)
    for left in (40, 180):
        two.paste(0, (left, 30, left + 12, 120))
        two.paste(0, (left, 30, left + 60, 42))
    here = find_digits(np.asarray(two))
    with pool() as decoding:
        there = asyncio.run(decoding.find_digits(saved(two, "PNG")))
    assert len(here) == 2
    assert [(one.digit.id, one.box, one.score) for one in there] == [
        (one.digit.id, one.box, one.score) for one in here
    ]


def test_errors_are_those_of_decoding() -> None:
    blank = saved(Image.new("L", (50, 50), 255), "PNG")
    with pool() as decoding:
        with pytest.raises(BlankImageError, match="image is blank"):
            run(decoding.find_digits(blank))
        with pytest.raises(TooLargeError, match="9,000 x 1 pixels"):
            run(decoding.find_digits(saved(Image.new("L", (9000, 1)), "PNG")))


@pytest.mark.parametrize(
    ("make", "bounds", "message"),
    [
        (large, {"cpu_seconds": 0.2}, "processor time"),
        (clear, {"memory_bytes": 64 << 20}, "memory"),
    ],
    ids=["time", "memory"],
)
def test_too_much_work_is_refused_and_the_next_image_decoded(
    make: Callable[[], bytes], bounds: dict[str, Any], message: str
) -> None:
    image = make()
    with pool(**bounds) as decoding:
        with pytest.raises(ImageWorkError, match=message):
            run(decoding.find_digits(image))
        run(decoding.find_digits(SMALL))


def test_a_process_decodes_the_largest_images_one_after_the_other() -> None:
    ink = Image.new("RGBA", (4000, 4000))
    ink.paste("black", (1900, 1000, 2100, 3000))
    webp = saved(ink, "WEBP", method=0)
    with pool(cpu_seconds=60, seconds=60) as decoding:
        first, *others = [run(decoding.find_digits(webp)) for _ in range(3)]
    assert {one.digit.id for one in others} == {first.digit.id}


def test_one_that_takes_too_long_is_busy() -> None:
    with pool(seconds=0.01) as decoding, pytest.raises(BusyError, match=r"within 0\.01 s"):
        run(decoding.find_digits(large()))


def test_modules_in_the_current_folder_are_not_taken_for_others_and_the_users_path_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "numpy.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path / "here")
    found = tmp_path / "sitecustomize.py"
    found.write_text("from pathlib import Path; Path(__file__).with_name('seen').touch()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pool() as decoding:
        run(decoding.find_digits(SMALL))
    assert (tmp_path / "seen").exists()


def test_a_process_that_ends_is_replaced() -> None:
    with pool(processes=1) as decoding:
        decoding.start()
        for process in decoding._all:  # noqa: SLF001  # there is no other way to harm it
            os.kill(process.start()[0].pid, signal.SIGKILL)
        with pytest.raises(OutOfResourcesError):
            run(decoding.find_digits(SMALL))
        run(decoding.find_digits(SMALL))


def test_the_worker_of_a_request_that_is_given_up_is_not_given_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, gate = threading.Event(), threading.Event()
    ask = _Process.ask

    def late(process: _Process, head: bytes, data: bytes) -> dict[str, Any]:
        asked.set()
        assert gate.wait(60)
        return ask(process, head, data)

    async def give_up(decoding: DecodingPool) -> None:
        task = asyncio.create_task(decoding.find_digits(SMALL))
        assert await asyncio.to_thread(asked.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert decoding.memory.taken
        assert len(decoding._idle) == len(decoding._all) - 1  # noqa: SLF001  # nothing else tells
        gate.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        assert not decoding.memory.taken
        assert len(decoding._idle) == len(decoding._all)  # noqa: SLF001

    monkeypatch.setattr(_Process, "ask", late)
    with pool() as decoding:
        asyncio.run(give_up(decoding))


def test_memory_that_bodies_hold_is_not_there_for_images() -> None:
    with pool(share=1, seconds=60) as decoding:
        decoding.memory.take("bodies", DecodingBounds().held_bytes - (32 << 20))
        run(decoding.find_digits(SMALL))
        with pytest.raises(BusyError, match="bytes of bodies and images"):
            run(decoding.find_digits(large()))
        decoding.memory.give("bodies", 224 << 20)
        with suppress(BlankImageError):  # it is noise
            run(decoding.find_digits(large()))
        assert decoding.memory.taken == (128 << 20)


def test_an_image_that_is_not_as_small_as_it_seemed_is_decoded_as_a_large_one() -> None:
    image = Image.new("RGBA", (1000, 1000), "white")
    image.paste("black", (300, 200, 400, 800))
    with pool(memory_bytes=96 << 20) as decoding:  # 12 for a small one
        assert run(decoding.find_digits(saved(image, "PNG"))).digit.pixels.max() == 255


def test_a_small_file_of_a_large_webp_is_decoded() -> None:
    image = Image.new("RGB", (4000, 4000), "white")
    image.paste("black", (1900, 1000, 2100, 3000))
    webp = saved(image, "WEBP", lossless=True)
    assert len(webp) < ImageLimits().small_bytes
    with pool(cpu_seconds=60, seconds=60) as decoding:
        assert run(decoding.find_digits(webp)).digit.pixels.max() == 255


def test_a_large_file_after_a_small_one_is_read() -> None:
    file = clear() + bytes(12 << 20)
    with pool(memory_bytes=64 << 20, cpu_seconds=60, seconds=60) as decoding:  # 8 for a small one
        run(decoding.find_digits(SMALL))
        with pytest.raises(ImageWorkError, match="memory"):
            run(decoding.find_digits(file))


def test_small_images_do_not_wait_for_large_ones() -> None:
    async def both(decoding: DecodingPool) -> list[str]:
        ended: list[str] = []

        async def decode(name: str, data: bytes) -> None:
            with suppress(BlankImageError):  # the large one is noise
                await decoding.find_digits(data, name)
            ended.append(name)

        names = ("large", "large", "small", "small")
        await asyncio.gather(
            *(decode(name, large() if name == "large" else SMALL) for name in names)
        )
        return ended

    with pool(processes=1, wait_seconds=60, seconds=60) as decoding:
        run(decoding.find_digits(SMALL))
        assert asyncio.run(both(decoding))[:2] == ["small", "small"]
