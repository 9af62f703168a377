"""Stories for ``promtool test rules``: what the service exported over time, and which alerts stood."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from metrics.definition.alerts import RUNBOOKS
from metrics.definition.timing import Timing
from metrics.render import prometheus

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed: apt-get install prometheus"
)

STEP = 15
"""Seconds between samples."""

REAL = Timing()

Phase = tuple[float, float]
"""(minutes, events per minute)."""


def counter(*phases: Phase, start: int = 0) -> str:
    """Samples of a counter that grows evenly within each phase, in whole events."""
    values, total, grown = [str(start)], float(start), float(start)
    for minutes, per_minute in phases:
        for _ in range(round(minutes * 60 / STEP)):
            grown += per_minute * STEP / 60
            total = float(int(grown + 1e-9))
            values.append(f"{total:.0f}")
    return " ".join(values)


def gauge(*phases: tuple[float, float | str]) -> str:
    """Samples of a gauge: (minutes, value) one after the other; value ``_`` is no sample."""
    return " ".join(str(value) for minutes, value in phases for _ in range(round(minutes * 60 / STEP)))


def province(
    code: str,
    connected: Iterable[Phase],
    lost: Iterable[Phase],
    objective: float = 0.99,
    how: str = "abandoned",
) -> dict[str, str]:
    """A province's counters; every other outcome stays at 0."""
    connected, lost = tuple(connected), tuple(lost)
    minutes = sum(m for m, _ in connected)
    both = [(m, c + loss) for (m, c), (_, loss) in zip(connected, lost, strict=True)]
    finished = f'seats_requests_finished_total{{province="{code}",outcome='
    zeros = counter((minutes, 0))
    return {
        f'{finished}"connected"}}': counter(*connected),
        f'{finished}"{how}"}}': counter(*lost),
        f'{finished}"timeout"}}': zeros,
        f'{finished}"excluded_closed"}}': zeros,
        f'seats_requests_total{{province="{code}"}}': counter(*both),
        f'seats_connection_objective_ratio{{province="{code}"}}': gauge((minutes, objective)),
    }


class Story:
    """Series and what is expected of them."""

    def __init__(self, series: Mapping[str, str], timing: Timing = REAL) -> None:
        self._series, self._timing = series, timing
        self._expected: list[dict[str, Any]] = []
        self._alerts: list[dict[str, Any]] = []

    def expect(self, minute: float, expr: str, *samples: tuple[str, float]) -> Story:
        """The samples of an expression at a minute."""
        found = [{"labels": labels, "value": value} for labels, value in samples]
        self._expected.append({"expr": expr, "eval_time": f"{round(minute * 60)}s", "exp_samples": found})
        return self

    def firing(self, minute: float, *alerts: str, of: str = "Seats.*") -> Story:
        """The names of the alerts that stand, each with the number of its instances as ``name*n``."""
        expr = f'count by (alertname) (ALERTS{{alertstate="firing",alertname=~"{of}"}})'
        rows = []
        for alert in alerts:
            name, _, n = alert.partition("*")
            rows.append((f'{{alertname="{name}"}}', float(n or 1)))
        return self.expect(minute, expr, *rows)

    def says(
        self, minute: float, alert: str, labels: Mapping[str, str], annotations: Mapping[str, str]
    ) -> Story:
        """The alert as it is sent."""
        self._alerts.append(
            {
                "eval_time": f"{round(minute * 60)}s",
                "alertname": alert,
                "exp_alerts": [{"exp_labels": dict(labels), "exp_annotations": dict(annotations)}],
            }
        )
        return self

    def check(self, folder: Path) -> None:
        """Run promtool."""
        (folder / "recording.yml").write_text(prometheus.recording(self._timing))
        (folder / "alerts.yml").write_text(prometheus.alerting(self._timing, RUNBOOKS))
        step = f"{STEP}s"
        files = [yaml.safe_load((folder / name).read_text()) for name in ("recording.yml", "alerts.yml")]
        order = [group["name"] for file in files for group in file["groups"]]
        test = {
            "rule_files": ["recording.yml", "alerts.yml"],
            "evaluation_interval": step,
            "group_eval_order": order,  # else by chance, and an alert may come an evaluation later
            "tests": [
                {
                    "interval": step,
                    "input_series": [{"series": k, "values": v} for k, v in self._series.items()],
                    "promql_expr_test": self._expected,
                    "alert_rule_test": self._alerts,
                }
            ],
        }
        (folder / "test.yml").write_text(yaml.safe_dump(test, allow_unicode=True, width=10**9))
        done = subprocess.run(
            ["promtool", "test", "rules", "test.yml"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
