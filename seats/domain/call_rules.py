"""How a call ends: who hung up, a leg that died, the talk's length."""

from __future__ import annotations

from seats.domain import loyalty
from seats.domain.agent_rules import find, start_wrap_up
from seats.domain.deadlines import Due
from seats.domain.effects import HangUp
from seats.domain.errors import NotAllowedError
from seats.domain.events import CallBroken, CallEnded
from seats.domain.messages import Hanging, HangUpAsked, SeatGone
from seats.domain.offer_rules import SEAT_GUARD, end_unheard, free_seat, has_that_phone, suspect
from seats.domain.requests import Offer, Request, RequestState
from seats.domain.state import Turn


def seat_gone(turn: Turn, message: SeatGone) -> None:
    """The agent's leg is gone: end of the call if one was on, and the seat is free again."""
    offer = turn.state.offers.get(message.offer)
    if offer is None:
        return
    offer.seat_free = True
    if offer.answered_at is not None:
        request = turn.state.requests.get(offer.request)
        if request is not None and request.state is RequestState.TALKING:
            # an agent who hung up has no fault; if one asked us to, the leg died before it was done
            if message.fault and request.hung_by != "caller" and not request.agent_first:
                break_call(turn, request, offer, message.fault)
                return
            end_call(turn, request, request.hung_by or "agent")
    free_seat(turn, offer)


def hanging(turn: Turn, message: Hanging) -> None:
    """Note which side hung up first; the legs' own ends follow. A refusal to answer hangs nothing up."""
    request = turn.state.requests.get(message.request)
    if request is not None and request.state is RequestState.TALKING and not request.hung_by:
        request.hung_by = message.by


def hang_up_asked(turn: Turn, message: HangUpAsked) -> None:
    """The agent ends the call."""
    agent = find(turn.state, message.agent)
    request = turn.state.requests.get(agent.request or "")
    if request is None or request.state is not RequestState.TALKING:
        raise NotAllowedError(agent.id, f"is {agent.machine}", "hang up only while talking")
    request.hung_by = request.hung_by or "agent"
    turn.effects.append(HangUp(request.id, request.node, request.channel))


def end_call(turn: Turn, request: Request, by: str, at: float | None = None) -> None:
    """The connected call is over, now or at a time the PBX noted, with all its talk time; told once."""
    at = turn.now if at is None else min(at, turn.now)
    if request.state is RequestState.TALKING:
        request.talked += max(at - (request.answered_at or at), 0.0)
    request.state = RequestState.DONE
    told = request.ended_at is not None  # of a caller taken up again
    request.ended_at = at
    agent_id = request.connected_agent or ""
    if not request.callback and not told:
        turn.events.append(CallEnded(at, request.id, request.province, agent_id, request.talked, by))
    end_unheard(turn, request)
    loyalty.remember_served(turn.state, request)
    agent = turn.state.agents.get(agent_id)
    if agent is not None and agent.request == request.id:
        start_wrap_up(turn, agent)


def break_call(turn: Turn, request: Request, offer: Offer | None, fault: str) -> None:
    """The agent's leg died in the middle of the talk: keep the caller, let the seat recover."""
    talk = max(turn.now - (request.answered_at or turn.now), 0.0)
    request.talked += talk
    request.state = RequestState.RESCUING
    request.rescues += 1
    request.offer = None
    request.hung_by = ""
    agent_id = request.connected_agent or ""
    offer_id = offer.id if offer is not None else ""
    turn.events.append(CallBroken(turn.now, request.id, offer_id, request.province, agent_id, talk, fault))
    turn.at(turn.now + SEAT_GUARD, Due.RESCUE_GUARD, request.id)
    agent = turn.state.agents.get(agent_id)
    if agent is not None and (offer is None or has_that_phone(agent, offer)):
        suspect(turn, agent)
    if offer is not None:
        offer.seat_free = True
        free_seat(turn, offer)
