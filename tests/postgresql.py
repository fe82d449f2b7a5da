"""A real PostgreSQL server for tests: Debian's binaries, in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.conftest import PATIENCE, wait_until

REQUIRED = "SKIPLENS_REQUIRE_POSTGRESQL"
_OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=50", "listen_addresses=")


def binaries() -> Path:
    """The folder of the newest version; without any, the test is skipped, or fails in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found or on_path:
        return (found[-1] if found else Path(str(on_path)).resolve()).parent
    reason = "PostgreSQL is not installed (on Debian: apt-get install postgresql)"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)


def _user() -> int | None:
    """Who runs it: it refuses root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


class Postgresql:
    """A server that is reached by a socket in its folder, with a database for each who asks."""

    def __init__(self) -> None:
        self._programs = binaries()
        # Not below pytest's folder, which only its user may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="skiplens-postgresql-"))
        self._names = (f"d{number}" for number in count())
        self._process: subprocess.Popen[bytes] | None = None
        if (user := _user()) is not None:
            os.chown(self._folder, user, -1)
        options = ("--auth=trust", "--username=skiplens", "--encoding=UTF8", "--no-sync")
        self._run("initdb", *options, "-D", str(self._data)).wait(PATIENCE)
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, *options],
                cwd=self._folder,
                env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
                stdout=log,
                stderr=log,
                user=_user(),
                extra_groups=[] if _user() is not None else None,
            )

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        options = [part for option in _OPTIONS for part in ("-c", option)]
        where = ("-D", str(self._data), "-k", str(self._folder))
        self._process = self._run("postgres", *where, *options)
        wait_until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            psycopg.connect(self._url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _url(self, name: str) -> str:
        return f"postgresql://skiplens:se%40cret@/{name}?host={quote(str(self._folder), safe='')}"

    def database(self) -> str:
        """The URL of a new database, with a password that nothing may show: ``se@cret``."""
        name = next(self._names)
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def stop(self) -> None:
        """Stop it at once, whoever is connected, and without a checkpoint."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)
            self._process = None

    def remove(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self._folder)
