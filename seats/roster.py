"""Who takes calls, kept in step with the database: people come and go while the service runs."""

from __future__ import annotations

import asyncio

import structlog

from seats.domain.agents import Chosen, Seat, SeatKind
from seats.domain.errors import NotAllowedError
from seats.domain.messages import AgentConfigured, AgentDropped, StateAsked
from seats.engine.engine import Engine
from seats.store.errors import StoreError
from seats.store.rows import AgentRow
from seats.store.store import Store

log = structlog.get_logger(__name__)

EVERY = 5.0
"""Seconds between two looks at the database."""

REMOVED = "removed"
"""Why somebody is signed out who was taken out of service in the middle of a call."""


class Roster:
    """The agents as the core was told of them."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store, self._engine = store, engine
        self._known: dict[str, AgentRow] = {}
        self._mark = ""

    async def keep(self) -> None:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except StoreError as error:
                log.warning("people_unknown", error=str(error))

    async def look(self) -> None:
        """Tell the core who is new, changed or gone. Raises :class:`StoreError`."""
        mark = await self._store.agents_mark()
        if mark == self._mark:
            return
        rows = {row.id: row for row in await self._store.agents()}
        told = [self._drop(agent) for agent in sorted(self._known.keys() - rows.keys())]
        told += [self._put(row) for row in rows.values() if self._known.get(row.id) != row]
        if all(told):  # else the rest is tried again
            self._mark = mark

    def _drop(self, agent: str) -> bool:
        try:
            self._engine.ask(AgentDropped(agent))
        except NotAllowedError:  # on a call, which goes on; it is the last
            known = self._engine.state.agents[agent]
            if Chosen.SIGNED_OUT not in (known.chosen, known.reserved and known.reserved[0]):
                self._engine.ask(StateAsked(agent, Chosen.SIGNED_OUT, REMOVED, REMOVED))
            return False
        del self._known[agent]
        return True

    def _put(self, row: AgentRow) -> bool:
        seat = Seat(SeatKind(row.seat_kind), row.seat_address)
        try:
            self._engine.ask(AgentConfigured(row.id, row.name, row.province, row.pools, seat, row.skills))
        except NotAllowedError as error:  # the seat is still that of somebody who is on a call
            log.info("agent_waits", agent=row.id, why=str(error))
            return False
        self._known[row.id] = row
        return True
