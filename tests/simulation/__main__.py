"""``python -m tests.simulation``: many seeds with a summary, or one with a trace."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from tests.simulation.plants import PLANTS, planted
from tests.simulation.world import BrokenError, World


class Result(NamedTuple):
    """What one seed came to."""

    seed: int
    problem: str
    faults: Counter[str]
    outcomes: Counter[str]
    repairs: Counter[str]
    allowed: Counter[str]
    steps: int
    seconds: float
    """Virtual."""


def run(seed: int, plant: str = "", *, trace: bool = False) -> Result:
    """Live through one seed."""
    world = World(seed, print if trace else None)
    problem = ""
    with planted(plant, world):
        try:
            world.run()
        except BrokenError as error:
            problem = str(error)
    outcomes = Counter(str(row["outcome"]) for row in world.ledger.rows.values())
    return Result(
        seed, problem, world.faults, outcomes, world.repairs, world.allowed, world.steps, world.loop.time()
    )


def thrifty() -> None:
    """Collect garbage rarely: a world is small and short, and what was imported stays (22 % less CPU)."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


def replay(seed: int, plant: str = "") -> str:
    """The command that shows a seed again."""
    return f"python -m tests.simulation --seed {seed} --trace" + (f" --plant {plant}" if plant else "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--plant", choices=sorted(PLANTS), default="", help="a bug that must be caught")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    options = parser.parse_args()
    seeds = (
        [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    )
    thrifty()
    if options.jobs > 1:
        with ProcessPoolExecutor(options.jobs, initializer=thrifty) as pool:
            results = pool.map(run, seeds, [options.plant] * len(seeds), chunksize=10)
            return _report(results, len(seeds), options)
    return _report((run(s, options.plant, trace=options.trace) for s in seeds), len(seeds), options)


def _report(results: object, total: int, options: argparse.Namespace) -> int:
    began = time.monotonic()
    faults: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    repairs: Counter[str] = Counter()
    allowed: Counter[str] = Counter()
    failed: list[Result] = []
    steps = done = 0
    virtual = 0.0
    for result in results:  # type: ignore[attr-defined]
        done += 1
        faults += result.faults
        outcomes += result.outcomes
        repairs += result.repairs
        allowed += result.allowed
        steps += result.steps
        virtual += result.seconds
        if result.problem:
            failed.append(result)
            print(
                f"seed {result.seed}: {result.problem}\n  replay: {replay(result.seed, options.plant)}",
                flush=True,
            )
            if not options.keep_going:
                break
        if done % 100 == 0:
            pace = done / (time.monotonic() - began)
            print(
                f"{done}/{total} seeds, {len(failed)} failed, {pace:.1f} seeds/s", file=sys.stderr, flush=True
            )
    spent = time.monotonic() - began
    print(
        f"{done} seeds in {spent:.1f} s ({done / spent:.1f}/s), "
        f"{virtual / 3600:.1f} virtual hours, {steps} steps"
    )
    print(f"  faults   {sum(faults.values())}: {_listed(faults)}")
    print(f"  requests {sum(outcomes.values())}: {_listed(outcomes)}")
    print(f"  repairs  {sum(repairs.values())}: {_listed(repairs)}")
    print(f"  allowed  {sum(allowed.values())}: {_listed(allowed)}")
    print(f"  failed   {len(failed)}" + (f": {[r.seed for r in failed][:50]}" if failed else ""))
    return 1 if failed else 0


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


if __name__ == "__main__":
    sys.exit(main())
