"""How fast the core decides, how that grows, and what it remembers; and how well it decides.

Speed: the real ``step`` at a steady load (``routing_load``), each cell in a fresh process, with the core as it is
installed, compiled (``hatch_core``), and with three pools as plain Python too; beside it app_queue's way of
deciding (``appqueue``) at the same load, in Python. Without a C compiler only plain Python is measured.

Quality: the overload case of ``seats simulate``: 34 provinces, a fifth more work than agents, Hubei promised 99 %.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import hatch_core
from seats.simulation.compare import Comparison, compare
from seats.simulation.policies.catalogue import PEERS
from seats.simulation.presets import overload
from seats.simulation.report import table
from seats.simulation.results import Run

AGENTS = (100, 1_000, 10_000)
WAITING = (0, 1_000, 10_000)
POOLS = (3, 8, 34)
HEAD = (10_000, 10_000, 3)
"""Agents, waiting callers, pools per agent of the figures in the last line."""

PEER_SECONDS = 4
"""CPU seconds the replica gets for a cell: at its worst it makes less than one decision in that time."""

CASES = {50: (30, 8.0), 100: (30, 5.0), 200: (10, 2.75), 1000: (8, 0.75)}
"""Agents of the overload case: days and hours simulated; in fewer, Macau would have too few callers to judge."""

CASE = 1000
"""The case of the figures in the last line."""

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / "var" / "core"
"""Where the compiled core is made for the benchmark, anew when the sources have changed."""

Cell = tuple[int, int, int]
console = Console(width=140)


def fresh(module: str, *arguments: int, compiled: bool = False) -> dict[str, Any]:
    """Run a module of this folder in a new process; what its last line says."""
    command = [sys.executable, "-P", "-m", f"tests.bench.{module}", *map(str, arguments)]
    path = [str(COMPILED), str(ROOT)] if compiled else [str(ROOT)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def median(cell: Cell, decisions: int, rounds: int, *, compiled: bool) -> dict[str, Any]:
    """The cell's figures, each the median of the rounds."""
    runs = [fresh("routing_load", *cell, decisions, compiled=compiled) for _ in range(rounds)]
    core = "compiled" if compiled else "interpreted"
    if any(run.pop("core") != core for run in runs):
        raise SystemExit(f"the core measured is not the {core} one")
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def speed(cells: list[Cell], decisions: int, rounds: int, *, compiled: bool) -> dict[Cell, dict[str, Any]]:
    """Measure every cell; those with three pools, from which the growth is read, several times and both ways."""
    found = {}
    for cell in cells:
        with console.status(f"{cell[0]:,} agents, {cell[1]:,} waiting, {cell[2]} pools each"):
            found[cell] = median(cell, decisions, rounds if cell[2] == 3 else 1, compiled=compiled)
            if cell[2] == 3:
                found[cell]["peer"] = fresh("appqueue", *cell, 1000, PEER_SECONDS)
                if compiled:
                    found[cell]["python"] = median(cell, decisions, rounds, compiled=False)
    return found


def build() -> bool:
    """Have the compiled core ready; False if this machine cannot compile it."""
    if lacks := hatch_core.missing():
        console.print(f"[bold]The core is measured as plain Python: {lacks}.[/]")
        return False
    with console.status("compiling the core"):
        hatch_core.refresh(ROOT, COMPILED)
    return True


def growth(found: Mapping[Cell, Mapping[str, Any]]) -> dict[str, float]:
    """Cost of a decision with 10,000 agents over that with 100, by waiting callers and pools."""
    return {
        f"{waiting}/{pools}": round(
            found[100, waiting, pools]["decisions_per_s"] / found[10_000, waiting, pools]["decisions_per_s"],
            2,
        )
        for agents, waiting, pools in found
        if agents == 100 and (10_000, waiting, pools) in found
    }


