"""What is simulated: a routing plan, who answers, who calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from seats.domain.plan import Plan
from seats.simulation.callers import Caller


class Crew(NamedTuple):
    """Agents who are alike: where they live, which pools they are in, how many in each period."""

    id: str
    home: str
    pools: tuple[str, ...]
    counts: tuple[int, ...]
    """One number for each of the scenario's shifts; the last goes on."""


class Source(Protocol):
    """Where callers come from."""

    @property
    def seconds(self) -> float:
        """Length of the day."""

    @property
    def handling(self) -> dict[str, float]:
        """Mean seconds of handling by province where known and steady; else empty."""

    def day(self, seed: int) -> Iterator[Caller]:
        """The callers of one day in order of arrival."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case: everything but the policy."""

    name: str
    plan: Plan
    crews: tuple[Crew, ...]
    source: Source
    shifts: tuple[float, ...] = (0.0,)
    """When the crews' next counts begin, seconds from the day's start."""
    warm_up: float = 0.0
    """Callers of the first so many seconds are not counted."""
    lines: int | None = None
    """Calls that fit in at once, waiting and talking; more are turned away."""
    threshold: float = 20.0
    """Seconds of the service level."""
    priority: tuple[str, ...] = field(default=())
    """Provinces that peers' static rules put first: those with the highest objective."""

    def levels(self, crew: Crew) -> dict[str, int]:
        """For each province the crew may serve, the first of the province's rings that it stands in."""
        own = set(crew.pools)
        found = {}
        for province, route in self.plan.routes.items():
            level = next((n for n, ring in enumerate(route.rings) if ring.pool in own), None)
            if level is not None:
                found[province] = level
        return found


def first_of(plan: Plan) -> tuple[str, ...]:
    """The provinces with the highest objective, unless all have the same."""
    best = max(route.objective for route in plan.routes.values())
    first = tuple(p for p, route in plan.routes.items() if route.objective == best)
    return () if len(first) == len(plan.routes) else first
