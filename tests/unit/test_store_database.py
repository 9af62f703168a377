from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    StatementError,
)

from seats.store.database import Database, is_rejection, parse_url, reason_of
from seats.store.errors import BadDatabaseUrlError


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///var/seats.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////srv/seats.db", "sqlite+aiosqlite"),
        ("postgresql://h/d", "postgresql+asyncpg"),
        ("postgres://h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg://h/d", "postgresql+asyncpg"),
    ],
)
def test_drivers(given: str, driver: str) -> None:
    assert parse_url(given).drivername == driver


def test_bad_urls() -> None:
    for url in ("", "x", "mysql://h/d", "sqlite://"):
        with pytest.raises(BadDatabaseUrlError):
            parse_url(url)


async def test_the_writer_s_own_thread_is_told_once_and_the_reader_s_is_not(tmp_path: Path) -> None:
    told: list[int] = []
    database = Database(f"sqlite:///{tmp_path}/x.db", in_writer=lambda: told.append(threading.get_ident()))
    try:
        for door in (database.read, database.write, database.write):
            async with door() as connection:
                await connection.execute(text("SELECT 1"))
    finally:
        await database.close()
    assert len(told) == 1
    assert told != [threading.get_ident()]


def test_the_name_hides_the_password() -> None:
    assert Database("postgresql://u:hunter2@h/d").name == "postgresql+asyncpg://u:***@h/d"


class OriginalError(Exception):
    def __init__(self, text: str = "", sqlstate: str = "") -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "rejected"),
    [
        (StatementError("bad parameter", "s", {}, ValueError("x")), True),
        (IntegrityError("s", {}, OriginalError("NOT NULL constraint failed: requests.did")), True),
        (IntegrityError("s", {}, OriginalError("null value", "23502")), True),
        (DBAPIError("s", {}, OriginalError("out of range", "22003")), True),
        (InterfaceError("s", {}, OriginalError("Error binding parameter 3")), True),
        (IntegrityError("s", {}, OriginalError("UNIQUE constraint failed: audit.seq")), False),
        (IntegrityError("s", {}, OriginalError("duplicate key", "23505")), False),
        (ProgrammingError("s", {}, OriginalError("relation does not exist", "42P01")), False),
        (ProgrammingError("s", {}, OriginalError("permission denied", "42501")), False),
        (OperationalError("s", {}, OriginalError("database is locked")), False),
        (OperationalError("s", {}, OriginalError("no such table: requests")), False),
        (ConnectionRefusedError(), False),
    ],
)
def test_only_a_bad_value_is_given_up(error: Exception, rejected: bool) -> None:
    assert is_rejection(error) is rejected


def test_the_reason_holds_no_values() -> None:
    error = OperationalError("INSERT …", {"number": "13871234567"}, Exception("database is locked\nmore"))
    assert reason_of(error) == "database is locked"
    assert reason_of(ConnectionResetError()) == "ConnectionResetError"
