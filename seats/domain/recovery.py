"""After an absence: requests the ledger remembers, offers the PBX still holds, calls that ended unheard."""

from __future__ import annotations

from typing import Final

from seats.domain import announcements, callbacks, steering
from seats.domain.agent_rules import announce, settle
from seats.domain.agents import Agent, Machine
from seats.domain.call_rules import break_call, end_call
from seats.domain.deadlines import Due
from seats.domain.effects import Withdraw
from seats.domain.events import CallBroken, CallEnded, OfferEnded, RequestDecided
from seats.domain.messages import (
    CallerHeld,
    OfferAnswered,
    OfferFound,
    OfferMissed,
    RequestRecalled,
    RequestSettled,
    TalkFound,
)
from seats.domain.offer_rules import end_offer, free_seat
from seats.domain.overflow import is_closed
from seats.domain.request_rules import (
    answered,
    close,
    decide,
    held,
    missed,
    new_request,
    open_request,
    outcome_of_leaving,
)
from seats.domain.requests import Offer, OfferResult, Outcome, Request, RequestState
from seats.domain.routing import OFFER_GUARD, leave_idle, seek, stop_waiting
from seats.domain.state import Turn

COME_BACK = 15.0
"""Seconds a desk has to find us again before its call in progress counts as lost."""

UNHEARD_TALK: Final = 1.0
"""Seconds claimed of a talk of which only its beginning is known."""

FALLBACK: Final = "fallback-"
"""How the names of rings begin that are not ours: the fallback queue's, and what was picked up at another seat."""

FALLBACK_RING: Final = 15.0
"""Seconds for which that queue rings a phone (``timeout`` in queues_seats.conf)."""


def recalled(turn: Turn, message: RequestRecalled) -> None:
    """A request counted before a restart and not over then; the next snapshot tells what became of it."""
    if message.request in turn.state.requests:
        return
    request = new_request(turn, message)
    if message.open_offers:
        turn.state.left_open[request.id] = dict(message.open_offers)
    if message.outcome is not None and message.outcome is not Outcome.CONNECTED:
        request.outcome, request.decided_at = message.outcome, turn.now
        request.state, request.let_go_at = RequestState.RELEASING, turn.now
        return
    if message.answered_at is None:
        turn.at(request.waiting_since + turn.state.plan.max_wait, Due.MAX_WAIT, request.id)
        announcements.arm(turn, request)
        seek(turn, request)
        return
    request.outcome = Outcome.CONNECTED
    request.decided_at = request.answered_at = message.answered_at
    request.connected_agent = message.agent
    request.state = RequestState.TALKING
    # the ledger has no offer of a call that the fallback queue connected
    offer_id = message.offer or f"r{turn.state.tick_number()}"
    _bind(turn, request, offer_id, turn.state.agents.get(message.agent), Machine.TALKING)


def offer_found(turn: Turn, message: OfferFound) -> None:
    """The PBX rings or connects a seat for this request already: take it as it is."""
    _take_as_it_is(turn, message)
    if message.answered and message.request in turn.state.requests:
        request = turn.state.requests[message.request]
        _answered_unheard(turn, request, message.offer, request.answered_at or turn.now)


def _answered_unheard(turn: Turn, request: Request, offer: str, at: float) -> None:
    """An offer of an earlier term, without an end so far, turns out to have been answered."""
    left = turn.state.left_open.get(request.id, {})
    if offer in left:
        said = (request.id, request.province, left.pop(offer), OfferResult.CONNECTED, "answered unheard")
        turn.events.append(OfferEnded(at, offer, *said))


def _take_as_it_is(turn: Turn, message: OfferFound) -> None:
    state = turn.state
    request = state.requests.get(message.request)
    known = state.offers.get(message.offer)
    at = None if request is None else _since(turn, request, message)
    agent = state.agents.get(state.by_address.get(message.address, ""))
    if known is not None:
        if agent is not None:
            _take_up(turn, known, agent)
        known.leg = known.leg or message.leg
        if message.answered:
            answered(turn, OfferAnswered(known.id), at)
        elif request is not None:
            _still_rings(turn, request, known)
    talks_with = known.agent if known is not None else None
    if request is None or (known is not None and (agent is None or talks_with == agent.id)):
        return
    if request.state is RequestState.WAITING and not message.answered:
        _rings_already(turn, request, message, agent)
    elif request.state is RequestState.TALKING and message.answered:
        _rebind(turn, request, message, agent)
    elif request.state is RequestState.TALKING:  # with whom the ledger remembers: that broke, unheard
        break_call(turn, request, state.offers.get(request.offer or ""), "found ringing another")
        _rings_already(turn, request, message, agent)
    elif message.answered:
        _overtake(turn, request, agent)
        request.state = RequestState.TALKING
        request.answered_at = at
        request.connected_agent = agent.id if agent else ""
        offer = _bind(turn, request, message.offer, agent, Machine.TALKING)
        offer.leg = message.leg
        if request.outcome is None:
            decide(turn, request, Outcome.CONNECTED, "found connected", offer, at)


