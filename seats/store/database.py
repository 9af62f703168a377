"""One database, SQLite or PostgreSQL, with one door for writing and one for reading.

SQLite: WAL, so that readers never wait; every write starts with BEGIN IMMEDIATE over a single connection,
so that two writers queue up instead of failing half-way; ``synchronous=NORMAL``, which never corrupts and
keeps everything through a crash of the program, but may lose the last commits when the machine loses
power: those are rebuilt from the PBX's own record, and not waiting for the disk keeps a home-office
machine's slow disk out of the way.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from seats.store.errors import BadDatabaseUrlError, UnreachableDatabaseError

BUSY_TIMEOUT_MS = 5000
CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 30.0
_ALLOWED = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
_UNREACHABLE = "a database that answers"
_UNIQUE_VIOLATION = "23505"


class Database:
    """Connections to one database. Nothing is opened until used; ``close`` ends it.

    ``in_writer`` is called in the thread that SQLite's driver keeps for our writing; PostgreSQL's has none.
    """

    def __init__(
        self,
        url: str,
        *,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        in_writer: Callable[[], object] | None = None,
    ) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.name = self.url.render_as_string(hide_password=True)
        if self.is_sqlite:
            self._writer = _sqlite(self.url, busy_timeout_ms, writer=True, in_thread=in_writer)
            self._reader = _sqlite(self.url, busy_timeout_ms, writer=False)
        else:
            self._writer = self._reader = _postgresql(self.url)

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for PostgreSQL."""
        return Path(str(self.url.database)) if self.is_sqlite else None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write. Raise :class:`UnreachableDatabaseError`."""
        async with self._door(self._writer) as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that reads one moment's state. Raise :class:`UnreachableDatabaseError`."""
        async with self._door(self._reader) as connection:
            yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection of one's own, each statement by itself. Raise :class:`UnreachableDatabaseError`."""
        try:
            async with self._writer.connect() as connection:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")
        except (OSError, DBAPIError) as error:
            raise UnreachableDatabaseError(self.name, reason_of(error), _UNREACHABLE) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._writer.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def _door(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        try:
            async with engine.begin() as connection:
                yield connection
        except (OSError, DBAPIError) as error:
            if isinstance(error, IntegrityError) or is_rejection(error):
                raise
            raise UnreachableDatabaseError(self.name, reason_of(error), _UNREACHABLE) from error


def parse_url(url: str) -> URL:
    """The URL with its asynchronous driver. Raise :class:`BadDatabaseUrlError`."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadDatabaseUrlError("database URL", "is not a database URL", _ALLOWED) from None
    backend = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+asyncpg",
        "postgres": "postgresql+asyncpg",
    }
    driver = backend.get(parsed.drivername.partition("+")[0])
    if driver is None:
        raise BadDatabaseUrlError("database URL", f"driver {parsed.drivername!r} is not supported", _ALLOWED)
    if driver.startswith("sqlite") and (parsed.database or ":memory:") == ":memory:":
        raise BadDatabaseUrlError("database URL", "names no file", _ALLOWED)
    return parsed.set(drivername=driver)


def prepare_file(path: Path) -> None:
    """Make a SQLite file, and the folders above it, for our eyes only: it holds phone numbers."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def is_rejection(error: BaseException) -> bool:
    """Whether the database refuses this very value, so that trying again would not help.

    Nothing else counts: a missing table, right or sequence is the database's fault and gets mended.
    """
    if not isinstance(error, DBAPIError):
        return isinstance(error, StatementError)
    original = error.orig
    state = getattr(original, "sqlstate", None) or ""
    if isinstance(error, IntegrityError):
        return state != _UNIQUE_VIOLATION and "UNIQUE" not in str(original)
    return (
        state.startswith("22")  # SQL: data exception
        or isinstance(getattr(original, "__cause__", None), (ValueError, TypeError))  # asyncpg's own check
        or "binding parameter" in str(original)  # sqlite3's own check
    )


def reason_of(error: BaseException) -> str:
    """One line saying why, without statement and values (they hold phone numbers)."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = str(original).strip().splitlines()
    return (text[0] if text else type(original).__name__)[:200]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _sqlite(
    url: URL, busy_timeout_ms: int, *, writer: bool, in_thread: Callable[[], object] | None = None
) -> AsyncEngine:
    pool: dict[str, Any] = (
        {"pool_size": 1, "max_overflow": 0, "pool_timeout": 60} if writer else {"pool_size": 4}
    )
    engine = create_async_engine(
        url,
        json_serializer=_json,
        json_deserializer=msgspec.json.decode,
        connect_args={"timeout": busy_timeout_ms / 1000},
        **pool,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _open(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={busy_timeout_ms}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "secure_delete=ON",  # what is erased is overwritten
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if in_thread is not None:  # what a statement calls runs in the driver's thread
            connection.create_function("in_thread", 0, lambda: bool(in_thread()))
            cursor.execute("SELECT in_thread()")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _postgresql(url: URL) -> AsyncEngine:
    return create_async_engine(
        url,
        json_serializer=_json,
        json_deserializer=msgspec.json.decode,
        connect_args={"timeout": CONNECT_TIMEOUT_S, "command_timeout": COMMAND_TIMEOUT_S},
        pool_size=5,
        pool_pre_ping=True,
    )
