"""Reading the ledger: pages, one request, and the sums that live figures start from."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select, tuple_

from seats.domain.requests import Outcome
from seats.store import tables as t
from seats.store.door import Door
from seats.store.errors import BadCursorError
from seats.store.figures import spent
from seats.store.rows import AgentDay, CohortRow, LedgerRow, OfferRow, OpenRow, StateRow, TimelineRow, Waits

IN_PROGRESS = "in_progress"
"""Stands for "no outcome yet" where an outcome is asked for."""

RELEASED = ("timeout", "no_seat", "excluded_closed", "callback")
"""Outcomes that we decide and then tell the caller."""

MAX_PAGE = 1000
_IN_ONE_QUESTION = 500
"""Ids in one query: databases bound the number of parameters."""

MISSED = ("rona", "rejected")
"""Offer results an agent is answerable for; a seat or network that failed is not among them."""

_r = t.requests.c
_WAITED = func.coalesce(_r.queue_s, 0.0) + func.coalesce(_r.ring_s, 0.0)
_OFFERS = select(func.count()).select_from(t.offers).where(t.offers.c.request == _r.id).scalar_subquery()
_ROW = select(
    _r.id, _r.node, _r.arrived_at, _r.province, _r.source, _r.confidence, _r.did, _r.number, _r.outcome,
    _r.queue_s, _r.ring_s, _r.talk_s, _r.agent, _r.ended_by, _r.disposition, _r.reconstructed, _OFFERS,
    _r.klass,
)  # fmt: skip


class Ledger(Door):
    """Requests, offers and timelines."""

    async def requests(
        self,
        *,
        since: float = 0.0,
        until: float = math.inf,
        province: str = "",
        outcome: str = "",
        cursor: str = "",
        limit: int = 100,
    ) -> tuple[list[LedgerRow], str | None]:
        """A page of requests with ``since`` ≤ arrival < ``until``, newest first, and the next page's cursor.

        ``outcome`` may be ``in_progress``. Raise :class:`BadCursorError`.
        """
        limit = max(1, min(limit, MAX_PAGE))
        query = _ROW.where(_r.arrived_at >= since, _r.arrived_at < until)
        if province:
            query = query.where(_r.province == province)
        if outcome:
            query = query.where(_r.outcome.is_(None) if outcome == IN_PROGRESS else _r.outcome == outcome)
        if cursor:
            query = query.where(tuple_(_r.arrived_at, _r.id) < tuple_(*read_cursor(cursor)))
        query = query.order_by(_r.arrived_at.desc(), _r.id.desc()).limit(limit + 1)
        rows = [LedgerRow(*row) for row in await self._all(query)]
        last = rows[limit - 1] if len(rows) > limit else None
        return rows[:limit], page_cursor(last.arrived_at, last.id) if last else None

    async def request(self, request: str) -> tuple[LedgerRow, list[TimelineRow]] | None:
        """One request and all that happened to it, in order; None if there is no such request."""
        async with self.database.read() as connection:
            found: Any = (await connection.execute(_ROW.where(_r.id == request))).first()
            if found is None:
                return None
            timeline = await connection.execute(
                select(t.audit.c.at, t.audit.c.action, t.audit.c.detail)
                .where(t.audit.c.subject == f"request/{request}")
                .order_by(t.audit.c.seq)
            )
            return LedgerRow(*found), [TimelineRow(*row) for row in timeline]

    async def offers(self, request: str) -> list[OfferRow]:
        """The offers of a request, in order."""
        query = (
            select(t.offers).where(t.offers.c.request == request).order_by(t.offers.c.made_at, t.offers.c.id)
        )
        return [OfferRow(*row) for row in await self._all(query)]

    async def totals(self) -> dict[tuple[str, str], int]:
        """Requests since ever by (province, outcome); those without one under ``in_progress``."""
        # grouped by the bare columns: their index answers alone, about 0.25 s per million requests
        query = select(_r.province, _r.outcome, func.count()).group_by(_r.province, _r.outcome)
        rows = await self._all(query)
        return {(province, outcome or IN_PROGRESS): number for province, outcome, number in rows}

    async def offer_totals(self) -> dict[str, int]:
        """Ended offers since ever by result."""
        o = t.offers.c
        query = select(o.result, func.count()).where(o.result.is_not(None)).group_by(o.result)
        return dict(await self._all(query))

    async def waits(self, bounds: Sequence[float], outcome: str = "") -> dict[str, Waits]:
        """Waits (queue + ring) of decided requests since ever, by province, for a histogram's start.

        Reads every request, about 3 s per million: not for a path on which anything waits.
        """
        counts = [func.sum(case((_WAITED <= bound, 1), else_=0)) for bound in bounds]  # noqa: SIM300 - reads as it is
        query = select(_r.province, func.sum(_WAITED), func.count(), *counts).group_by(_r.province)
        query = query.where(_r.outcome == outcome if outcome else _r.outcome.is_not(None))
        rows = await self._all(query)
        return {row[0]: Waits(tuple(int(n) for n in row[3:]), float(row[1]), row[2]) for row in rows}

    async def cohort(self, since: float, until: float = math.inf) -> list[CohortRow]:
        """Requests that arrived in the interval, oldest first, as live figures need them."""
        query = (
            select(_r.arrived_at, _r.province, _r.outcome, _WAITED)
            .where(_r.arrived_at >= since, _r.arrived_at < until)
            .order_by(_r.arrived_at, _r.id)
        )
        return [CohortRow(*row) for row in await self._all(query)]

    async def open_requests(self, released_since: float = math.inf) -> list[OpenRow]:
        """Requests and calls that have not ended, oldest first: what a restart must account for.

        Also those let go of since a time, as their callers may still hear why.
        """
        released = and_(_r.outcome.in_(RELEASED), _r.decided_at >= released_since)
        query = (
            select(*(_r[name] for name in OpenRow._fields))
            .where(or_(_r.ended_at.is_(None), released))
            .order_by(_r.arrived_at, _r.id)
        )
        return [OpenRow(*row) for row in await self._all(query)]

    async def open_offers(self) -> dict[str, list[tuple[str, str]]]:
        """Offers without an end of requests and calls that have not ended, oldest first: request → (offer, agent)."""
        o = t.offers.c
        query = (
            select(o.request, o.id, o.agent)
            .join(t.requests, _r.id == o.request)
            .where(_r.ended_at.is_(None), o.result.is_(None))
            .order_by(o.made_at, o.id)
        )
        found: dict[str, list[tuple[str, str]]] = {}
        for request, offer, agent in await self._all(query):
            found.setdefault(request, []).append((offer, agent))
        return found

    async def closed(self, requests: Sequence[str]) -> set[str]:
        """Those of these requests that are over as far as the ledger knows."""
        found: set[str] = set()
        for start in range(0, len(requests), _IN_ONE_QUESTION):
            some = requests[start : start + _IN_ONE_QUESTION]
            found.update(
                id_
                for (id_,) in await self._all(select(_r.id).where(_r.id.in_(some), _r.ended_at.is_not(None)))
            )
        return found

    async def agent_day(self, agent: str, since: float, until: float) -> AgentDay:
        """One agent's figures between two times; pass the present as ``until`` for a day that still runs."""
        o, s = t.offers.c, t.agent_states.c
        made = select(o.result, func.count()).where(o.agent == agent, o.made_at >= since, o.made_at < until)
        log = select(s.at, s.chosen, s.machine).where(s.agent == agent)
        before = log.where(s.at < since).order_by(s.at.desc(), s.seq.desc()).limit(1)
        during = log.where(s.at >= since, s.at < until).order_by(s.at, s.seq)
        async with self.database.read() as connection:
            results: dict[str | None, int] = dict((await connection.execute(made.group_by(o.result))).all())
            states = [
                (at, chosen, machine)
                for query in (before, during)
                for at, chosen, machine in await connection.execute(query)
            ]
        times = spent(states, since, until)
        return AgentDay(
            offers=sum(results.values()),
            connected=results.get(Outcome.CONNECTED.value, 0),
            missed=sum(results.get(name, 0) for name in MISSED),
            talk_s=times.talk,
            wrap_up_s=times.wrap_up,
            ready_s=times.ready,
            not_ready_s=times.not_ready,
        )

    async def last_states(self) -> dict[str, StateRow]:
        """Each agent's latest recorded state, for a restart to go on from."""
        s = t.agent_states.c
        latest = select(func.max(s.seq)).group_by(s.agent).scalar_subquery()
        query = select(*(s[name] for name in StateRow._fields)).where(s.seq.in_(latest))
        return {row.agent: row for row in (StateRow(*found) for found in await self._all(query))}

    async def _all(self, query: Select[Any]) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(query))


def page_cursor(arrived_at: float, request: str) -> str:
    """Where the next page begins, for people to hand back: after this row."""
    return base64.urlsafe_b64encode(f"{arrived_at!r} {request}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[float, str]:
    """The row a page begins after. Raise :class:`BadCursorError`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, request = base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition(" ")
        arrived_at = float(at)
    except (binascii.Error, ValueError):
        raise BadCursorError(
            "cursor", f"{cursor[:40]!r} is no cursor", "the cursor of the page before"
        ) from None
    if not math.isfinite(arrived_at) or not request or "\0" in request:
        raise BadCursorError("cursor", f"{cursor[:40]!r} is no cursor", "the cursor of the page before")
    return arrived_at, request
