"""How a request lives: arrival, waiting, being offered, its one outcome. Offers and calls have rules of their own."""

from __future__ import annotations

from typing import Final

from seats.domain import announcements, callback_calls, callbacks, loyalty, steering
from seats.domain.agent_rules import announce
from seats.domain.agents import Machine
from seats.domain.call_rules import break_call, end_call
from seats.domain.callback_book import Source
from seats.domain.deadlines import Due
from seats.domain.effects import Release, Withdraw
from seats.domain.events import (
    RequestClosed,
    RequestDecided,
    RequestOpened,
    RequestReturned,
    VoicemailLeft,
)
from seats.domain.messages import (
    CallbackChosen,
    CallbackRefused,
    CallerGone,
    CallerHeld,
    ChannelChanged,
    OfferAnswered,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    RequestArrived,
    RequestRecalled,
    VoicemailSpoken,
)
from seats.domain.offer_rules import SEAT_GUARD, end_offer, end_unheard, free_seat, lose, result_of
from seats.domain.outlook import guess
from seats.domain.overflow import Occasion, can_be_called, is_closed, parting, was_staffed
from seats.domain.rank import RESCUED, RETURNED
from seats.domain.regions import UNKNOWN
from seats.domain.requests import Offer, OfferResult, Outcome, Request, RequestState
from seats.domain.routing import seek, stop_waiting
from seats.domain.state import State, Turn

LOOK_AGAIN: Final = 0.5
"""Seconds before a caller whom the PBX did not find is offered again, if nothing is heard of the end."""

OUTAGE: Final = 60.0
"""Seconds for which an offer on a node out of reach is believed to go on, or to have been answered."""


def arrived(turn: Turn, message: RequestArrived) -> None:
    """A caller asks for a human: counted first, then placed. A repeated message changes nothing."""
    state = turn.state
    if message.request in state.requests:
        return
    request = new_request(turn, message)
    open_request(turn, request, message.reconstructed)
    if state.plan.routes[request.province].hours and is_closed(state, request.province, request.arrived_at):
        _release(turn, request, Occasion.CLOSED)
        return
    state.forecast.arrived(request.province, turn.now)
    loyalty.greet(turn, request)
    await_staff(turn, request)
    request.longest = turn.at(request.arrived_at + state.plan.max_wait, Due.MAX_WAIT, request.id)
    seek(turn, request)
    if request.state is RequestState.WAITING:
        _begin_waiting(turn, request)


def _begin_waiting(turn: Turn, request: Request) -> None:
    """Nobody is there at once: note what wait is to be expected, and what the province needs."""
    state = turn.state
    announcements.arm(turn, request)
    request.guess = guess(state, request.province, turn.now)
    request.bound = turn.at(request.arrived_at + state.plan.wait_bound, Due.WAIT_BOUND, request.id)
    steering.arm(turn)
    steering.waits(turn, request)


def await_staff(turn: Turn, request: Request) -> None:
    """Where the plan says what to do when nobody is there, look for that after the time it gives."""
    plan = turn.state.plan
    overflow = plan.routes[request.province].overflow.no_seat or plan.overflow.no_seat
    if overflow is not None:
        turn.at(request.arrived_at + overflow.after, Due.NO_SEAT, request.id)


def new_request(turn: Turn, message: RequestArrived | RequestRecalled) -> Request:
    """Enter a request into the state; the province falls to unknown when no route has it."""
    state = turn.state
    province = message.origin.province if message.origin.province in state.plan.routes else UNKNOWN
    service = state.plan.services.get(message.did)
    request = Request(
        message.request,
        message.node,
        message.channel,
        message.uniqueid,
        message.linkedid,
        message.did,
        message.number,
        province,
        message.origin,
        message.arrived_at,
        state.tick_number(),
    )
    if service is not None:
        request.needs = service.needs
    state.requests[request.id] = request
    return request


def open_request(turn: Turn, request: Request, reconstructed: bool) -> None:
    """Count the request: before anything can lose it."""
    turn.events.append(
        RequestOpened(
            request.arrived_at,
            request.id,
            request.node,
            request.channel,
            request.uniqueid,
            request.linkedid,
            request.did,
            request.number,
            request.province,
            request.origin,
            reconstructed,
        )
    )


