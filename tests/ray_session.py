"""A folder in which Ray starts on this machine, and the end of all that it started."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from skiplens.settings import ROOT
from tests.conftest import wait_until
from tests.e2e.server import environment


class RaySession:
    """What runs with its environment."""

    def __init__(self) -> None:
        # Ray keeps sockets in it, whose paths may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="skiplens-ray-", dir="/tmp"))

    def environment(self, **settings: object) -> dict[str, str]:
        """The environment with these settings and no others."""
        return {
            **environment(**settings),
            "PYTHONPATH": str(ROOT / "app"),
            "RAY_TMPDIR": str(self.folder),
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def processes(self) -> Iterator[tuple[int, str]]:
        """Process ids and command lines of all that has its folder in the environment."""
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.fsencode(self.folder) in (entry / "environ").read_bytes():
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    yield int(entry.name), command.decode()

    def remove(self) -> None:
        """End it all, and delete the folder."""
        wait_until(self._ended)
        shutil.rmtree(self.folder)

    def _ended(self) -> bool:
        left = [pid for pid, _ in self.processes()]
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return not left


@contextmanager
def ray_session() -> Iterator[RaySession]:
    """One for the length of a ``with`` block."""
    session = RaySession()
    try:
        yield session
    finally:
        session.remove()
