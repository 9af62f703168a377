"""Several policies on the same days."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import fmean
from typing import NamedTuple

from seats.simulation.bound import Bound, Demand, fluid_bound
from seats.simulation.floor import Floor
from seats.simulation.policies.catalogue import POLICIES
from seats.simulation.results import Day, Estimate, Run, mean_of
from seats.simulation.scenario import Scenario


class Verdict(NamedTuple):
    """One province under one policy: its rate, and whether the objective is surely met."""

    province: str
    objective: float
    requests: int
    rate: Estimate

    @property
    def met(self) -> bool:
        """The 95 % lower bound of the rate reaches the objective."""
        return self.rate.low >= self.objective


class Comparison(NamedTuple):
    """All runs of a scenario, and the bound that none can pass."""

    scenario: Scenario
    runs: tuple[Run, ...]
    bounds: tuple[float, ...]
    """Share of each day's callers that could be connected at most."""
    unreachable: tuple[str, ...]

    @property
    def bound(self) -> Estimate:
        """The bound over all days."""
        return mean_of(self.bounds)

    def below(self, run: Run) -> Estimate:
        """How far the run stays below the bound, day by day: both see the same callers."""
        return mean_of(
            [
                bound - day.sum("connected") / max(day.sum("requests"), 1.0)
                for bound, day in zip(self.bounds, run.days, strict=True)
            ]
        )

    def verdicts(self, run: Run) -> list[Verdict]:
        """Every province with requests, in the plan's order."""
        asked = set(run.provinces())
        return [
            Verdict(
                code,
                route.objective,
                int(sum(day.sum("requests", (code,)) for day in run.days)),
                run.rate(provinces=(code,)),
            )
            for code, route in self.scenario.plan.routes.items()
            if code in asked
        ]

    def met(self, run: Run) -> int:
        """How many objectives are surely met."""
        return sum(verdict.met for verdict in self.verdicts(run))

    def ranking(self) -> list[Run]:
        """Most objectives met first, then most callers connected."""
        return sorted(self.runs, key=lambda run: (-self.met(run), -run.rate().mean))


def one_day(scenario: Scenario, policy: str, seed: int) -> Day:
    """One day of one policy."""
    return Floor(scenario, POLICIES[policy](), scenario.source.day(seed)).run()


def compare(
    scenario: Scenario,
    policies: Sequence[str],
    days: int,
    seed: int = 1,
    *,
    workers: int = 1,
    tell: Callable[[str], None] = lambda policy: None,
) -> Comparison:
    """Run each policy on the same ``days`` days; ``tell`` hears the policy of each day that is done."""
    tasks = [(policy, seed + day) for policy in policies for day in range(days)]
    done: dict[str, list[Day]] = {policy: [] for policy in policies}
    for (policy, _), day in zip(tasks, _work(scenario, tasks, workers), strict=True):
        done[policy].append(day)
        tell(policy)
    runs = tuple(Run(policy, tuple(found)) for policy, found in done.items())
    bounds = [bound_of_day(scenario, seed + day) for day in range(days)]
    unreachable = expected_bound(scenario, [demand for _, demand in bounds]).unreachable
    return Comparison(scenario, runs, tuple(b.total(demand) for b, demand in bounds), unreachable)


def _work(scenario: Scenario, tasks: list[tuple[str, int]], workers: int) -> Iterator[Day]:
    if workers <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from (one_day(scenario, policy, seed) for policy, seed in tasks)
        return
    context = multiprocessing.get_context("fork")  # the scenario goes along: a plan does not pickle
    with ProcessPoolExecutor(workers, context, _shared.append, (scenario,)) as pool:
        yield from pool.map(_task, tasks)


_shared: list[Scenario] = []
"""In a worker process: the scenario it works on."""


def _task(task: tuple[str, int]) -> Day:
    return one_day(_shared[-1], *task)


def bound_of_day(scenario: Scenario, seed: int) -> tuple[Bound, dict[str, Demand]]:
    """The fluid bound for the callers of one day, known in advance."""
    callers: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for caller in scenario.source.day(seed):
        if caller.at >= scenario.warm_up:
            callers[caller.province] = callers.get(caller.province, 0) + 1
            seconds[caller.province] = seconds.get(caller.province, 0.0) + caller.handling
    means = _handling(scenario, callers, seconds)
    routes, wrap_up = scenario.plan.routes, scenario.plan.wrap_up
    demand = {p: Demand(n, means[p] + wrap_up, routes[p].objective) for p, n in callers.items()}
    return fluid_bound(demand, capacity(scenario)), demand


def _handling(scenario: Scenario, callers: dict[str, int], seconds: dict[str, float]) -> dict[str, float]:
    """Mean handling by province: as drawn from where that is known, scaled to the day's work.

    A small province's own mean of one day is chance, which no policy could use and a bound must not.
    """
    drawn = scenario.source.handling
    if not drawn:
        return {p: seconds[p] / n for p, n in callers.items()}
    expected = sum(drawn[p] * n for p, n in callers.items())
    scale = sum(seconds.values()) / expected if expected else 1.0
    return {p: drawn[p] * scale for p in callers}


def expected_bound(scenario: Scenario, days: Sequence[dict[str, Demand]]) -> Bound:
    """The bound of the mean day: says which objectives are out of reach as such, not on a bad day."""
    codes = dict.fromkeys(code for day in days for code in day)
    demand = {}
    for code in codes:
        found = [day[code] for day in days if code in day]
        callers = sum(d.callers for d in found)
        handling = sum(d.callers * d.handling for d in found) / callers
        demand[code] = Demand(callers / len(days), handling, found[0].objective)
    handling = fmean(d.handling for d in demand.values())
    spare = {crew: seconds + handling * 0.001 for crew, seconds in capacity(scenario).items()}
    return fluid_bound(demand, spare)


def capacity(scenario: Scenario) -> dict[frozenset[str], float]:
    """Agent-seconds of the counted part of the day by the provinces those agents may serve."""
    ends = (*scenario.shifts[1:], scenario.source.seconds)
    found: dict[frozenset[str], float] = {}
    for crew in scenario.crews:
        serves = frozenset(scenario.levels(crew))
        for n, (start, end) in enumerate(zip(scenario.shifts, ends, strict=True)):
            length = max(0.0, end - max(start, scenario.warm_up))
            seconds = length * crew.counts[min(n, len(crew.counts) - 1)]
            found[serves] = found.get(serves, 0.0) + seconds
    return found
