"""The live state of the core, owned by one writer, and the turn that collects what a step says."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from seats.domain.agents import Agent
from seats.domain.callback_book import Book
from seats.domain.deadlines import Deadline, Deadlines, Due
from seats.domain.effects import Effect
from seats.domain.events import Event
from seats.domain.expected import Expected
from seats.domain.forecast import Forecast
from seats.domain.hours import Opening
from seats.domain.lines import Ages, Line
from seats.domain.native import mypyc_attr
from seats.domain.plan import Plan
from seats.domain.requests import Offer, Request


class Reserve(NamedTuple):
    """``size`` idle agents of ``pools`` are kept for a province of this ``urgency`` (``rank``)."""

    province: str
    size: int
    urgency: int
    pools: tuple[str, ...]


@dataclass(slots=True)
class Steer:
    """A province's error budget, and how much is done to hold its objective."""

    province: str
    credit: float
    """Losses it can take before it misses its objective; negative when it misses it."""
    at: float
    """When ``credit`` was last brought up to date, Unix seconds."""
    level: int = 0
    since: float = 0.0
    reserve: int = 0
    feasible: bool = True
    missing: int = 0
    """Agents that the objective lacks now."""
    cause: str = ""
    """``agents`` or ``skills`` when the objective is out of reach."""


_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LAST_TWO: Final = [a + b for a in _BASE36 for b in _BASE36]


Idle = tuple[float, str, int, Agent]
"""How an agent stands on the idle lists: idle since, id, token, agent. Void when the agent's token is another."""


class PoolBoard:
    """Who is idle and who waits in one pool.

    Entries that hold no more are dropped when they surface, so that joining and leaving cost O(log n)
    whatever the size of the pool.
    """

    __slots__ = ("idle", "idle_count", "last_staffed", "pool", "staffed", "waiting")

    def __init__(self, pool: str) -> None:
        self.pool = pool
        self.idle: list[Idle] = []
        """A heap: the longest idle first."""
        self.waiting = Line()
        """The first to be served first."""
        self.idle_count = 0
        self.staffed = 0
        """Agents of the pool who are ready, busy or wrapping up."""
        self.last_staffed = 0.0
        """When the last of them left, Unix seconds."""


@dataclass(slots=True)
class State:
    """Everything the core knows. Only ``step`` changes it; others may read between steps."""

    plan: Plan
    epoch: int = 1
    """Number of this writer's term: offers of an older term have no effect."""
    agents: dict[str, Agent] = field(default_factory=dict)
    by_address: dict[str, str] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    """Open requests and connected calls."""
    offers: dict[str, Offer] = field(default_factory=dict)
    """Live offers, and answered ones until the agent's leg is gone."""
    left_open: dict[str, dict[str, str]] = field(default_factory=dict)
    """Offers of an earlier term without an end: request → offer → agent."""
    links: set[str] = field(default_factory=set)
    """Nodes that answer."""
    boards: dict[str, PoolBoard] = field(default_factory=dict)
    callbacks: Book = field(default_factory=Book)
    openings: dict[str, Opening] = field(default_factory=dict)
    """By calendar: whether it is open, for as long as that holds."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    now: float = 0.0
    """Time of the step in progress, Unix seconds."""
    waiting: dict[str, dict[str, Request]] = field(default_factory=dict)
    """Waiting requests by province."""
    ages: dict[str, Ages] = field(default_factory=dict)
    """The same by arrival."""
    steers: dict[str, Steer] = field(default_factory=dict)
    """Each province's error budget and what is done for it."""
    waited_at: float = 0.0
    """When a caller last found nobody idle, Unix seconds."""
    reserves: dict[str, tuple[Reserve, ...]] = field(default_factory=dict)
    """Idle agents kept for provinces in need, by every pool that those provinces' routes use."""
    forecast: Forecast = field(default_factory=Forecast)
    expected: Expected = field(default_factory=Expected)
    left: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Number of a caller who left without a human → (place in line, when)."""
    served: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Number of a caller who was connected → (agent, when)."""
    has_floors: bool = False
    """Some pool of the plan has a floor."""
    assessing: bool = False
    """The next assessment of the objectives has its deadline."""
    offer_seq: int = 0
    offer_head: str = ""
    """All but the last two figures of the newest offer's id."""
    counter: int = 0
    node_sets: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    """Every set of nodes that agents have, one of each: thousands of agents have the same."""

    def __post_init__(self) -> None:
        self.take_plan(self.plan)

    def take_plan(self, plan: Plan) -> None:
        """A routing version goes live."""
        self.plan = plan
        self.has_floors = any(pool.floor for pool in plan.pools.values())

    def level(self, province: str) -> int:
        """How much is done for a province's objective now: 0 nothing beyond the plan."""
        steer = self.steers.get(province)
        return steer.level if steer is not None else 0

    def board(self, pool: str) -> PoolBoard:
        """The lists of a pool, made on first use."""
        board = self.boards.get(pool)
        if board is None:
            board = self.boards[pool] = PoolBoard(pool)
        return board

    def one_of(self, nodes: frozenset[str]) -> frozenset[str]:
        """The one set that is kept of all equal to this."""
        return self.node_sets.setdefault(nodes, nodes)

    def next_deadline(self) -> float | None:
        """When ``Tick`` is next due, Unix seconds."""
        return self.deadlines.next if self.deadlines.next < math.inf else None

    def tick_number(self) -> int:
        """A number never given before in this term."""
        self.counter += 1
        return self.counter

    def new_offer_id(self) -> str:
        """``<epoch>x<number>`` in base 36: unique over terms, fit for a dialplan extension."""
        self.offer_seq += 1
        tail = self.offer_seq % 1296
        if self.offer_seq < 1296:
            return f"{base36(self.epoch)}x{base36(tail)}"
        if not tail or not self.offer_head:
            self.offer_head = f"{base36(self.epoch)}x{base36(self.offer_seq // 1296)}"
        return self.offer_head + _LAST_TWO[tail]


@mypyc_attr(acyclic=True, free_list_len=1)
class Turn:
    """One step in progress: the state, the time, and what is said and wanted so far."""

    __slots__ = ("effects", "events", "now", "state")

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now
        self.events: list[Event] = []
        self.effects: list[Effect] = []

    def at(self, when: float, due: Due, key: str, token: int = 0) -> Deadline:
        """Set a deadline."""
        state = self.state
        deadline = Deadline(when, state.tick_number(), due, key, token)
        state.deadlines.add(deadline)
        return deadline


def base36(n: int) -> str:
    """A number ≥ 0 in base 36, lower case."""
    digits = ""
    while True:
        digits = _BASE36[n % 36] + digits
        n //= 36
        if not n:
            return digits
