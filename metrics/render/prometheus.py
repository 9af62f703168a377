"""Prometheus' configuration and rules."""

from __future__ import annotations

from typing import Any

from metrics.definition.alerts import JOB, Alert, alerts
from metrics.definition.catalogue import FAMILIES
from metrics.definition.recording import SCRAPE, groups
from metrics.definition.timing import Timing
from metrics.render.yamltext import dump

ONE_INSTANCE = "seats"
"""Instance label of the official series, whichever process leads."""


def recording(timing: Timing) -> str:
    """The recording rules."""
    return dump(
        {
            "groups": [
                {
                    "name": g.name,
                    "interval": timing(g.interval),
                    "rules": [
                        {"record": r.name, "expr": r.expr, **({"labels": dict(r.labels)} if r.labels else {})}
                        for r in g.records
                    ],
                }
                for g in groups(timing)
            ]
        }
    )


def alerting(timing: Timing, runbooks: str) -> str:
    """The alert rules. ``keep_firing_for`` needs Prometheus 2.42 or newer."""
    rules = [_alert(a, timing, runbooks) for a in alerts(timing)]
    return dump({"groups": [{"name": "seats-alerts", "interval": timing(SCRAPE), "rules": rules}]})


def labels(alert: Alert) -> dict[str, str]:
    """Labels that routing and inhibition go by."""
    return {"severity": alert.severity, "kind": alert.kind}


def texts(alert: Alert, runbooks: str) -> dict[str, str]:
    """What people read."""
    return {
        "summary": f"{alert.zh} · {alert.en}",
        "runbook_url": f"{runbooks}/{alert.runbook}.md",
        "silence": alert.silence,
    }


def _alert(alert: Alert, timing: Timing, runbooks: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": alert.name, "expr": alert.expr}
    if alert.wait:
        rule["for"] = timing(alert.wait)
    if alert.keep:
        rule["keep_firing_for"] = timing(alert.keep)
    return {**rule, "labels": labels(alert), "annotations": texts(alert, runbooks)}


def config(target: str = "127.0.0.1:8080", scheme: str = "http") -> str:
    """Scrape, rules and where alerts go."""
    official = "|".join(f.name for f in FAMILIES if f.official)
    return dump(
        {
            "global": {"scrape_interval": f"{SCRAPE:.0f}s", "evaluation_interval": f"{SCRAPE:.0f}s"},
            "rule_files": ["rules/*.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9093"]}]}]},
            "scrape_configs": [
                {
                    "job_name": JOB,
                    "scheme": scheme,
                    "static_configs": [{"targets": [target]}],
                    "metric_relabel_configs": [
                        {
                            "source_labels": ["__name__"],
                            "regex": f"({official})(_bucket|_sum|_count)?",
                            "target_label": "instance",
                            "replacement": ONE_INSTANCE,
                        }
                    ],
                },
                {
                    "job_name": "asterisk",
                    "static_configs": [{"targets": ["127.0.0.1:8088"]}],
                    "metric_relabel_configs": [
                        {
                            "source_labels": ["__name__"],
                            "regex": "asterisk_(channels_(state|duration_seconds)|bridges_channels_count)",
                            "action": "drop",
                        }
                    ],
                },
            ],
        },
        "Targets of job seats: every instance of the service; over TLS set scheme: https (and tls_config).\n"
        "Only the leader tells the official series; they keep one instance label, so that totals go on\n"
        "across a failover. Job asterisk needs res_prometheus; its series by channel are dropped: each\n"
        "call would be a new one.",
    )
