"""How an agent's state changes: what the person asks for, what the seat proves, wrap-up, rest."""

from __future__ import annotations

from typing import Final

from seats.domain.agents import NOWHERE, Agent, Chosen, Machine, SeatKind
from seats.domain.deadlines import Due
from seats.domain.effects import DEAD, HangUp
from seats.domain.eligible import is_routable
from seats.domain.errors import NotAllowedError, UnknownAgentError
from seats.domain.events import AgentAdded, AgentChanged, AgentRemoved, DispositionSet
from seats.domain.lists import leave_idle
from seats.domain.messages import (
    AgentConfigured,
    AgentDropped,
    DispositionGiven,
    LeaseRenewed,
    LegLost,
    SeatReachable,
    StateAsked,
    WrapUpEnded,
)
from seats.domain.routing import refill
from seats.domain.state import State, Turn

BUSY = (Machine.OFFERED, Machine.TALKING, Machine.WRAP_UP)
"""Working on a request: what is asked for meanwhile is reserved until that ends."""

OCCUPANCY_MEMORY: Final = 1800.0
"""Seconds of work and readiness after which the past counts half."""

LONGEST_BREATHER: Final = 60.0
"""Seconds of pause at most that the occupancy limit gives at once."""

ECHO_SECONDS: Final = 1.0
"""What a PBX says of a seat's device this soon after a call of ours is taken for that call's echo."""

RING_LEAD: Final = 0.003
"""Seconds that a PBX takes to ring a seat: so long before its end the wrap-up gives way, to ring at its end."""

SUSPECT_SECONDS: Final = 5.0
"""A device that failed an offer is not tried again for this long."""


def find(state: State, agent_id: str) -> Agent:
    """The agent of this id, or :class:`UnknownAgentError`."""
    agent = state.agents.get(agent_id)
    if agent is None:
        raise UnknownAgentError(agent_id)
    return agent


def announce(turn: Turn, agent: Agent, cause: str) -> None:
    """Say the agent's whole state after a change."""
    turn.events.append(
        AgentChanged(
            turn.now,
            agent.id,
            agent.chosen,
            agent.machine,
            agent.reason,
            cause,
            agent.request,
            agent.offer,
            agent.wrap_up_until,
            agent.reserved,
        )
    )


def is_proven(agent: Agent, now: float) -> bool:
    """The seat can answer: registered, not just failed, in no other call, and the desk's lease is fresh."""
    if now < agent.suspect_until or agent.engaged or not (agent.nodes or agent.seat.kind is SeatKind.MOBILE):
        return False
    if agent.seat.kind is SeatKind.BROWSER:
        return agent.lease_until > now and not agent.lease_fault and not agent.phone_lost
    return True


def settle(turn: Turn, agent: Agent, cause: str) -> None:
    """Give an agent who works on nothing the machine state the facts call for, and employ it."""
    was = agent.machine
    if agent.resting:
        agent.machine = Machine.RESTING
    elif is_proven(agent, turn.now):
        agent.machine = Machine.IDLE
    else:
        agent.machine = Machine.UNREACHABLE
    if agent.machine is not was:
        agent.since = turn.now
    if agent.work_since:
        _rest_after_work(turn, agent)
    staff(turn, agent)
    announce(turn, agent, cause)
    if not is_routable(agent):
        leave_idle(agent)
    elif not agent.idle_token:
        if was is not Machine.OFFERED:  # an offer that came to nothing costs no place in line
            agent.idle_since = turn.now
        refill(turn, agent)


def _rest_after_work(turn: Turn, agent: Agent) -> None:
    """Work on an offer is over: remember how long such work takes, and keep occupancy to the plan's most."""
    state = turn.state
    worked = turn.now - agent.work_since
    agent.work_since = 0.0
    if agent.talked:
        agent.talked = False
        state.forecast.handled(worked)
    agent.busy_sum += worked
    if agent.busy_sum + agent.idle_sum > OCCUPANCY_MEMORY:
        agent.busy_sum, agent.idle_sum = agent.busy_sum / 2, agent.idle_sum / 2
    most = state.plan.max_occupancy
    pause = agent.busy_sum / most - agent.busy_sum - agent.idle_sum if most < 1.0 else 0.0
    if pause > 0.0:
        agent.breather = True
        agent.idle_sum += min(pause, LONGEST_BREATHER)
        turn.at(turn.now + min(pause, LONGEST_BREATHER), Due.BREATHER, agent.id)


def breather_over(turn: Turn, agent: Agent) -> None:
    """The agent has had the pause that the occupancy limit gives."""
    agent.breather = False
    if agent.machine not in BUSY:
        settle(turn, agent, "pause over")


