"""Who answers whom: rings that open with time, floors and reserves, exclusion, longest idle.

Two entries: :func:`seek` finds an agent for a request, :func:`refill` finds a request for an agent. Both make
the offer at once, so that a routable agent and an eligible request never coexist. ``eligible`` says who may,
``rank`` who goes first.
"""

from __future__ import annotations

import heapq
from typing import Final

from seats.domain.agents import Agent, Machine
from seats.domain.deadlines import Due
from seats.domain.effects import Ring
from seats.domain.eligible import is_routable, is_wished, may_take, refusal
from seats.domain.events import OfferMade, RingOpened
from seats.domain.lines import Place
from seats.domain.lists import (
    count_idle,
    enter,
    idle_agents,
    join_idle,
    leave_idle,
    move,
    start_waiting,
    stop_waiting,
)
from seats.domain.plan import RingStep
from seats.domain.rank import rank
from seats.domain.requests import Offer, Request, RequestState, Why
from seats.domain.state import Idle, PoolBoard, State, Turn

__all__ = [
    "OFFER_GUARD",
    "employ",
    "is_routable",
    "leave_idle",
    "may_take",
    "open_more",
    "place",
    "refill",
    "rematch",
    "rerank",
    "seek",
    "stop_waiting",
    "unlock",
]

OFFER_GUARD: Final = 3.0
"""Seconds past the ring timeout after which a silent PBX is no longer waited for."""

EARLY_FROM_LEVEL: Final = 1
"""Steering level from which all rings of a province are open at once."""

Skipped = dict[str, int]
"""What spoke against those passed over, and how often."""


def seek(turn: Turn, request: Request) -> None:
    """A request starts to wait, or waits again: the best idle agent now, else a place on the lists."""
    state = turn.state
    start_waiting(state, request)
    request.priority = rank(state, request)
    _open_due(turn, request)
    if not place(turn, request):
        _list(turn, request, 0)


def open_more(turn: Turn, request: Request) -> None:
    """Rings are due, or open early: take an agent there, else wait there too."""
    listed = request.rings_open
    _open_due(turn, request)
    if not place(turn, request) and request.rings_open > listed:
        _list(turn, request, listed)


def rerank(turn: Turn, request: Request) -> None:
    """The order of a waiting request may have changed."""
    now = rank(turn.state, request)
    if now == request.priority:
        return
    request.priority = now
    move(turn.state, request)
    _list(turn, request, 0)


def place(turn: Turn, request: Request) -> bool:
    """Offer a waiting request to the best idle agent of its open rings; False if there is none."""
    state = turn.state
    if request.state is not RequestState.WAITING or request.node not in state.links:
        return False
    skipped: Skipped = {}
    rings = _rings(state, request)
    for n in range(request.rings_open):
        board = state.board(rings[n].pool)
        if not board.idle_count:
            continue
        agent = _longest_idle(state, board, request, skipped)
        if agent is not None:
            _make_offer(turn, request, agent, n, board, skipped)
            return True
    return False


def employ(turn: Turn, agent: Agent) -> bool:
    """Offer the first waiting request an idle agent may take; False if there is none."""
    if not is_routable(agent):
        return False
    state = turn.state
    best: Place | None = None
    chosen: PoolBoard | None = None
    skipped: Skipped | None = None
    for board in agent.boards:
        place = board.waiting.head()
        if place is None or not _is_first(place, best):
            continue
        if refusal(state, agent, place.holder()):
            if skipped is None:
                skipped = {}
            place = _first_waiting(state, board, agent, skipped)
            if place is None or not _is_first(place, best):
                continue
        best, chosen = place, board
    if best is None or chosen is None:
        return False
    request = best.holder()
    rings = _rings(state, request)
    ring = 0
    while rings[ring].pool != chosen.pool:
        ring += 1
    _make_offer(turn, request, agent, ring, chosen, skipped)
    return True


