"""Serves from a listening socket: in this process, or in several that a parent process keeps up."""

import asyncio
import errno
import gc
import json
import os
import signal
import socket
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final, cast

from prometheus_client.multiprocess import mark_process_dead

from skiplens.core import child_python
from skiplens.errors import SkiplensError, StartupError
from skiplens.logs import configure, get_logger
from skiplens.settings import STOP_SIGNALS, Settings
from skiplens.web.http.liveness import Bounds, answering

Listening = Callable[[str], None]
"""Called once requests are accepted, with what runs the networks: ``litert on CPU``."""

_MINUTE_S: Final = 60.0
_BEATS: Final = 1024  # bytes of them, in one read
_PAUSE_S: Final = 1.0  # before another try to start a worker
_logger = get_logger(__name__)


def bind(settings: Settings, port: int, option: str = "--port") -> socket.socket:
    """A listening socket.

    Args:
        settings: of the server.
        port: 0 for any that is free.
        option: that gives the port, for the message.

    Raises:
        StartupError: the address is in use or not available.
    """
    host = settings.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # where it would let others listen at a port in use
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Linux would let them grow to 4 MiB each.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer_bytes)
        listener.bind((host, port))
        listener.listen(settings.max_connecting)
    except OSError as error:
        listener.close()
        foreign = isinstance(error, socket.gaierror) or error.args[0] == errno.EADDRNOTAVAIL
        other = "--host" if foreign else option
        raise StartupError(
            f"port {port} on {host} cannot be bound ({error.strerror}); choose another with {other}"
        ) from error
    return listener


def serve(settings: Settings, listener: socket.socket, listening: Listening) -> None:
    """Serve until a signal stops it, in as many processes as the settings say.

    Raises:
        StartupError: engines, digits or data set are unusable, or there is no such process.
        SystemExit: of several processes, one did not stop in time or could not be kept up.
    """
    with _liveness(settings) as beat:
        if settings.workers == 1:
            serve_here(settings, listener, listening, beat)
        else:
            _serve_together(settings, listener, listening, beat)


@contextmanager
def _liveness(settings: Settings) -> Iterator[Callable[[], None]]:
    """Answer ``/healthz`` at the port for it, if there is one; yields what has to be called again
    and again as a sign of life.

    Raises:
        StartupError: it cannot be answered there.
    """
    if settings.health_port is None:
        yield lambda: None
        return
    if sys.platform == "win32":
        raise StartupError("SKIPLENS_HEALTH_PORT needs Linux or macOS")
    bounds = Bounds(
        settings.stalled_seconds,
        settings.receive_seconds,
        settings.max_head_bytes,
        settings.max_health_connections,
    )
    listener = bind(settings, settings.health_port, "SKIPLENS_HEALTH_PORT")
    _logger.info("liveness", port=listener.getsockname()[1])
    with ExitStack() as stack:
        try:
            beat = stack.enter_context(answering(listener, bounds))
        except OSError as error:
            raise StartupError(
                f"the process that answers at SKIPLENS_HEALTH_PORT cannot start ({error.strerror})"
            ) from error
        yield beat


def _serve_together(
    settings: Settings, listener: socket.socket, listening: Listening, beat: Callable[[], None]
) -> None:
    """Serve in several processes; ``beat`` is called as long as all their event loops turn. Errors
    as of :func:`serve`.
    """
    if sys.platform == "win32":
        raise StartupError("--workers needs Linux or macOS; on Windows one process serves")
    try:
        folder = TemporaryDirectory(prefix="skiplens-")
    except OSError as error:
        raise StartupError(
            f"--workers needs a folder for temporary files ({error.strerror}); name one with TMPDIR"
        ) from error
    with folder:
        supervisor = _Supervisor(settings, listener, Path(folder.name), beat)
        if code := asyncio.run(supervisor.run(listening)):
            raise SystemExit(code)


def serve_here(
    settings: Settings,
    listener: socket.socket,
    listening: Listening,
    beat: Callable[[], None],
    shared: Path | None = None,
) -> None:
    """Serve in this process until a signal stops it.

    Args:
        settings: of the server.
        listener: where to accept connections.
        listening: see :data:`Listening`.
        beat: called about once a second, as long as the event loop turns.
        shared: folder of the processes that serve together.
    """
    # FastAPI asks of every parameter whether it is of pydantic.v1, which takes long to import.
    sys.modules.setdefault("pydantic.v1", cast("ModuleType", None))  # imports of it fail
    # FastAPI and the engines, which a parent of workers has no use for.
    from skiplens.application import create_app, open_services
    from skiplens.web.http.event_loop import run

    services = open_services(settings, shared)
    first = services.registry.networks[0]

    def accepting() -> None:
        gc.freeze()
        gc.enable()
        services.decoding.start()
        listening(f"{first.name} on {first.device}")

    run(create_app(settings, lambda: services), settings, listener, accepting, beat)


