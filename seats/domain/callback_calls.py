"""One attempt to call somebody back: the agent first, or the customer first.

While an attempt is on, a :class:`Request` of its own stands in the line, with the callback's age, so that
agents are found for it by the same rules as for callers. It is never counted as a request.
"""

from __future__ import annotations

import math

from seats.domain.callback_book import Callback, CallbackState, Result, Source, number_key
from seats.domain.deadlines import Due
from seats.domain.effects import CallAgent, CallCustomer, Effect, HangUp, Ring, Withdraw
from seats.domain.events import CallbackChanged, CallbackTried
from seats.domain.messages import CallbackAnswered, CallbackBegan, CallbackDialled, CallbackRefused
from seats.domain.rank import BOUND, RETURNED
from seats.domain.requests import Confidence, Origin, Outcome, Request, RequestState
from seats.domain.routing import seek, stop_waiting
from seats.domain.state import State, Turn, base36

GUARD = 15.0
"""Seconds past the ringing of a customer after which a silent PBX is no longer waited for."""

OFFERS = 3
"""Agents rung in vain for one attempt before it pauses."""

LATER = 1
"""Priority of callers who were lost and did not ask to be called: after those who wait now."""

_RESULT_OF = {
    "NOANSWER": Result.NO_ANSWER,
    "BUSY": Result.BUSY,
    "CHANUNAVAIL": Result.FAILED,
    "CONGESTION": Result.FAILED,
}


def effects(turn: Turn) -> list[Effect]:
    """The step's effects: what would move an attempt's caller, who has no channel yet, calls the agent."""
    return [effect for each in turn.effects if (effect := _effect(turn.state, each)) is not None]


def _effect(state: State, effect: Effect) -> Effect | None:
    if not isinstance(effect, Ring | Withdraw):
        return effect
    request = state.requests.get(effect.request)
    if request is None or not request.agent_first:
        return effect
    if isinstance(effect, Withdraw):
        return HangUp(request.id, request.node, request.channel) if request.channel else None
    return CallAgent(
        effect.offer,
        request.id,
        request.node,
        effect.agent,
        effect.seat,
        effect.timeout,
        request.number,
        state.plan.callbacks.ring_customer,
    )


def began(turn: Turn, message: CallbackBegan) -> None:
    """The attempt's channel exists; of one that dials the customer first: the customer is there and holds."""
    request = turn.state.requests.get(message.request)
    if request is None or not request.callback:
        return
    request.channel, request.uniqueid, request.linkedid = message.channel, message.uniqueid, message.linkedid
    if request.state is not RequestState.DIALLING:
        return
    request.state = RequestState.WAITING
    request.waiting_since = turn.now
    request.front = RETURNED
    turn.at(turn.now + turn.state.plan.max_wait, Due.MAX_WAIT, request.id)
    _line_up(turn, request)


def answered(turn: Turn, request: Request) -> None:
    """An agent answered. The customer is there already, or is dialled now."""
    callback = of(turn.state, request)
    if callback is None:
        return
    callback.agent = request.connected_agent or ""
    if request.agent_first:
        callback.attempts += 1
    elif callback.reached_at is None:
        callback.reached_at = turn.now
    announce(turn, callback, "agent answered")


def customer_answered(turn: Turn, message: CallbackAnswered) -> None:
    """The customer, dialled for an agent, answered: they hear each other."""
    request = turn.state.requests.get(message.request)
    callback = of(turn.state, request)
    if callback is not None and callback.reached_at is None:
        callback.reached_at = turn.now
        announce(turn, callback, "customer answered")


def customer_dialled(turn: Turn, message: CallbackDialled) -> None:
    """The dialling of the customer is over; ``status`` is DIALSTATUS, ``ANSWER`` after a talk."""
    request = turn.state.requests.get(message.request)
    callback = of(turn.state, request)
    if request is None or callback is None:
        return
    if message.status == "ANSWER":
        request.hung_by = request.hung_by or "caller"
        return
    callback.result = callback.result or _RESULT_OF.get(message.status, Result.NO_ANSWER)
    if request.state is RequestState.DIALLING:
        finish(turn, request)


