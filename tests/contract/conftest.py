from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from seats.store import Store
from seats.store.schema import upgrade
from tests.contract.postgres import Postgres, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without any schema, on each kind of server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/var/seats.db"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.new_database()


@pytest.fixture
async def url(empty_url: str) -> str:
    """URL of a database with today's schema."""
    await upgrade(empty_url)
    return empty_url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store on SQLite, whose planner decides without statistics: its plans can be pinned."""
    await upgrade(f"sqlite:///{tmp_path}/seats.db")
    opened = await Store.open(f"sqlite:///{tmp_path}/seats.db")
    yield opened
    await opened.close()
