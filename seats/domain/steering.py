"""The error budget steers: what is done for a province grows as the losses it can still take run out.

``credit`` counts those losses: every decided request earns the share that the objective allows to be lost
(less a margin), every loss costs 1, and both are forgotten over the objective's window. By its credit, less
what those waiting now put at risk, a province stands at a level:

====== ==========================================================================================
0      the plan as written
1      all its rings are open at once
2      and its callers go before others, but for those of a higher objective at level 2 or more
3      and one idle agent is kept for it, unless its turn alone comes soon enough
4      and as many as its arrivals need until the next agent is free
5      and agents on interruptible breaks are asked back
====== ==========================================================================================

Whoever goes first takes no call from the house, only its place in line; an agent kept idle does. So a level,
once reached, is kept until the province has saved for the next losses, or nobody has had to wait for a while
(``RELEASE``, ``CALM``): a large province rests at level 2, and a small one alternates between 2 and 3. The
reserve is fractional in time, and costs others no more than the objective demands. An objective that no
policy can reach (``feasible``) is at level 0: burning the others would not save it.
"""

from __future__ import annotations

import math
from typing import Final

from seats.domain.agents import Agent, Chosen, Machine
from seats.domain.deadlines import Due
from seats.domain.events import BreakRecalled, ProvinceSteered, RequestPromoted
from seats.domain.feasible import spent, to_keep
from seats.domain.rank import BOUND, urgency
from seats.domain.requests import Outcome, Request, RequestState
from seats.domain.routing import open_more, rerank, unlock
from seats.domain.state import Reserve, State, Steer, Turn

THRESHOLDS = (0.9, 0.7, 0.5, -0.5, -1.5)
"""Credit below which a province is at level 1, 2, 3, 4, 5."""

CALM: Final = 600.0
HYSTERESIS: Final = 0.1
"""Seconds in which no caller had to wait after which that much credit above the threshold is enough."""

RELEASE_CALM = tuple(threshold + HYSTERESIS for threshold in THRESHOLDS)
RELEASE = (2.9, 2.7, *RELEASE_CALM[2:])
"""Credit from which a province leaves level 1, 2, 3, 4, 5 again, in calm and while callers wait."""

START: Final = 1.0
"""Credit at the start, and what debts and savings fade to: one loss is no alarm, but is then earned again."""

SAVED_MOST: Final = 3.0
"""Credit that can be saved, if the objective allows less than a loss in 13 requests."""

PATIENCE: Final = 60.0
"""Seconds for which a caller is taken to wait, where it is reckoned whether going first is enough."""

AT_RISK: Final = 0.25
LINE: Final = 2
"""Chance that a caller waiting now is lost, beyond what the objective allows; the first two are no line."""

ASSESS_EVERY: Final = 10.0
"""Seconds between two assessments of the objectives."""

FIRST_RESERVE: Final = 3
RECALL_LEVEL: Final = 5
RECALL_EVERY: Final = 300.0
"""Seconds before the same agent is asked back again."""


def steer_of(state: State, province: str) -> Steer:
    """The province's budget, opened on first use."""
    steer = state.steers.get(province)
    if steer is None:
        steer = state.steers[province] = Steer(province, START, state.now)
    return steer


def decided(turn: Turn, province: str, outcome: Outcome) -> None:
    """A request of the province got its outcome."""
    state = turn.state
    if not state.plan.steering or outcome is Outcome.EXCLUDED_CLOSED:
        return
    steer = steer_of(state, province)
    allowed = spent(state.plan.routes[province].objective)
    fade(state, steer)
    steer.credit += allowed if outcome is Outcome.CONNECTED else allowed - 1.0
    most = max(SAVED_MOST, 40.0 * allowed)
    steer.credit = max(-max(3.0, 20.0 * allowed), min(most, steer.credit))
    adjust(turn, steer)


def waits(turn: Turn, request: Request) -> None:
    """A request found nobody: its province may need more."""
    state = turn.state
    if state.plan.steering:
        state.waited_at = turn.now
        adjust(turn, steer_of(state, request.province))
        if state.level(request.province) >= RECALL_LEVEL:
            recall(turn, request.province)


def adjust(turn: Turn, steer: Steer) -> None:
    """Bring the level in step with the credit, and do what that means."""
    state = turn.state
    level = _level(state, steer)
    reserve = _reserve(state, steer.province, level)
    if level == steer.level and reserve == steer.reserve:
        return
    was, kept = steer.level, steer.reserve
    steer.level, steer.reserve = level, reserve
    steer.since = turn.now
    _keep(state)
    waiting = state.waiting.get(steer.province, {})
    turn.events.append(
        ProvinceSteered(turn.now, steer.province, level, was, steer.credit, len(waiting), reserve)
    )
    for request in [*waiting.values(), *_attempts(state, steer.province)]:
        if request.state is RequestState.WAITING:
            rerank(turn, request)
            if level > was:
                open_more(turn, request)
    if level < was or reserve < kept or state.reserves:
        unlock(turn, [ring.pool for ring in state.plan.routes[steer.province].rings])


