"""The surge of ``bench_surge`` in the simulator: hours of it in seconds, ours beside the peers.

``python -m tests.bench.surge_sim [--minutes 60] [--days 4] [--policy ours]``. The same people, rings, ringing times and
wrap-up; every day has callers of its own, and every policy the same. No telephones: nothing is lost on the way.
"""

from __future__ import annotations

import argparse
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from seats.demo import ANSWER, demo_plan, pools_of
from seats.simulation.callers import Caller, Ringing
from seats.simulation.compare import Comparison, compare
from seats.simulation.policies.catalogue import POLICIES
from seats.simulation.scenario import Crew, Scenario, first_of
from tests.bench.bench_surge import AFTER, BEFORE
from tests.bench.surge_load import HUBEI, Span, callers, homes, leavers


class People(NamedTuple):
    """Where the surge's callers come from."""

    span: Span

    @property
    def seconds(self) -> float:
        """Length of a day."""
        return self.span.end

    @property
    def handling(self) -> dict[str, float]:
        """Not steady enough to be told."""
        return {}

    def day(self, seed: int) -> Iterator[Caller]:
        """The callers of one day, and how long the phone of whoever is rung for them rings."""
        rng = random.Random(seed)
        for n, c in enumerate(callers(seed, self.span)):
            ringing = (Ringing(True, rng.uniform(*ANSWER)),)
            yield Caller(n, c.at, c.province, c.patience, c.talk, ringing)


def surge(minutes: float) -> Scenario:
    """60 agents; when the surge begins, half of Hubei's leave."""
    span, agents, plan = Span(BEFORE, minutes * 60.0, AFTER), homes(), demo_plan()
    gone = len(leavers(agents))
    crews = tuple(
        Crew(home, home, pools_of(home), (count, count - gone * (home == HUBEI)))
        for home, count in Counter(agents.values()).items()
    )
    people = People(span)
    return Scenario("surge", plan, crews, people, (0.0, BEFORE), BEFORE, priority=first_of(plan))


def table(found: Comparison) -> Table:
    """Province by province, the policies side by side."""
    agents = Counter(homes().values())
    grid = Table("province", "agents", "promised", "requests", *(run.policy for run in found.runs))
    verdicts = [found.verdicts(run) for run in found.runs]
    for row in zip(*verdicts, strict=True):
        first = row[0]
        rates = (f"{v.rate.mean:.1%} [{v.rate.low:.1%}, {v.rate.high:.1%}]" for v in row)
        crew = str(agents[first.province])
        grid.add_row(first.province, crew, f"{first.objective:.0%}", str(first.requests), *rates)
    grid.add_section()
    grid.add_row("all", "", "", "", *(f"{run.rate().mean:.1%}" for run in found.runs))
    return grid


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the surge")
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--policy", action="append", choices=sorted(POLICIES), help="may be repeated")
    options = parser.parse_args()
    policies = options.policy or ["ours", "fifo"]
    found = compare(surge(options.minutes), policies, options.days, workers=os.cpu_count() or 1)
    Console(width=150).print(table(found))


if __name__ == "__main__":
    main()
