"""Decodes uploaded images in child processes, each image within bounds of work and memory.

A decoder is C code, and Python that loops over bytes that a stranger chose: only a process can be
stopped in the middle of it, and bounded in memory.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import astuple
from typing import IO, Any, Final

import numpy as np
from anyio import CapacityLimiter, to_thread

from skiplens import errors
from skiplens.core import child_python
from skiplens.core.image_worker import ANSWER, REQUEST
from skiplens.core.input_image import Digit, InputImage
from skiplens.core.limits import DecodingBounds, ImageLimits
from skiplens.core.manifest import Manifest
from skiplens.core.preprocessing import PreprocessedDigit
from skiplens.errors import BusyError, ImageWorkError, OutOfResourcesError, SkiplensError
from skiplens.service.admission import ANYONE, Places, Quota

LONGEST_SIDE: Final = 512
"""Pixels of the longer side of a picture that is stored, where no network takes a larger one."""
_LONGEST_OF_ALL: Final = 2048  # a worker's answer then takes 50 MB of the memory for an image
_WORKER: Final = "skiplens.core.image_worker"


def longest_side(manifests: Iterable[Manifest]) -> int:
    """Pixels of the longer side of a picture that is stored: as many as some network takes, within
    bounds.
    """
    sides = [max(manifest.input_shape[:2]) for manifest in manifests]
    return min(max([LONGEST_SIDE, *sides]), _LONGEST_OF_ALL)


class DecodingPool:
    """A few processes, started when first needed and again when they end.

    Args:
        limits: largest image.
        bounds: of the work.
        longest: most pixels along a side of a picture.

    Attributes:
        memory: bytes of bodies and of images being decoded.
    """

    def __init__(
        self, limits: ImageLimits, bounds: DecodingBounds, longest: int = LONGEST_SIDE
    ) -> None:
        self._longest = longest
        count = bounds.processes + 1
        self._bounds, self._small_bytes = bounds, limits.small_bytes
        self._idle = [_Process(limits, bounds) for _ in range(count)]
        self._all = tuple(self._idle)
        queue = (bounds.waiting, bounds.wait_seconds, "images", bounds.share)
        self._large, self._any = Places(bounds.processes, *queue), Places(count, *queue)
        self._threads = CapacityLimiter(count)
        self.memory = Quota(bounds.held_bytes, bounds.share, "bytes of bodies and images")

    def start(self) -> None:
        """Start the processes now, so that the first images need not wait for them."""
        for process in self._all:
            process.start()

    async def find_digits(self, data: bytes, client: str = ANYONE) -> tuple[PreprocessedDigit, ...]:
        """Candidate digits in an image file, most likely first.

        Args:
            data: the file.
            client: address of who sent it.

        Raises:
            UnreadableImageError, UnsupportedFormatError, TooLargeError, BlankImageError: see
                :func:`skiplens.core.image_decoding.decode` and
                :func:`skiplens.core.preprocessing.find_digits`.
            ImageWorkError: it takes too much time or memory to decode.
            BusyError: other images take all processes, or the processor, or bodies the memory.
        """
        return _digits(await self._answer(data, client))

    async def read_picture(self, data: bytes, client: str = ANYONE) -> InputImage:
        """The image in a file, in colour, no larger than the pool's longest side.

        Arguments and errors as in :meth:`find_digits`.
        """
        answer = await self._answer(data, client, self._longest)
        _refuse(answer)
        pixels = np.frombuffer(bytes.fromhex(answer["pixels"]), np.uint8)
        return InputImage.of(pixels.reshape(answer["shape"]))

    async def _answer(self, data: bytes, client: str, longest: int = 0) -> dict[str, Any]:
        """A worker's answer on a file; ``longest`` side of a picture, 0 for digits."""
        if len(data) <= self._small_bytes:
            async with AsyncExitStack() as waiting:
                await waiting.enter_async_context(self._any.place(client))
                held = waiting.pop_all()
            answer = await asyncio.shield(self._run(held, data, longest, small=True))
            if "large" not in answer:
                return answer
        async with AsyncExitStack() as waiting:
            await waiting.enter_async_context(self._large.place(client))
            await waiting.enter_async_context(self._any.place(client))
            held = waiting.pop_all()
        return await asyncio.shield(self._run(held, data, longest, small=False))

    async def _run(
        self, held: AsyncExitStack, data: bytes, longest: int, *, small: bool
    ) -> dict[str, Any]:
        """A worker's answer: ``large`` if only a small image was asked for and this is none.

        Whoever asks may give up, but the thread that speaks with the worker cannot: until it ends,
        it keeps the places that are held, its memory, the worker and the worker's time.
        """
        bounds = self._bounds
        memory = bounds.small_memory_bytes if small else bounds.memory_bytes
        head = REQUEST.pack(len(data), memory, small, longest)
        async with held:
            with self.memory.reserved(memory):
                process = self._idle.pop()
                process.expired = False
                timer = asyncio.get_running_loop().call_later(bounds.seconds, process.expire)
                try:
                    return await to_thread.run_sync(process.ask, head, data, limiter=self._threads)
                finally:
                    timer.cancel()
                    if process.expired:  # the answer may have come just before
                        process.close()
                    self._idle.append(process)

    def close(self) -> None:
        """End the processes."""
        for process in self._all:
            process.close()


