from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

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


def test_the_name_hides_the_password() -> None:
    assert Database("postgresql://u:hunter2@h/d").name == "postgresql+asyncpg://u:***@h/d"


def test_what_trying_again_would_not_help() -> None:
    assert is_rejection(IntegrityError("s", {}, Exception("x")))
    assert is_rejection(StatementError("bad parameter", "s", {}, ValueError("x")))
    assert not is_rejection(OperationalError("s", {}, Exception("database is locked")))
    assert not is_rejection(ConnectionRefusedError())


def test_the_reason_holds_no_values() -> None:
    error = OperationalError("INSERT …", {"number": "13871234567"}, Exception("database is locked\nmore"))
    assert reason_of(error) == "database is locked"
    assert reason_of(ConnectionResetError()) == "ConnectionResetError"
