"""A copy of the whole ledger while the service goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL

from seats.errors import SeatsError
from seats.settings import Settings


class BackupError(SeatsError):
    """A backup that could not be made; nothing is left in its place."""


async def backup(settings: Settings, target: Path) -> str:
    """Copy the whole database to a new file while the service goes on; a line about it.

    SQLite: a database file, checked. PostgreSQL: an archive of ``pg_dump`` for ``pg_restore``. Raise
    :class:`BackupError`.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        if await asyncio.to_thread(target.exists):
            raise BackupError(f"{target}: exists; allowed: a new file")
        if settings.database.get_backend_name() == "sqlite":
            await asyncio.to_thread(_copy_sqlite, Path(str(settings.database.database)), part)
        else:
            await _dump_postgresql(settings.database, part)
        return await asyncio.to_thread(_keep, part, target)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{target}: {error}; allowed: a readable database, a folder to write in") from error
    finally:
        part.unlink(missing_ok=True)


def _keep(part: Path, target: Path) -> str:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.rename(target)
    return f"wrote {target}, {target.stat().st_size} bytes"


def _copy_sqlite(source: Path, part: Path) -> None:
    """One read transaction: a moment's state, and writers do not wait for it."""
    if not source.exists():
        raise BackupError(f"{source}: is not there; allowed: the ledger's file")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  # it holds phone numbers
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as ledger,
        closing(sqlite3.connect(part)) as copy,
    ):
        ledger.backup(copy)
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"{source}: is damaged: {found}; allowed: a sound database, or an older backup")


async def _dump_postgresql(url: URL, part: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupError("pg_dump: is not installed; allowed: PostgreSQL's client programs on PATH")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    command = [program, "--format=custom", "--no-password", f"--file={part}"]
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | postgresql_environment(url), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or ["failed"]
        raise BackupError(
            f"pg_dump: {lines[0]}; allowed: a database that answers, of its own version or older"
        )


def postgresql_environment(url: URL) -> dict[str, str]:
    """How PostgreSQL's programs reach the database: by environment, for arguments are for all to see."""
    host = url.host or str(url.query.get("host", ""))
    known = {
        "PGHOST": host,
        "PGPORT": str(url.port or ""),
        "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "",
        "PGDATABASE": url.database or "",
    }
    return {name: value for name, value in known.items() if value}
