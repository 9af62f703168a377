"""A comparison as a table and as JSON."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from seats.simulation.compare import Comparison, Verdict
from seats.simulation.results import Estimate, Run


def table(found: Comparison) -> Table:
    """One row for each policy, best first, and the bound."""
    promised = found.scenario.priority
    columns = ["policy", "objectives met", "connected [95 %]", "below bound", "worst province"]
    for province in promised:
        columns += [province, "lower bound"]
    grid = Table(*columns, "p95 wait", "longest", title=found.scenario.name, title_justify="left")
    for column in grid.columns[1:]:
        column.justify = "right"
    for run in found.ranking():
        grid.add_row(*_row(found, run))
    reach = f"all but {', '.join(found.unreachable)}" if found.unreachable else "all"
    grid.add_section()
    grid.add_row("fluid bound", reach, _share(found.bound), style="dim")
    return grid


def summary(found: Comparison) -> dict[str, Any]:
    """Plain data of the whole comparison; rates are shares, times seconds."""
    return {
        "scenario": found.scenario.name,
        "agents": sum(max(crew.counts) for crew in found.scenario.crews),
        "days": len(found.runs[0].days),
        "bound_total": round(found.bound.mean, 5),
        "unreachable": list(found.unreachable),
        "policies": {run.policy: _policy(found, run) for run in found.ranking()},
    }


def _policy(found: Comparison, run: Run) -> dict[str, Any]:
    verdicts = found.verdicts(run)
    return {
        "met": found.met(run),
        "of": len(verdicts),
        "total": _data(run.rate()),
        "below_bound": _data(found.below(run)),
        "connected_per_day": _data(run.per_day("connected")),
        "abandoned_per_day": _data(run.per_day("abandoned")),
        "blocked": _data(run.rate("blocked")),
        "service_level": {
            "seconds": found.scenario.threshold,
            "of_requests": _data(run.rate("within")),
            "without_hasty": _data(run.service_level()),
        },
        "wait_mean_s": _data(run.wait()),
        "wait_p95_s": round(run.wait_quantile(0.95), 2),
        "wait_longest_s": round(run.longest(), 1),
        "occupancy": round(run.occupancy(), 4),
        "provinces": {v.province: _province(v) for v in verdicts},
    }


def _province(verdict: Verdict) -> dict[str, Any]:
    return {
        "requests": verdict.requests,
        "objective": verdict.objective,
        "met": verdict.met,
        "rate": _data(verdict.rate),
    }


def _row(found: Comparison, run: Run) -> list[str]:
    verdicts = found.verdicts(run)
    worst = min(verdicts, key=lambda v: v.rate.mean)
    by_province = {v.province: v for v in verdicts}
    row = [
        run.policy,
        f"{found.met(run)} of {len(verdicts)}",
        _share(run.rate()),
        f"{found.below(run).mean * 100:.2f} points",
        f"{worst.province} {worst.rate.mean:.1%}",
    ]
    for province in found.scenario.priority:
        verdict = by_province.get(province)
        row += [f"{verdict.rate.mean:.2%}", f"{verdict.rate.low:.2%}"] if verdict else ["", ""]
    return [*row, f"{run.wait_quantile(0.95):.0f} s", f"{run.longest():.0f} s"]


def _share(estimate: Estimate) -> str:
    return f"{estimate.mean:.2%} [{estimate.low:.2%}, {estimate.high:.2%}]"


def _data(estimate: Estimate) -> dict[str, float]:
    return {"mean": round(estimate.mean, 5), "low": round(estimate.low, 5), "high": round(estimate.high, 5)}
