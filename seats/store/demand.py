"""What came, hour by hour: the figures staffing is reckoned from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, case, cast, func, select

from seats.domain.demand import HOUR, Hour
from seats.domain.requests import Outcome
from seats.store import tables as t
from seats.store.door import Door

_r = t.requests.c
_LEFT = (Outcome.ABANDONED.value, Outcome.EXCLUDED_SHORT.value)


class Demand(Door):
    """Sums by province and hour of arrival."""

    async def hours(self, since: float, until: float) -> list[Hour]:
        """Requests with ``since`` ≤ arrival < ``until`` in open hours, by province and hour.

        About 1 s per million requests on SQLite: keep the answer for a while.
        """
        whole = _r.arrived_at / HOUR
        # SQLite's cast cuts and may lack floor; PostgreSQL's rounds
        hour = cast(whole if self.database.is_sqlite else func.floor(whole), Integer)
        waited = func.coalesce(_r.queue_s, 0.0) + func.coalesce(_r.ring_s, 0.0)
        connected = _r.outcome == Outcome.CONNECTED.value
        query = (
            select(
                _r.province,
                hour,
                func.count(),
                func.sum(case((_r.outcome.in_(_LEFT), 1), else_=0)),
                func.sum(waited),
                func.sum(case((connected & _r.talk_s.is_not(None), 1), else_=0)),
                func.sum(case((connected, func.coalesce(_r.talk_s, 0.0)), else_=0.0)),
                func.sum(case((connected, func.coalesce(_r.ring_s, 0.0)), else_=0.0)),
            )
            .where(_r.arrived_at >= since, _r.arrived_at < until)
            .where(_r.outcome.is_(None) | (_r.outcome != Outcome.EXCLUDED_CLOSED.value))
            .group_by(_r.province, hour)
        )
        async with self.database.read() as connection:
            rows: list[Any] = list(await connection.execute(query))
        return [
            Hour(
                province, int(n), int(requests), int(left), float(wait), int(talks), float(talk), float(ring)
            )
            for province, n, requests, left, wait, talks, talk, ring in rows
        ]
