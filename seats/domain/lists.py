"""Who is idle and who waits, by pool: joining and leaving cost O(log n) whatever the size of the pool.

Entries that hold no more are dropped when they surface (see :class:`PoolBoard`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from seats.domain.agents import Agent
from seats.domain.lines import Ages, Place
from seats.domain.requests import Request
from seats.domain.state import Idle, PoolBoard, State


def start_waiting(state: State, request: Request) -> None:
    """The request waits (again): places it had before are void."""
    _void(request)
    request.wait_token = state.tick_number()
    request.rings_open = 0
    if not request.callback:
        state.waiting.setdefault(request.province, {})[request.id] = request
        ages = state.ages.get(request.province)
        if ages is None:
            ages = state.ages[request.province] = Ages()
        ages.enter(request)


def stop_waiting(state: State, request: Request) -> None:
    """The request waits no more."""
    if request.wait_token:
        request.wait_token = 0
        _void(request)
        if not request.callback:
            del state.waiting[request.province][request.id]


def move(state: State, request: Request) -> None:
    """The order of a waiting request has changed: what was said of its places is void, and it is in no line."""
    _void(request)
    request.wait_token = state.tick_number()


def enter(state: State, request: Request, pools: Iterable[str]) -> None:
    """Put a waiting request in the lines of these pools."""
    if request.place is None:
        request.place = Place(request)
    for pool in pools:
        state.board(pool).waiting.enter(request.place)


def _void(request: Request) -> None:
    if request.place is not None:
        request.place.request = None
        request.place = None


def count_idle(state: State, agent: Agent) -> None:
    """The agent is idle from now on, though on no list yet: it may find work at once."""
    agent.idle_token = state.tick_number()
    for board in agent.boards:
        board.idle_count += 1


def join_idle(agent: Agent) -> None:
    """Put an agent who was counted as idle on the idle lists of its pools."""
    entry: Idle = (agent.idle_since, agent.id, agent.idle_token, agent)
    for board in agent.boards:
        heapq.heappush(board.idle, entry)


def leave_idle(agent: Agent) -> None:
    """Take an agent off the idle lists of its pools."""
    if not agent.idle_token:
        return
    agent.idle_token = 0
    for board in agent.boards:
        board.idle_count -= 1
        if len(board.idle) > 64 and len(board.idle) > 4 * board.idle_count:
            board.idle = [entry for entry in board.idle if entry[3].idle_token == entry[2]]
            heapq.heapify(board.idle)


def idle_agents(board: PoolBoard) -> Iterator[Agent]:
    """The idle agents of a pool, longest idle first, as they are now."""
    for _, _, token, agent in sorted(board.idle):
        if agent.idle_token == token:
            yield agent
