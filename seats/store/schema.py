"""The schema's version: what the database has, what this program wants, and the way from one to the other."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from seats.store.database import Database, prepare_file
from seats.store.errors import NewerSchemaError, OldSchemaError

_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 0x5EA75


class SchemaState(StrEnum):
    """How the database's schema compares with this program's."""

    EMPTY = "empty"
    BEHIND = "behind"
    OK = "ok"
    NEWER = "newer"


async def schema_state(url: str) -> SchemaState:
    """Compare. Creates nothing. Raise :class:`UnreachableDatabaseError`."""
    database = Database(url)
    try:
        return await state_of(database)
    finally:
        await database.close()


async def state_of(database: Database) -> SchemaState:
    """As :func:`schema_state`, over a database at hand."""
    if database.path is not None and not database.path.exists():
        return SchemaState.EMPTY
    async with database.read() as connection:
        return await connection.run_sync(_state)


async def require_current(database: Database) -> None:
    """Raise :class:`NewerSchemaError` or :class:`OldSchemaError` unless the schema is this program's."""
    state = await state_of(database)
    if state is SchemaState.NEWER:
        raise _newer(database)
    if state is not SchemaState.OK:
        what = "has no schema yet" if state is SchemaState.EMPTY else "has an older schema"
        raise OldSchemaError(database.name, what, "an upgraded database: run `seats db upgrade`")


async def upgrade(url: str) -> None:
    """Bring the schema up to this program's, from wherever it is. Raise :class:`NewerSchemaError`.

    Safe to run by several processes at once, and again: all or nothing, and nothing to do is fine.
    """
    database = Database(url)
    try:
        if database.path is not None:
            prepare_file(database.path)
        async with database.write() as connection:
            if not database.is_sqlite:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
            if await connection.run_sync(_state) is SchemaState.NEWER:
                raise _newer(database)
            await connection.run_sync(_upgrade)
    finally:
        await database.close()


def _newer(database: Database) -> NewerSchemaError:
    return NewerSchemaError(
        database.name,
        "is a database of a newer schema, made by a later version of this program",
        f"schema {head()} or older: install the later version, or use another database",
    )


def head() -> str:
    """The revision this program works with."""
    return str(_scripts().get_current_head())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _state(connection: Connection) -> SchemaState:
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        return SchemaState.EMPTY
    if found == head():
        return SchemaState.OK
    known = {script.revision for script in _scripts().walk_revisions()}
    return SchemaState.BEHIND if found in known else SchemaState.NEWER


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