def refused(turn: Turn, message: CallbackRefused) -> None:
    """The PBX would not dial."""
    request = turn.state.requests.get(message.request)
    callback = of(turn.state, request)
    if request is not None and callback is not None:
        callback.result = Result.FAILED
        finish(turn, request, message.detail)


def overdue(turn: Turn, call: str) -> None:
    """Nothing was heard of a customer who was dialled."""
    request = turn.state.requests.get(call)
    if request is not None and request.state is RequestState.DIALLING:
        finish(turn, request, "no word from the PBX")


def given_up(turn: Turn, request: Request) -> bool:
    """Whether the attempt ends because agents were rung in vain; or it is to be cancelled."""
    callback = of(turn.state, request)
    if callback is None:
        return False
    if request.agent_first:
        request.channel = request.uniqueid = ""
    vain = request.offers_made >= (1 if request.prefer else OFFERS)
    if not callback.cancelled and not (request.agent_first and vain):
        return False
    callback.result = callback.result or Result.NO_AGENT
    finish(turn, request)
    return True


def outcome(turn: Turn, request: Request, outcome: Outcome) -> None:
    """What a request's outcome would be, were it one."""
    callback = of(turn.state, request)
    if outcome is Outcome.CONNECTED:
        answered(turn, request)
    elif callback is not None and callback.result is None:
        if outcome is Outcome.FAILED:
            callback.result = Result.FAILED
        elif request.agent_first or outcome in (Outcome.TIMEOUT, Outcome.NO_SEAT):
            callback.result = Result.NO_AGENT


def finish(turn: Turn, request: Request, detail: str = "") -> None:
    """The attempt is over: done, or tried again after the pause."""
    callback = of(turn.state, request)
    drop(turn, request)
    if callback is None:
        return
    reached = callback.reached_at
    result = Result.CONNECTED if reached is not None else callback.result or Result.NO_ANSWER
    if callback.cancelled and reached is None:
        result = Result.CANCELLED
    turn.events.append(
        CallbackTried(
            turn.now,
            callback.id,
            request.id,
            callback.province,
            callback.agent,
            request.agent_first,
            callback.began_at,
            reached,
            result,
            (request.ended_at or turn.now) - reached if reached is not None else 0.0,
            detail,
        )
    )
    _after(turn, callback, result)


def _after(turn: Turn, callback: Callback, result: Result) -> None:
    settings, why = turn.state.plan.callbacks, callback.cancelled
    callback.call, callback.reached_at, callback.result, callback.cancelled = "", None, None, ""
    if result is Result.CONNECTED:
        close(turn, callback, CallbackState.DONE, "talked")
    elif why:
        close(turn, callback, CallbackState.CANCELLED, why)
    elif turn.now >= expires(turn.state, callback):
        close(turn, callback, CallbackState.EXPIRED, "too old")
    elif callback.attempts >= settings.max_attempts:
        close(turn, callback, CallbackState.FAILED, result.value)
    else:
        postpone(turn, callback, result.value)


def begin(turn: Turn, callback: Callback, *, agent_first: bool, agent: str = "") -> Request | None:
    """Start an attempt; None if there is no PBX, or no agent for a customer who is dialled first."""
    state = turn.state
    node = _node(state, callback, agent)
    if not node or (not agent_first and not _has_agent_left(state, callback.province)):
        return None
    request = Request(
        f"{node}:{new_id(state, 'c')}",
        node,
        "",
        "",
        "",
        callback.did,
        callback.number,
        callback.province,
        Origin(callback.province, "none", Confidence.NONE),
        callback.asked_at,
        state.tick_number(),
    )
    request.waiting_since = turn.now
    request.callback = callback.id
    request.agent_first = agent_first
    request.front = _front(turn, callback)
    request.prefer = agent
    request.prefer_until = math.inf if agent else 0.0
    state.requests[request.id] = request
    state.callbacks.calls.add(request.id)
    callback.call, callback.state = request.id, CallbackState.CALLING
    callback.began_at, callback.agent = turn.now, agent
    if agent_first:
        _line_up(turn, request)
        if not agent or request.state is not RequestState.WAITING:
            announce(turn, callback, "agent first")
        return request
    request.state = RequestState.DIALLING
    callback.attempts += 1
    ring = state.plan.callbacks.ring_customer
    turn.at(turn.now + ring + GUARD, Due.CALLBACK_GUARD, request.id)
    turn.effects.append(CallCustomer(request.id, node, callback.number, ring))
    announce(turn, callback, "customer first")
    return request