def answered(turn: Turn, message: OfferAnswered, at: float | None = None) -> None:
    """Caller and agent hear each other: the request is connected. One winner; later ones are told to go.

    ``at``: since when, if that was not now.
    """
    state = turn.state
    offer = state.offers.get(message.offer)
    if offer is None or offer.result is not None:
        return
    request, agent = state.requests.get(offer.request), state.agents.get(offer.agent)
    if request is None or agent is None:
        return
    at = turn.now if at is None else at
    offer.answered_at = at
    end_offer(turn, offer, request, OfferResult.CONNECTED, "")
    request.state = RequestState.TALKING
    request.answered_at = at
    request.connected_agent = agent.id
    agent.machine = Machine.TALKING
    agent.since = at
    agent.talked = True
    agent.misses = 0
    announce(turn, agent, "answered")
    if request.outcome is None:  # a rescued call was connected before
        decide(turn, request, Outcome.CONNECTED, "", offer, at)


def missed(turn: Turn, message: OfferMissed) -> None:
    """The ringing ended without an answer; the seat's own fault or not is the status' word."""
    offer = turn.state.offers.get(message.offer)
    if offer is None or offer.result is not None:
        return
    result = result_of(offer, message.status)
    if result is not None:
        lose(turn, offer, result, offer.withdrawn or message.status)


def returned(turn: Turn, message: OfferReturned) -> None:
    """The caller holds again: to the front of the line, and to the next agent."""
    offer = turn.state.offers.get(message.offer)
    if offer is None:
        return
    if offer.result is None:
        result = result_of(offer, message.status)
        lose(turn, offer, result or OfferResult.WITHDRAWN, offer.withdrawn or message.status)
    request = turn.state.requests.get(offer.request)
    if request is not None and request.state is RequestState.OFFERED and request.offer == offer.id:
        _wait_again(turn, request)
    offer.seat_free = True  # the PBX ends every leg of the ringing before the caller goes on
    free_seat(turn, offer)


def refused(turn: Turn, message: OfferRefused) -> None:
    """The PBX did not find the caller: most likely gone, the news still on its way. No hurry to try again."""
    offer = turn.state.offers.get(message.offer)
    if offer is None:
        return
    if offer.result is not None:  # the caller's end was heard first: no leg came to be
        offer.seat_free = True
        free_seat(turn, offer)
        return
    lose(turn, offer, OfferResult.WITHDRAWN, message.detail)
    request = turn.state.requests.get(offer.request)
    if request is not None and request.agent_first:
        callback_calls.refused(turn, CallbackRefused(request.id, message.detail))
    elif request is not None and request.state is RequestState.OFFERED:
        request.state = RequestState.UNSURE
        request.offer = None
        turn.at(turn.now + LOOK_AGAIN, Due.LOOK_AGAIN, request.id)
    offer.seat_free = True
    free_seat(turn, offer)


def held(turn: Turn, message: CallerHeld) -> None:
    """A caller holds again. One whose agent's leg died: first of all, for a while only for the same agent."""
    request = turn.state.requests.get(message.request)
    if request is None:
        return
    offer = turn.state.offers.get(request.offer or "")
    if request.state is RequestState.RELEASING and request.farewell is not None:
        turn.effects.append(request.farewell)
    elif request.state is RequestState.RELEASING and request.outcome is not None:
        turn.effects.append(Release(request.id, request.node, request.channel, request.outcome))
    elif request.state is RequestState.OFFERED and offer is not None:
        returned(turn, OfferReturned(offer.id, ""))
    elif request.state is RequestState.TALKING:
        break_call(turn, request, offer, "found holding")
    elif request.state is RequestState.DONE and not request.agent_first:
        _take_up_again(request)
    if request.state is not RequestState.RESCUING:
        return
    request.prefer = request.connected_agent or ""
    request.prefer_until = turn.now + turn.state.plan.rescue_grace
    request.waiting_since = turn.now
    request.front = RESCUED
    turn.at(request.prefer_until, Due.PREFER_ENDS, request.id)
    turn.at(turn.now + turn.state.plan.max_wait, Due.MAX_WAIT, request.id)
    _wait_again(turn, request)


