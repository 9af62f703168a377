"""How an offer lives: its ringing, its one end, what that means for the agent, the seat that is free again."""

from __future__ import annotations

from typing import Final

from seats.domain.agent_rules import SUSPECT_SECONDS, end_wrap_up, settle, wrap_up_is_over
from seats.domain.agents import Agent, Machine
from seats.domain.deadlines import Due
from seats.domain.events import OfferEnded, OfferRang
from seats.domain.messages import LegRenamed, OfferRinging
from seats.domain.requests import Offer, OfferResult, Request, RequestState
from seats.domain.state import Turn

SEAT_GUARD: Final = 5.0
"""Seconds after the end of an offer or call in which the PBX must have taken down the agent's leg."""

PHONE_GONE: Final = "phone gone"
"""Why an offer is taken back whose ring nobody can hear any more."""

_RESULT_OF = {
    "NOANSWER": OfferResult.RONA,
    "BUSY": OfferResult.REJECTED,
    "CHANUNAVAIL": OfferResult.SEAT_FAILED,
    "CONGESTION": OfferResult.SEAT_FAILED,
    "INVALIDARGS": OfferResult.SEAT_FAILED,
}


def ringing(turn: Turn, message: OfferRinging) -> None:
    """The agent's device rings."""
    offer = turn.state.offers.get(message.offer)
    if offer is None or offer.rang_at is not None or offer.result is not None:
        return
    offer.rang_at = turn.now
    offer.leg = message.leg or offer.leg
    turn.events.append(OfferRang(turn.now, offer.id, offer.request, offer.agent))


def leg_renamed(turn: Turn, message: LegRenamed) -> None:
    """The leg is to be found under its new name."""
    offer = turn.state.offers.get(message.offer)
    if offer is not None and offer.leg:
        offer.leg = message.channel


def result_of(offer: Offer, status: str) -> OfferResult | None:
    """How an unanswered offer ended; None for a status that does not tell."""
    if offer.withdrawn:
        return OfferResult.SEAT_FAILED if offer.withdrawn == PHONE_GONE else OfferResult.WITHDRAWN
    return _RESULT_OF.get(status)


def end_offer(turn: Turn, offer: Offer, request: Request, result: OfferResult, detail: str) -> None:
    """Give the offer its one end."""
    if left := turn.state.left_open.get(request.id):
        left.pop(offer.id, None)
    offer.result = result
    turn.events.append(
        OfferEnded(turn.now, offer.id, request.id, request.province, offer.agent, result, detail)
    )


def end_unheard(turn: Turn, request: Request) -> None:
    """End the offers of an earlier term that have none, with their request: what became of them nobody knows."""
    for offer, agent in turn.state.left_open.pop(request.id, {}).items():
        said = (request.id, request.province, agent, OfferResult.WITHDRAWN, "ended unheard")
        turn.events.append(OfferEnded(turn.now, offer, *said))


def lose(turn: Turn, offer: Offer, result: OfferResult, detail: str) -> None:
    """End an unanswered offer and draw the consequences for the agent."""
    request = turn.state.requests[offer.request]
    end_offer(turn, offer, request, result, detail)
    agent = turn.state.agents.get(offer.agent)
    if agent is not None:
        _count_against(turn, agent, request, offer, result)
    if not offer.seat_free:
        turn.at(turn.now + SEAT_GUARD, Due.SEAT_GUARD, offer.id)
    free_seat(turn, offer)


def _count_against(turn: Turn, agent: Agent, request: Request, offer: Offer, result: OfferResult) -> None:
    """What an unanswered offer means for the agent."""
    if result in (OfferResult.RONA, OfferResult.REJECTED, OfferResult.SEAT_FAILED):
        if result is not OfferResult.SEAT_FAILED or has_that_phone(agent, offer):
            request.excluded |= {agent.id}
        agent.idle_since = turn.now  # or the longest idle would be rung first again and again
    if result is OfferResult.RONA:
        agent.misses += 1
        agent.resting = agent.misses >= turn.state.plan.rest_after_misses
    if result is OfferResult.SEAT_FAILED and has_that_phone(agent, offer):
        suspect(turn, agent)


def has_that_phone(agent: Agent, offer: Offer) -> bool:
    """The phone that was called is the one still there: its fault is to be feared again."""
    return agent.phone_since <= offer.made_at


def suspect(turn: Turn, agent: Agent) -> None:
    """The agent's device just failed: leave it alone for a moment, unless it proves itself anew."""
    agent.suspect_until = turn.now + SUSPECT_SECONDS
    turn.at(agent.suspect_until, Due.SUSPECT, agent.id)


def seat_overdue(turn: Turn, offer: Offer) -> None:
    """The PBX never reported the end of the agent's leg: do not keep the agent prisoner."""
    request = turn.state.requests.get(offer.request)
    if (
        offer.result is OfferResult.CONNECTED
        and request is not None
        and request.state is RequestState.TALKING
    ):
        return
    offer.seat_free = True
    free_seat(turn, offer)


def free_seat(turn: Turn, offer: Offer) -> None:
    """Let the agent go once it is known how the offer ended and that the seat is physically free."""
    if offer.result is None or not offer.seat_free:
        return
    request = turn.state.requests.get(offer.request)
    if request is None or request.offer != offer.id or request.state is not RequestState.OFFERED:
        turn.state.offers.pop(offer.id, None)
    agent = turn.state.agents.get(offer.agent)
    if agent is not None and agent.offer == offer.id:
        _free_agent(turn, agent, offer)


def _free_agent(turn: Turn, agent: Agent, offer: Offer) -> None:
    agent.freed_at = turn.now
    if agent.machine is Machine.WRAP_UP:
        agent.offer = None
        if wrap_up_is_over(agent, turn.now):
            end_wrap_up(turn, agent, "wrap-up over")
        return
    agent.offer = None
    agent.request = None
    if agent.reserved is not None:
        agent.chosen, agent.reason = agent.reserved
        agent.reserved = None
    settle(turn, agent, f"offer {offer.result}")
