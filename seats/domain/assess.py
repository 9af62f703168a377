"""Every few seconds: which objectives are within reach, from arrivals, handling, patience and staffed agents."""

from __future__ import annotations

import math

from seats.domain.events import ObjectiveJudged
from seats.domain.feasible import Demand, Verdict, judge
from seats.domain.state import State, Turn
from seats.domain.steering import adjust, arm, fade, steer_of

SLACK = 0.03
"""An objective judged out of reach is back in it only with this part to spare."""

SHORTEST = 1.0
"""Seconds that a call is taken to need at least."""

ENOUGH_CALLS = 20.0
"""Calls that must have been handled before anything is judged."""


def assess(turn: Turn) -> None:
    """Judge every objective, say what changed, and adjust the steering."""
    state = turn.state
    state.assessing = False
    if not state.plan.steering:
        return
    if state.requests:
        arm(turn)
    if state.forecast.calls >= ENOUGH_CALLS:
        for verdict in _verdicts(state):
            _take(turn, verdict)
    for steer in list(state.steers.values()):
        fade(state, steer)  # a province nobody calls any more must not keep its reserve for ever
        adjust(turn, steer)


def _verdicts(state: State) -> list[Verdict]:
    sizes: dict[int, float] = {}
    numbers: dict[tuple[str, ...], int] = {}
    for agent in state.agents.values():
        if agent.staffed:
            group = numbers.setdefault(agent.pools, len(numbers))
            sizes[group] = sizes.get(group, 0.0) + 1.0
    handling = max(state.forecast.handling, SHORTEST)
    demands = []
    for province in state.forecast.arrivals:
        route = state.plan.routes[province]
        pools = {ring.pool for ring in route.rings}
        work = state.forecast.rate(province, state.now) * handling
        if not steer_of(state, province).feasible:
            work *= 1.0 + SLACK
        groups = frozenset(group for name, group in numbers.items() if pools & set(name))
        demands.append(Demand(province, route.objective, work, groups))
    return judge(demands, sizes, state.forecast.patience / handling)


def _take(turn: Turn, verdict: Verdict) -> None:
    steer = steer_of(turn.state, verdict.province)
    missing = math.ceil(verdict.missing)
    changed = steer.feasible != verdict.feasible or steer.cause != verdict.cause
    steer.feasible, steer.missing, steer.cause = verdict.feasible, missing, verdict.cause
    if changed:
        turn.events.append(
            ObjectiveJudged(turn.now, verdict.province, verdict.feasible, missing, verdict.cause)
        )
