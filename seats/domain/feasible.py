"""Can the objectives be held with the agents there are? If not: which not, and what is lacking.

A fluid picture: a province's objective needs ``objective × arrivals per second × handling seconds`` agents,
from the pools of its route. Objectives are taken in order of their height, then the smaller need first, and
each is given agents by augmenting paths, so that an earlier one never loses what it needs and a later one
gets all that can be had (the greedy choice over the flow's matroid).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

EPSILON = 1e-9


class Demand(NamedTuple):
    """What a province's objective needs: agents, from any group in ``groups``."""

    province: str
    objective: float
    agents: float
    groups: frozenset[int]


class Verdict(NamedTuple):
    """Whether a demand can be met beside those before it; ``missing`` agents and why if not."""

    province: str
    feasible: bool
    missing: float
    cause: str
    """``agents``: there are too few; ``skills``: there are enough, but not in the pools of its route."""


def judge(demands: Sequence[Demand], sizes: Mapping[int, float]) -> list[Verdict]:
    """Verdicts on all demands; ``sizes`` is the number of staffed agents in each group."""
    free = dict(sizes)
    given: dict[str, dict[int, float]] = {}
    groups = {d.province: d.groups for d in demands}
    verdicts = []
    for demand in sorted(demands, key=lambda d: (-d.objective, d.agents, d.province)):
        missing = _give(demand, free, given, groups)
        cause = ""
        if missing > EPSILON:
            for group, agents in given.pop(demand.province, {}).items():
                free[group] += agents  # it will not be held: what it took goes to those that can be
            cause = "skills" if sum(free.values()) >= demand.agents else "agents"
        verdicts.append(Verdict(demand.province, not cause, missing, cause))
    return verdicts


def _give(
    demand: Demand,
    free: dict[int, float],
    given: dict[str, dict[int, float]],
    groups: Mapping[str, frozenset[int]],
) -> float:
    """Give a demand its agents, moving earlier ones where that helps. The agents that are missing."""
    missing = demand.agents
    given[demand.province] = {}
    while missing > EPSILON:
        path = _path(demand.province, free, given, groups)
        if path is None:
            return missing
        # path: province, group, province, group, …, a group with free agents
        amount = min(missing, free[path[-1][1]])
        for n, (_, group) in enumerate(path[:-1]):
            amount = min(amount, given[path[n + 1][0]][group])
        free[path[-1][1]] -= amount
        for n, (province, group) in enumerate(path):
            given[province][group] = given[province].get(group, 0.0) + amount
            if n + 1 < len(path):
                given[path[n + 1][0]][group] -= amount
        missing -= amount
    return 0.0


def _path(
    start: str,
    free: Mapping[int, float],
    given: Mapping[str, Mapping[int, float]],
    groups: Mapping[str, frozenset[int]],
) -> list[tuple[str, int]] | None:
    """The shortest chain of (province takes from group) that ends in a group with free agents."""
    holders: dict[int, list[str]] = {}
    for province, parts in given.items():
        for group, amount in parts.items():
            if amount > EPSILON:
                holders.setdefault(group, []).append(province)
    came: dict[str, tuple[str, int]] = {}
    seen: set[int] = set()
    line = [start]
    for province in line:
        for group in groups[province]:
            if group in seen:
                continue
            seen.add(group)
            if free.get(group, 0.0) > EPSILON:
                return _chain(start, province, group, came)
            for holder in holders.get(group, ()):
                if holder != start and holder not in came:
                    came[holder] = (province, group)
                    line.append(holder)
    return None


def _chain(
    start: str, province: str, group: int, came: Mapping[str, tuple[str, int]]
) -> list[tuple[str, int]]:
    chain = [(province, group)]
    while province != start:
        province, group = came[province]
        chain.append((province, group))
    return chain[::-1]
