"""Writes to the ledger what services before this one left in the spool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import structlog
from sqlalchemy import select

from seats.store import tables as t
from seats.store.database import Database
from seats.store.entries import number_of
from seats.store.spool import Left, left_in
from seats.store.writer import LedgerWriter

log = structlog.get_logger(__name__)

STEP = 20_000
"""Entries that are read before they are written."""


async def replay(folder: Path, database: Database) -> int:
    """Write what the database does not have of the spool in ``folder``, then drop it; how many entries.

    Returns when all is written, however long the database is away meanwhile. What no database takes is set
    aside and told in the log, as by the writer itself. A spool that cannot be read is told there as well, and is
    no reason not to start: the PBX's record has most of it. Raise
    :class:`seats.store.errors.UnreachableDatabaseError` if the database is away at the beginning.
    """
    entries = 0
    try:
        for left in await asyncio.to_thread(left_in, folder):
            entries += await _replay_one(left, database)
    except OSError as error:
        log.error("spool_not_read", folder=str(folder), error=str(error))
    return entries


async def _replay_one(left: Left, database: Database) -> int:
    known = await _last_known(left.writer, database)
    if known is None:  # one folder may serve several databases
        log.info("spool_of_another_database", files=[str(path) for path in left.files])
        return 0
    writer = LedgerWriter(database, group_seconds=0.0, continuing=left.writer)
    writer.start()
    entries = 0
    try:
        for lines in _steps(left.files, known):
            writer.take(lines)
            await writer.flush()
            entries += len(lines)
            log.info("spool_replayed", writer=left.writer, entries=entries, refused=writer.rejected)
    finally:
        await writer.close(within=0.0)
    for path in left.files:
        path.unlink(missing_ok=True)
    return entries


async def _last_known(writer: str, database: Database) -> int | None:
    async with database.read() as connection:
        found: int | None = await connection.scalar(select(t.writers.c.batch).where(t.writers.c.id == writer))
        return found


def _steps(files: tuple[Path, ...], known: int) -> Iterator[list[bytes]]:
    """The entries after ``known``, some at a time; the end of a line that was never finished is none."""
    lines: list[bytes] = []
    for path in files:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n") or not _is_after(line, known):
                    continue
                lines.append(line)
                if len(lines) >= STEP:
                    yield lines
                    lines = []
    if lines:
        yield lines


def _is_after(line: bytes, known: int) -> bool:
    try:
        return number_of(line) > known
    except ValueError:
        log.error("ledger_refused", what="what is no entry", error="no number")
        return False