def talk_found(turn: Turn, message: TalkFound) -> None:
    """Connected, and rescued, while nobody listened. How long they talked is not known: a second is claimed."""
    state = turn.state
    request = state.requests.get(message.request)
    if request is None or request.state is not RequestState.WAITING or request.outcome is not None:
        return
    request.answered_at = min(max(message.at, request.arrived_at), turn.now)
    request.connected_agent = state.by_address.get(message.address, "")
    _answered_unheard(turn, request, message.offer, request.answered_at)
    decide(turn, request, Outcome.CONNECTED, "found answered", None, request.answered_at)
    stop_waiting(state, request)
    request.state = RequestState.RESCUING
    request.rescues += 1
    request.talked = UNHEARD_TALK
    said = (request.province, request.connected_agent, UNHEARD_TALK, "found answered")
    turn.events.append(CallBroken(turn.now, request.id, "", *said))
    held(turn, CallerHeld(request.id))


def answer_heard(turn: Turn, message: OfferAnswered) -> None:
    """An offer was answered; of one found ringing with a busy agent, it is told only now who talks."""
    offer = turn.state.offers.get(message.offer)
    request = turn.state.requests.get(message.request)
    if offer is None and request is not None and request.state is not RequestState.TALKING:
        at = message.at
        offer_found(turn, OfferFound(message.request, message.offer, message.address, answered=True, at=at))
    elif offer is None or offer.agent or not offer.address:
        answered(turn, message, message.at)
    else:
        del turn.state.offers[offer.id]
        found = OfferFound(offer.request, offer.id, offer.address, True, offer.leg, message.at)
        offer_found(turn, found)


def _rings_already(turn: Turn, request: Request, message: OfferFound, agent: Agent | None) -> None:
    """Wait for the end of the ringing; our own ring that met it at the same phone is taken back.

    While a picture is read, an agent believed to be busy stays so: what follows in it tells.
    """
    ours = turn.state.offers.get(agent.offer or "") if agent is not None else None
    if agent is not None and ours is not None and ours.result is None and request.node in turn.state.links:
        _free_from_other(turn, agent)
    free = agent if agent is not None and agent.offer is None else None
    request.state = RequestState.OFFERED
    offer = _bind(turn, request, message.offer, free, Machine.OFFERED)
    offer.leg = message.leg
    if message.offer.startswith(FALLBACK):  # its rings have their own length
        offer.deadline = max(offer.deadline, turn.now + FALLBACK_RING)
    if free is None:
        offer.address = message.address
        if agent is not None:
            agent.engaged |= {request.node}  # free of what it was believed to do, it is rung yet
    turn.at(offer.deadline + OFFER_GUARD, Due.OFFER_GUARD, offer.id)


def _since(turn: Turn, request: Request, message: OfferFound) -> float:
    """Since when they talk: by the PBX's record, which has whole seconds; without one, from now on."""
    return turn.now if message.at is None else min(max(message.at, request.arrived_at), turn.now)


def _still_rings(turn: Turn, request: Request, offer: Offer) -> None:
    """The call the ledger remembers broke before we ended, and its caller was offered again: it rings yet.

    Not so a ring of the fallback, which has the name of its leg: once answered, a leg does not ring; that is old news.
    """
    if (
        request.state is not RequestState.TALKING
        or request.offer != offer.id
        or offer.id.startswith(FALLBACK)
    ):
        return
    offer.result = offer.answered_at = None
    request.state = RequestState.OFFERED
    request.rescues += 1
    turn.at(offer.deadline + OFFER_GUARD, Due.OFFER_GUARD, offer.id)
    agent = turn.state.agents.get(offer.agent)
    if agent is not None:
        agent.machine = Machine.OFFERED
        announce(turn, agent, "found ringing")


def _rebind(turn: Turn, request: Request, message: OfferFound, agent: Agent | None) -> None:
    """A call that we know by another offer; perhaps with another agent than we believed."""
    state = turn.state
    old = state.offers.pop(request.offer or "", None)
    former = state.agents.get(old.agent) if old is not None else None
    if old is not None and former is not None and former is not agent and former.offer == old.id:
        former.offer = former.request = None
        settle(turn, former, "found free")
    if agent is not None and agent.offer == (old.id if old is not None else None):
        agent.offer = None
    if agent is not None:
        request.connected_agent = agent.id
    _bind(turn, request, message.offer, agent, Machine.TALKING).leg = message.leg


def _overtake(turn: Turn, request: Request, agent: Agent | None) -> None:
    """Another offer than the one we believed was answered: that one is over."""
    offer = turn.state.offers.get(request.offer or "")
    if offer is not None and offer.result is None and agent is not None and offer.agent == agent.id:
        end_offer(turn, offer, request, OfferResult.WITHDRAWN, "answered by an older ring")
        del turn.state.offers[offer.id]
        agent.offer = None
    elif offer is not None and offer.result is None:
        offer.withdrawn = "answered elsewhere"
        offer.seat_free = True
        request.state = RequestState.UNSURE
        missed(turn, OfferMissed(offer.id, "CANCEL"))


