"""Reading callbacks: pages, one with its attempts, and what a restart and the figures start from."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, tuple_

from seats.domain.callback_book import OPEN, CallbackState
from seats.store import tables as t
from seats.store.door import Door
from seats.store.ledger import MAX_PAGE, page_cursor, read_cursor


class CallbackRow(NamedTuple):
    """One callback. ``asked_at`` is its age: the arrival of the oldest of its ``requests`` requests."""

    id: str
    number: str
    province: str
    did: str
    node: str
    request: str
    source: str
    requests: int
    asked_at: float
    state: str
    due_at: float
    attempts: int
    agent: str
    reason: str
    changed_at: float


class AttemptRow(NamedTuple):
    """One attempt. ``reached_at`` is when agent and customer heard each other, if they did."""

    id: str
    agent: str
    agent_first: bool
    began_at: float
    reached_at: float | None
    ended_at: float
    result: str
    talk: float
    detail: str


_c, _a = t.callbacks.c, t.callback_attempts.c
_OPEN = tuple(state.value for state in OPEN)
_ROW = select(*(_c[name] for name in CallbackRow._fields))


class Callbacks(Door):
    """Callbacks and their attempts."""

    async def callbacks(
        self, *, state: str = "", province: str = "", cursor: str = "", limit: int = 100
    ) -> tuple[list[CallbackRow], str | None]:
        """A page, newest first, and the next page's cursor. ``state`` may be ``open``.

        Raise :class:`BadCursorError`.
        """
        limit = max(1, min(limit, MAX_PAGE))
        query = _ROW
        if state:
            query = query.where(_c.state.in_(_OPEN) if state == "open" else _c.state == state)
        if province:
            query = query.where(_c.province == province)
        if cursor:
            query = query.where(tuple_(_c.asked_at, _c.id) < tuple_(*read_cursor(cursor)))
        query = query.order_by(_c.asked_at.desc(), _c.id.desc()).limit(limit + 1)
        rows = [CallbackRow(*row) for row in await self._rows(query)]
        last = rows[limit - 1] if len(rows) > limit else None
        return rows[:limit], page_cursor(last.asked_at, last.id) if last else None

    async def callback(self, callback: str) -> tuple[CallbackRow, list[AttemptRow]] | None:
        """One callback with its attempts, in order; None if there is no such callback."""
        columns = (*(_a[n] for n in AttemptRow._fields[:7]), _a.talk_s, _a.detail)
        async with self.database.read() as connection:
            found: Any = (await connection.execute(_ROW.where(_c.id == callback))).first()
            if found is None:
                return None
            tried = select(*columns).where(_a.callback == callback).order_by(_a.began_at, _a.id)
            return CallbackRow(*found), [AttemptRow(*row) for row in await connection.execute(tried)]

    async def open_callbacks(self) -> list[CallbackRow]:
        """All that are not over, oldest first: what a restart goes on with."""
        query = _ROW.where(_c.state.in_(_OPEN)).order_by(_c.asked_at, _c.id)
        return [CallbackRow(*row) for row in await self._rows(query)]

    async def callback_totals(self, since: float = 0.0) -> dict[tuple[str, str], int]:
        """Callbacks that ended from ``since`` on, and all that are open, by (province, state)."""
        query = select(_c.province, _c.state, func.count()).group_by(_c.province, _c.state)
        query = query.where(_c.state.in_(_OPEN) | (_c.changed_at >= since))
        return {(province, state): number for province, state, number in await self._rows(query)}

    async def oldest_callback(self) -> float | None:
        """The age of the oldest that waits: when its caller first asked."""
        query = select(func.min(_c.asked_at)).where(_c.state == CallbackState.WAITING.value)
        rows = await self._rows(query)
        return rows[0][0] if rows else None

    async def _rows(self, query: Select[Any]) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(query))