def _attempts(state: State, province: str) -> list[Request]:
    """Attempts to call customers of the province back: they stand in its line, and are in no figure."""
    requests = [state.requests[call] for call in state.callbacks.calls]
    return [request for request in requests if request.province == province]


def replan(turn: Turn) -> None:
    """Another plan is live: other objectives, other routes."""
    for steer in list(turn.state.steers.values()):
        steer.level = steer.reserve = 0
    turn.state.reserves = {}
    for steer in list(turn.state.steers.values()):
        adjust(turn, steer)


def promote(turn: Turn, request: Request) -> None:
    """The request has waited as long as anybody should: nobody may be put before it any more."""
    request.front = min(request.front, BOUND)
    turn.events.append(RequestPromoted(turn.now, request.id, request.province))
    rerank(turn, request)
    open_more(turn, request)


def recall(turn: Turn, province: str) -> None:
    """Ask agents of the province's route back from interruptible breaks, each at most every few minutes."""
    state = turn.state
    if not state.plan.interruptible:
        return
    pools = {ring.pool for ring in state.plan.routes[province].rings}
    for agent in state.agents.values():
        if _on_interruptible_break(state, agent) and pools & set(agent.pools):
            agent.recalled_at, agent.recalled_for = turn.now, province
            turn.events.append(BreakRecalled(turn.now, province, agent.id))


def _on_interruptible_break(state: State, agent: Agent) -> bool:
    return (
        agent.chosen is Chosen.NOT_READY
        and agent.machine is not Machine.TALKING
        and agent.reason in state.plan.interruptible
        and state.now - agent.recalled_at >= RECALL_EVERY
    )


def fade(state: State, steer: Steer) -> None:
    """Old losses and successes are forgotten; what is left of a full purse is what a day starts with."""
    passed = state.now - steer.at
    steer.at = state.now
    if passed > 0.0:
        window = state.plan.routes[steer.province].window
        steer.credit = START + (steer.credit - START) * math.exp(-passed / window)


def _level(state: State, steer: Steer) -> int:
    if not steer.feasible or not state.plan.steering:
        return 0
    objective = state.plan.routes[steer.province].objective
    line = len(state.waiting.get(steer.province, ())) - LINE
    at_risk = max(0.0, AT_RISK - (1.0 - objective)) * max(0, line)
    credit = steer.credit - at_risk
    up = sum(credit < threshold for threshold in THRESHOLDS)
    leave = RELEASE_CALM if state.now - state.waited_at >= CALM else RELEASE
    down = sum(credit < threshold for threshold in leave)
    return max(up, min(steer.level, down))


def _reserve(state: State, province: str, level: int) -> int:
    """Idle agents to keep: enough that its callers seldom find none before the next agent is free.

    At level 3 none if going first is enough: of those who find nobody idle, a share until_free /
    (until_free + patience) leaves before the next agent is free, both being exponential.
    """
    if level < FIRST_RESERVE:
        return 0
    boards = [state.board(ring.pool) for ring in state.plan.routes[province].rings]
    staffed = max(board.staffed for board in boards)
    busy = max(staffed - max(board.idle_count for board in boards), 1)
    until_free = state.forecast.handling / busy
    objective = state.plan.routes[province].objective
    if level == FIRST_RESERVE:
        return int(until_free / (until_free + PATIENCE) >= (1.0 - objective) / 2)
    return to_keep(state.forecast.rate(province, state.now) * until_free, objective, staffed)


def _keep(state: State) -> None:
    """Lay the reserves out by pool."""
    by_pool: dict[str, tuple[Reserve, ...]] = {}
    for steer in state.steers.values():
        if not steer.reserve:
            continue
        pools = tuple(ring.pool for ring in state.plan.routes[steer.province].rings)
        reserve = Reserve(steer.province, steer.reserve, urgency(state, steer.province), pools)
        for pool in pools:
            by_pool[pool] = (*by_pool.get(pool, ()), reserve)
    state.reserves = by_pool


def arm(turn: Turn) -> None:
    """Have the objectives assessed regularly while requests come."""
    state = turn.state
    if not state.assessing and state.plan.steering:
        state.assessing = True
        turn.at(turn.now + ASSESS_EVERY, Due.ASSESS, "all")
