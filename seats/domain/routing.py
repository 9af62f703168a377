"""Who answers whom: rings that open with time, floors, exclusion, longest idle.

Two entries: :func:`place` seeks an agent for a request, :func:`employ` seeks a request for an agent.
Both make the offer at once, so that a routable agent and an eligible request never coexist.
"""

from __future__ import annotations

import heapq

from seats.domain.agents import Agent, Chosen, Machine, SeatKind
from seats.domain.effects import Ring
from seats.domain.events import OfferMade, RingOpened
from seats.domain.plan import RingStep
from seats.domain.requests import Offer, Request, RequestState
from seats.domain.state import Due, PoolBoard, State, Turn

OFFER_GUARD = 3.0
"""Seconds past the ring timeout after which a silent PBX is no longer waited for."""


def wait_in_pools(turn: Turn, request: Request) -> None:
    """Put a waiting request on the lists of every ring open to it, opening those that are due."""
    request.wait_token = turn.state.tick_number()
    request.rings_open = 0
    open_rings(turn, request)


def open_rings(turn: Turn, request: Request) -> None:
    """Open the rings that are due for a waiting request and set the deadline of the next."""
    rings = _rings(turn.state, request)
    waited = turn.now - request.arrived_at
    while request.rings_open < len(rings) and (ring := rings[request.rings_open]).after <= waited:
        _enter(turn.state, request, ring.pool)
        request.rings_open += 1
        if request.rings_open > request.rings_seen:
            request.rings_seen = request.rings_open
            turn.events.append(
                RingOpened(turn.now, request.id, request.province, request.rings_open - 1, ring.pool)
            )
    if request.rings_open < len(rings):
        when = request.arrived_at + rings[request.rings_open].after
        turn.at(when, Due.RING_OPENS, request.id, request.wait_token)


def place(turn: Turn, request: Request) -> bool:
    """Offer a waiting request to the best idle agent of its open rings; False if there is none."""
    state = turn.state
    if request.state is not RequestState.WAITING or request.node not in state.links:
        return False
    for n, ring in enumerate(_rings(state, request)[: request.rings_open]):
        agent = _longest_idle(state, state.board(ring.pool), request)
        if agent is not None:
            make_offer(turn, request, agent, n, ring.pool)
            return True
    return False


def employ(turn: Turn, agent: Agent) -> bool:
    """Offer the first waiting request an idle agent may take; False if there is none."""
    if not is_routable(agent):
        return False
    state = turn.state
    best: tuple[int, float, int, str, int] | None = None
    best_pool = ""
    for pool in agent.pools:
        head = _first_waiting(state, state.board(pool), agent)
        if head is not None and (best is None or head < best):
            best, best_pool = head, pool
    if best is None:
        return False
    request = state.requests[best[3]]
    ring = next(n for n, step in enumerate(_rings(state, request)) if step.pool == best_pool)
    make_offer(turn, request, agent, ring, best_pool)
    return True


def is_routable(agent: Agent) -> bool:
    """The agent wants calls, is free, and the seat is proven."""
    return agent.machine is Machine.IDLE and agent.chosen is Chosen.READY


def join_idle(state: State, agent: Agent) -> None:
    """Put an agent on the idle lists of its pools."""
    agent.idle_token = state.tick_number()
    for pool in agent.pools:
        board = state.board(pool)
        heapq.heappush(board.idle, (agent.idle_since, agent.id, agent.idle_token))
        board.idle_count += 1


def leave_idle(state: State, agent: Agent) -> None:
    """Take an agent off the idle lists of its pools."""
    if not agent.idle_token:
        return
    agent.idle_token = 0
    for pool in agent.pools:
        board = state.board(pool)
        board.idle_count -= 1
        if len(board.idle) > 64 and len(board.idle) > 4 * board.idle_count:
            _compact_idle(state, board)


def refill(turn: Turn, agent: Agent) -> None:
    """After an agent became idle: employ it, and whoever its arrival frees from a floor."""
    if employ(turn, agent):
        return
    state = turn.state
    for pool in agent.pools:
        settings = state.plan.pools.get(pool)
        if settings is not None and settings.floor:
            for other in _idle_agents(state, state.board(pool)):
                if employ(turn, other):
                    break


