"""What stands before a province: how its objective is steered, and the wait its next caller must expect."""

from __future__ import annotations

from typing import NamedTuple

from seats.domain.expected import Guess
from seats.domain.state import State
from seats.domain.steering import START


class Wait(NamedTuple):
    """Seconds to be expected, the mean absolute error of such forecasts, and how many were judged."""

    seconds: float
    error: float
    judged: int


class Outlook(NamedTuple):
    """How a province is steered. ``credit``: losses it can still take; ``missing`` agents and why."""

    level: int
    credit: float
    feasible: bool
    missing: int
    cause: str
    wait: Wait


def outlook(state: State, province: str, now: float) -> Outlook:
    """The outlook of one province; one that nothing was decided for yet stands at the start."""
    wait = expected_wait(state, province, now)
    steer = state.steers.get(province)
    if steer is None:
        return Outlook(0, START, True, 0, "", wait)
    return Outlook(steer.level, steer.credit, steer.feasible, steer.missing, steer.cause, wait)


def guess(state: State, province: str, now: float) -> Guess:
    """What both estimators say of a caller who comes now."""
    ages = state.ages.get(province)
    oldest = ages.oldest() if ages is not None else None
    return Guess(state.expected.seen(province).last, now - oldest.arrived_at if oldest is not None else 0.0)


def expected_wait(state: State, province: str, now: float) -> Wait:
    """The wait of a caller who comes now: without a line and with somebody idle, until that ring opens.

    For whom that idle agent may be kept (floors, reserves, skills) is not looked at.
    """
    seconds, error, judged = state.expected.now(province, guess(state, province, now))
    if not state.waiting.get(province) and (opens := _until_somebody(state, province)) is not None:
        seconds = opens
    return Wait(seconds, error, judged)


def _until_somebody(state: State, province: str) -> float | None:
    """Seconds until the first ring with an idle agent opens; rings without staff hold nobody up."""
    staffed = False
    for ring in state.plan.routes[province].rings:
        board = state.boards.get(ring.pool)
        if board is not None and board.idle_count:
            return ring.after if staffed and not state.level(province) else 0.0
        staffed = staffed or (board is not None and board.staffed > 0)
    return None