class _Supervisor:
    """Starts workers, replaces those that end, and stops all of them together.

    They accept from one socket, so a connection that a worker has not accepted yet is served by
    another. The first one is started alone, so that it alone creates files.

    Args:
        settings: of the server.
        listener: the socket.
        folder: for counters and locks of the workers.
        beat: called whenever the event loop of each worker has turned since the last time.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        folder: Path,
        beat: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._fd = listener.fileno()
        self._folder = folder
        given = settings.model_dump(mode="json", exclude_unset=True)
        self._order = json.dumps({"settings": given, "shared": str(folder)}).encode() + b"\n"
        self._beat = beat
        self._workers: set[Process] = set()
        self._turned: dict[Process, bool] = {}  # those that serve: whether since the last beat
        self._ends: deque[float] = deque(maxlen=settings.max_worker_ends)
        self._stop = asyncio.Event()

    async def run(self, listening: Listening) -> int:
        """Serve until stopped; returns the exit code.

        Raises:
            StartupError: a worker cannot start.
        """
        loop = asyncio.get_running_loop()
        for sent in STOP_SIGNALS:
            loop.add_signal_handler(sent, self._stop.set)
        serving = loop.create_task(self._serve(listening))
        stopped = loop.create_task(self._stop.wait())
        try:
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()  # raises
        finally:
            self._stop.set()
            serving.cancel()
            code = await self._end_all()
        return code

    async def _serve(self, listening: Listening) -> None:
        first, engine = await self._start()
        others = await asyncio.gather(*(self._start() for _ in range(self._settings.workers - 1)))
        listening(engine)
        workers = (first, *(worker for worker, _ in others))
        await asyncio.gather(*(self._keep(worker) for worker in workers))

    async def _start(self) -> tuple[Process, str]:
        """A worker that accepts connections, and what runs its networks.

        Raises:
            StartupError: it cannot start.
        """
        worker = await asyncio.create_subprocess_exec(
            *child_python.command(__name__, str(self._fd)),
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(self._fd,),
            env=child_python.environment(
                PROMETHEUS_MULTIPROC_DIR=str(self._folder)  # read when it is imported
            ),
        )
        self._workers.add(worker)
        if worker.stdin is None or worker.stdout is None:
            raise RuntimeError("the process has no pipes")
        worker.stdin.write(self._order)
        answer = await worker.stdout.readline()
        said = json.loads(answer or '{"error": "a process that serves ended as it started"}')
        if "error" in said:
            await self._forget(worker)
            raise StartupError(said["error"])
        return worker, said["engine"]

    async def _keep(self, worker: Process) -> None:
        """Replace a worker whenever it ends, until workers end too often."""
        while True:
            beats = asyncio.create_task(self._follow(worker))
            code = await self._forget(worker)
            beats.cancel()
            if self._stop.is_set():
                return
            _logger.error("worker ended", pid=worker.pid, exit_code=code)
            worker = await self._replacement()

    async def _replacement(self) -> Process:
        """Another worker, once one starts.

        Raises:
            StartupError: workers end too often.
        """
        loop = asyncio.get_running_loop()
        while True:
            self._ends.append(loop.time())
            most = self._ends.maxlen
            if len(self._ends) == most and loop.time() - self._ends[0] < _MINUTE_S:
                raise StartupError(
                    f"processes that serve ended {most} times within a minute; the log says how"
                )
            try:
                worker, _ = await self._start()
            except StartupError as error:
                _logger.error("worker cannot start", error=str(error))
                await asyncio.sleep(_PAUSE_S)
            else:
                return worker

    async def _follow(self, worker: Process) -> None:
        """Note when a worker's event loop turns, until it ends."""
        while worker.stdout is not None and await worker.stdout.read(_BEATS):
            self._turned[worker] = True
            if all(self._turned.values()):
                self._turned = dict.fromkeys(self._turned, False)
                self._beat()

    async def _forget(self, worker: Process) -> int:
        """Wait until a worker has ended, and take what it was doing out of the metrics."""
        code = await worker.wait()
        self._workers.discard(worker)
        self._turned.pop(worker, None)
        mark_process_dead(worker.pid, str(self._folder))  # type: ignore[no-untyped-call]
        return code

    async def _end_all(self) -> int:
        """Stop the workers, within their bound; returns 1 if one had to be killed or failed."""
        workers = tuple(self._workers)
        for worker in workers:
            if worker.returncode is None:
                worker.terminate()
        seconds = self._settings.stop_seconds + 2 * self._settings.exit_seconds
        try:
            async with asyncio.timeout(seconds):
                codes = await asyncio.gather(*(worker.wait() for worker in workers))
        except TimeoutError:
            for worker in workers:
                if worker.returncode is None:
                    worker.kill()
            codes = await asyncio.gather(*(worker.wait() for worker in workers))
        # One that has not begun to serve ends at once.
        return int(any(code not in {0, -signal.SIGTERM} for code in codes))


def stop_with_parent() -> None:
    """Wait until the parent is gone: its end of the pipe closes, however it ends. Then stop."""
    while os.read(sys.stdin.fileno(), 1):  # a buffer would be locked when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _say(**answer: str) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _beat() -> None:
    """Tell the parent that the event loop turns, unless it reads nothing."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), b".")


def main() -> None:
    """Serve as one of several processes. The first argument is the listening socket's descriptor;
    the parent writes its order to standard input and reads one answer from standard output, and
    then a byte for every second in which the event loop turns.
    """
    gc.disable()  # as `skiplens serve` does, until it listens
    order = json.loads(sys.stdin.buffer.readline())
    try:
        settings = Settings.model_validate(order["settings"])
        configure(settings.log_format, settings.max_log_bytes)
        threading.Thread(target=stop_with_parent, daemon=True).start()
        os.set_blocking(sys.stdout.fileno(), False)
        with socket.socket(fileno=int(sys.argv[1])) as listener:
            shared = Path(order["shared"])
            serve_here(settings, listener, lambda engine: _say(engine=engine), _beat, shared)
    except SkiplensError as error:
        _say(error=str(error))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
