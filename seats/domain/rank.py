"""In which order waiting requests are served: a small number for each, smaller first; then by age.

From first to last: a caller whose call broke, a caller whose offer came to nothing, a caller who has waited
beyond the bound, priority classes (green channel), provinces about to break their objective, everybody else.
"""

from __future__ import annotations

from seats.domain.requests import Request
from seats.domain.state import State

RESCUED = -60
RETURNED = -50
BOUND = -40
"""Waited beyond ``wait_bound``: whatever the weights, nobody starves."""

_CLASS = -20
"""A priority class of rank r (1 to 9) has -20 - r."""
_URGENT = -10
"""A province at steering level n ≥ 2 has -10 - n."""

PRIORITY_FROM_LEVEL = 2
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
    level = state.level(request.province)
    if level >= PRIORITY_FROM_LEVEL:
        best = min(best, _URGENT - level)
    return best
