"""The generated files: up to date, accepted by the programs that read them, and what Grafana understands."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import Rule
from grafana_foundation_sdk.models.dashboard import Dashboard

from metrics.definition.alerts import RUNBOOKS, alerts
from metrics.definition.boards import BOARDS
from metrics.definition.recording import groups
from metrics.definition.timing import Timing
from metrics.generate import files
from metrics.render.grafana import UID
from tests.unit.rulestory import needs_promtool

ROOT = Path(__file__).parents[2]
FILES = files(Timing(), RUNBOOKS)
DASHBOARDS = [name for name in FILES if name.startswith("config/grafana/dashboards/")]
needs_amtool = pytest.mark.skipif(
    not shutil.which("amtool"), reason="amtool is not installed: apt-get install prometheus-alertmanager"
)

BEYOND_THE_TYPES = {".annotations.list[0].titleFormat"}
"""Read by Grafana's Prometheus datasource, which shares one model with all others here."""


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_the_generator_writes(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name], "run python -m metrics.generate"


def test_nothing_else_lies_beside_the_generated_files() -> None:
    for folder in ("config/prometheus", "config/alertmanager", "config/grafana"):
        found = {str(p.relative_to(ROOT)) for p in (ROOT / folder).rglob("*") if p.is_file()}
        assert found <= FILES.keys()


@needs_promtool
def test_promtool_accepts_configuration_and_rules() -> None:
    said = run("promtool", "check", "config", "config/prometheus/prometheus.yml")
    count = sum(len(g.records) for g in groups(Timing()))
    assert f"{count} rules found" in said
    assert f"{len(alerts(Timing()))} rules found" in said


@needs_amtool
def test_amtool_accepts_the_configuration() -> None:
    assert "2 receivers" in run("amtool", "check-config", "config/alertmanager/alertmanager.yml")


@needs_amtool
@pytest.mark.parametrize(
    ("receiver", "labels"),
    [
        ("page", "severity=page kind=rate province=hubei"),
        ("page", "severity=page kind=link node=pbx1"),
        ("ticket", "severity=ticket kind=rate province=hubei"),
        ("ticket", "severity=ticket kind=ledger"),
        ("ticket", ""),  # what nobody thought of wakes nobody, and is not lost either
    ],
)
def test_alerts_reach_the_receiver_of_their_severity(receiver: str, labels: str) -> None:
    routed = ("config", "routes", "test", "--config.file=config/alertmanager/alertmanager.yml")
    assert run("amtool", *routed, *labels.split()).split() == [receiver]


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafana_knows_every_key_and_value_of_the_dashboard(name: str) -> None:
    register_default_plugins()
    text = json.loads(FILES[name])
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(text)))
    assert set(differences(text, understood)) <= BEYOND_THE_TYPES


def test_grafana_knows_every_key_and_value_of_the_alert_rules() -> None:
    group = yaml.safe_load(FILES["config/grafana/provisioning/alerting/seats.yml"])["groups"][0]
    assert [r["title"] for r in group["rules"]] == [a.name for a in alerts(Timing())]
    for rule in group["rules"]:
        understood = json.loads(JSONEncoder().encode(Rule.from_json(rule)))
        assert not set(differences(rule, understood))
        assert rule["condition"] in {q["refId"] for q in rule["data"]}


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Paths of what is lost or changed on the way through Grafana's types."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours:
            yield from differences(ours[key], theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for n, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}[{n}]")
    elif ours != theirs:
        yield path


def test_a_key_that_grafana_does_not_know_is_found() -> None:
    text = json.loads(FILES[DASHBOARDS[0]])
    text["panels"][0]["gridpos"] = text["panels"][0].pop("gridPos")
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(text)))
    assert ".panels[0].gridpos" in set(differences(text, understood))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_side_by_side_and_ask_our_datasource(name: str) -> None:
    board = json.loads(FILES[name])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells
        assert panel["targets"]
        assert {t["datasource"]["uid"] for t in panel["targets"]} == {UID}
    assert len({p["id"] for p in board["panels"]}) == len(board["panels"])


def test_no_threshold_is_typed_into_a_dashboard() -> None:
    """Colours change at 0, of a difference or of what is left; objectives are series."""
    for name in DASHBOARDS:
        for panel in json.loads(FILES[name])["panels"]:
            found = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            for override in panel["fieldConfig"]["overrides"]:
                found += [
                    s for p in override["properties"] if p["id"] == "thresholds" for s in p["value"]["steps"]
                ]
            assert {s["value"] for s in found} <= {None, 0}
    assert not any(f"0.{n}" in q.expr for n in (80, 95, 98, 99) for b in BOARDS for p in b.panels
                   for q in p.queries if "histogram_quantile" not in q.expr)  # fmt: skip
