"""Runs the app until a signal stops it, and stops within a bound."""

import asyncio
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Final

import structlog
from anyio import CapacityLimiter, create_task_group, to_thread
from anyio._backends._asyncio import WorkerThread
from fastapi import FastAPI

from skiplens.errors import StartupError
from skiplens.settings import STOP_SIGNALS, Settings
from skiplens.web.http.connection import Connection, Shared

_LONGEST_SWEEP_S: Final = 1.0
_SWITCH_S: Final = 0.001  # for which a computing thread may keep the loop from going on
_ACCEPTING_S: Final = 0.05
_ARENAS: Final = -8, 1  # M_ARENA_MAX of mallopt, and its value
_LARGE_BLOCKS: Final = -3, 2 << 20  # M_MMAP_THRESHOLD, and bytes
_KEPT: Final = -1, 8 << 20  # M_TRIM_THRESHOLD, and bytes; with less, gradients take twice as long
_SO_ATTACH_FILTER: Final = 26  # of Linux; Python has no name for it
_TAKE_KNOWN: Final = (  # a program of the Berkeley packet filter: code, jumps, value
    (0x30, 0, 0, 13),  # load the flags of TCP
    (0x45, 0, 1, 0x10),  # skip an instruction without ACK, which only who asks to connect lacks
    (0x06, 0, 0, 0xFFFFFFFF),  # take all bytes of the packet
    (0x06, 0, 0, 0),  # take none
)
_logger = structlog.get_logger(__name__)


