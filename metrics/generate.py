"""Write the configuration of Prometheus, Alertmanager and Grafana, and docs/metrics.md, from the definition.

``python -m metrics.generate [--root FOLDER] [--runbooks URL] [--pace N]``. A pace of 0.05 makes an hour
three minutes: for trials.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from metrics.definition.alerts import RUNBOOKS
from metrics.definition.timing import Timing
from metrics.render import alertmanager, grafana, page, prometheus


def files(timing: Timing, runbooks: str) -> dict[str, str]:
    """Every generated file: path from the repository's root → text."""
    return {
        "config/prometheus/prometheus.yml": prometheus.config(),
        "config/prometheus/rules/seats-recording.yml": prometheus.recording(timing),
        "config/prometheus/rules/seats-alerts.yml": prometheus.alerting(timing, runbooks),
        "config/alertmanager/alertmanager.yml": alertmanager.config(timing),
        "config/grafana/provisioning/datasources/seats.yml": grafana.datasource(),
        "config/grafana/provisioning/dashboards/seats.yml": grafana.provider(),
        "config/grafana/provisioning/alerting/seats.yml": grafana.alerting(timing, runbooks),
        **{f"config/grafana/dashboards/{name}.json": text for name, text in grafana.dashboards().items()},
        "docs/metrics.md": page.text(timing),
    }


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(prog="python -m metrics.generate")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--runbooks", default=RUNBOOKS)
    parser.add_argument("--pace", type=float, default=1.0)
    given = parser.parse_args()
    for name, text in files(Timing(given.pace), given.runbooks).items():
        path = given.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
