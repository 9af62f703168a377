"""docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterator

from metrics.definition.alerts import alerts
from metrics.definition.boards import BOARDS
from metrics.definition.burn import SPEEDS, threshold
from metrics.definition.catalogue import FAMILIES, Size, bounds, cardinality, series_of
from metrics.definition.recording import WINDOW, groups
from metrics.definition.timing import Timing


def text(timing: Timing) -> str:
    """The page."""
    parts = (_series(), _thresholds(), _records(timing), _alerts(timing), _boards(), _adding())
    return "\n".join(line for part in parts for line in part) + "\n"


def _series() -> Iterator[str]:
    size = Size()
    most = bounds(size)
    yield "# Metrics"
    yield ""
    yield "Made by `python -m metrics.generate` from `metrics/definition`. Change it there."
    yield ""
    yield "`/metrics` answers in OpenMetrics to those who ask for it, else in Prometheus' text format. Series"
    yield "marked * continue from the ledger after a restart or failover, never run ahead of it, and are"
    yield "told by the leader alone. All series exist from the start at 0; a rate without requests is absent,"
    yield "never 0 or 100 %."
    yield ""
    yield "## Series"
    yield ""
    yield "| series | kind | labels | at most | meaning |"
    yield "|---|---|---|---:|---|"
    for f in FAMILIES:
        labels = ", ".join(f"{name} ({most[name]})" for name in f.labels) or "–"
        star = " *" if f.official else ""
        yield f"| `{f.name}`{star} | {f.kind} | {labels} | {series_of(f, size)} | {f.help} |"
    yield ""
    yield f"**At most {cardinality(size)} series** with {size.provinces - 1} provinces and unknown,"
    yield f"{size.pools} pools and {size.nodes} PBX nodes; 10,000 agents or 10 make no difference, for no"
    yield "label names an agent, a call or a number. Recording rules and alerts add to that in Prometheus."
    yield ""


def _thresholds() -> Iterator[str]:
    yield "## When a budget burns too fast"
    yield ""
    yield "The budget is 1 − objective. An alert needs all of: the lower bound of the 95 % Wilson interval of"
    yield "the loss ratio over the long window above the threshold; at least so many losses in it; the loss"
    yield "ratio over the short window above the threshold. `sudden` and `fast` are one alert. The thresholds"
    yield "are bounded multiples of the budget, for 14.4 times the budget of a 95 % objective would be a loss"
    yield "of 72 %."
    yield ""
    yield "| speed | long | short | losses | times budget | objective 99 % | 95 % | 80 % |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    for s in SPEEDS:
        limits = " | ".join(f"{threshold(s, b):.1%}" for b in (0.01, 0.05, 0.20))
        yield (
            f"| {s.name} | {WINDOW[s.long]} | {WINDOW[s.short]} | {s.losses + 0.5:.0f} | {s.factor:g}"
            f" | {limits} |"
        )
    yield ""


def _records(timing: Timing) -> Iterator[str]:
    yield "## Recorded"
    yield ""
    yield "Counted when decided (the rates above go by arrival). Names are by province."
    yield ""
    yield "| series | labels | every | meaning |"
    yield "|---|---|---|---|"
    seen = set()
    for group in groups(timing):
        for r in group.records:
            if r.name not in seen:
                seen.add(r.name)
                labels = ", ".join(k for k in r.labels if k != "province") or "–"
                yield f"| `{r.name}` | {labels} | {timing(group.interval)} | {r.about} |"
    yield ""


def _alerts(timing: Timing) -> Iterator[str]:
    yield "## Alerts"
    yield ""
    yield "`page` wakes someone, `ticket` waits for the morning. While `SeatsLinkDown`, `SeatsServiceDown` or"
    yield "`SeatsNoSingleLeader` stands, alerts of kind rate and seats are silent."
    yield ""
    yield "| alert | severity | kind | holds for | says | silence |"
    yield "|---|---|---|---|---|---|"
    for a in alerts(timing):
        wait = timing(a.wait) if a.wait else "at once"
        said = f"{a.zh} · {a.en}".replace("|", "\\|")
        name = f"[{a.name}](runbooks/{a.runbook}.md)"
        yield f"| {name} | {a.severity} | {a.kind} | {wait} | {said} | {a.silence} |"
    yield ""


def _boards() -> Iterator[str]:
    yield "## Dashboards"
    yield ""
    for board in BOARDS:
        titles = "; ".join(p.title for p in board.panels)
        yield f"- **{board.title}** (`{board.uid}`): {titles}."
    yield ""
    yield "No expression uses `histogram_quantile` across provinces without summing by `le`, and no panel has"
    yield "an objective typed into it: objectives and thresholds are series, drawn dashed or as a column."


def _adding() -> Iterator[str]:
    yield from _ADDING.splitlines()


_ADDING = """
## A new series, alert or panel

1. Describe it in `metrics/definition/catalogue.py`: name (base unit; `_total` for what only grows), kind,
   labels. A label takes few values, all known beforehand, and never a number, an agent or a call; give its
   bound in `bounds`. `official` ones come from the ledger and are told by the leader alone: seed them in
   `Series.seed`.
2. Fill it: from the core's events in `metrics/series.py` (`_COUNTERS`), pre-created at 0 for every label
   value; or at each scrape with `Series.read` or `read_all`, as `seats/operating.py` does.
3. Use it: a panel in `metrics/definition/boards.py`, an alert in `alerts.py` with a runbook in
   `docs/runbooks` and a story in `tests/unit/test_rules_alerts.py`: every alert has one.
4. `python -m metrics.generate`, and commit what it wrote. `tests/unit/test_generate.py` holds the files
   against the definition, promtool, amtool and Grafana's types; `tests/integration/test_prometheus.py` asks
   a real Prometheus for every panel, and draws the dashboards with `PANEL_PICTURES=FOLDER`.
"""
