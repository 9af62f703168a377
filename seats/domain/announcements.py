"""What a caller who waits is told, now and then: the place in line, and how long it will take.

A wait is told only where such forecasts have been compared with what came, and were not further off than the
wait itself; in whole minutes, rounded up; and never longer than what was told before, unless it has truly become
worse. Nothing is told to somebody who is being rung for, and nothing moves a caller: the PBX says it in
between, and an offer cuts it short.
"""

from __future__ import annotations

import math

from seats.domain.deadlines import Due
from seats.domain.effects import Tell
from seats.domain.events import CallerTold
from seats.domain.outlook import expected_wait
from seats.domain.requests import Request, RequestState
from seats.domain.state import State, Turn

LONGEST_LINE = 99
"""Places beyond this are not told: such a number only frightens, and takes long to count."""

LONGEST_WAIT = 60
"""Minutes beyond which no wait is told."""

JUDGED_ENOUGH = 5
"""Forecasts of a province that must have been compared with the true wait before one is told."""

SLACK = 60.0
"""Seconds, at least, by which a wait must exceed the one told before to count as truly worse."""


def arm(turn: Turn, request: Request) -> None:
    """A caller waits, or another plan is live: tell them something after the time that the plan gives."""
    every = turn.state.plan.announce_every
    if every and not request.callback:
        request.tell_at = turn.now + every
        turn.at(request.tell_at, Due.ANNOUNCE, request.id)


def due(turn: Turn, request: Request) -> None:
    """Tell a waiting caller what there is to tell, and again after the plan's time."""
    state = turn.state
    if not state.plan.announce_every or request.outcome is not None or turn.now < request.tell_at:
        return
    arm(turn, request)
    if request.state is not RequestState.WAITING or request.node not in state.links:
        return
    position, minutes = place_in_line(state, request), minutes_left(state, request)
    if not position and not minutes:
        return
    request.told = minutes
    turn.events.append(CallerTold(turn.now, request.id, request.province, position, minutes))
    turn.effects.append(Tell(request.id, request.node, request.channel, position, minutes))


def place_in_line(state: State, request: Request) -> int:
    """From 1: how soon the caller is served among those of the province; 0 beyond the longest line told."""
    own = (request.priority, request.rank_at, request.seq)
    before = 0
    for other in state.waiting.get(request.province, {}).values():
        before += (other.priority, other.rank_at, other.seq) < own
        if before >= LONGEST_LINE:
            return 0
    return before + 1


def minutes_left(state: State, request: Request) -> int:
    """Whole minutes of wait to tell, rounded up; 0: none can be told."""
    now = state.now
    wait = expected_wait(state, request.province, now)
    if wait.judged < JUDGED_ENOUGH or wait.error > max(wait.seconds, SLACK):
        return 0
    left = wait.seconds - (now - request.waiting_since)
    if left <= 0.0:  # longer already than anybody could foresee: nothing is known any more
        return 0
    if request.told and left <= request.told * 60.0 + max(wait.error, SLACK):
        left = min(left, request.told * 60.0)
    minutes = math.ceil(left / 60.0)
    return minutes if minutes <= LONGEST_WAIT else 0
