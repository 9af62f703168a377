"""Callers who come back: the old place in line after a lost call, the same agent after a connected one."""

from __future__ import annotations

from typing import Final, TypeVar

from seats.domain.agents import Chosen, Machine
from seats.domain.deadlines import Due
from seats.domain.requests import Outcome, Request
from seats.domain.state import State, Turn

T = TypeVar("T")

REMEMBERED: Final = 20_000
"""Numbers remembered at most; the oldest go first."""

_LOST = (Outcome.ABANDONED, Outcome.EXCLUDED_SHORT, Outcome.FAILED)
_AT_WORK = (Machine.IDLE, Machine.OFFERED, Machine.TALKING, Machine.WRAP_UP)


def greet(turn: Turn, request: Request) -> None:
    """A caller arrives: give the old place back, prefer the agent of last time."""
    state, plan = turn.state, turn.state.plan
    if not request.number:
        return
    lost = state.left.pop(request.number, None)
    if lost is not None and turn.now - lost[1] <= plan.redial_keeps:
        request.rank_at = min(request.rank_at, lost[0])
    last = state.served.get(request.number) if plan.last_agent_within else None
    if last is None or turn.now - last[1] > plan.last_agent_within:
        return
    agent = state.agents.get(last[0])
    if agent is None or agent.chosen is not Chosen.READY or agent.machine not in _AT_WORK:
        return  # nobody is kept waiting for somebody who is not there
    request.prefer = agent.id
    request.prefer_until = turn.now + plan.last_agent_wait
    turn.at(request.prefer_until, Due.PREFER_ENDS, request.id)


def remember_lost(state: State, request: Request, outcome: Outcome) -> None:
    """The caller left without a human."""
    if outcome in _LOST and request.number and state.plan.redial_keeps:
        _keep(state.left, request.number, (request.rank_at, state.now))


def remember_served(state: State, request: Request) -> None:
    """The caller has talked with an agent."""
    if request.number and request.connected_agent and state.plan.last_agent_within:
        _keep(state.served, request.number, (request.connected_agent, state.now))


def _keep(memory: dict[str, T], number: str, what: T) -> None:
    memory.pop(number, None)
    memory[number] = what
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