def _digits(answer: dict[str, Any]) -> tuple[PreprocessedDigit, ...]:
    """The digits in a worker's answer; see :func:`_refuse`."""
    _refuse(answer)
    return tuple(
        PreprocessedDigit(
            Digit.from_bytes(bytes.fromhex(one["pixels"])),
            one["inverted"],
            tuple(one["box"]),
            tuple(one["warnings"]),
            one["score"],
        )
        for one in answer["digits"]
    )


def _refuse(answer: dict[str, Any]) -> None:
    """Raise the error that an answer tells, if it is a refusal."""
    if "error" in answer:
        kind = getattr(errors, answer["error"], SkiplensError)
        raise kind(answer["detail"])


class _Process:
    """One child process; it may have ended.

    Attributes:
        expired: whether it was stopped because its time was over.
    """

    def __init__(self, limits: ImageLimits, bounds: DecodingBounds) -> None:
        self._limits = limits
        self._bounds = bounds
        self._process: subprocess.Popen[bytes] | None = None
        self.expired = False

    def start(self) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]:
        """Start it if it does not run; returns it with its input and output.

        Raises:
            OutOfResourcesError: the system has no memory or no process left.
        """
        process = self._process
        if process is None:
            bounds = self._bounds
            numbers = (bounds.cpu_seconds, *astuple(self._limits))
            try:
                process = subprocess.Popen(  # noqa: S603  # its arguments are numbers
                    child_python.command(_WORKER, *map(str, numbers)),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=child_python.environment(OPENBLAS_NUM_THREADS="1"),
                )
            except OSError as error:
                raise OutOfResourcesError(
                    f"no process can be started to decode the image ({error.strerror})"
                ) from error
            self._process = process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        return process, process.stdin, process.stdout

    def ask(self, head: bytes, data: bytes) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            ImageWorkError, BusyError, OutOfResourcesError: the process ended instead.
        """
        process, requests, answers = self.start()
        if self.expired:  # before there was a process to stop
            process.kill()
        try:
            requests.write(head)
            requests.write(data)
            requests.flush()
            length = answers.read(ANSWER.size)
            if length:
                answer: dict[str, Any] = json.loads(answers.read(*ANSWER.unpack(length)))
                return answer
        except (OSError, ValueError):  # it ended meanwhile
            pass
        except BaseException:  # what was not read would be taken for the next answer
            self.close()
            raise
        self._process = None
        raise self._reason(_ended(process))

    def _reason(self, code: int) -> SkiplensError:
        if self.expired:
            return BusyError(f"image was not decoded within {self._bounds.seconds:g} s")
        if sys.platform != "win32" and code == -signal.SIGPROF:
            return ImageWorkError(
                f"image takes more than {self._bounds.cpu_seconds:g} s of processor time to decode"
            )
        return OutOfResourcesError("the process that decoded the image ended")

    def expire(self) -> None:
        """Stop what it does; whoever waits for the answer gets an error."""
        self.expired = True
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End it; nobody waits for an answer."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code, once the process has ended."""
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not sent yet cannot be sent any more
                pipe.close()
    return code