def refill(turn: Turn, agent: Agent, *, fresh: bool = True) -> None:
    """An agent became idle (or, not ``fresh``, can take more): employ it, and whom a floor lets go for it."""
    state = turn.state
    if fresh:
        count_idle(state, agent)
    if employ(turn, agent):
        return
    if fresh:
        join_idle(agent)
    if state.has_floors:
        for pool in agent.pools:
            settings = state.plan.pools.get(pool)
            if settings is not None and settings.floor:
                for other in list(idle_agents(state.board(pool))):
                    if employ(turn, other):
                        break
    if state.reserves:
        kept = [reserve for pool in agent.pools for reserve in state.reserves.get(pool, ())]
        unlock(turn, sorted({pool for reserve in kept for pool in reserve.pools}), most=1)


def unlock(turn: Turn, pools: list[str], most: int = 1_000_000) -> None:
    """A reserve of these pools became smaller, or was exceeded: employ idle agents it does not need."""
    state = turn.state
    if not state.links:  # nobody can be rung: all will be tried again when a link is up, so none need be now
        return
    for pool in pools:
        employed = 0
        if not state.board(pool).idle_count:
            continue
        for agent in list(idle_agents(state.board(pool))):
            if agent.idle_token and employ(turn, agent):
                employed += 1
                if employed >= most:
                    break


def rematch(turn: Turn) -> None:
    """Try every waiting request again: after a link came up or the plan changed."""
    waiting = [r for r in turn.state.requests.values() if r.state is RequestState.WAITING]
    for request in sorted(waiting, key=lambda r: (r.priority, r.rank_at, r.seq)):
        place(turn, request)


def _rings(state: State, request: Request) -> tuple[RingStep, ...]:
    return state.plan.routes[request.province].rings


def _open_due(turn: Turn, request: Request) -> None:
    """Open the rings that are due by time, or all of them while the province needs it."""
    state = turn.state
    rings = _rings(state, request)
    early = state.level(request.province) >= EARLY_FROM_LEVEL
    while request.rings_open < len(rings):
        ring = rings[request.rings_open]
        due = turn.now >= request.arrived_at + ring.after  # as its deadline was reckoned
        if not due and not early and _is_staffed(state, rings[: request.rings_open]):
            break
        request.rings_open += 1
        if request.rings_open > request.rings_seen:
            request.rings_seen = request.rings_open
            turn.events.append(
                RingOpened(turn.now, request.id, request.province, request.rings_open - 1, ring.pool)
            )


def _is_staffed(state: State, rings: tuple[RingStep, ...]) -> bool:
    """Somebody may answer in these rings by and by: else there is nothing to wait for before the next one."""
    return any(state.board(ring.pool).staffed for ring in rings)


def _list(turn: Turn, request: Request, first: int) -> None:
    """On the lists of the open rings from the first on; with the deadlines that waiting brings."""
    state = turn.state
    rings = _rings(state, request)
    enter(state, request, [ring.pool for ring in rings[first : request.rings_open]])
    if request.rings_open < len(rings):
        when = request.arrived_at + rings[request.rings_open].after
        turn.at(when, Due.RING_OPENS, request.id, request.wait_token)
    for need in request.needs:
        if need.until is not None and (when := request.arrived_at + need.until) > turn.now:
            turn.at(when, Due.RELAX, request.id, request.wait_token)