def _node(state: State, callback: Callback, agent: str) -> str:
    """The PBX to call on: the request's own, or another that is linked (and holds the agent's seat)."""
    nodes = state.links & state.agents[agent].nodes if agent in state.agents else state.links
    return callback.node if callback.node in nodes else min(nodes, default="")


def _has_agent_left(state: State, province: str) -> bool:
    """More agents are idle behind the province's rings than customers are being dialled for them."""
    idle = max(state.board(step.pool).idle_count for step in state.plan.routes[province].rings)
    calls = (state.requests.get(c.call) for c in state.callbacks.by_id.values() if c.call)
    return idle > sum(1 for r in calls if r is not None and r.state is RequestState.DIALLING)


def _front(turn: Turn, callback: Callback) -> int:
    """Who asked to be called has the place of a caller who waits since then; others come later."""
    if callback.source is Source.RECOVERED:
        return LATER
    return BOUND if turn.now - callback.asked_at >= turn.state.plan.wait_bound else 0


def _line_up(turn: Turn, request: Request) -> None:
    seek(turn, request)
    if request.state is RequestState.WAITING and request.front == 0:
        turn.at(request.arrived_at + turn.state.plan.wait_bound, Due.WAIT_BOUND, request.id)


def drop(turn: Turn, request: Request) -> None:
    """Take an attempt's request out of the line and out of the state."""
    stop_waiting(turn.state, request)
    request.state = RequestState.DONE
    turn.state.requests.pop(request.id, None)
    turn.state.callbacks.calls.discard(request.id)


def new_id(state: State, kind: str) -> str:
    """``<kind><epoch>x<number>`` in base 36: unique over terms, fit for the name of a channel."""
    state.callbacks.made += 1
    return f"{kind}{base36(state.epoch)}x{base36(state.callbacks.made)}"


def announce(turn: Turn, callback: Callback, reason: str) -> None:
    """Say the callback's whole state after a change."""
    turn.events.append(
        CallbackChanged(
            turn.now,
            callback.id,
            callback.province,
            callback.state,
            callback.due_at,
            callback.attempts,
            callback.agent,
            reason,
        )
    )


def close(turn: Turn, callback: Callback, state: CallbackState, reason: str) -> None:
    """The callback is over."""
    callback.state = state
    book = turn.state.callbacks
    book.by_id.pop(callback.id, None)
    book.by_number.pop(number_key(callback.number), None)
    announce(turn, callback, reason)


def postpone(turn: Turn, callback: Callback, reason: str) -> None:
    """Wait for the pause, then try again."""
    callback.state = CallbackState.WAITING
    callback.due_at = turn.now + turn.state.plan.callbacks.pause
    turn.at(callback.due_at, Due.CALLBACK, callback.id)
    announce(turn, callback, reason)


def expires(state: State, callback: Callback) -> float:
    """When the callback becomes too old, Unix seconds."""
    return callback.asked_at + state.plan.callbacks.within_hours * 3600.0


def of(state: State, request: Request | None) -> Callback | None:
    """The callback whose present attempt a request is, if it is one."""
    callback = state.callbacks.by_id.get(request.callback) if request is not None else None
    return callback if callback is not None and request is not None and callback.call == request.id else None