def run(
    app: FastAPI,
    settings: Settings,
    listener: socket.socket,
    listening: Callable[[], None],
    beat: Callable[[], None],
) -> None:
    """Serve until stopped.

    Args:
        app: answers the requests.
        settings: of the server.
        listener: where to accept connections.
        listening: called once the server accepts requests.
        beat: called about once a second, as long as the event loop turns.
    """
    _allow_open_files(settings.max_connections)
    tune_process()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(app, settings, listener, listening, beat))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _allow_open_files(connections: int) -> None:
    """Raise the limit on open files, as far as this process may, to what connections need."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + 256
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))


def tune_process() -> None:
    """Have Python switch between threads sooner, and all threads allocate from one heap where glibc
    would give each its own, in which what was freed would stay, and give freed blocks of a megabyte
    back: a sixth of the memory of a busy server.
    """
    sys.setswitchinterval(_SWITCH_S)
    for option in (_ARENAS, _LARGE_BLOCKS, _KEPT):
        _tell_glibc("mallopt", *option)


def _tell_glibc(function: str, *given: int) -> None:
    """Call a function of its allocator; musl has none of them."""
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), function, lambda *_: 0)(*given)


async def _serve(
    app: FastAPI,
    settings: Settings,
    listener: socket.socket,
    listening: Callable[[], None],
    beat: Callable[[], None],
) -> None:
    shared = Shared(app, app.state.metrics, settings)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    end_later = _watchdog(settings.stop_seconds + settings.exit_seconds)

    def ask_to_stop(*_: object) -> None:
        app.state.ready = False
        end_later()
        loop.call_soon_threadsafe(stop.set)

    for sent in STOP_SIGNALS:
        signal.signal(sent, ask_to_stop)
    async with app.router.lifespan_context(app):
        await _start_threads(settings.computing + settings.extra_threads + settings.decoders + 1)
        server = await loop.create_server(
            lambda: Connection(shared), sock=listener, backlog=settings.max_connecting
        )
        sweeping = loop.create_task(_sweep(shared, beat))
        listening()
        await stop.wait()
        deadline = loop.time() + settings.stop_seconds
        shared.closing = True
        await asyncio.sleep(min(settings.notice_seconds, settings.stop_seconds / 4))
        await _close(server, listener, settings)
        for connection in tuple(shared.connections):
            connection.close_if_idle()
        await _finish(shared, deadline)
        sweeping.cancel()


async def _close(server: asyncio.Server, listener: socket.socket, settings: Settings) -> None:
    """Stop listening; who is connected already but not accepted yet is accepted first, as closing
    would reset them.

    Args:
        server: accepts connections.
        listener: from this one.
        settings: say whether another process does.
    """
    if settings.workers == 1 and sys.platform == "linux":
        _drop_new(listener)
        await asyncio.sleep(_ACCEPTING_S)  # for those who have begun to connect
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        loop = asyncio.get_running_loop()
        until = loop.time() + settings.notice_seconds
        while waiting.poll(0) and loop.time() < until:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
    else:
        listener.listen(0)
        await asyncio.sleep(_ACCEPTING_S)
    server.close()
    listener.close()


def _drop_new(listener: socket.socket) -> None:
    """Have Linux drop packets that ask for a connection: who sends them tries again and learns that
    nobody listens, instead of being connected and reset. Those that complete one pass.
    """
    code = b"".join(struct.pack("HBBI", *one) for one in _TAKE_KNOWN)
    program = ctypes.create_string_buffer(code, len(code))
    pointer = struct.pack("HP", len(_TAKE_KNOWN), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


async def _finish(shared: Shared, deadline: float) -> None:
    """Let requests in progress finish until ``deadline``, in the loop's time; cancel the others,
    which are answered 503.
    """
    loop = asyncio.get_running_loop()
    fresh_until = min(deadline, loop.time() + shared.settings.notice_seconds)
    while loop.time() < deadline and (  # noqa: ASYNC110  # there is no event for it
        shared.tasks or _unread(shared) or (loop.time() < fresh_until and _fresh(shared))
    ):
        await asyncio.sleep(_ACCEPTING_S)
    for task in tuple(shared.tasks):
        task.cancel()
    if shared.tasks:
        await asyncio.wait(shared.tasks, timeout=shared.settings.exit_seconds / 2)
    for connection in tuple(shared.connections):
        connection.transport.close()
    await asyncio.sleep(0)


def _fresh(shared: Shared) -> bool:
    """Whether a client that has connected may be about to send its request."""
    return any(one.is_fresh for one in shared.connections)


def _unread(shared: Shared) -> bool:
    """Whether a client has not read all of its response yet."""
    return any(one.transport.get_write_buffer_size() for one in shared.connections)


async def _start_threads(count: int) -> None:
    """Start the threads of all requests, and keep them: for one that cannot start for lack of
    memory, Python would wait without end.

    Raises:
        StartupError: there is no room for so many.
    """
    WorkerThread.MAX_IDLE_TIME = sys.maxsize
    all_started, limiter = threading.Barrier(count), CapacityLimiter(count)

    async def start() -> None:
        try:
            await to_thread.run_sync(all_started.wait, limiter=limiter)
        except RuntimeError:
            all_started.abort()
            raise

    try:
        async with create_task_group() as starting:
            for _ in range(count):
                starting.start_soon(start)
    except ExceptionGroup as error:
        raise StartupError(f"the system has no room for the {count} threads of a server") from error


def _watchdog(seconds: float) -> Callable[[], None]:
    """A function that ends the process so long after it was called, whatever still runs."""
    called: SimpleQueue[None] = SimpleQueue()  # a signal may interrupt what puts into it

    def end() -> None:
        called.get()
        time.sleep(seconds)
        _logger.error("stopped before everything was finished")
        os._exit(1)

    threading.Thread(target=end, name="watchdog", daemon=True).start()
    return partial(called.put, None)


async def _sweep(shared: Shared, beat: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        beat()
        try:
            shared.sweep(loop.time())
            shared.metrics.refresh()
        except Exception:  # nobody else would learn of it, and no time would be bounded any more
            _logger.exception("sweep failed")
        # Up to 70 MB lie between what is in use. It takes half a millisecond, 8 at first.
        _tell_glibc("malloc_trim", 0)
        await asyncio.sleep(min(_LONGEST_SWEEP_S, shared.settings.receive_seconds / 4))
