"""How a browser phone's connection comes and goes, and what that means for what rings or talks there."""

from __future__ import annotations

from typing import Final

from seats.domain.agent_rules import BUSY, drop_leg, is_proven, settle
from seats.domain.agents import Agent, Machine
from seats.domain.deadlines import Due
from seats.domain.effects import Withdraw
from seats.domain.messages import PhoneClosed, PhoneOpened
from seats.domain.offer_rules import PHONE_GONE, SEAT_GUARD
from seats.domain.requests import RequestState
from seats.domain.state import Turn

PHONE_GRACE: Final = 2.0
"""Seconds for a desk whose phone is gone in a call to say a word, before its leg counts as dead."""

NOT_REGISTERED: Final = "not_registered"
"""What a desk, too, says while the PBX does not know its phone."""


def opened(turn: Turn, message: PhoneOpened) -> None:
    """A phone is there anew. It can be rung once its desk says that it is registered."""
    agent = turn.state.agents.get(message.agent)
    if agent is None:
        return
    before = is_proven(agent, turn.now)
    agent.phone_lost = False
    agent.suspect_until = 0.0
    agent.lease_fault = agent.lease_fault or NOT_REGISTERED
    _changed(turn, agent, before, "desk: phone connecting")


def closed(turn: Turn, message: PhoneClosed) -> None:
    """The phone is gone: nothing rings there, and a call goes on only if the desk speaks up."""
    agent = turn.state.agents.get(message.agent)
    if agent is None:
        return
    before = is_proven(agent, turn.now)
    agent.phone_lost = True
    over = turn.now + PHONE_GRACE
    turn.at(over, Due.PHONE_GONE, agent.id)
    if message.torn:
        agent.lease_until = min(agent.lease_until, over)
    _changed(turn, agent, before, f"desk: {PHONE_GONE}")


def _changed(turn: Turn, agent: Agent, before: bool, cause: str) -> None:
    agent.phone_since = turn.now
    if agent.machine is Machine.OFFERED:
        _stop_ringing(turn, agent)
    elif agent.machine not in BUSY and is_proven(agent, turn.now) != before:
        settle(turn, agent, cause)


def _stop_ringing(turn: Turn, agent: Agent) -> None:
    """The phone that was called is not there any more: the caller need not wait for it to ring out."""
    offer = turn.state.offers.get(agent.offer or "")
    request = turn.state.requests.get(agent.request or "")
    if offer is None or request is None or offer.withdrawn or request.state is not RequestState.OFFERED:
        return
    if offer.leg:  # ended as dead: should it be answered just now, the PBX keeps the caller
        drop_leg(turn, agent)
    else:
        turn.effects.append(Withdraw(offer.id, request.id, request.node, request.channel))
    offer.withdrawn = PHONE_GONE
    turn.at(turn.now + SEAT_GUARD, Due.OFFER_GUARD, offer.id)
