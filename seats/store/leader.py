"""One service to a database: the lock that a running service holds.

SQLite: a lock on a file beside the database, which the system drops when the process ends, however it ends.
PostgreSQL: an advisory lock on a connection of its own; if that is lost, it is taken again as soon as the
database answers. Until then nobody else can have it either, so the service goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from seats.store.database import Database
from seats.store.errors import StoreError

log = structlog.get_logger(__name__)

_KEY = 0x5EA7_1EAD
_ASK_EVERY = 2.0
_HELD = text(
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
    " WHERE locktype = 'advisory' AND objid = :key AND granted AND datname = current_database()"
)


class TakenError(StoreError):
    """Another service runs on this database."""

    def __init__(self, where: str) -> None:
        super().__init__(where, "another service is running on this database", "one at a time: stop it first")


@contextlib.asynccontextmanager
async def leading(database: Database, on_change: Callable[[bool], None]) -> AsyncIterator[None]:
    """Hold the lock for as long as the block lasts. Raises :class:`TakenError` at once if another has it.

    ``on_change`` hears when the lock is lost to someone else, and when it is had again.
    """
    if database.path is not None:
        with _file_lock(database):
            yield
        return
    async with contextlib.AsyncExitStack() as stack:
        connection = await stack.enter_async_context(database.connection())
        if not await _try(connection):
            raise TakenError(database.name)
        keeper = asyncio.create_task(_keep(database, connection, on_change))
        try:
            yield
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper


async def is_led(url: str) -> bool:
    """Whether a service runs on this database now. Takes nothing from it, and creates nothing."""
    database = Database(url)
    try:
        if database.path is not None:
            return _is_locked(f"{database.path}.lock")
        async with database.read() as connection:
            return bool(await connection.scalar(_HELD, {"key": _KEY}))
    except StoreError:
        return False
    finally:
        await database.close()


def _is_locked(path: str) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def _file_lock(database: Database) -> Iterator[None]:
    path = f"{database.path}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TakenError(database.name) from None
        yield
    finally:
        os.close(handle)


async def _try(connection: AsyncConnection) -> bool:
    return bool(await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}))


async def _keep(database: Database, connection: AsyncConnection, on_change: Callable[[bool], None]) -> None:
    """Watch the connection that holds the lock; when it breaks, take the lock again."""
    held = True
    async with contextlib.AsyncExitStack() as stack:
        while True:
            await asyncio.sleep(_ASK_EVERY)
            try:
                await connection.scalar(text("SELECT 1"))
                if not held and await _try(connection):
                    held = True
                    on_change(True)
            except (DBAPIError, OSError):
                with contextlib.suppress(StoreError, DBAPIError, OSError):
                    connection = await stack.enter_async_context(database.connection())
                    now = await _try(connection)
                    if now != held:
                        held = now
                        log.warning("leadership", held=held)
                        on_change(held)
