"""The store as a whole: every subject over one database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from seats.store.audit import Audit
from seats.store.callbacks import Callbacks
from seats.store.database import Database
from seats.store.demand import Demand
from seats.store.erasure import Erasure
from seats.store.ledger import Ledger
from seats.store.people import People
from seats.store.routing import Routing
from seats.store.schema import require_current


class Store(Ledger, Demand, Callbacks, People, Routing, Audit, Erasure):
    """All the doors. Made by :meth:`open`; ``close`` ends it."""

    @classmethod
    async def open(cls, url: str, *, in_writer: Callable[[], object] | None = None) -> Store:
        """Open a database whose schema is this program's. Raise :class:`seats.store.errors.StoreError`.

        ``in_writer``: see :class:`Database`.
        """
        database = Database(url, in_writer=in_writer)
        try:
            await require_current(database)
        except BaseException:
            await database.close()
            raise
        return cls(database)

    async def ping(self) -> None:
        """Raise :class:`seats.store.errors.UnreachableDatabaseError` unless the database answers."""
        async with self.database.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self.database.close()
