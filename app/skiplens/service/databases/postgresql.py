"""A PostgreSQL database of digits, which servers on several machines share. Needs the extra
``postgresql``; imported only where it is asked for, as SQLAlchemy takes half as long to import as
all the rest of a server.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Final

import structlog
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, TextClause, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from skiplens.errors import SkiplensError, StartupError, StorageError, StoreDamagedError, quoted
from skiplens.service.databases import Execute, Rows, Values

_logger = structlog.get_logger(__name__)

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_SCHEMES: Final = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_TAKES: Final = "it takes postgresql://USER:PASSWORD@HOST/DATABASE"
_PROBES: Final = 3  # unanswered, one a second, after which a connection is dead
_WRITERS: Final = text("SELECT pg_advisory_xact_lock(7260416)")  # any number that others do not use
_PATIENTLY: Final = text("SET LOCAL statement_timeout = '60s'")  # a change of tables takes longer


class PostgresqlDatabase:
    """A :class:`~skiplens.service.databases.Database` on a server.

    While the server is away, everything is refused at once or after the given time; it is used
    again as soon as it is back. What committed means is for the server to say, as by its setting
    ``synchronous_commit``.

    Args:
        url: ``postgresql://USER:PASSWORD@HOST/DATABASE``; parameters of libpq may follow.
        seconds: that connecting, and each statement, may take.
        connections: at most.

    Raises:
        StartupError: there is no such database, or it cannot be written. The message has no
            password.
    """

    def __init__(self, url: str, seconds: float, connections: int) -> None:
        parsed = _parse(url)
        self._engine = _engine(parsed, seconds, connections)
        # Else each read would be a transaction, with two more statements.
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._is_away = False
        try:
            with self._engine.begin() as connection:
                _migrate(connection)
        except (SQLAlchemyError, CommandError) as error:
            self._engine.dispose()
            raise StartupError(
                f"database {parsed.database} on {parsed.host or 'this machine'} cannot keep digits "
                f"({_reason(error)}); SKIPLENS_DATABASE_URL names another"
            ) from error

    def read(self, query: str, values: Values) -> Rows:
        """Rows of what is committed."""
        away = StoreDamagedError(
            "the stored digits cannot be used: the database does not answer as it should; try "
            "again shortly"
        )
        with self._answering(away), self._reader.connect() as connection:
            return _execute(connection, query, values)

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """A transaction: all of it is committed after it, or nothing."""
        away = StorageError(
            "the digit could not be stored: the database does not answer as it should"
        )
        with self._answering(away), self._engine.begin() as connection:
            connection.execute(_WRITERS)
            yield partial(_execute, connection)

    def check(self) -> None:
        """Look whether the database answers."""
        self.read("SELECT id FROM digits LIMIT 1", {})

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()

    @contextmanager
    def _answering(self, away: SkiplensError) -> Iterator[None]:
        """What the database lacks is for the log, once an outage: strangers read ``away``."""
        try:
            yield
        except SQLAlchemyError as error:
            if not self._is_away:
                _logger.error("database away", error=_reason(error))
            self._is_away = True
            raise away from error
        if self._is_away:
            _logger.info("database back")
        self._is_away = False


def _parse(url: str) -> URL:
    """The URL, without any guess at what a wrong one was meant to be: it may be a password.

    Raises:
        StartupError: it is not one of PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StartupError(f"SKIPLENS_DATABASE_URL is not a URL; {_TAKES}") from None
    if parsed.drivername not in _SCHEMES:
        raise StartupError(
            f"SKIPLENS_DATABASE_URL is of {quoted(parsed.drivername)}, not PostgreSQL; {_TAKES}"
        )
    if "@" in (parsed.host or ""):
        raise StartupError(
            "SKIPLENS_DATABASE_URL has a second @; one in a name or a password is written %40"
        )
    return parsed.set(drivername="postgresql+psycopg")


def _engine(url: URL, seconds: float, connections: int) -> Engine:
    """Connections that are tried before they are used, and whose waits are bounded."""
    milliseconds = math.ceil(1000 * seconds)
    bounds: dict[str, str | int] = {
        "connect_timeout": math.ceil(seconds),
        "options": f"-c statement_timeout={milliseconds}",
        "tcp_user_timeout": milliseconds,
        "keepalives_idle": math.ceil(seconds),
        "keepalives_interval": 1,
        "keepalives_count": _PROBES,
        "client_encoding": "utf8",
        "application_name": "skiplens",
    }
    return create_engine(
        url,
        connect_args={name: value for name, value in bounds.items() if name not in url.query},
        pool_size=connections,
        max_overflow=0,
        pool_timeout=seconds,
        pool_pre_ping=True,
    )


def _migrate(connection: Connection) -> None:
    """Bring the tables to the newest version; of several servers that start, one does.

    Raises:
        SQLAlchemyError: the database does not let it be done.
        CommandError: a newer version of skiplens has changed the tables.
    """
    connection.execute(_PATIENTLY)
    connection.execute(_WRITERS)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")


def _execute(connection: Connection, query: str, values: Values | Sequence[Values]) -> Rows:
    result = connection.execute(_as_text(query), values)
    return [tuple(row) for row in result] if result.returns_rows else ()


@cache
def _as_text(query: str) -> TextClause:
    return text(query)


def _reason(error: Exception) -> str:
    """The message of the server or its library on one line, without the query and its values."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(said).split())
