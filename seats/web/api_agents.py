"""Agents: their states, leases, wrap-up and hang-up."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
from aiohttp import web

from seats.domain.agents import Agent, Chosen
from seats.domain.errors import UnknownAgentError
from seats.domain.messages import DispositionGiven, HangUpAsked, LegLost, StateAsked, WrapUpEnded
from seats.web import choices, keys, lease, views
from seats.web.errors import ForbiddenError
from seats.web.routes import Role, Route, answer, body_of, role_of, who


class StateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state asked for. ``reason`` is a code of ``/config/choices`` and counts for ``not_ready`` only."""

    state: Literal["ready", "not_ready", "signed_out"]
    reason: str = ""


class LeaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof that the desk can answer; ``fault`` says why it cannot."""

    fault: str = ""


class LeaseView(msgspec.Struct, frozen=True):
    """The lease holds until this time."""

    until: float


class WrapUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the call was about (a code of ``/config/choices``), and whether wrap-up is done."""

    disposition: str = ""
    done: bool = False


class AgentsView(msgspec.Struct, frozen=True):
    """All agents a person may see."""

    agents: list[views.AgentRow]


CHUNK = 250
"""Rows built before the loop may do something else: a list of ten thousand never delays a ring."""


async def show_all(request: web.Request) -> web.StreamResponse:
    """GET /agents: everyone for supervisors, oneself for agents."""
    state, signed_in = request.app[keys.ENGINE].state, who(request)
    if role_of(signed_in) >= Role.SUPERVISOR:
        agents = sorted(state.agents.values(), key=lambda a: a.id)
    else:
        agents = [a for a in (state.agents.get(signed_in.user.agent_id or ""),) if a]
    rows: list[views.AgentRow] = []
    for begin in range(0, len(agents), CHUNK):
        rows += [views.agent_row(state, agent) for agent in agents[begin : begin + CHUNK]]
        await asyncio.sleep(0)
    return answer(AgentsView(rows))


async def ask_state(request: web.Request) -> web.StreamResponse:
    """POST /agents/{id}/state."""
    agent = _agent(request, Role.SUPERVISOR)
    body = await body_of(request, StateBody)
    chosen = Chosen(body.state)
    reason = choices.check(body.reason, choices.REASONS, "reason") if chosen is Chosen.NOT_READY else ""
    request.app[keys.ENGINE].ask(StateAsked(agent.id, chosen, reason, who(request).user.login))
    return _row(request, agent)


async def renew_lease(request: web.Request) -> web.StreamResponse:
    """POST /agents/{id}/lease: only the agent's own desk can prove that it can answer."""
    agent = _agent(request, None)
    body = await body_of(request, LeaseBody)
    until = lease.renew(request.app[keys.ENGINE], request.app[keys.HUB], agent.id, body.fault)
    return answer(LeaseView(until))


async def wrap_up(request: web.Request) -> web.StreamResponse:
    """POST /agents/{id}/wrapup."""
    agent = _agent(request, Role.SUPERVISOR)
    body = await body_of(request, WrapUpBody)
    code = choices.check(body.disposition, choices.DISPOSITIONS, "disposition")
    done = WrapUpEnded(agent.id, code) if body.done else DispositionGiven(agent.id, code)
    request.app[keys.ENGINE].ask(done)
    return _row(request, agent)


async def hang_up(request: web.Request) -> web.StreamResponse:
    """POST /agents/{id}/hangup."""
    agent = _agent(request, Role.SUPERVISOR)
    request.app[keys.ENGINE].ask(HangUpAsked(agent.id))
    return answer({}, status=202)


async def leg_lost(request: web.Request) -> web.StreamResponse:
    """POST /agents/{id}/leg-lost: by the agent's own desk, after a reload in the middle of a call."""
    agent = _agent(request, None)
    request.app[keys.ENGINE].ask(LegLost(agent.id))
    return answer({}, status=202)


def _agent(request: web.Request, others: Role | None) -> Agent:
    """The agent of the path, if the person is that agent or has the role to act for others."""
    signed_in, agent_id = who(request), request.match_info["id"]
    if signed_in.user.agent_id != agent_id and (others is None or role_of(signed_in) < others):
        raise ForbiddenError("another agent's seat", allowed=f"agent {signed_in.user.agent_id or '-'}")
    agent = request.app[keys.ENGINE].state.agents.get(agent_id)
    if agent is None:
        raise UnknownAgentError(agent_id)
    return agent


def _row(request: web.Request, agent: Agent) -> web.Response:
    return answer(views.agent_row(request.app[keys.ENGINE].state, agent))


ROUTES = (
    Route("GET", "/agents", show_all, "Agents with their live state", answer=AgentsView),
    Route(
        "POST",
        "/agents/{id}/state",
        ask_state,
        "Ask for a state; reserved while on a call",
        body=StateBody,
        answer=views.AgentRow,
        errors=(404, 409),
    ),
    Route(
        "POST",
        "/agents/{id}/lease",
        renew_lease,
        "Renew the proof that the desk can answer",
        body=LeaseBody,
        answer=LeaseView,
        errors=(404,),
    ),
    Route(
        "POST",
        "/agents/{id}/wrapup",
        wrap_up,
        "Say what the call was about; end wrap-up",
        body=WrapUpBody,
        answer=views.AgentRow,
        errors=(404, 409),
    ),
    Route(
        "POST",
        "/agents/{id}/leg-lost",
        leg_lost,
        "The sound of the call in progress is not at the desk any more: keep the caller",
        status=202,
        errors=(404, 409),
    ),
    Route("POST", "/agents/{id}/hangup", hang_up, "End the call in progress", status=202, errors=(404, 409)),
)
