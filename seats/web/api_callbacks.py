"""Callbacks: who is to be called back, and taking or cancelling one."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from seats.domain.callback_book import CallbackState
from seats.domain.errors import UnknownAgentError
from seats.domain.messages import CallbackCancelAsked, CallbackTakeAsked
from seats.masking import mask
from seats.store.callbacks import AttemptRow, CallbackRow
from seats.web import keys, views
from seats.web.api_requests import day_start
from seats.web.errors import BadInputError, ForbiddenError, NotFoundError
from seats.web.routes import Role, Route, answer, body_of, query_of, role_of, who

OPEN = "open"
"""Stands for every state in which a callback is not over."""


class CallbacksQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which callbacks: state (``open``: not over), province. Agents see those that are open."""

    state: str = ""
    province: str = ""
    cursor: Annotated[str, msgspec.Meta(max_length=200)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class CallbackView(msgspec.Struct, frozen=True):
    """One callback. ``asked_at`` is its age: when the oldest of its ``requests`` requests arrived."""

    id: str
    province: str
    number_masked: str
    did: str
    request: str
    source: str
    requests: int
    asked_at: float
    state: str
    due_at: float
    attempts: int
    agent_id: str | None
    agent_name: str | None
    reason: str
    changed_at: float


class CallbacksView(msgspec.Struct, frozen=True):
    """A page, newest first, and the sums over all provinces. ``dial`` is what the plan says of dialling."""

    callbacks: list[CallbackView]
    next: str | None
    waiting: int
    calling: int
    done_today: int
    lost_today: int
    """Given up today: no attempt reached them, or they became too old."""
    oldest_asked_at: float | None
    dial: str


class AttemptView(msgspec.Struct, frozen=True):
    """One attempt. ``reached_at`` is when agent and customer heard each other."""

    id: str
    agent_id: str | None
    agent_first: bool
    began_at: float
    reached_at: float | None
    ended_at: float
    result: str
    talk_s: float
    detail: str


class OneCallbackView(msgspec.Struct, frozen=True):
    """One callback with its attempts, in order."""

    callback: CallbackView
    attempts: list[AttemptView]


class TakeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes it; empty: oneself."""

    agent: str = ""


async def show_all(request: web.Request) -> web.StreamResponse:
    """GET /callbacks."""
    query = query_of(request, CallbacksQuery)
    _check(query)
    store, engine = request.app[keys.STORE], request.app[keys.ENGINE]
    own = role_of(who(request)) < Role.SUPERVISOR
    rows, following = await store.callbacks(
        state=OPEN if own else query.state, province=query.province, cursor=query.cursor, limit=query.limit
    )
    totals = await store.callback_totals(day_start(engine.now(), request.app[keys.SETTINGS].zone))
    counts = dict.fromkeys(CallbackState, 0)
    for (_, state), number in totals.items():
        counts[CallbackState(state)] += number
    return answer(
        CallbacksView(
            [_view(request, row) for row in rows],
            following,
            counts[CallbackState.WAITING],
            counts[CallbackState.CALLING],
            counts[CallbackState.DONE],
            counts[CallbackState.FAILED] + counts[CallbackState.EXPIRED],
            await store.oldest_callback(),
            engine.state.plan.callbacks.dial.value,
        )
    )


async def show_one(request: web.Request) -> web.StreamResponse:
    """GET /callbacks/{id}."""
    found = await request.app[keys.STORE].callback(request.match_info["id"])
    if found is None:
        raise NotFoundError("no callback has this id")
    row, attempts = found
    return answer(OneCallbackView(_view(request, row), [_attempt(a) for a in attempts]))


async def cancel(request: web.Request) -> web.StreamResponse:
    """POST /callbacks/{id}/cancel."""
    callback = _open(request)
    request.app[keys.ENGINE].ask(CallbackCancelAsked(callback, who(request).user.login))
    return answer({}, status=202)


async def take(request: web.Request) -> web.StreamResponse:
    """POST /callbacks/{id}/take: the agent is rung, then the customer is dialled."""
    callback = _open(request)
    body, signed_in = await body_of(request, TakeBody), who(request)
    agent = body.agent or signed_in.user.agent_id or ""
    if agent != signed_in.user.agent_id and role_of(signed_in) < Role.SUPERVISOR:
        raise ForbiddenError("another agent's seat", allowed=f"agent {signed_in.user.agent_id or '-'}")
    if agent not in request.app[keys.ENGINE].state.agents:
        raise UnknownAgentError(agent)
    request.app[keys.ENGINE].ask(CallbackTakeAsked(callback, agent, signed_in.user.login))
    return answer({}, status=202)


def _open(request: web.Request) -> str:
    callback = request.match_info["id"]
    if callback not in request.app[keys.ENGINE].state.callbacks.by_id:
        raise NotFoundError("no open callback has this id")
    return callback


def _check(query: CallbacksQuery) -> None:
    if query.province and query.province not in views.CODES:
        raise BadInputError("no such province", field="province", allowed=", ".join(views.CODES))
    allowed = [*CallbackState, OPEN]
    if query.state and query.state not in allowed:
        raise BadInputError("no such state", field="state", allowed=", ".join(allowed))


def _view(request: web.Request, row: CallbackRow) -> CallbackView:
    agent = request.app[keys.ENGINE].state.agents.get(row.agent)
    return CallbackView(
        id=row.id,
        province=row.province,
        number_masked=mask(row.number),
        did=row.did,
        request=row.request,
        source=row.source,
        requests=row.requests,
        asked_at=row.asked_at,
        state=row.state,
        due_at=row.due_at,
        attempts=row.attempts,
        agent_id=row.agent or None,
        agent_name=(agent.name if agent else row.agent) or None,
        reason=row.reason,
        changed_at=row.changed_at,
    )


def _attempt(row: AttemptRow) -> AttemptView:
    return AttemptView(
        row.id,
        row.agent or None,
        row.agent_first,
        row.began_at,
        row.reached_at,
        row.ended_at,
        row.result,
        row.talk,
        row.detail,
    )


ROUTES = (
    Route(
        "GET", "/callbacks", show_all, "Callers to call back, newest first", query=CallbacksQuery,
        answer=CallbacksView,
    ),
    Route(
        "GET", "/callbacks/{id}", show_one, "One callback and its attempts", Role.SUPERVISOR,
        answer=OneCallbackView, errors=(404,),
    ),
    Route(
        "POST", "/callbacks/{id}/cancel", cancel, "Call them back no more", Role.SUPERVISOR, status=202,
        errors=(404, 409),
    ),
    Route(
        "POST", "/callbacks/{id}/take", take, "Ring an agent, then the customer", body=TakeBody, status=202,
        errors=(403, 404, 409),
    ),
)  # fmt: skip
