"""Can the objectives be held with the agents there are? If not: which not, and what is lacking.

Two things must be true of an objective, beside those that come before it: the greater ones, then of equal ones
that with the smaller need.

There are agents enough for the work, were callers water: a province's objective needs ``objective × work``
agents from the pools of its route. Each is given agents by augmenting paths, so that an earlier one never loses
what it needs and a later one gets all that can be had (the greedy choice over the flow's matroid).

And callers come in clumps: those who are promised something go first, but where all agents talk they too wait
for the next one to be free, and some leave meanwhile. What they lose together must be no more than their
objectives allow (:func:`holds`). For that, all agents who can be reached from the province, through pools that it
shares with others, count as one house.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from seats.domain.forecast import poisson_quantile

EPSILON = 1e-9

MARGIN: Final = 0.25
MARGIN_MOST: Final = 0.005
"""Part of the allowed losses that is not spent, and its most in absolute terms: aim a little higher."""

SPENT_LEAST: Final = 0.001
"""Losses that may be spent whatever the objective: that nobody is lost cannot be promised."""

KEPT_MOST: Final = 0.1
"""Part of the staffed agents that may be kept idle for a province."""


class Demand(NamedTuple):
    """A province's work in Erlangs (callers per second × seconds of handling), for agents of any of the groups."""

    province: str
    objective: float
    work: float
    groups: frozenset[int]


def spent(objective: float) -> float:
    """Losses per request that are spent: nearly all that the objective allows."""
    share = 1.0 - objective
    return share - min(MARGIN * share, MARGIN_MOST)


def to_keep(callers: float, objective: float, staffed: float) -> int:
    """Idle agents to keep so that seldom none is left for a province, at least one.

    ``callers`` come on average until the next agent is free.
    """
    needed = poisson_quantile(callers, (1.0 - objective) / 2)
    return min(max(1, round(KEPT_MOST * staffed)), max(1, needed))


class Verdict(NamedTuple):
    """Whether a demand can be met beside those before it; ``missing`` agents and why if not."""

    province: str
    feasible: bool
    missing: float
    cause: str
    """``agents``: there are too few; ``skills``: there are enough, but not in the pools of its route."""


class _House:
    """Provinces whose agents are shared, directly or by way of others, and who of them is promised something."""

    def __init__(self, demands: Sequence[Demand], sizes: Mapping[int, float], patience: float) -> None:
        self.agents = sum(sizes.get(group, 0.0) for group in frozenset().union(*(d.groups for d in demands)))
        self.patience = patience
        self.all = _claim(demands)
        self.held: list[Demand] = []
        self.calm = self._is_calm(self.agents)

    def _is_calm(self, agents: float) -> bool:
        """All can be held: nobody else is there who would take the last idle agent from them."""
        return holds(*self.all, agents, self.patience, int(agents))

    def missing(self, demand: Demand) -> float:
        """Agents that are missing to hold this promise beside those that are held."""
        work, lost = _claim([demand, *self.held])

        def enough(more: int) -> bool:
            there = self.agents + more
            if more and self._is_calm(there):
                return True
            kept = to_keep(demand.work / max(there, 1.0), demand.objective, there)
            return holds(work, lost, there, self.patience, kept)

        if self.calm or enough(0):
            return 0.0
        low, high = 0, 1
        while not enough(high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return float(high)


def judge(demands: Sequence[Demand], sizes: Mapping[int, float], patience: float = 0.0) -> list[Verdict]:
    """Verdicts on all demands; ``sizes`` is the number of staffed agents in each group.

    ``patience`` is the callers' mean patience as a multiple of the mean handling; 0: callers are water.
    """
    free = dict(sizes)
    given: dict[str, dict[int, float]] = {}
    groups = {d.province: d.groups for d in demands}
    houses = _houses(demands, sizes, patience) if patience > 0.0 else {}
    verdicts = []
    for demand in sorted(demands, key=lambda d: (-d.objective, d.objective * d.work, d.province)):
        needed = demand.objective * demand.work
        missing = _give(demand.province, needed, free, given, groups)
        enough, house = missing <= EPSILON, houses.get(demand.province)
        if house is not None:
            missing = max(missing, house.missing(demand))
        if missing <= EPSILON:
            if house is not None:
                house.held.append(demand)
            verdicts.append(Verdict(demand.province, True, 0.0, ""))
            continue
        for group, agents in given.pop(demand.province).items():
            free[group] += agents  # it will not be held: what it took goes to those that can be
        cause = "agents" if enough or sum(free.values()) < needed else "skills"
        verdicts.append(Verdict(demand.province, False, missing, cause))
    return verdicts


def holds(work: float, lost: float, agents: float, patience: float, kept: int) -> bool:
    """Whether callers who go before all others lose no more than ``lost`` of their ``work``, both in Erlangs.

    The others always wait: an agent who is free is employed at once, but for ``kept``, who are left idle for those
    who go first. A birth-death chain in the time of one handling: so many agents are idle, or none is and so many
    wait; ``work`` come, each talking agent is done at rate 1, each who waits leaves at rate 1 / ``patience``.
    Exponential handling and patience; with all agents kept it is Erlang-A.
    """
    if work <= 0.0:
        return True
    if work - agents > lost:
        return False
    weight = total = 1.0  # the state in which all agents talk and nobody waits
    line, waiting = 0.0, 0
    # weights past every float (inf) mean that all always talk: then what is lost has been looked at above
    while waiting == 0 or weight * waiting > EPSILON * line:
        waiting += 1
        weight *= work / (agents + waiting / patience)
        total += weight
        line += weight * waiting
    leaving, weight = line / patience, 1.0
    for idle in range(kept + 1):
        if leaving <= lost * total:
            return True
        weight *= max(agents - idle, 0.0) / work
        total += weight
    return False


def _claim(demands: Sequence[Demand]) -> tuple[float, float]:
    """What these want to be done, and what of it their objectives allow to be lost."""
    work = sum(d.work for d in demands)
    return work, sum(d.work * max(spent(d.objective), SPENT_LEAST) for d in demands)


def _houses(demands: Sequence[Demand], sizes: Mapping[int, float], patience: float) -> dict[str, _House]:
    """The house of each province."""
    found: dict[str, _House] = {}
    for first in demands:
        if first.province in found:
            continue
        inside, groups = [first], first.groups
        rest = [d for d in demands if d.province not in found and d is not first]
        while near := [d for d in rest if d.groups & groups]:
            inside += near
            rest = [d for d in rest if not d.groups & groups]
            groups = groups.union(*(d.groups for d in near))
        house = _House(inside, sizes, patience)
        found.update(dict.fromkeys((d.province for d in inside), house))
    return found


def _give(
    taker: str,
    needed: float,
    free: dict[int, float],
    given: dict[str, dict[int, float]],
    groups: Mapping[str, frozenset[int]],
) -> float:
    """Give a demand its agents, moving earlier ones where that helps. The agents that are missing."""
    missing = needed
    given[taker] = {}
    while missing > EPSILON:
        path = _path(taker, free, given, groups)
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
