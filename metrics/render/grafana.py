"""Grafana's provisioning: datasource, dashboards, and the alert rules in Grafana's own format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from metrics.definition.alerts import Alert, alerts
from metrics.definition.boards import BOARDS, Board, Panel, Query
from metrics.definition.recording import SCRAPE
from metrics.definition.timing import MINUTE, Timing
from metrics.render import prometheus
from metrics.render.yamltext import dump

UID = "seats-prometheus"
"""Uid of the datasource."""

SCHEMA = 39
"""Version of the dashboards' JSON model (Grafana 11)."""

_DATASOURCE = {"type": "prometheus", "uid": UID}
_TYPES = {"stat": "stat", "lines": "timeseries", "stack": "timeseries", "table": "table", "bars": "bargauge"}
_JUDGED = {"mode": "absolute", "steps": [{"color": "red", "value": None}, {"color": "text", "value": 0}]}
_PLAIN = {"mode": "absolute", "steps": [{"color": "text", "value": None}]}


def datasource() -> str:
    """Where Grafana finds Prometheus."""
    return dump(
        {
            "apiVersion": 1,
            "datasources": [
                {
                    "name": "Seats Prometheus",
                    "uid": UID,
                    "type": "prometheus",
                    "access": "proxy",
                    "url": "http://127.0.0.1:9090",
                    "jsonData": {"timeInterval": f"{SCRAPE:.0f}s", "httpMethod": "POST"},
                }
            ],
        }
    )


def provider() -> str:
    """Where Grafana finds the dashboards."""
    return dump(
        {
            "apiVersion": 1,
            "providers": [
                {
                    "name": "seats",
                    "folder": "座席 Seats",
                    "type": "file",
                    "allowUiUpdates": False,
                    "options": {"path": "/etc/grafana/seats/dashboards"},
                }
            ],
        },
        "Copy config/grafana/dashboards to the path below, or change the path.",
    )


def dashboards() -> dict[str, str]:
    """File name without ending → JSON."""
    return {
        b.uid: json.dumps(_dashboard(b), ensure_ascii=False, indent=1, sort_keys=False) + "\n" for b in BOARDS
    }


def _dashboard(board: Board) -> dict[str, Any]:
    return {
        "uid": board.uid,
        "title": board.title,
        "tags": ["seats"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_variable(*board.variable)] if board.variable else []},
        "links": [
            {
                "type": "dashboards",
                "tags": ["seats"],
                "asDropdown": True,
                "title": "座席",
                "includeVars": True,
            }
        ],
        "annotations": {"list": [_restarts()]},
        "panels": list(_placed(board)),
    }


def _restarts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": _DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertstate="firing",severity="page",kind!="rate"}',
        "titleFormat": "{{alertname}}",
    }


def _variable(label: str, series: str) -> dict[str, Any]:
    query = f"label_values({series}, {label})"
    return {
        "name": label,
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": query, "refId": "variable"},
        "refresh": 1,
        "sort": 1,
        "current": {"text": "hubei", "value": "hubei"},
    }


def _placed(board: Board) -> Iterator[dict[str, Any]]:
    """Panels from left to right, row by row."""
    x = y = height = 0
    for number, panel in enumerate(board.panels, 1):
        if x + panel.width > 24:
            x, y, height = 0, y + height, 0
        yield _panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": panel.height})
        x, height = x + panel.width, max(height, panel.height)


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    custom: dict[str, Any] = {"lineWidth": 1, "fillOpacity": 0} if panel.shape == "lines" else {}
    if panel.shape == "stack":
        custom = {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    judged = panel.shape != "table" and any(q.judged for q in panel.queries)
    return {
        "id": number,
        "type": _TYPES[panel.shape],
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "targets": [_target(n, q, panel) for n, q in enumerate(panel.queries)],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "custom": custom,
                "color": {
                    "mode": "thresholds" if panel.shape in ("stat", "table", "bars") else "palette-classic"
                },
                "thresholds": _JUDGED if judged else _PLAIN,
            },
            "overrides": list(_overrides(panel)),
        },
        "options": _options(panel),
        **({"transformations": _merged(panel)} if panel.shape == "table" else {}),
    }


def _target(n: int, query: Query, panel: Panel) -> dict[str, Any]:
    instant = panel.shape in ("stat", "table", "bars")
    return {
        "refId": _ref(n),
        "datasource": _DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": instant,
        "range": not instant,
        "format": "table" if panel.shape == "table" else "time_series",
    }


def _ref(n: int) -> str:
    return chr(ord("A") + n)


def _overrides(panel: Panel) -> Iterator[dict[str, Any]]:
    for query in panel.queries:
        properties: list[dict[str, Any]] = []
        if query.dashed:
            properties.append({"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}})
        if query.unit and query.unit != panel.unit:
            properties.append({"id": "unit", "value": query.unit})
        if query.judged and panel.shape == "table":
            properties += [
                {"id": "thresholds", "value": _JUDGED},
                {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            ]
        if properties:
            yield {"matcher": {"id": "byName", "options": query.legend}, "properties": properties}


def _options(panel: Panel) -> dict[str, Any]:
    if panel.shape in ("stat", "bars"):
        return {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}}
    if panel.shape == "table":
        return {"showHeader": True, "sortBy": []}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}


def _merged(panel: Panel) -> list[dict[str, Any]]:
    """One row per label set, one column per query."""
    several = len(panel.queries) > 1
    names = {f"Value #{_ref(n)}" if several else "Value": q.legend for n, q in enumerate(panel.queries)}
    return [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True, "window": True},
                "renameByName": {**names, "zh": "省"},
            },
        },
    ]


def alerting(timing: Timing, runbooks: str) -> str:
    """The same alerts for those who let Grafana evaluate them; use either, not both."""
    rules = [_rule(a, timing, runbooks) for a in alerts(timing)]
    group = {"orgId": 1, "name": "seats", "folder": "座席 Seats", "interval": timing(MINUTE), "rules": rules}
    return dump(
        {"apiVersion": 1, "groups": [group]},
        "Needs the recording rules in Prometheus. Leave it out when Prometheus and Alertmanager alert.",
    )


def _rule(alert: Alert, timing: Timing, runbooks: str) -> dict[str, Any]:
    expression = {"type": "__expr__", "uid": "__expr__"}
    said = prometheus.texts(alert, runbooks)
    return {
        "uid": alert.name.lower(),
        "title": alert.name,
        "condition": "C",
        "for": timing(alert.wait) if alert.wait else "0s",
        "noDataState": "OK",
        "execErrState": "Error",
        "labels": prometheus.labels(alert),
        "annotations": {k: v.replace("$value", "$values.B.Value") for k, v in said.items()},
        "data": [
            {
                "refId": "A",
                "datasourceUid": UID,
                "relativeTimeRange": {"from": 600, "to": 0},
                "model": {"refId": "A", "expr": alert.expr, "instant": True, "range": False},
            },
            {
                "refId": "B",
                "datasourceUid": "__expr__",
                "model": {"refId": "B", "type": "reduce", "expression": "A", "reducer": "last",
                          "datasource": expression},
            },
            {
                "refId": "C",
                "datasourceUid": "__expr__",
                "model": {"refId": "C", "type": "math", "expression": "is_number($B)",
                          "datasource": expression},
            },
        ],
    }  # fmt: skip