def show(found: dict[Cell, dict[str, Any]]) -> None:
    """The table of the cells."""
    table = Table(
        "agents",
        "waiting",
        "pools",
        "decisions/s",
        "p50 µs",
        "p99.9 µs",
        "MB",
        "as Python /s",
        "app_queue's way /s",
    )
    for column in table.columns:
        column.justify = "right"
    for (agents, waiting, pools), run in found.items():
        peer, python = run.get("peer"), run.get("python")
        theirs = f"{'' if peer['decisions'] else '< '}{peer['decisions_per_s']:,.1f}" if peer else ""
        table.add_row(
            f"{agents:,}",
            f"{waiting:,}",
            str(pools),
            f"{run['decisions_per_s']:,.0f}",
            f"{run['p50_us']:.1f}",
            f"{run['p999_us']:.0f}",
            f"{run['rss_mb']:.1f}",
            f"{python['decisions_per_s']:,.0f}" if python else "",
            theirs,
        )
    console.print(table)


def quality(cases: dict[int, tuple[int, float]], workers: int) -> dict[int, Comparison]:
    """Ours and the peers on the same callers."""
    found = {}
    for agents, (days, hours) in cases.items():
        with console.status(f"overload with {agents:,} agents"):
            found[agents] = compare(overload(agents, hours=hours), ("ours", *PEERS), days, workers=workers)
        console.print(f"overload, {agents:,} agents")
        console.print(table(found[agents]))
    return found


def objectives(found: Comparison) -> dict[str, dict[str, float]]:
    """Objectives met and share connected, by policy."""
    return {
        run.policy: {"met": found.met(run), "total": round(run.rate().mean, 4)} for run in found.ranking()
    }


def main() -> None:
    """Measure, print the tables, and as the last line JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--decisions", type=int, default=5000, help="decisions measured in each cell")
    parser.add_argument("--rounds", type=int, default=3, help="runs of the cells with three pools")
    parser.add_argument("--quick", action="store_true", help="only three pools, one round, 1,000 agents")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes of the quality part"
    )
    parser.add_argument(
        "--only", choices=("speed", "quality"), help="one part (the last line lacks the other)"
    )
    options = parser.parse_args()
    console.quiet = options.json
    line: dict[str, Any] = {}
    if options.only != "quality":
        line |= speed_line(options)
    if options.only != "speed":
        line |= quality_line(options)
    print(json.dumps(line))


def speed_line(options: argparse.Namespace) -> dict[str, Any]:
    """Measure speed, show the table; the figures of the last line."""
    pools = (3,) if options.quick else POOLS
    cells = [(a, w, p) for p in pools for w in WAITING for a in AGENTS]
    compiled = build()
    found = speed(cells, options.decisions, 1 if options.quick else options.rounds, compiled=compiled)
    show(found)
    python = {cell: run["python"] for cell, run in found.items() if "python" in run}
    return {
        "core": "compiled" if compiled else "interpreted",
        **head_line(found),
        "growth": growth(found),
        "app_queue_decisions_per_s": round(found[HEAD]["peer"]["decisions_per_s"], 2),
        "interpreted": head_line(python or found),
    }


def head_line(found: Mapping[Cell, Mapping[str, Any]]) -> dict[str, float]:
    """The figures of one core: at :data:`HEAD`, and the worst growth with three pools."""
    head = found[HEAD]
    return {
        "decisions_per_s": round(head["decisions_per_s"]),
        "p50_us": round(head["p50_us"], 1),
        "p999_us": round(head["p999_us"], 1),
        "growth_100_to_10000": max(value for key, value in growth(found).items() if key.endswith("/3")),
        "rss_mb": round(head["rss_mb"], 1),
    }


def quality_line(options: argparse.Namespace) -> dict[str, Any]:
    """Simulate, show the tables; the figures of the last line."""
    found = quality({CASE: CASES[CASE]} if options.quick else CASES, options.workers)
    return {
        "objectives": objectives(found[CASE]),
        "bound_total": round(found[CASE].bound.mean, 4),
        "by_agents": {
            agents: {
                "bound_total": round(case.bound.mean, 4),
                **{run.policy: policy_line(case, run) for run in case.ranking()},
            }
            for agents, case in found.items()
        },
    }


def policy_line(case: Comparison, run: Run) -> dict[str, float]:
    """One policy at one size: shares, and points below the bound on the same callers."""
    hubei = run.rate(provinces=("hubei",))
    return {
        "met": case.met(run),
        "total": round(run.rate().mean, 4),
        "below_bound": round(case.below(run).mean, 4),
        "hubei": round(hubei.mean, 4),
        "hubei_low": round(hubei.low, 4),
    }


if __name__ == "__main__":
    main()