def _take_up_again(request: Request) -> None:
    """The call was believed to be over, yet the PBX keeps the caller: go on as after a broken call.

    Its outcome and its end in the ledger stand, so of the talk that follows only the offer tells.
    """
    request.state = RequestState.RESCUING
    request.rescues += 1
    request.offer = None
    request.hung_by = ""


def callback_chosen(turn: Turn, message: CallbackChosen) -> None:
    """The caller pressed 1: let them go with the outcome ``callback``, if callbacks are offered to them."""
    request = turn.state.requests.get(message.request)
    if request is None or not can_be_called(request.number):
        return
    if request.state is RequestState.WAITING and turn.state.plan.callbacks.offer:
        request.state, request.let_go_at = RequestState.RELEASING, turn.now
        stop_waiting(turn.state, request)
        request.farewell = Release(request.id, request.node, request.channel, Outcome.CALLBACK)
        turn.effects.append(request.farewell)
    elif request.state is not RequestState.RELEASING or request.farewell is None:
        return
    callbacks.ask(turn, request, Source.CHOSEN)
    if request.outcome is None:
        decide(turn, request, Outcome.CALLBACK, "chosen", None)


def voicemail_spoken(turn: Turn, message: VoicemailSpoken) -> None:
    """Note where the caller's message lies."""
    turn.events.append(VoicemailLeft(turn.now, message.request, message.file, message.length))


def channel_changed(turn: Turn, message: ChannelChanged) -> None:
    """Whatever becomes of its channel, the request stays the same."""
    request = turn.state.requests.get(message.request)
    if request is not None:
        request.uniqueid, request.channel = message.uniqueid, message.channel


def caller_gone(turn: Turn, message: CallerGone) -> None:
    """The caller's channel is gone: every leg of the request ends with it."""
    state = turn.state
    request = state.requests.get(message.request)
    if request is None or (request.agent_first and not request.channel and not message.lost):
        return  # of an attempt: the channel of an agent rung before
    if request.state is RequestState.TALKING:
        end_call(turn, request, "system" if message.lost else request.hung_by or "caller")
    elif request.rescues and request.ended_at is None:
        end_call(turn, request, "seat")
    elif request.outcome is None:
        decide(
            turn,
            request,
            request.parting or outcome_of_leaving(state, turn.now - request.arrived_at, message.lost),
            message.cause,
            None,
        )
    offer = state.offers.get(request.offer or "")
    if offer is not None and offer.result is None:
        end_offer(turn, offer, request, OfferResult.CALLER_GONE, message.cause)
    if offer is not None:
        offer.seat_free = offer.seat_free or message.lost or _was_not_dialled(offer, message.dialled)
        if not offer.seat_free:
            turn.at(turn.now + SEAT_GUARD, Due.SEAT_GUARD, offer.id)
    close(turn, request)
    if offer is not None:
        free_seat(turn, offer)


def _was_not_dialled(offer: Offer, dialled: str | None) -> bool:
    """Whether the caller left on the way to the ring: there is no leg whose end could be waited for."""
    return dialled is not None and dialled != offer.id and not offer.leg and offer.rang_at is None


def close(turn: Turn, request: Request) -> None:
    """Nothing more can happen to the request."""
    if request.callback:
        callback_calls.finish(turn, request)
        return
    request.state = RequestState.DONE
    stop_waiting(turn.state, request)
    turn.state.requests.pop(request.id, None)
    end_unheard(turn, request)
    for deadline in (request.longest, request.bound):  # minutes ahead, when most calls are long over
        if deadline is not None:
            turn.state.deadlines.void(deadline)
    turn.events.append(RequestClosed(turn.now, request.id))


def wait_is_over(turn: Turn, request: Request) -> None:
    """The longest wait is reached: say so to the caller, and let go."""
    due = request.waiting_since + turn.state.plan.max_wait
    if request.state is RequestState.WAITING and turn.now >= due and not request.agent_first:
        _release_if_linked(turn, request)


def nobody_there(turn: Turn, request: Request) -> None:
    """Nobody has stood behind the caller's rings since they came: what the plan says for that."""
    if request.state is RequestState.WAITING and request.outcome is None:
        linked = request.node in turn.state.links
        if linked and not was_staffed(turn.state, request):
            _release(turn, request, Occasion.NO_SEAT)


