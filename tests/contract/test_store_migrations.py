from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from seats.store import Store
from seats.store.database import Database
from seats.store.errors import BadDatabaseUrlError, NewerSchemaError, OldSchemaError, UnreachableDatabaseError
from seats.store.schema import SchemaState, head, schema_state, upgrade
from seats.store.tables import metadata


async def set_revision(url: str, revision: str) -> None:
    database = Database(url)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    await database.close()


async def test_from_nothing_to_today(empty_url: str) -> None:
    assert await schema_state(empty_url) is SchemaState.EMPTY
    await upgrade(empty_url)
    assert await schema_state(empty_url) is SchemaState.OK
    await upgrade(empty_url)
    assert await schema_state(empty_url) is SchemaState.OK


async def test_the_migrations_build_the_tables_of_the_program(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    def indices(connection: Connection) -> set[str]:
        found = inspect(connection)
        return {str(i["name"]) for table in metadata.tables for i in found.get_indexes(table)}

    database = Database(url)
    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
        wanted = {str(i.name) for table in metadata.tables.values() for i in table.indexes}
        assert wanted <= await connection.run_sync(indices)
    await database.close()


async def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    await set_revision(url, "9999")
    assert await schema_state(url) is SchemaState.NEWER
    for attempt in (upgrade(url), Store.open(url)):
        with pytest.raises(NewerSchemaError) as caught:
            await attempt
        assert "database of a newer schema" in str(caught.value)
        assert head() in caught.value.allowed
    assert await schema_state(url) is SchemaState.NEWER


async def test_an_empty_database_is_not_opened(empty_url: str) -> None:
    with pytest.raises(OldSchemaError, match="seats db upgrade"):
        await Store.open(empty_url)


async def test_two_upgrades_at_once(empty_url: str) -> None:
    await asyncio.gather(upgrade(empty_url), upgrade(empty_url))
    assert await schema_state(empty_url) is SchemaState.OK


async def test_looking_makes_no_file_and_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "seats.db"
    assert await schema_state(f"sqlite:///{path}") is SchemaState.EMPTY
    assert not path.parent.exists()
    await upgrade(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_urls_that_are_refused() -> None:
    for url in ("nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(BadDatabaseUrlError) as caught:
            await schema_state(url)
        assert caught.value.allowed


async def test_a_server_that_is_away_is_told_without_the_password() -> None:
    with pytest.raises(UnreachableDatabaseError) as caught:
        await schema_state("postgresql://user:hunter2@127.0.0.1:1/seats")
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is not a database at all, just some longer text\n" * 100)
    with pytest.raises(UnreachableDatabaseError, match="not a database"):
        await schema_state(f"sqlite:///{tmp_path}/x.db")