def staff(turn: Turn, agent: Agent) -> None:
    """Keep each pool's count of staffed agents, and when it was last staffed."""
    staffed = agent.chosen is Chosen.READY and agent.machine not in (Machine.UNREACHABLE, Machine.RESTING)
    if staffed == agent.staffed:
        return
    agent.staffed = staffed
    for board in agent.boards:
        board.staffed += 1 if staffed else -1
        board.last_staffed = turn.now


def state_asked(turn: Turn, message: StateAsked) -> None:
    """The person asks for a state: at once when free, reserved while working on a request."""
    agent = find(turn.state, message.agent)
    wish = (message.chosen, "" if message.chosen is Chosen.READY else message.reason)
    if agent.machine is Machine.WRAP_UP and message.chosen is Chosen.READY:
        agent.reserved = None
        end_wrap_up(turn, agent, message.actor)
    elif agent.machine in BUSY:
        agent.reserved = None if wish[0] is agent.chosen else wish
        announce(turn, agent, message.actor)
    else:
        _take(turn, agent, wish)
        settle(turn, agent, message.actor)


def _take(turn: Turn, agent: Agent, wish: tuple[Chosen, str]) -> None:
    if wish[0] is not agent.chosen:
        agent.since = turn.now
    agent.chosen, agent.reason = wish
    agent.recalled_for = ""
    agent.reserved = None
    if agent.chosen is Chosen.READY and agent.resting:
        agent.resting = False
        agent.misses = 0


def seat_reachable(turn: Turn, message: SeatReachable) -> None:
    """The PBX gained or lost the seat's registration, or the seat began or ended a call."""
    agent_id = turn.state.by_address.get(message.address)
    if agent_id is None:
        return
    agent = turn.state.agents[agent_id]
    note_registration(turn, agent, message.node, message.reachable, message.detail)
    _note_use(turn, agent, message.node, message.in_use)


def _note_use(turn: Turn, agent: Agent, node: str, in_use: bool) -> None:
    """The seat is in a call that we did not offer, or is not any more: meanwhile it is offered nothing."""
    if in_use and (agent.offer is not None or turn.now < agent.freed_at + ECHO_SECONDS):
        return
    if in_use == (node in agent.engaged):
        return
    if in_use:
        agent.engaged |= {node}
    else:
        agent.engaged = turn.state.one_of(agent.engaged - {node})
    if agent.machine not in BUSY:
        settle(turn, agent, "pbx: in another call" if in_use else "pbx: free again")


def note_registration(turn: Turn, agent: Agent, node: str, reachable: bool, detail: str) -> None:
    """A node holds the seat's registration, or does not any more."""
    if (node in agent.nodes) == reachable:
        return
    before = is_proven(agent, turn.now)
    if reachable:
        agent.nodes = turn.state.one_of(agent.nodes | {node})
        agent.suspect_until = 0.0  # a fresh registration is a fresh proof
    else:
        agent.nodes = turn.state.one_of(agent.nodes - {node})
        agent.engaged = turn.state.one_of(agent.engaged - {node})
    if agent.machine in BUSY:
        check_talking_seat(turn, agent)
        return
    if is_proven(agent, turn.now) != before:
        settle(turn, agent, f"pbx: {detail}")
    elif reachable and agent.idle_token:
        refill(turn, agent, fresh=False)


def lease_renewed(turn: Turn, message: LeaseRenewed) -> None:
    """The desk proved that it can answer, or said why it cannot."""
    agent = find(turn.state, message.agent)
    before = is_proven(agent, turn.now)
    fault_before = agent.lease_fault
    agent.lease_until = message.until
    agent.lease_fault = message.fault
    if not agent.lease_watched:
        agent.lease_watched = True
        turn.at(message.until, Due.LEASE, agent.id)
    changed = before != is_proven(agent, turn.now) or fault_before != message.fault
    if changed and agent.machine not in BUSY:
        settle(turn, agent, f"desk: {message.fault}" if message.fault else "desk: can answer")


def lease_due(turn: Turn, agent: Agent) -> None:
    """A lease's deadline came: watch on if it was renewed, else the seat is not proven any more."""
    if agent.lease_until > turn.now:
        turn.at(agent.lease_until, Due.LEASE, agent.id)
        return
    agent.lease_watched = False
    check_talking_seat(turn, agent)
    if agent.machine not in BUSY and agent.machine is not Machine.UNREACHABLE:
        settle(turn, agent, "desk: no word from the page")


def check_talking_seat(turn: Turn, agent: Agent) -> None:
    """A talking browser seat with neither a lease nor a phone is dead: free its caller from it.

    In a call the PBX shows the seat as in use, registered or not.
    """
    if agent.machine is not Machine.TALKING or agent.seat.kind is not SeatKind.BROWSER:
        return
    if agent.lease_until <= turn.now and (agent.phone_lost or not agent.nodes):
        drop_leg(turn, agent)


