"""Taking personal data out of the ledger. What rates are made of stays: rows, times, provinces, outcomes.

A caller's number stands in ``requests.number`` and ``callbacks.number`` and nowhere else; a person's name and
mobile number in ``agents``, ``users`` and the audit rows that brought them. Requests and callbacks that are
not over keep their number: the caller may still be on the line, or is to be called.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, not_, select, tuple_, union, update

from seats.domain.callback_book import OPEN
from seats.store import tables as t
from seats.store.door import Door, record
from seats.store.errors import ConflictError, NotFoundError

AT_ONCE = 500
"""Requests changed in one transaction: the ledger's writer never waits long for its turn."""

SHORTEST = 5
"""Digits below which a number names too many callers to erase them all."""

_NOT_DIGITS = re.compile(r"[^0-9]+")
_COUNTRY = re.compile(r"(?:00)?86(?=[0-9]{10})")
_PERSONAL = ("name", "seat_address")
_r, _c, _a, _u, _x = t.requests.c, t.callbacks.c, t.agents.c, t.users.c, t.audit.c
_CALLBACK_OVER = _c.state.not_in([state.value for state in OPEN])


class Erased(NamedTuple):
    """Requests and callbacks whose number was taken out, and those not over yet that ``kept`` it."""

    requests: int
    callbacks: int
    kept: int


def national(number: str) -> str:
    """The digits that are the same however a trunk writes the number: without 86, 0086 and trunk zero."""
    digits = _NOT_DIGITS.sub("", number)
    if found := _COUNTRY.match(digits):
        digits = digits[found.end() :]
    return digits.removeprefix("0")


class Erasure(Door):
    """Erases callers' numbers, by age or by number, and persons who have left."""

    async def erase_before(self, until: float, *, since: float = 0.0, at: float, actor: str) -> Erased:
        """Take out the numbers of requests that arrived before ``until`` and of callbacks asked for before it.

        Requests from ``since`` on are looked at. ``kept`` is 0: what is not over is left for the next time.
        """
        erased, cursor = 0, (since, "")
        while True:
            query = (
                select(_r.arrived_at, _r.id)
                .where(_r.arrived_at < until, _r.number != "", _r.ended_at.is_not(None))
                .where(tuple_(_r.arrived_at, _r.id) > tuple_(*cursor))
                .order_by(_r.arrived_at, _r.id)
                .limit(AT_ONCE)
            )
            async with self.database.read() as connection:
                found = [(row[0], row[1]) for row in await connection.execute(query)]
            if not found:
                break
            erased += await self._blank(_r.id.in_([id_ for _, id_ in found]))
            cursor = found[-1]
        callbacks = await self._blank_callbacks(_c.asked_at < until, _c.number != "")
        if erased or callbacks:
            detail = {"until": until, "requests": erased, "callbacks": callbacks}
            await self._recorded(at, actor, "numbers_erased", **detail)
        return Erased(erased, callbacks, 0)

    async def erase_caller(self, number: str, *, at: float, actor: str) -> Erased:
        """Take out one caller's number, in whatever way it was written. Raise :class:`ConflictError`."""
        wanted = national(number)
        if len(wanted) < SHORTEST:
            raise ConflictError("number", f"{number!r} is too short", f"{SHORTEST} digits or more")
        alike = union(*(select(n).where(n.like(f"%{wanted}")) for n in (_r.number, _c.number)))
        async with self.database.read() as connection:
            spellings = [n for (n,) in await connection.execute(alike) if national(n) == wanted]
            calls = select(func.count()).where(_r.number.in_(spellings), _r.ended_at.is_(None))
            backs = select(func.count()).where(_c.number.in_(spellings), not_(_CALLBACK_OVER))
            kept = int(await connection.scalar(calls) or 0) + int(await connection.scalar(backs) or 0)
        erased = await self._blank(_r.number.in_(spellings)) if spellings else 0
        callbacks = await self._blank_callbacks(_c.number.in_(spellings)) if spellings else 0
        await self._recorded(at, actor, "caller_erased", requests=erased, callbacks=callbacks)
        return Erased(erased, callbacks, kept)

    async def erase_agent(self, agent: str, *, at: float, actor: str) -> None:
        """Take out the name, mobile number and sign-in of someone who has left; the id stays in the ledger.

        Raise :class:`NotFoundError`, and :class:`ConflictError` for someone still in service.
        """
        async with self.database.write() as connection:
            active = await connection.scalar(select(_a.active).where(_a.id == agent))
            if active is None:
                raise NotFoundError("agents", f"no agent has the id {agent!r}", "an agent's id")
            if active:
                raise ConflictError("agents", f"{agent!r} is in service", "an agent who was removed")
            logins = (await connection.execute(select(_u.login).where(_u.agent_id == agent))).scalars().all()
            await connection.execute(update(t.agents).where(_a.id == agent).values(name="", seat_address=""))
            await connection.execute(delete(t.users).where(_u.agent_id == agent))
            subjects = [f"agent/{agent}", *(f"user/{login}" for login in logins)]
            await self._strip(connection, subjects)
            await record(connection, at, actor, "agent_erased", f"agent/{agent}")
        await self._settle()

    async def _blank(self, which: ColumnElement[bool]) -> int:
        statement = update(t.requests).where(which, _r.ended_at.is_not(None)).values(number="")
        async with self.database.write() as connection:
            return int((await connection.execute(statement)).rowcount)

    async def _blank_callbacks(self, *which: ColumnElement[bool]) -> int:
        statement = update(t.callbacks).where(*which, _CALLBACK_OVER).values(number="")
        async with self.database.write() as connection:
            return int((await connection.execute(statement)).rowcount)

    async def _strip(self, connection: Any, subjects: Sequence[str]) -> None:
        """Take names and addresses out of the audit rows of a person."""
        rows = await connection.execute(select(_x.seq, _x.detail).where(_x.subject.in_(subjects)))
        for seq, detail in rows.all():
            if any(detail.get(key) for key in _PERSONAL):
                clean = {k: "" if k in _PERSONAL else v for k, v in detail.items()}
                await connection.execute(update(t.audit).where(_x.seq == seq).values(detail=clean))

    async def _recorded(self, at: float, actor: str, action: str, **detail: Any) -> None:
        async with self.database.write() as connection:
            await record(connection, at, actor, action, "ledger", **detail)
        await self._settle()

    async def _settle(self) -> None:
        """SQLite: bring the change from the log into the file, where freed space is overwritten."""
        if self.database.path is not None:
            await asyncio.to_thread(_checkpoint, self.database.path)


def _checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
