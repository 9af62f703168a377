"""Callbacks: callers who chose one, or were lost, are called back; at most one open for each number.

A callback is no request: what became of the caller's request stays as it was. ``callback_calls`` has the
attempts.
"""

from __future__ import annotations

from seats.domain.callback_book import Callback, CallbackState, Source, number_key
from seats.domain.callback_calls import announce, begin, close, drop, expires, finish, new_id, postpone
from seats.domain.callback_settings import Dial
from seats.domain.deadlines import Due
from seats.domain.effects import HangUp
from seats.domain.errors import CallbackError
from seats.domain.events import CallbackAsked
from seats.domain.hours import next_opening
from seats.domain.messages import CallbackCancelAsked, CallbackRecalled, CallbackTakeAsked
from seats.domain.overflow import can_be_called, is_closed
from seats.domain.regions import UNKNOWN
from seats.domain.requests import Outcome, Request, RequestState
from seats.domain.state import State, Turn

FIRST_PAUSE = 60.0
"""Seconds left to a lost caller to call again by themselves before we do."""

LOOK_AGAIN = 5.0
"""Seconds until a callback that cannot be dialled now (no agent, no PBX) is looked at again."""

_AUTOMATIC = (Dial.AGENT_FIRST, Dial.CUSTOMER_FIRST)


def decided(turn: Turn, request: Request, outcome: Outcome) -> None:
    """A request got its outcome: list a lost caller; one who got through needs no callback any more."""
    if outcome is Outcome.CONNECTED:
        _got_through(turn, request)
    elif outcome in turn.state.plan.callbacks.recover:
        ask(turn, request, Source.RECOVERED)


def ask(turn: Turn, request: Request, source: Source) -> None:
    """Open a callback for a request's caller, or join the one that is open for the number."""
    if not can_be_called(request.number):
        return
    book, key = turn.state.callbacks, number_key(request.number)
    known = book.by_id.get(book.by_number.get(key, ""))
    if known is not None:
        _join(turn, known, request, source)
        return
    pause = FIRST_PAUSE if source is Source.RECOVERED else 0.0
    callback = Callback(
        id=new_id(turn.state, "b"),
        number=request.number,
        province=request.province,
        did=request.did,
        node=request.node,
        request=request.id,
        source=source,
        asked_at=request.arrived_at,
        due_at=turn.now + pause,
    )
    _enter(turn, callback)
    _tell_asked(turn, callback, request)
    announce(turn, callback, source.value)


def recalled(turn: Turn, message: CallbackRecalled) -> None:
    """An open callback of the ledger is taken up again after a restart."""
    province = message.province if message.province in turn.state.plan.routes else UNKNOWN
    callback = Callback(
        id=message.callback,
        number=message.number,
        province=province,
        did=message.did,
        node=message.node,
        request=message.request,
        source=Source(message.source),
        asked_at=message.asked_at,
        due_at=max(message.due_at, turn.now + LOOK_AGAIN),
        attempts=message.attempts,
        agent=message.agent,
    )
    if callback.id not in turn.state.callbacks.by_id:
        _enter(turn, callback)
        if message.calling:  # what became of that attempt is not known
            postpone(turn, callback, "restart")


def cancel_asked(turn: Turn, message: CallbackCancelAsked) -> None:
    """A person cancels a callback. Raises :class:`CallbackError`."""
    callback = _find(turn.state, message.callback)
    if callback.reached_at is not None:
        raise CallbackError(callback.id, "agent and customer are talking", "cancel it before or not at all")
    _cancel(turn, callback, message.actor)


def take_asked(turn: Turn, message: CallbackTakeAsked) -> None:
    """An agent takes a callback: the agent is rung, then the customer. Raises :class:`CallbackError`."""
    callback = _find(turn.state, message.callback)
    if turn.state.plan.callbacks.dial is Dial.OFF:
        raise CallbackError(
            callback.id,
            "the plan dials no callbacks",
            "callbacks.dial: manual, agent_first or customer_first",
        )
    if callback.state is not CallbackState.WAITING:
        raise CallbackError(callback.id, f"is {callback.state}", "one that waits")
    before = callback.agent, callback.began_at
    request = begin(turn, callback, agent_first=True, agent=message.agent)
    if request is None or request.state is RequestState.WAITING:
        if request is not None:
            drop(turn, request)
        callback.call, callback.state = "", CallbackState.WAITING
        callback.agent, callback.began_at = before
        raise CallbackError(
            callback.id,
            f"agent {message.agent} cannot be rung for it now",
            "an idle, ready agent of the province's pools, on a PBX that is linked",
        )


