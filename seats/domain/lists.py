"""Who is idle and who waits, by pool: joining and leaving cost O(log n) whatever the size of the pool.

Both lists are heaps whose stale entries are dropped when they surface (see :class:`PoolBoard`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from seats.domain.agents import Agent
from seats.domain.requests import Request
from seats.domain.state import PoolBoard, State


def start_waiting(state: State, request: Request) -> None:
    """The request waits (again): entries made before are void."""
    request.wait_token = state.tick_number()
    request.rings_open = 0
    if not request.callback:
        state.waiting.setdefault(request.province, {})[request.id] = request


def stop_waiting(state: State, request: Request) -> None:
    """The request waits no more."""
    if request.wait_token:
        request.wait_token = 0
        if not request.callback:
            state.waiting[request.province].pop(request.id, None)


def enter(state: State, request: Request, pools: Iterable[str]) -> None:
    """Put a waiting request on the lists of these pools."""
    entry = entry_of(request)
    for pool in pools:
        heapq.heappush(state.board(pool).waiting, entry)


def entry_of(request: Request) -> tuple[int, float, int, str, int]:
    """How a request stands on the lists."""
    return (request.priority, request.rank_at, request.seq, request.id, request.wait_token)


def count_idle(state: State, agent: Agent) -> None:
    """The agent is idle from now on, though on no list yet: it may find work at once."""
    agent.idle_token = state.tick_number()
    for pool in agent.pools:
        state.board(pool).idle_count += 1


def join_idle(state: State, agent: Agent) -> None:
    """Put an agent who was counted as idle on the idle lists of its pools."""
    entry = (agent.idle_since, agent.id, agent.idle_token)
    for pool in agent.pools:
        heapq.heappush(state.board(pool).idle, entry)


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


def idle_agents(state: State, board: PoolBoard) -> Iterator[Agent]:
    """The idle agents of a pool, longest idle first, as they are now."""
    for _, agent_id, token in sorted(board.idle):
        agent = state.agents.get(agent_id)
        if agent is not None and agent.idle_token == token:
            yield agent


def _compact_idle(state: State, board: PoolBoard) -> None:
    agents = state.agents
    board.idle = [e for e in board.idle if e[1] in agents and agents[e[1]].idle_token == e[2]]
    heapq.heapify(board.idle)