def _make_offer(
    turn: Turn, request: Request, agent: Agent, ring: int, board: PoolBoard, skipped: Skipped | None
) -> None:
    """Reserve the agent for the request and ask for the ringing."""
    state, now, pool = turn.state, turn.now, board.pool
    timeout = state.plan.ring_timeout
    steer = state.steers.get(request.province)
    idle = now - agent.idle_since
    if not request.callback:
        state.expected.entered(request.province, now - request.waiting_since, request.guess)
    request.guess = None
    level, credit = (steer.level, steer.credit) if steer is not None else (0, 0.0)
    passed = tuple(skipped.items()) if skipped else ()
    waited = now - request.arrived_at
    why = Why(ring, pool, idle, board.idle_count, waited, request.priority, level, credit, passed)
    offer_id = state.new_offer_id()
    leave_idle(agent)
    stop_waiting(state, request)
    offer = Offer(offer_id, request.id, agent.id, pool, ring, now, now + timeout)
    state.offers[offer_id] = offer
    request.state = RequestState.OFFERED
    request.offer = offer_id
    request.offers_made += 1
    agent.machine = Machine.OFFERED
    agent.since = agent.work_since = now
    agent.idle_sum += idle
    agent.offer = offer_id
    agent.request = request.id
    turn.at(offer.deadline + OFFER_GUARD, Due.OFFER_GUARD, offer_id)
    turn.events.append(OfferMade(now, offer_id, request.id, request.province, agent.id, pool, ring, why))
    turn.effects.append(
        Ring(offer_id, request.id, request.node, request.channel, agent.id, agent.seat, timeout)
    )


def _longest_idle(state: State, board: PoolBoard, request: Request, skipped: Skipped) -> Agent | None:
    """The longest idle agent of a pool who may take this request: first among those with wished skills."""
    if request.needs:
        found = _walk_idle(state, board, request, skipped, wished=True)
        if found is not None:
            return found
    return _walk_idle(state, board, request, skipped, wished=False)


def _walk_idle(
    state: State, board: PoolBoard, request: Request, skipped: Skipped, *, wished: bool
) -> Agent | None:
    """Those passed over keep their place."""
    heap = board.idle
    aside: list[Idle] = []
    found: Agent | None = None
    while heap:
        _, _, token, agent = heap[0]
        if agent.idle_token != token:
            heapq.heappop(heap)
            continue
        against = "wish" if wished and not is_wished(agent, request) else refusal(state, agent, request)
        if not against:
            found = agent
            break
        if against != "wish":
            skipped[against] = skipped.get(against, 0) + 1
        aside.append(heapq.heappop(heap))
    for entry in aside:
        heapq.heappush(heap, entry)
    return found


def _is_first(place: Place, best: Place | None) -> bool:
    return best is None or place.before(best)


def _first_waiting(state: State, board: PoolBoard, agent: Agent, skipped: Skipped) -> Place | None:
    """The first place in a pool's line whose request this agent may take."""
    for place in board.waiting:
        against = refusal(state, agent, place.holder())
        if not against:
            return place
        skipped[against] = skipped.get(against, 0) + 1
        if against == "floor":  # whoever it is not kept for is refused alike: no need to ask thousands
            return _kept_for(state, agent, board)
        if against == "reserve" and place.priority == 0:  # those it is kept for go before ordinary callers,
            return _later_call(state, agent, board)  # but for those whom we call of our own accord
    return None


def _later_call(state: State, agent: Agent, board: PoolBoard) -> Place | None:
    """The first waiting attempt to call a lost caller back that this agent may take: these stand last."""
    found: Place | None = None
    for call in state.callbacks.calls:
        request = state.requests[call]
        place = request.place
        if place is not None and request.priority > 0 and (found is None or place.before(found)):
            rings = _rings(state, request)[: request.rings_open]
            if any(ring.pool == board.pool for ring in rings) and may_take(state, agent, request):
                found = place
    return found


def _kept_for(state: State, agent: Agent, board: PoolBoard) -> Place | None:
    """The first place in this line of the provinces whose floors keep this agent."""
    found: Place | None = None
    for pool in agent.pools:
        settings = state.plan.pools.get(pool)
        if settings is None or not settings.floor:
            continue
        for request in state.waiting.get(settings.home, {}).values():
            place = request.place
            rings = _rings(state, request)[: request.rings_open]
            if (
                place is not None
                and (found is None or place.before(found))
                and any(ring.pool == board.pool for ring in rings)
                and may_take(state, agent, request)
            ):
                found = place
    return found