def replan(turn: Turn) -> None:
    """The plan changed: look at everything that may be due by it."""
    for callback in turn.state.callbacks.by_id.values():
        turn.at(max(callback.due_at, turn.now), Due.CALLBACK, callback.id)
        turn.at(max(expires(turn.state, callback), turn.now), Due.CALLBACK_EXPIRES, callback.id)


def due(turn: Turn, callback_id: str) -> None:
    """A callback's time may have come: dial it, if the plan dials by itself."""
    callback = turn.state.callbacks.by_id.get(callback_id)
    settings = turn.state.plan.callbacks
    if callback is None or callback.state is not CallbackState.WAITING or turn.now < callback.due_at:
        return
    if settings.dial not in _AUTOMATIC:
        return
    if is_closed(turn.state, callback.province, turn.now):
        name = turn.state.plan.routes[callback.province].hours
        callback.due_at = next_opening(turn.state.plan.hours[name], turn.now)
        turn.at(callback.due_at, Due.CALLBACK, callback.id)
        return
    agent_first = settings.dial is Dial.AGENT_FIRST
    if begin(turn, callback, agent_first=agent_first) is None:
        turn.at(turn.now + LOOK_AGAIN, Due.CALLBACK, callback.id)


def expire(turn: Turn, callback_id: str) -> None:
    """Too old to be of use."""
    callback = turn.state.callbacks.by_id.get(callback_id)
    if callback is None or turn.now < expires(turn.state, callback):
        return
    if callback.state is CallbackState.CALLING:
        request = turn.state.requests.get(callback.call)
        if request is None or request.state is not RequestState.WAITING or not request.agent_first:
            turn.at(turn.now + LOOK_AGAIN, Due.CALLBACK_EXPIRES, callback.id)
            return
        drop(turn, request)
    close(turn, callback, CallbackState.EXPIRED, "too old")


def _enter(turn: Turn, callback: Callback) -> None:
    book = turn.state.callbacks
    book.by_id[callback.id] = callback
    book.by_number[number_key(callback.number)] = callback.id
    turn.at(callback.due_at, Due.CALLBACK, callback.id)
    turn.at(expires(turn.state, callback), Due.CALLBACK_EXPIRES, callback.id)


def _join(turn: Turn, callback: Callback, request: Request, source: Source) -> None:
    callback.asked_at = min(callback.asked_at, request.arrived_at)
    if callback.request == request.id:
        return
    if callback.source is Source.RECOVERED and source is not Source.RECOVERED:
        callback.source = source
        if callback.state is CallbackState.WAITING and not callback.attempts:
            callback.due_at = turn.now
            turn.at(turn.now, Due.CALLBACK, callback.id)
    _tell_asked(turn, callback, request)


def _tell_asked(turn: Turn, callback: Callback, request: Request) -> None:
    turn.events.append(
        CallbackAsked(
            turn.now,
            callback.id,
            request.id,
            callback.province,
            callback.number,
            callback.did,
            callback.node,
            callback.source,
            callback.asked_at,
            callback.due_at,
        )
    )


def _got_through(turn: Turn, request: Request) -> None:
    book = turn.state.callbacks
    if not book.by_id:
        return
    callback = book.by_id.get(book.by_number.get(number_key(request.number), ""))
    if callback is not None and callback.reached_at is None:
        _cancel(turn, callback, "got through")


def _cancel(turn: Turn, callback: Callback, why: str) -> None:
    """End a callback; a call under way for it is taken down first."""
    request = turn.state.requests.get(callback.call)
    if request is None:
        close(turn, callback, CallbackState.CANCELLED, why)
        return
    callback.cancelled = why
    if request.state is RequestState.WAITING and request.agent_first:
        finish(turn, request)
    elif request.channel:
        turn.effects.append(HangUp(request.id, request.node, request.channel))


def _find(state: State, callback_id: str) -> Callback:
    callback = state.callbacks.by_id.get(callback_id)
    if callback is None:
        raise CallbackError(callback_id, "is not open", "the id of a callback that waits or is being called")
    return callback
