"""What becomes of a caller whom no agent will answer: closed, nobody staffed, waited too long.

The outcome does not depend on the overflow: a voicemail, a message or another number is no human of ours.
Only a callback that the caller chose instead of waiting is an outcome of its own.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from seats.domain.effects import PassOn, Release
from seats.domain.errors import PlanError
from seats.domain.hours import Opening, opening
from seats.domain.requests import Outcome

if TYPE_CHECKING:
    from seats.domain.plan import Plan
    from seats.domain.requests import Request
    from seats.domain.state import State

FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_/]{0,59}")
NUMBER = re.compile(r"\+?[0-9]{3,20}")
CALLABLE = re.compile(r"\+?[0-9]{5,20}")


class Occasion(StrEnum):
    """Why a caller is let go."""

    CLOSED = "closed"
    NO_SEAT = "no_seat"
    MAX_WAIT = "max_wait"


class Way(StrEnum):
    """Where the caller goes."""

    ANNOUNCE = "announce"  # hear why, and the call ends
    CALLBACK = "callback"
    VOICEMAIL = "voicemail"
    MESSAGE = "message"
    NUMBER = "number"


class Overflow(NamedTuple):
    """What is done on one occasion."""

    do: Way = Way.ANNOUNCE
    file: str = ""
    """``message``: sound file played."""
    number: str = ""
    """``number``: dialled through the trunk that the dialplan names."""
    ask: bool = True
    """``callback``: only for callers who press 1; otherwise for everyone."""
    after: float = 0.0
    """``no_seat`` alone: seconds a caller is kept in the hope that an agent comes."""


class Overflows(NamedTuple):
    """The overflow of each occasion; None leaves it to the plan's default, and that to ``announce``."""

    closed: Overflow | None = None
    no_seat: Overflow | None = None
    max_wait: Overflow | None = None


OUTCOMES = {
    Occasion.CLOSED: Outcome.EXCLUDED_CLOSED,
    Occasion.NO_SEAT: Outcome.NO_SEAT,
    Occasion.MAX_WAIT: Outcome.TIMEOUT,
}


def overflow_of(plan: Plan, province: str, occasion: Occasion) -> Overflow | None:
    """What a province does on an occasion: its own, else the plan's; None: nothing is said of it."""
    name = occasion.value
    found: Overflow | None = getattr(plan.routes[province].overflow, name) or getattr(plan.overflow, name)
    return found


def opening_of(state: State, province: str, at: float) -> Opening | None:
    """Whether a province's lines are open at a time; None: always."""
    name = state.plan.routes[province].hours
    if not name:
        return None
    known = state.openings.get(name)
    if known is None or not known.since <= at < known.until:
        known = state.openings[name] = opening(state.plan.hours[name], at)
    return known


def is_closed(state: State, province: str, at: float) -> bool:
    """Whether a caller who comes at this time comes at closed hours."""
    found = opening_of(state, province, at)
    return found is not None and not found.open


def was_staffed(state: State, request: Request) -> bool:
    """Whether anybody stood behind the request's rings at any time since it came."""
    boards = [state.board(step.pool) for step in state.plan.routes[request.province].rings]
    return any(b.staffed > 0 or b.last_staffed >= request.arrived_at for b in boards)


class Parting(NamedTuple):
    """How a caller is let go. ``asks``: the outcome waits for what the caller presses."""

    outcome: Outcome
    effect: Release | PassOn
    asks: bool = False
    calls_back: bool = False
    """A callback is due to the caller without a question."""


def parting(state: State, request: Request, occasion: Occasion) -> Parting:
    """What to do with a caller who is let go on this occasion."""
    outcome = OUTCOMES[occasion]
    where = request.id, request.node, request.channel
    overflow = overflow_of(state.plan, request.province, occasion) or Overflow()
    if overflow.do is Way.CALLBACK and can_be_called(request.number):
        if overflow.ask:
            return Parting(outcome, PassOn(*where, Way.CALLBACK.value, "", outcome), asks=True)
        return Parting(outcome, Release(*where, Outcome.CALLBACK), calls_back=True)
    if overflow.do in (Way.VOICEMAIL, Way.MESSAGE, Way.NUMBER):
        argument = overflow.file or overflow.number
        return Parting(outcome, PassOn(*where, overflow.do.value, argument, outcome))
    return Parting(outcome, Release(*where, outcome))


def can_be_called(number: str) -> bool:
    """Whether a caller's number can be dialled: withheld and odd ones cannot."""
    return CALLABLE.fullmatch(number) is not None


def check_overflows(where: str, overflows: Overflows) -> None:
    """Raise :class:`PlanError` for an overflow that lacks what it needs."""
    for name, overflow in zip(overflows._fields, overflows, strict=True):
        if overflow is not None:
            _check(f"{where}.{name}", overflow, name)


def _check(where: str, overflow: Overflow, occasion: str) -> None:
    if overflow.do is Way.MESSAGE and not FILE.fullmatch(overflow.file):
        raise PlanError(
            f"{where}.file", f"{overflow.file[:40]!r} is no sound file", "A-Z a-z 0-9 _ and /, no ending"
        )
    if overflow.do is Way.NUMBER and not NUMBER.fullmatch(overflow.number):
        raise PlanError(f"{where}.number", "is no phone number", "3 to 20 digits, + before them if any")
    if not 0.0 <= overflow.after <= 3600.0:
        raise PlanError(f"{where}.after", f"{overflow.after:g} is out of range", "0 to 3600 seconds")
    if overflow.after and occasion != Occasion.NO_SEAT:
        raise PlanError(f"{where}.after", "counts for no_seat alone", "leave it out here")
