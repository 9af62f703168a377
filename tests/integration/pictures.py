"""Pictures of the dashboards, drawn from what a real Prometheus answers to their expressions.

Grafana's server is not needed: the dashboards' JSON gives places, titles, units and expressions, Prometheus
the data, Chromium the picture. ``python -m tests.integration.pictures URL FOLDER [MINUTES]`` draws all.
"""

from __future__ import annotations

import asyncio
import html
import json
import math
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.browser import chromium

BOARDS = Path(__file__).parents[2] / "config" / "grafana" / "dashboards"
COLUMN, ROW, GAP = 60, 34, 8
"""Pixels of Grafana's grid."""
STEPS = 200
COLOURS = (
    "#3274d9",
    "#e0a500",
    "#37872d",
    "#c4162a",
    "#8f3bb8",
    "#00a2a2",
    "#b85c00",
    "#5b6770",
    "#d6409f",
    "#7aa500",
)
STYLE = """body{margin:0;font:12px "Noto Sans CJK SC",sans-serif;background:#f4f5f5;color:#222}
.p{position:absolute;background:#fff;border:1px solid #ddd;overflow:hidden}
.p{box-sizing:border-box;padding:4px 6px}
h4{margin:0 0 2px;font-size:12px}.n{font-size:26px;padding-top:18px;text-align:center}.e{color:#c4162a}
table{border-collapse:collapse}
td,th{padding:0 10px;text-align:right;font-weight:400;border-bottom:1px solid #eee}
.k{font-size:10px;line-height:13px}"""

Found = list[tuple[Mapping[str, str], list[tuple[float, float]]]]
"""Label set and points of every series."""


class Source:
    """A Prometheus, asked for the last ``minutes``."""

    def __init__(self, url: str, minutes: float) -> None:
        self._api, self.until = f"{url}/api/v1", time.time()
        self.since = self.until - minutes * 60

    async def ask(self, expr: str, *, instant: bool) -> Found:
        """The series of an expression."""
        data = {"query": expr.replace("$province", "hubei")}
        if not instant:
            step = max(1.0, (self.until - self.since) / STEPS)
            data |= {"start": str(self.since), "end": str(self.until), "step": str(step)}
        where = f"{self._api}/query" if instant else f"{self._api}/query_range"
        async with aiohttp.ClientSession() as session, session.post(where, data=data) as answer:
            result = (await answer.json())["data"]["result"]
        rows = [(r["metric"], r["values"] if "values" in r else [r["value"]]) for r in result]
        return [(m, [(float(t), float(v)) for t, v in points]) for m, points in rows]


async def draw(url: str, folder: Path, minutes: float = 5.0) -> list[str]:
    """A PNG per dashboard in ``folder``; the titles of the panels that had nothing to show."""
    source, empty = Source(url, minutes), []
    async with chromium() as browser:
        for file in sorted(BOARDS.glob("*.json")):
            board = json.loads(file.read_text(encoding="utf-8"))
            panels = [(p, [(t, await source.ask(t["expr"], instant=t["instant"])) for t in p["targets"]])
                      for p in board["panels"]]  # fmt: skip
            empty += [
                f"{board['title']}: {p['title']}" for p, found in panels if not any(f for _, f in found)
            ]
            height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"]) * ROW + GAP
            page = await browser.new_page(viewport={"width": 24 * COLUMN + GAP, "height": height})
            body = "".join(_panel(p, found, source) for p, found in panels)
            await page.set_content(f"<style>{STYLE}</style>{body}")
            await page.screenshot(path=folder / f"{file.stem}.png")
            await page.close()
    return empty


def _panel(panel: Mapping[str, Any], found: list[tuple[Mapping[str, Any], Found]], source: Source) -> str:
    at = panel["gridPos"]
    width, height = at["w"] * COLUMN - GAP, at["h"] * ROW - GAP
    place = f"left:{at['x'] * COLUMN + GAP}px;top:{at['y'] * ROW + GAP}px;width:{width}px;height:{height}px"
    if not any(f for _, f in found):
        inner = '<div class="n e">no data</div>'
    elif panel["type"] == "stat":
        unit = panel["fieldConfig"]["defaults"]["unit"]
        inner = f'<div class="n">{_number(found[0][1][0][1][-1][1], unit)}</div>'
    elif panel["type"] == "table":
        inner = _table(panel, found)
    elif panel["type"] == "bargauge":
        inner = _bars(panel, found, width)
    else:
        inner = _chart(panel, found, source, width - 14, height - 26)
    return f'<div class="p" style="{place}"><h4>{html.escape(panel["title"])}</h4>{inner}</div>'


