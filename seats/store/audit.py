"""Reading the audit log."""

from __future__ import annotations

from sqlalchemy import select

from seats.store import tables as t
from seats.store.door import Door
from seats.store.rows import AuditRow

_x = t.audit.c
MAX_PAGE = 1000


class Audit(Door):
    """What was changed, by whom."""

    async def audit(
        self, *, subject: str = "", before: int | None = None, limit: int = 100
    ) -> list[AuditRow]:
        """Audit rows of a ``subject`` or all, newest first, of ``seq`` below ``before``."""
        query = select(*(_x[name] for name in AuditRow._fields)).order_by(_x.seq.desc())
        if subject:
            query = query.where(_x.subject == subject)
        if before is not None:
            query = query.where(_x.seq < before)
        query = query.limit(max(1, min(limit, MAX_PAGE)))
        async with self.database.read() as connection:
            return [AuditRow(*row) for row in await connection.execute(query)]