def settled(turn: Turn, message: RequestSettled) -> None:
    """A request that ended while nobody listened: its one row, from the PBX's own record."""
    state = turn.state
    request = state.requests.get(message.arrived.request)
    if request is None:
        request = new_request(turn, message.arrived)
        open_request(turn, request, reconstructed=True)
    stop_waiting(state, request)
    if message.talk > 0:
        _answered_unheard(turn, request, message.offer, message.ended_at - message.talk)
    if request.state is RequestState.TALKING:
        end_call(turn, request, request.hung_by or "unknown", message.ended_at)
    elif request.outcome is None:
        _decide_from_record(turn, request, message)
    elif request.rescues and request.ended_at is None:
        end_call(turn, request, "seat", message.ended_at)
    offer = state.offers.get(request.offer or "")
    if offer is not None and offer.result is None:
        answered_by_it = message.talk > 0 and message.offer in ("", offer.id)
        result = OfferResult.CONNECTED if answered_by_it else OfferResult.CALLER_GONE
        end_offer(turn, offer, request, result, message.cause)
    close(turn, request)
    if offer is not None:
        offer.seat_free = True
        free_seat(turn, offer)


def _decide_from_record(turn: Turn, request: Request, message: RequestSettled) -> None:
    state = turn.state
    waited = max(message.ended_at - message.talk - request.arrived_at, 0.0)
    agent = state.by_address.get(message.address, "")
    left = outcome_of_leaving(state, waited, lost=message.lost)
    if is_closed(state, request.province, request.arrived_at):
        left = Outcome.EXCLUDED_CLOSED
    outcome = request.outcome = Outcome.CONNECTED if message.talk > 0 else left
    at = message.ended_at - message.talk
    steering.decided(turn, request.province, outcome)
    callbacks.decided(turn, request, outcome)
    turn.events.append(
        RequestDecided(
            at,
            request.id,
            request.province,
            request.arrived_at,
            outcome,
            agent or None,
            waited,
            0.0,
            f"reconstructed: {message.cause}",
        )
    )
    if message.talk > 0:
        turn.events.append(
            CallEnded(message.ended_at, request.id, request.province, agent, message.talk, "unknown")
        )


def _free_from_other(turn: Turn, agent: Agent) -> None:
    """The agent is on a call that we did not know of: whatever we believed instead is over."""
    if agent.offer is None:
        return
    offer = turn.state.offers.get(agent.offer)
    request = turn.state.requests.get(offer.request) if offer is not None else None
    if offer is None or request is None:
        return
    if offer.result is None:
        if request.node in turn.state.links:  # else the picture being taken tells where that caller is
            turn.effects.append(Withdraw(offer.id, request.id, request.node, request.channel))
        offer.withdrawn = "agent on another call"
        missed(turn, OfferMissed(offer.id, "CANCEL"))
    else:
        offer.agent = ""  # what became of that call, the next snapshot tells
        agent.engaged |= {request.node}
    agent.offer = agent.request = None


def _bind(turn: Turn, request: Request, offer_id: str, agent: Agent | None, machine: Machine) -> Offer:
    """Tie request, offer and agent together as the PBX has them."""
    now, state = turn.now, turn.state
    offer = Offer(offer_id, request.id, agent.id if agent else "", "", 0, now, now + state.plan.ring_timeout)
    if machine is Machine.TALKING:
        offer.answered_at = request.answered_at
        offer.result = OfferResult.CONNECTED
    state.offers[offer_id] = offer
    request.offer = offer_id
    stop_waiting(state, request)
    if agent is not None:
        _employ(turn, agent, offer, machine)
    return offer


def _employ(turn: Turn, agent: Agent, offer: Offer, machine: Machine) -> None:
    """The agent is the one of this offer, whatever was believed before."""
    _free_from_other(turn, agent)
    leave_idle(agent)
    agent.machine = machine
    if not agent.lease_watched:  # the desk lost us as we lost it: time to come back
        agent.lease_until = turn.now + COME_BACK
        agent.lease_watched = True
        turn.at(agent.lease_until, Due.LEASE, agent.id)
    agent.offer, agent.request = offer.id, offer.request
    agent.since = turn.now
    announce(turn, agent, "found on the PBX")


def take_up_rings(turn: Turn) -> None:
    """The picture is read: whoever was believed busy and is not by now is the agent of the ring found there."""
    state = turn.state
    for offer in state.offers.values():
        agent = state.agents.get(state.by_address.get(offer.address, ""))
        if agent is not None:
            _take_up(turn, offer, agent)


def _take_up(turn: Turn, offer: Offer, agent: Agent) -> None:
    """A ring that was nobody's is its phone's agent's, now that the agent is free."""
    if agent.offer is None and not offer.agent and offer.result is None:
        offer.agent = agent.id
        _employ(turn, agent, offer, Machine.OFFERED)