def _table(panel: Mapping[str, Any], found: list[tuple[Mapping[str, Any], Found]]) -> str:
    """One row per label set, as the dashboard's merge transformation makes it."""
    rows: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    key = next(iter(k for k in found[0][1][0][0]), "")
    for target, series in found:
        unit = _unit(panel, target["legendFormat"])
        for labels, points in series:
            row = labels.get("province") or " ".join(v for k, v in labels.items() if k != "zh") or key
            names[row] = names.get(row) or labels.get("zh", "")
            rows.setdefault(row, {})[target["legendFormat"]] = _number(points[-1][1], unit)
    columns = [t["legendFormat"] for t, _ in found]
    head = "".join(f"<th>{html.escape(c)}" for c in ("", "", *columns))
    body = "".join(
        f"<tr><td>{html.escape(k)}<td>{names[k]}" + "".join(f"<td>{row.get(c, '')}" for c in columns)
        for k, row in rows.items()
    )
    return f"<table style='font-size:11px;line-height:13px'><tr>{head}{body}</table>"


def _bars(panel: Mapping[str, Any], found: list[tuple[Mapping[str, Any], Found]], width: int) -> str:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    lines = []
    for target, series in found:
        for labels, points in series:
            value = points[-1][1]
            share = max(0.0, min(1.0, value)) * (width - 260)
            colour = "#c4162a" if value < 0 else "#5b6770"
            lines.append(
                f"<div style='line-height:15px'><span style='display:inline-block;width:120px'>"
                f"{_legend(target, labels)}</span><span style='display:inline-block;height:9px;"
                f"width:{share:.0f}px;background:{colour}'></span> {_number(value, unit)}</div>"
            )
    return "".join(lines)


def _chart(
    panel: Mapping[str, Any],
    found: list[tuple[Mapping[str, Any], Found]],
    source: Source,
    width: int,
    height: int,
) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    dashed = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]
              if any(p["id"] == "custom.lineStyle" for p in o["properties"])}  # fmt: skip
    series = [(_legend(t, labels), _real(points), t["legendFormat"] in dashed)
              for t, rows in found for labels, points in rows]  # fmt: skip
    if "stacking" in defaults["custom"]:
        series = list(_stacked(series))
    values = [v for _, points, _ in series for _, v in points] or [0.0]
    low, high = min(0.0, *values), max(values)
    high = high if high > low else low + 1.0
    plot = height - 30

    def at(point: tuple[float, float]) -> str:
        x = 56 + (point[0] - source.since) / (source.until - source.since) * (width - 66)
        return f"{x:.1f},{8 + (high - point[1]) / (high - low) * (plot - 16):.1f}"

    marks = "".join(
        f"<text x='52' y='{12 + n / 4 * (plot - 16):.0f}' text-anchor='end' font-size='10'>"
        f"{_number(high - n / 4 * (high - low), defaults['unit'])}</text>"
        f"<path d='M56 {8 + n / 4 * (plot - 16):.0f}H{width - 10}' stroke='#eee'/>"
        for n in range(5)
    )
    paths = "".join(
        f"<polyline fill='none' stroke='{COLOURS[n % len(COLOURS)]}' stroke-width='1.5' "
        f"stroke-dasharray='{'6 4' if dash else 'none'}' points='{' '.join(map(at, points))}'/>"
        for n, (_, points, dash) in enumerate(series)
    )
    keys = " ".join(
        f"<span style='color:{COLOURS[n % len(COLOURS)]}'>■ {html.escape(name)}</span>"
        for n, (name, _, _) in enumerate(series[:24])
    )
    return f"<svg width='{width}' height='{plot}'>{marks}{paths}</svg><div class='k'>{keys}</div>"


Line = tuple[str, list[tuple[float, float]], bool]


def _stacked(series: Iterable[Line]) -> Iterator[Line]:
    total: dict[float, float] = {}
    for name, points, dash in series:
        for at, value in points:
            total[at] = total.get(at, 0.0) + value
        yield name, [(at, total[at]) for at, _ in points], dash


def _real(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(t, v) for t, v in points if math.isfinite(v)]


def _legend(target: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda m: labels.get(m[1], ""), target["legendFormat"])


def _unit(panel: Mapping[str, Any], legend: str) -> str:
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == legend:
            return next((p["value"] for p in override["properties"] if p["id"] == "unit"), "short")
    return str(panel["fieldConfig"]["defaults"]["unit"])


def _number(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    if unit == "percentunit":
        return f"{value:.1%}"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "dateTimeFromNow":
        return f"in {(value / 1000 - time.time()) / 86400:.0f} days"
    if unit == "s":
        return f"{value:.3g} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"
    return f"{value:.4g}"


async def _main(url: str, folder: str, minutes: str = "60") -> None:
    for title in await draw(url, Path(folder), float(minutes)):
        print("no data:", title)  # noqa: T201 - what a command line tells


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