def leg_lost(turn: Turn, message: LegLost) -> None:
    """The desk is there and the sound is not: the caller is kept, and most likely rings here again."""
    agent = find(turn.state, message.agent)
    if agent.machine is not Machine.TALKING:
        raise NotAllowedError(agent.id, f"is {agent.machine}", "only while talking")
    drop_leg(turn, agent)


def drop_leg(turn: Turn, agent: Agent) -> None:
    """Have the PBX end the agent's leg as dead, and keep the caller."""
    offer = turn.state.offers.get(agent.offer or "")
    request = turn.state.requests.get(agent.request or "")
    if offer is not None and request is not None and offer.leg:
        turn.effects.append(HangUp(request.id, request.node, offer.leg, DEAD))


def start_wrap_up(turn: Turn, agent: Agent) -> None:
    """The call is over: wrap-up with its own stored deadline."""
    length = turn.state.plan.wrap_up
    agent.machine = Machine.WRAP_UP
    agent.since = turn.now
    agent.wrap_up_until = turn.now + length
    turn.at(max(turn.now, agent.wrap_up_until - RING_LEAD), Due.WRAP_UP, agent.id)
    offer = turn.state.offers.get(agent.offer or "")
    if length > 0 or (offer is not None and not offer.seat_free):  # else the next state follows in this turn
        announce(turn, agent, "call ended")


def wrap_up_is_over(agent: Agent, now: float) -> bool:
    """Whether the next caller may be on the way to the agent's phone."""
    return agent.wrap_up_until is None or agent.wrap_up_until - RING_LEAD <= now


def end_wrap_up(turn: Turn, agent: Agent, cause: str) -> None:
    """Back to the state the agent asked for. The seat must be free: a leg still up is waited for."""
    agent.wrap_up_until = None
    if agent.offer is not None:
        return
    agent.request = None
    if agent.reserved is not None:
        _take(turn, agent, agent.reserved)
    settle(turn, agent, cause)


def wrap_up_ended(turn: Turn, message: WrapUpEnded) -> None:
    """The agent is done before the deadline."""
    agent = find(turn.state, message.agent)
    if agent.machine is not Machine.WRAP_UP:
        raise NotAllowedError(agent.id, f"is {agent.machine}, not in wrap-up", "only during wrap-up")
    _note_disposition(turn, agent, message.disposition)
    end_wrap_up(turn, agent, "agent: wrap-up done")


def disposition_given(turn: Turn, message: DispositionGiven) -> None:
    """What the call was about, said while talking or wrapping up."""
    agent = find(turn.state, message.agent)
    if agent.machine not in (Machine.TALKING, Machine.WRAP_UP):
        raise NotAllowedError(agent.id, f"is {agent.machine}", "only while talking or in wrap-up")
    _note_disposition(turn, agent, message.code)


def _note_disposition(turn: Turn, agent: Agent, code: str) -> None:
    if code and agent.request is not None:
        turn.events.append(DispositionSet(turn.now, agent.request, agent.id, code))


def configured(turn: Turn, message: AgentConfigured) -> None:
    """An agent is added or changed; a busy one keeps its work."""
    state = turn.state
    holder = state.by_address.get(message.seat.address)
    if holder is not None and holder != message.agent:
        raise NotAllowedError(
            message.agent, f"seat {message.seat.address!r} belongs to {holder}", "a seat of its own"
        )
    agent = state.agents.get(message.agent)
    if agent is None:
        agent = Agent(message.agent, message.name, message.province, message.pools, message.seat)
        agent.since = turn.now
        state.agents[agent.id] = agent
    else:
        _uncount(turn, agent)
        state.by_address.pop(agent.seat.address, None)
        if agent.seat != message.seat:
            agent.nodes = agent.engaged = NOWHERE
        agent.name, agent.province = message.name, message.province
        agent.pools, agent.seat = message.pools, message.seat
    agent.boards = tuple([state.board(pool) for pool in agent.pools])
    agent.skills = dict(message.skills)
    state.by_address[agent.seat.address] = agent.id
    turn.events.append(
        AgentAdded(
            turn.now, agent.id, agent.name, agent.province, agent.pools, agent.seat.kind, agent.seat.address
        )
    )
    if agent.machine in BUSY:
        staff(turn, agent)
    else:
        settle(turn, agent, "admin")


def dropped(turn: Turn, message: AgentDropped) -> None:
    """An agent is removed; not while working on a request."""
    agent = find(turn.state, message.agent)
    if agent.machine in BUSY:
        raise NotAllowedError(agent.id, f"is {agent.machine}", "remove an agent who is on no call")
    _uncount(turn, agent)
    del turn.state.agents[agent.id]
    turn.state.by_address.pop(agent.seat.address, None)
    turn.events.append(AgentRemoved(turn.now, agent.id))


def _uncount(turn: Turn, agent: Agent) -> None:
    leave_idle(agent)
    if agent.staffed:
        agent.staffed = False
        for board in agent.boards:
            board.staffed -= 1
            board.last_staffed = turn.now
