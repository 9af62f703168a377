"""The ledger: requests, the timeline of each, and an agent's own day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Annotated, Any

import msgspec
from aiohttp import web

from seats.domain.requests import Outcome
from seats.masking import mask
from seats.store.ledger import IN_PROGRESS
from seats.store.rows import LedgerRow, TimelineRow
from seats.web import keys, views
from seats.web.errors import BadInputError, ConflictError, NotFoundError
from seats.web.routes import Role, Route, answer, query_of, who

DEFAULT_LIMIT = 100
FAR = 1e12
_TIME = msgspec.Meta(ge=0, le=FAR)


class RequestsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests: arrival in [since, until), province, outcome (``in_progress``: none yet)."""

    since: Annotated[float, _TIME] = 0.0
    until: Annotated[float, _TIME] = FAR
    province: str = ""
    outcome: str = ""
    cursor: Annotated[str, msgspec.Meta(max_length=200)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = DEFAULT_LIMIT


class RequestRow(msgspec.Struct, frozen=True):
    """One request of the ledger. Durations are seconds; null while not known."""

    id: str
    node: str
    arrived_at: float
    province: str
    source: str
    confidence: str
    did: str
    number_masked: str
    klass: str
    """The caller's priority class; empty for everybody."""
    outcome: str | None
    queue_s: float | None
    ring_s: float | None
    talk_s: float | None
    agent_id: str | None
    agent_name: str | None
    ended_by: str | None
    disposition: str | None
    reconstructed: bool
    offers: int


class TimelineEntry(msgspec.Struct, frozen=True):
    """One thing that happened; ``text_key`` names its sentence in the pages."""

    at: float
    kind: str
    text_key: str
    data: dict[str, Any]


class RequestsView(msgspec.Struct, frozen=True):
    """A page, newest first. ``next`` is the cursor of the following page; null at the end."""

    requests: list[RequestRow]
    next: str | None


class RequestView(msgspec.Struct, frozen=True):
    """One request with its timeline of decisions."""

    request: RequestRow
    timeline: list[TimelineEntry]


class TodayView(msgspec.Struct, frozen=True):
    """An agent's own figures of the business day; durations in seconds."""

    offers: int
    connected: int
    missed: int
    talk_s: float
    wrap_up_s: float
    ready_s: float
    not_ready_s: float


async def show_all(request: web.Request) -> web.StreamResponse:
    """GET /requests."""
    query = query_of(request, RequestsQuery)
    _check(query)
    rows, following = await request.app[keys.STORE].requests(
        since=query.since,
        until=query.until,
        province=query.province,
        outcome=query.outcome,
        cursor=query.cursor,
        limit=query.limit,
    )
    return answer(RequestsView([_row(request, row) for row in rows], following))


async def show_one(request: web.Request) -> web.StreamResponse:
    """GET /requests/{id}."""
    found = await request.app[keys.STORE].request(request.match_info["id"])
    if found is None:
        raise NotFoundError("no request has this id")
    row, timeline = found
    return answer(RequestView(_row(request, row), [_entry(entry) for entry in timeline]))


async def show_today(request: web.Request) -> web.StreamResponse:
    """GET /me/today."""
    agent = who(request).user.agent_id
    if not agent:
        raise ConflictError("this person is no agent")
    now = request.app[keys.ENGINE].now()
    since = day_start(now, request.app[keys.SETTINGS].zone)
    day = await request.app[keys.STORE].agent_day(agent, since, now)
    return answer(TodayView(*day))


def day_start(now: float, zone: tzinfo) -> float:
    """When the business day that ``now`` is in began, Unix seconds."""
    start = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return start.timestamp()


def _check(query: RequestsQuery) -> None:
    if query.province and query.province not in views.CODES:
        raise BadInputError("no such province", field="province", allowed=", ".join(views.CODES))
    allowed = [*Outcome, IN_PROGRESS]
    if query.outcome and query.outcome not in allowed:
        raise BadInputError("no such outcome", field="outcome", allowed=", ".join(allowed))


def _row(request: web.Request, row: LedgerRow) -> RequestRow:
    agent = request.app[keys.ENGINE].state.agents.get(row.agent or "")
    return RequestRow(
        id=row.id,
        node=row.node,
        arrived_at=row.arrived_at,
        province=row.province,
        source=row.source,
        confidence=row.confidence,
        did=row.did,
        number_masked=mask(row.number),
        klass=row.klass,
        outcome=row.outcome,
        queue_s=row.queue,
        ring_s=row.ring,
        talk_s=row.talk,
        agent_id=row.agent,
        agent_name=agent.name if agent else row.agent,
        ended_by=row.ended_by,
        disposition=row.disposition,
        reconstructed=row.reconstructed,
        offers=row.offers,
    )


def _entry(entry: TimelineRow) -> TimelineEntry:
    return TimelineEntry(entry.at, entry.kind, f"timeline.{entry.kind}", _safe(entry.data))


def _safe(data: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers masked; channels and the like, which mean nothing to people, left out."""
    kept = {k: v for k, v in data.items() if k not in ("channel", "uniqueid", "linkedid")}
    return {k: mask(v) if k in ("number", "cli") and isinstance(v, str) else v for k, v in kept.items()}


ROUTES = (
    Route(
        "GET",
        "/requests",
        show_all,
        "The ledger, newest first",
        Role.SUPERVISOR,
        query=RequestsQuery,
        answer=RequestsView,
    ),
    Route(
        "GET",
        "/requests/{id}",
        show_one,
        "One request and its timeline",
        Role.SUPERVISOR,
        answer=RequestView,
        errors=(404,),
    ),
    Route("GET", "/me/today", show_today, "One's own figures of the day", answer=TodayView, errors=(409,)),
)
