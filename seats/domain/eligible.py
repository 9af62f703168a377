"""May this agent take this request now? The one place where that is answered."""

from __future__ import annotations

from seats.domain.agents import Agent, Chosen, Machine, SeatKind
from seats.domain.rank import BOUND, urgency
from seats.domain.requests import Request
from seats.domain.state import Reserve, State


def is_routable(agent: Agent) -> bool:
    """The agent wants calls, is free and rested, and the seat is proven."""
    return agent.machine is Machine.IDLE and agent.chosen is Chosen.READY and not agent.breather


def may_take(state: State, agent: Agent, request: Request) -> bool:
    """Nothing speaks against this agent for this request."""
    return not refusal(state, agent, request)


def refusal(state: State, agent: Agent, request: Request) -> str:  # noqa: PLR0911 - one return a reason
    """What speaks against it; empty if nothing does.

    ``excluded`` (missed this caller before), ``node`` (no common linked PBX), ``preferred`` (kept for another
    agent), ``skill``, ``floor`` (a pool keeps its last idle agents for its province), ``reserve`` (kept for a
    province about to break its objective).
    """
    if request.excluded and agent.id in request.excluded:
        return "excluded"
    node = request.node
    if node not in state.links or (node not in agent.nodes and agent.seat.kind is not SeatKind.MOBILE):
        return "node"
    if request.prefer and request.prefer != agent.id and state.now < request.prefer_until:
        return "preferred"
    if request.needs and not has_skills(state, agent, request):
        return "skill"
    if state.has_floors and _breaks_floor(state, agent, request):
        return "floor"
    if state.reserves and _breaks_reserve(state, agent, request):
        return "reserve"
    return ""


def has_skills(state: State, agent: Agent, request: Request) -> bool:
    """The agent has every skill that is still required; one the agent was never given is missing, not 0."""
    # compared as the deadline was reckoned: a difference of the two would round otherwise
    now, arrived = state.now, request.arrived_at
    return all(
        (need.until is not None and now >= arrived + need.until)
        or agent.skills.get(need.skill, -1) >= need.level
        for need in request.needs
    )


def is_wished(agent: Agent, request: Request) -> bool:
    """The agent has every skill the request asks for, required or only preferred."""
    return all(agent.skills.get(need.skill, -1) >= need.level for need in request.needs)


def _breaks_floor(state: State, agent: Agent, request: Request) -> bool:
    pools = state.plan.pools
    for name in agent.pools:
        pool = pools.get(name)
        if pool is None or not pool.floor or pool.home == request.province:
            continue
        if state.board(name).idle_count - 1 < pool.floor:
            return True
    return False


def _breaks_reserve(state: State, agent: Agent, request: Request) -> bool:
    """Reserves hold against provinces that go after theirs; not against those who waited beyond the bound."""
    if request.front <= BOUND:
        return False
    own = urgency(state, request.province)
    for name in agent.pools:
        for reserve in state.reserves.get(name, ()):
            if reserve.urgency < own and reserve.province != request.province and _is_short(state, reserve):
                return True
    return False


def _is_short(state: State, reserve: Reserve) -> bool:
    """With one idle agent less, less than the reserve would be left in each of its pools."""
    for pool in reserve.pools:  # noqa: SIM110 - asked for every offer: a generator costs more than the rest
        if state.board(pool).idle_count > reserve.size:
            return False
    return True
