"""``step``: the one way in which the core's state changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from seats.domain import (
    agent_rules,
    announcements,
    call_rules,
    callback_calls,
    callbacks,
    offer_rules,
    phone_rules,
    recovery,
    request_rules,
    steering,
)
from seats.domain.agents import Machine
from seats.domain.assess import assess
from seats.domain.deadlines import Due
from seats.domain.effects import Effect
from seats.domain.events import Event, RoutingChanged
from seats.domain.messages import (
    AgentConfigured,
    AgentDropped,
    CallbackAnswered,
    CallbackBegan,
    CallbackCancelAsked,
    CallbackChosen,
    CallbackDialled,
    CallbackRecalled,
    CallbackRefused,
    CallbackTakeAsked,
    CallerGone,
    CallerHeld,
    ChannelChanged,
    DispositionGiven,
    Hanging,
    HangUpAsked,
    LeaseRenewed,
    LegLost,
    LegRenamed,
    LinkDown,
    LinkUp,
    Message,
    NodeLost,
    OfferAnswered,
    OfferFound,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    OfferRinging,
    PhoneClosed,
    PhoneOpened,
    PlanChanged,
    RequestArrived,
    RequestRecalled,
    RequestSettled,
    SeatGone,
    SeatReachable,
    StateAsked,
    TalkFound,
    Tick,
    VoicemailSpoken,
    WrapUpEnded,
)
from seats.domain.plan import check_plan
from seats.domain.requests import RequestState
from seats.domain.routing import open_more, place, rematch, seek
from seats.domain.state import State, Turn


def step(state: State, message: Message, now: float) -> tuple[list[Event], list[Effect]]:
    """Apply one message at time ``now`` (Unix seconds); say what happened and what is to be done.

    Raises :class:`DomainError` when what a person asked for is not allowed; the state is then unchanged.
    """
    turn = Turn(state, now)
    state.now = now
    _HANDLERS[type(message)](turn, message)
    if state.callbacks.calls and turn.effects:
        turn.effects = callback_calls.effects(turn)
    return turn.events, turn.effects


def _tick(turn: Turn, message: Tick) -> None:
    deadlines = turn.state.deadlines
    while (deadline := deadlines.pop(turn.now)) is not None:
        _DUE[deadline.due](turn, deadline.key, deadline.token)


def _ring_opens(turn: Turn, key: str, token: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None and request.state is RequestState.WAITING and request.wait_token == token:
        open_more(turn, request)


def _max_wait(turn: Turn, key: str, _: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None:
        request_rules.wait_is_over(turn, request)


def _no_seat(turn: Turn, key: str, _: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None:
        request_rules.nobody_there(turn, request)


def _callback(turn: Turn, key: str, _: int) -> None:
    callbacks.due(turn, key)


def _callback_expires(turn: Turn, key: str, _: int) -> None:
    callbacks.expire(turn, key)


def _callback_guard(turn: Turn, key: str, _: int) -> None:
    callback_calls.overdue(turn, key)


def _offer_guard(turn: Turn, key: str, _: int) -> None:
    offer = turn.state.offers.get(key)
    if offer is not None:
        request_rules.offer_overdue(turn, offer)


def _seat_guard(turn: Turn, key: str, _: int) -> None:
    offer = turn.state.offers.get(key)
    if offer is not None:
        offer_rules.seat_overdue(turn, offer)


def _wrap_up(turn: Turn, key: str, _: int) -> None:
    agent = turn.state.agents.get(key)
    if agent is None or agent.machine is not Machine.WRAP_UP:
        return
    if agent.wrap_up_until is not None and agent_rules.wrap_up_is_over(agent, turn.now):
        agent_rules.end_wrap_up(turn, agent, "wrap-up over")


def _lease(turn: Turn, key: str, _: int) -> None:
    agent = turn.state.agents.get(key)
    if agent is not None:
        agent_rules.lease_due(turn, agent)


def _phone_gone(turn: Turn, key: str, _: int) -> None:
    agent = turn.state.agents.get(key)
    if agent is not None:
        agent_rules.check_talking_seat(turn, agent)


def _suspect(turn: Turn, key: str, _: int) -> None:
    agent = turn.state.agents.get(key)
    if agent is not None and agent.machine not in agent_rules.BUSY:
        agent_rules.settle(turn, agent, "seat tried again")


def _plan_changed(turn: Turn, message: PlanChanged) -> None:
    check_plan(message.plan)
    state = turn.state
    state.take_plan(message.plan)
    state.openings.clear()
    turn.events.append(RoutingChanged(turn.now, message.plan.version, message.actor))
    for request in state.requests.values():
        if request.state is RequestState.WAITING:
            seek(turn, request)
            announcements.arm(turn, request)
            turn.at(request.arrived_at + message.plan.max_wait, Due.MAX_WAIT, request.id)
    steering.replan(turn)
    rematch(turn)
    callbacks.replan(turn)


def _link_up(turn: Turn, message: LinkUp) -> None:
    recovery.take_up_rings(turn)
    turn.state.links.add(message.node)
    rematch(turn)


def _link_down(turn: Turn, message: LinkDown) -> None:
    turn.state.links.discard(message.node)


def _prefer_ends(turn: Turn, key: str, _: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None:
        place(turn, request)


def _rescue_guard(turn: Turn, key: str, _: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None and request.state is RequestState.RESCUING:
        request_rules.held(turn, CallerHeld(key))


def _look_again(turn: Turn, key: str, _: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None:
        request_rules.look_again(turn, request)


def _wait_bound(turn: Turn, key: str, _: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None and request.state is RequestState.WAITING:
        steering.promote(turn, request)


def _relax(turn: Turn, key: str, token: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None and request.wait_token == token:
        place(turn, request)


def _breather(turn: Turn, key: str, _: int) -> None:
    agent = turn.state.agents.get(key)
    if agent is not None and agent.breather:
        agent_rules.breather_over(turn, agent)


def _assess(turn: Turn, key: str, _: int) -> None:
    assess(turn)


def _announce(turn: Turn, key: str, _: int) -> None:
    request = turn.state.requests.get(key)
    if request is not None:
        announcements.due(turn, request)


def _node_lost(turn: Turn, message: NodeLost) -> None:
    state = turn.state
    state.links.discard(message.node)
    for request in [r for r in state.requests.values() if r.node == message.node]:
        request_rules.caller_gone(turn, CallerGone(request.id, "node lost", lost=True))
    for agent in state.agents.values():
        agent_rules.note_registration(turn, agent, message.node, False, "node lost")


_DUE: Final[dict[Due, Callable[[Turn, str, int], None]]] = {
    Due.RING_OPENS: _ring_opens,
    Due.MAX_WAIT: _max_wait,
    Due.OFFER_GUARD: _offer_guard,
    Due.SEAT_GUARD: _seat_guard,
    Due.WRAP_UP: _wrap_up,
    Due.LEASE: _lease,
    Due.SUSPECT: _suspect,
    Due.PHONE_GONE: _phone_gone,
    Due.PREFER_ENDS: _prefer_ends,
    Due.RESCUE_GUARD: _rescue_guard,
    Due.LOOK_AGAIN: _look_again,
    Due.WAIT_BOUND: _wait_bound,
    Due.RELAX: _relax,
    Due.BREATHER: _breather,
    Due.ASSESS: _assess,
    Due.ANNOUNCE: _announce,
    Due.NO_SEAT: _no_seat,
    Due.CALLBACK: _callback,
    Due.CALLBACK_EXPIRES: _callback_expires,
    Due.CALLBACK_GUARD: _callback_guard,
}

_HANDLERS: Final[dict[type, Callable[[Turn, Any], None]]] = {
    RequestArrived: request_rules.arrived,
    OfferRinging: offer_rules.ringing,
    OfferAnswered: recovery.answer_heard,
    OfferMissed: request_rules.missed,
    OfferReturned: request_rules.returned,
    OfferRefused: request_rules.refused,
    CallerGone: request_rules.caller_gone,
    Hanging: call_rules.hanging,
    SeatGone: call_rules.seat_gone,
    CallerHeld: request_rules.held,
    CallbackChosen: request_rules.callback_chosen,
    VoicemailSpoken: request_rules.voicemail_spoken,
    CallbackBegan: callback_calls.began,
    CallbackAnswered: callback_calls.customer_answered,
    CallbackDialled: callback_calls.customer_dialled,
    CallbackRefused: callback_calls.refused,
    CallbackCancelAsked: callbacks.cancel_asked,
    CallbackTakeAsked: callbacks.take_asked,
    CallbackRecalled: callbacks.recalled,
    ChannelChanged: request_rules.channel_changed,
    LegRenamed: offer_rules.leg_renamed,
    RequestRecalled: recovery.recalled,
    OfferFound: recovery.offer_found,
    TalkFound: recovery.talk_found,
    RequestSettled: recovery.settled,
    SeatReachable: agent_rules.seat_reachable,
    LeaseRenewed: agent_rules.lease_renewed,
    PhoneOpened: phone_rules.opened,
    PhoneClosed: phone_rules.closed,
    StateAsked: agent_rules.state_asked,
    WrapUpEnded: agent_rules.wrap_up_ended,
    DispositionGiven: agent_rules.disposition_given,
    HangUpAsked: call_rules.hang_up_asked,
    LegLost: agent_rules.leg_lost,
    AgentConfigured: agent_rules.configured,
    AgentDropped: agent_rules.dropped,
    PlanChanged: _plan_changed,
    LinkUp: _link_up,
    LinkDown: _link_down,
    NodeLost: _node_lost,
    Tick: _tick,
}
