"""``seats simulate``: routing policies held against each other on made-up or recorded callers."""

from __future__ import annotations

import json as json_module
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seats.domain.plan import Plan
from seats.errors import PlanFileError
from seats.planfile import load_plan
from seats.settings import default_file
from seats.simulation import presets
from seats.simulation.compare import Comparison, compare
from seats.simulation.picture import picture
from seats.simulation.policies.catalogue import PEERS, POLICIES
from seats.simulation.recorded import RecordError, recorded
from seats.simulation.report import summary, table
from seats.simulation.scenario import Scenario

err = Console(stderr=True, highlight=False)
WRONG = 2


class Case(StrEnum):
    """Cases that need no files."""

    OVERLOAD = "overload"
    THIN = "thin"
    MSK = "msk"
    ERLANG_A = "erlang-a"
    WALLACE_WHITT = "wallace-whitt"


def simulate(
    case: Annotated[
        Case | None, typer.Argument(help="A made-up case; leave it out with --csv.", show_default=False)
    ] = None,
    size: Annotated[int, typer.Option(min=1, max=20_000, help="Agents (overload, thin).")] = 200,
    load: Annotated[float, typer.Option(min=0.01, max=10, help="Work over agents (overload).")] = 1.2,
    skills: Annotated[int, typer.Option(min=1, max=6, help="Skills of an agent (wallace-whitt).")] = 2,
    hours: Annotated[float, typer.Option(min=1, max=1000, help="Length of a day (not msk).")] = 8.0,
    answer: Annotated[float, typer.Option(min=0, max=60, help="Seconds until agents answer, mean.")] = 0.0,
    misses: Annotated[float, typer.Option(min=0, max=0.9, help="Share of ringings nobody answers.")] = 0.0,
    csv: Annotated[
        Path | None, typer.Option(help="Recorded callers: time,province,patience,handling.")
    ] = None,
    agents: Annotated[Path | None, typer.Option(help="Agents: agent,province[,pools].")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Routing file for --csv; default: the shipped one.")
    ] = None,
    policy: Annotated[list[str] | None, typer.Option(help="A policy; may be repeated.")] = None,
    days: Annotated[int, typer.Option(min=1, max=100_000, help="Days, each with callers of its own.")] = 10,
    seed: Annotated[int, typer.Option(help="Callers of the first day.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes.")] = os.cpu_count() or 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    image: Annotated[Path | None, typer.Option("--picture", help="Write a picture (.svg).")] = None,
) -> None:
    """Try routing policies on the same callers: ours, and what other systems do."""
    if image is not None and image.suffix != ".svg":
        _wrong(f"--picture: {image} has an unknown ending; allowed: .svg")
    policies = _policies(policy)
    if csv is not None:
        if case is not None or agents is None:
            _wrong("--csv: wants --agents FILE and no case; allowed: seats simulate --csv FILE --agents FILE")
        scenario, days = _recorded(csv, agents, plan, answer, misses), 1
    elif case is None:
        _wrong(f"case: is missing; allowed: {', '.join(Case)}, or --csv FILE --agents FILE")
    else:
        scenario = _preset(case, size, load, skills, hours, answer, misses)
    found = _compare(scenario, policies, days, seed, workers)
    if image is not None:
        image.write_text(picture(found), encoding="utf-8")
    if json:
        typer.echo(json_module.dumps(summary(found), ensure_ascii=False))
    else:
        Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table(found))


def _preset(
    case: Case, size: int, load: float, skills: int, hours: float, answer: float, misses: float
) -> Scenario:
    make: dict[Case, Callable[[], Scenario]] = {
        Case.OVERLOAD: lambda: presets.overload(size, hours=hours, load=load, answer=answer, misses=misses),
        Case.THIN: lambda: presets.thin(size, hours=hours, load=load),
        Case.MSK: presets.msk,
        Case.ERLANG_A: lambda: presets.erlang_a(hours=hours),
        Case.WALLACE_WHITT: lambda: presets.wallace_whitt(skills, hours=hours),
    }
    return make[case]()


def _policies(asked: list[str] | None) -> list[str]:
    wanted = asked or ["ours", *PEERS]
    for name in wanted:
        if name not in POLICIES:
            _wrong(f"--policy: {name!r} does not exist; allowed: {', '.join(POLICIES)}")
    return list(dict.fromkeys(wanted))


def _recorded(csv: Path, agents: Path, plan_file: Path | None, answer: float, misses: float) -> Scenario:
    try:
        plan: Plan = load_plan(plan_file or default_file("routing.yaml"))
        return recorded(plan, csv, agents, answer=answer, misses=misses)
    except (RecordError, PlanFileError) as error:
        _wrong(str(error))


def _compare(scenario: Scenario, policies: list[str], days: int, seed: int, workers: int) -> Comparison:
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        bars = {policy: progress.add_task(policy, total=days) for policy in policies}
        return compare(
            scenario,
            policies,
            days,
            seed,
            workers=workers,
            tell=lambda policy: progress.advance(bars[policy]),
        )


def _wrong(text: str) -> NoReturn:
    for line in text.splitlines():
        err.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(WRONG)
