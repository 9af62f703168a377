"""How many agents each province needs in the next hours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

import msgspec
from aiohttp import web

from seats.domain.agents import Agent
from seats.domain.demand import HOUR, Forecast, Need
from seats.domain.plan import Plan
from seats.domain.regions import BY_CODE, UNKNOWN
from seats.domain.tally import NATION
from seats.web import keys, views
from seats.web.routes import Role, Route, answer, query_of

HISTORY_DAYS = 14
KEPT = 60.0
"""Seconds for which the reckoning stands: it reads two weeks of the ledger."""


class StaffingQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hours``: how many, the present one counted."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=12)] = 3


class NeedView(msgspec.Struct, frozen=True):
    """One hour. ``start`` Unix seconds; ``arrivals`` callers expected in it; ``needed`` agents."""

    start: float
    arrivals: float
    needed: int


class StaffingRow(msgspec.Struct, frozen=True):
    """One province. ``present`` are its own agents on duty; ``missing`` the most it lacks in these hours.

    ``handling`` and ``patience`` are seconds, measured; ``measured`` False: too few calls, all provinces'.
    """

    code: str
    zh: str
    en: str
    objective: float | None
    present: int
    missing: int
    handling: float
    patience: float
    measured: bool
    hours: list[NeedView]


class StaffingView(msgspec.Struct, frozen=True):
    """Each province by itself, and as ``totals`` the nation if all agents served all callers."""

    provinces: list[StaffingRow]
    totals: StaffingRow
    as_of: float


class Kept:
    """The last reckoning."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.forecast: Forecast | None = None


async def show(request: web.Request) -> web.StreamResponse:
    """GET /staffing."""
    query = query_of(request, StaffingQuery)
    engine = request.app[keys.ENGINE]
    forecast = await _forecast(request)
    rows, totals = await asyncio.to_thread(
        _reckon, forecast, engine.state.plan, _present(engine.state.agents.values()), query.hours
    )
    return answer(StaffingView(rows, totals, engine.now()))


async def _forecast(request: web.Request) -> Forecast:
    kept = request.app[keys.STAFFING]
    now = request.app[keys.ENGINE].now()
    async with kept.lock:
        if kept.forecast is None or not 0.0 <= now - kept.forecast.now < KEPT:
            since = (now // HOUR - HISTORY_DAYS * 24) * HOUR
            hours = await request.app[keys.STORE].hours(since, now)
            kept.forecast = Forecast(hours, now, request.app[keys.ENGINE].state.plan.wrap_up)
        return kept.forecast


def _present(agents: Iterable[Agent]) -> dict[str, int]:
    found: dict[str, int] = {}
    for agent in agents:
        if agent.staffed:
            found[agent.province] = found.get(agent.province, 0) + 1
    return found


def _reckon(
    forecast: Forecast, plan: Plan, present: dict[str, int], hours: int
) -> tuple[list[StaffingRow], StaffingRow]:
    objectives = {code: route.objective for code, route in plan.routes.items()}
    rows = []
    for code in views.CODES:
        if code in objectives:
            needs = forecast.needs(code, objectives[code], hours)
            rows.append(_row(forecast, code, present.get(code, 0), objectives[code], needs))
    pooled = forecast.pooled(objectives, hours)
    return rows, _row(forecast, NATION, sum(present.values()), None, pooled)


def _row(
    forecast: Forecast, code: str, present: int, objective: float | None, needs: list[Need]
) -> StaffingRow:
    known = BY_CODE.get(code)
    habit = forecast.habit(code)
    zh, en = (known.zh, known.en) if known else ("未知", "Unknown") if code == UNKNOWN else ("全国", "Nation")
    return StaffingRow(
        code=code,
        zh=zh,
        en=en,
        objective=objective,
        present=present,
        missing=max(0, *(need.needed - present for need in needs)),
        handling=round(habit.handling, 1),
        patience=round(habit.patience, 1),
        measured=habit.known,
        hours=[NeedView(need.start, round(need.arrivals, 1), need.needed) for need in needs],
    )


ROUTES = (
    Route(
        "GET",
        "/staffing",
        show,
        "Agents needed for each objective in the next hours",
        Role.SUPERVISOR,
        query=StaffingQuery,
        answer=StaffingView,
    ),
)