def offer_overdue(turn: Turn, offer: Offer) -> None:
    """The PBX has not said in time where the caller of an offer is: take the caller back."""
    request = turn.state.requests.get(offer.request)
    if request is None or request.state is not RequestState.OFFERED or request.offer != offer.id:
        return
    if request.node not in turn.state.links and turn.now < offer.deadline + OUTAGE:
        turn.at(turn.now + LOOK_AGAIN, Due.OFFER_GUARD, offer.id)  # they may be talking by now
        return
    if not offer.withdrawn:
        offer.withdrawn = "overdue"
        turn.effects.append(Withdraw(offer.id, request.id, request.node, request.channel))
        turn.at(turn.now + SEAT_GUARD, Due.OFFER_GUARD, offer.id)
        return
    if offer.result is None:  # it was told and still says nothing: go on without it
        lose(turn, offer, result_of(offer, "") or OfferResult.WITHDRAWN, offer.withdrawn)
    _wait_again(turn, request)
    offer.seat_free = True
    free_seat(turn, offer)


def look_again(turn: Turn, request: Request) -> None:
    """Nothing was heard of a caller whom the PBX did not find: offer once more."""
    if request.state is RequestState.UNSURE:
        _wait_again(turn, request)


def _wait_again(turn: Turn, request: Request) -> None:
    request.state = RequestState.WAITING
    request.offer = None
    if request.callback and callback_calls.given_up(turn, request):
        return
    request.front = min(request.front, RETURNED)
    turn.events.append(RequestReturned(turn.now, request.id, request.province))
    late = turn.now >= request.waiting_since + turn.state.plan.max_wait and not request.agent_first
    if late and _release_if_linked(turn, request):
        return
    seek(turn, request)


def _release_if_linked(turn: Turn, request: Request) -> bool:
    """Let go of a caller. Out of reach, the PBX serves them from its fallback: only it knows how it ends."""
    if request.node not in turn.state.links:
        turn.at(turn.now + LOOK_AGAIN, Due.MAX_WAIT, request.id)
        return False
    _release(turn, request)
    return True


def _release(turn: Turn, request: Request, occasion: Occasion | None = None) -> None:
    if occasion is None:
        occasion = Occasion.MAX_WAIT if was_staffed(turn.state, request) else Occasion.NO_SEAT
    end = parting(turn.state, request, occasion)
    request.state, request.let_go_at = RequestState.RELEASING, turn.now
    stop_waiting(turn.state, request)
    request.farewell = end.effect
    if end.calls_back:
        callbacks.ask(turn, request, Source.OVERFLOW)
    if end.asks and end.outcome is not Outcome.EXCLUDED_CLOSED:
        request.parting = end.outcome
    elif request.outcome is None:
        decide(turn, request, end.outcome, occasion.value, None)
    turn.effects.append(end.effect)


def outcome_of_leaving(state: State, waited: float, lost: bool) -> Outcome:
    """What it counts as when a caller is gone after ``waited`` seconds without a human."""
    if lost:
        return Outcome.FAILED
    if waited < state.plan.short_abandon:
        return Outcome.EXCLUDED_SHORT
    return Outcome.ABANDONED


def decide(
    turn: Turn, request: Request, outcome: Outcome, reason: str, offer: Offer | None, at: float | None = None
) -> None:
    """Give the request its one outcome, as of ``at`` or of now."""
    at = turn.now if at is None else at
    request.outcome = outcome
    request.decided_at = at
    if request.callback:
        callback_calls.outcome(turn, request, outcome)
        return
    if outcome is not Outcome.CONNECTED:
        stop_waiting(turn.state, request)  # whom a loss sets free must not be offered to the one who is lost
        end_unheard(turn, request)
    callbacks.decided(turn, request, outcome)
    steering.decided(turn, request.province, outcome)
    loyalty.remember_lost(turn.state, request, outcome)
    queue = max((min(offer.made_at, at) if offer else at) - request.arrived_at, 0.0)
    ring = max(at - offer.made_at, 0.0) if offer else 0.0
    turn.state.forecast.waited(
        queue + ring, outcome is Outcome.ABANDONED or outcome is Outcome.EXCLUDED_SHORT
    )
    turn.events.append(
        RequestDecided(
            at,
            request.id,
            request.province,
            request.arrived_at,
            outcome,
            request.connected_agent,
            queue,
            ring,
            reason,
        )
    )
