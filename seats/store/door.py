"""What the store's subjects share: the database, and the audit row that every change brings along."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from seats.store import tables as t
from seats.store.database import Database
from seats.store.statements import clean


class Door:
    """Base of the store's subjects."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def _upsert(self, table: Any) -> Any:
        """An INSERT of the dialect at hand that can say what to do on conflict."""
        return sqlite.insert(table) if self.database.is_sqlite else postgresql.insert(table)


async def record(
    connection: AsyncConnection, at: float, actor: str, action: str, subject: str, **detail: Any
) -> None:
    """Write the audit row of a change, in the change's own transaction."""
    row = {"at": at, "actor": clean(actor), "action": action, "subject": clean(subject), "detail": detail}
    await connection.execute(insert(t.audit), row)
