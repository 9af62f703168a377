"""In which order waiting requests are served: a small number for each, smaller first; then by age.

From first to last: a caller whose call broke, a caller whose offer came to nothing, a caller who has waited
beyond the bound, priority classes (green channel), provinces about to break their objective (the highest
objective first, then the greatest need), everybody else.
"""

from __future__ import annotations

from typing import Final

from seats.domain.requests import Request
from seats.domain.state import State

RESCUED: Final = -60_000
RETURNED: Final = -50_000
BOUND: Final = -40_000
"""Waited beyond ``wait_bound``: whatever the weights, nobody starves."""

_CLASS: Final = -20_000
"""A priority class of rank r (1 to 9) has this less r."""

PRIORITY_FROM_LEVEL: Final = 2
"""Steering level from which a province's callers go before others."""


def rank(state: State, request: Request) -> int:
    """The request's present priority."""
    best = request.front
    if best > 0:  # a lost caller whom we call of our own accord
        return best
    if request.klass:
        class_rank = state.plan.classes.get(request.klass)
        if class_rank is not None:
            best = min(best, _CLASS - class_rank)
    return min(best, urgency(state, request.province))


def urgency(state: State, province: str) -> int:
    """How far a province goes before others: -9903 for an objective of 0.990 at level 3; 0 below level 2.

    The objective counts before the level: when all burn, and there are not agents enough for all, level
    alone would put them in one line, and the highest promise would be broken with the others.
    """
    level = state.level(province)
    if level < PRIORITY_FROM_LEVEL:
        return 0
    return -10 * round(1000 * state.plan.routes[province].objective) - level