def rematch(turn: Turn) -> None:
    """Try every waiting request again: after a link came up or the plan changed."""
    waiting = [r for r in turn.state.requests.values() if r.state is RequestState.WAITING]
    for request in sorted(waiting, key=lambda r: (r.priority, r.arrived_at, r.seq)):
        place(turn, request)


def make_offer(turn: Turn, request: Request, agent: Agent, ring: int, pool: str) -> None:
    """Reserve the agent for the request and ask for the ringing."""
    state, now = turn.state, turn.now
    timeout = state.plan.ring_timeout
    board = state.board(pool)
    why = "ring %d %s; idle %.1f s, longest of %d; waited %.1f s" % (  # noqa: UP031 - faster here
        ring + 1,
        pool,
        now - agent.idle_since,
        board.idle_count,
        now - request.arrived_at,
    )
    offer_id = state.new_offer_id()
    leave_idle(state, agent)
    offer = Offer(offer_id, request.id, agent.id, pool, ring, now, now + timeout, why)
    state.offers[offer_id] = offer
    request.state = RequestState.OFFERED
    request.wait_token = 0
    request.offer = offer_id
    request.offers_made += 1
    agent.machine = Machine.OFFERED
    agent.since = now
    agent.offer = offer_id
    agent.request = request.id
    turn.at(now + timeout + OFFER_GUARD, Due.OFFER_GUARD, offer_id)
    turn.events.append(OfferMade(now, offer_id, request.id, request.province, agent.id, pool, ring, why))
    turn.effects.append(
        Ring(offer_id, request.id, request.node, request.channel, agent.id, agent.seat, timeout)
    )


def _rings(state: State, request: Request) -> tuple[RingStep, ...]:
    return state.plan.routes[request.province].rings


def _enter(state: State, request: Request, pool: str) -> None:
    entry = (request.priority, request.arrived_at, request.seq, request.id, request.wait_token)
    heapq.heappush(state.board(pool).waiting, entry)


def _longest_idle(state: State, board: PoolBoard, request: Request) -> Agent | None:
    """The longest idle agent of a pool who may take this request; skipped ones keep their place."""
    heap = board.idle
    skipped: list[tuple[float, str, int]] = []
    found: Agent | None = None
    while heap:
        entry = heap[0]
        agent = state.agents.get(entry[1])
        if agent is None or agent.idle_token != entry[2]:
            heapq.heappop(heap)
            continue
        if may_take(state, agent, request):
            found = agent
            break
        skipped.append(heapq.heappop(heap))
    for entry in skipped:
        heapq.heappush(heap, entry)
    return found


def _first_waiting(state: State, board: PoolBoard, agent: Agent) -> tuple[int, float, int, str, int] | None:
    """The first waiting entry of a pool that this agent may take; skipped ones keep their place."""
    heap = board.waiting
    skipped: list[tuple[int, float, int, str, int]] = []
    found: tuple[int, float, int, str, int] | None = None
    while heap:
        entry = heap[0]
        request = state.requests.get(entry[3])
        if request is None or request.wait_token != entry[4]:
            heapq.heappop(heap)
            continue
        if may_take(state, agent, request):
            found = entry
            break
        skipped.append(heapq.heappop(heap))
    for entry in skipped:
        heapq.heappush(heap, entry)
    return found


def may_take(state: State, agent: Agent, request: Request) -> bool:
    """Not excluded, on a linked node both share, nobody else preferred, and every floor still holds after."""
    if agent.id in request.excluded or request.node not in state.links:
        return False
    if request.node not in agent.nodes and agent.seat.kind is not SeatKind.MOBILE:
        return False
    if request.prefer and request.prefer != agent.id and state.now < request.prefer_until:
        return False
    pools = state.plan.pools
    for name in agent.pools:
        pool = pools.get(name)
        if pool is None or not pool.floor or pool.home == request.province:
            continue
        if state.board(name).idle_count - 1 < pool.floor:
            return False
    return True


def _idle_agents(state: State, board: PoolBoard) -> list[Agent]:
    live = []
    for _, agent_id, token in sorted(board.idle):
        agent = state.agents.get(agent_id)
        if agent is not None and agent.idle_token == token:
            live.append(agent)
    return live


def _compact_idle(state: State, board: PoolBoard) -> None:
    agents = state.agents
    board.idle = [e for e in board.idle if e[1] in agents and agents[e[1]].idle_token == e[2]]
    heapq.heapify(board.idle)
