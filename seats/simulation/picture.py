"""A picture of a comparison: the connection rate of every province under every policy, as SVG."""

from __future__ import annotations

from html import escape

from seats.domain.regions import BY_CODE
from seats.simulation.compare import Comparison, Verdict
from seats.simulation.results import Run

COLUMN, PANEL, PLOT, LEFT, TOP, GAP = 31, 150, 96, 60, 96, 28
MET, OPEN, BROKEN = "#0f8a5f", "#c98a00", "#c8372d"
INK, SOFT, LINE = "#1d2733", "#5c6875", "#d9dee4"
FONT = "font-family=\"'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif\""


def picture(found: Comparison) -> str:
    """The SVG's text: a panel for each policy, best first; bars with 95 % intervals, objectives as lines."""
    ranking = found.ranking()
    codes = _order(found, ranking[0])
    width = max(LEFT + COLUMN * len(codes) + 30, 900)
    height = TOP + PANEL * len(ranking) + 90
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" {FONT} font-size="11" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_title(found),
    ]
    for n, run in enumerate(ranking):
        parts += _panel(found, run, codes, TOP + PANEL * n, width)
    parts += _names(codes, TOP + PANEL * len(ranking) - GAP + 4)
    return "\n".join([*parts, "</svg>", ""])


def _order(found: Comparison, run: Run) -> list[str]:
    """Promised provinces first, then by number of requests."""
    verdicts = {v.province: v for v in found.verdicts(run)}
    first = set(found.scenario.priority)
    return sorted(verdicts, key=lambda p: (p not in first, -verdicts[p].requests))


def _title(found: Comparison) -> list[str]:
    scenario = found.scenario
    agents = sum(max(crew.counts) for crew in scenario.crews)
    days = len(found.runs[0].days)
    requests = sum(day.sum("requests") for day in found.runs[0].days) / days
    return [
        _text(LEFT, 30, "各省接通率 · Connection rate by province", size=20, weight=700),
        _text(
            LEFT,
            50,
            f"{scenario.name}: {agents:,} agents, {requests:,.0f} requests a day, {days} days, "
            f"the same callers for every policy; at most {found.bound.mean:.1%} could be connected",
            fill=SOFT,
        ),
        *_legend(LEFT, 72),
    ]


def _legend(x: int, y: int) -> list[str]:
    parts = []
    for colour, text, step in (
        (MET, "达标 objective met (95 % lower bound)", 250),
        (OPEN, "未定 not certain", 130),
        (BROKEN, "未达标 broken", 110),
    ):
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" rx="2" fill="{colour}"/>')
        parts.append(_text(x + 15, y, text, fill=SOFT))
        x += step
    parts.append(f'<path d="M{x} {y - 4}h18" stroke="{INK}" stroke-width="2"/>')
    parts.append(_text(x + 24, y, "目标 objective", fill=SOFT))
    return parts


def _panel(found: Comparison, run: Run, codes: list[str], top: int, width: int) -> list[str]:
    verdicts = {v.province: v for v in found.verdicts(run)}
    total = run.rate()
    base = top + 18 + PLOT
    head = (
        f"{found.met(run)} of {len(verdicts)} objectives met · {total.mean:.2%} connected "
        f"[{total.low:.2%}, {total.high:.2%}] · 95 % of them waited under {run.wait_quantile(0.95):.0f} s"
    )
    head += "".join(f" · {_named(verdicts[p])}" for p in found.scenario.priority if p in verdicts)
    parts = [
        _text(LEFT, top + 8, run.policy, size=14, weight=700),
        _text(LEFT + 130, top + 8, head, fill=SOFT),
    ]
    for share in (0.0, 0.5, 1.0):
        y = base - PLOT * share
        parts.append(f'<path d="M{LEFT} {y:.1f}H{width - 30}" stroke="{LINE}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{share:.0%}", anchor="end", fill=SOFT))
    for n, code in enumerate(codes):
        if code in verdicts:
            parts += _bar(verdicts[code], LEFT + COLUMN * n, base)
    return parts


def _named(verdict: Verdict) -> str:
    known = BY_CODE.get(verdict.province)
    rate = verdict.rate
    return f"{known.zh if known else verdict.province} {rate.mean:.2%} [{rate.low:.2%}, {rate.high:.2%}]"


def _bar(verdict: Verdict, x: int, base: float) -> list[str]:
    rate = verdict.rate
    colour = MET if verdict.met else BROKEN if rate.high < verdict.objective else OPEN
    middle = x + COLUMN / 2
    high = PLOT * rate.mean
    goal, top, foot = (base - PLOT * share for share in (verdict.objective, rate.high, rate.low))
    return [
        f"<g><title>{escape(verdict.province)} {rate.mean:.2%} [{rate.low:.2%}, {rate.high:.2%}], objective "
        f"{verdict.objective:.0%}, {verdict.requests:,} requests</title>",
        f'<rect x="{x + 6}" y="{base - high:.1f}" width="{COLUMN - 12}" height="{high:.1f}" rx="1.5" '
        f'fill="{colour}" fill-opacity="0.78"/>',
        f'<path d="M{middle:.1f} {foot:.1f}V{top:.1f}" stroke="{INK}"/>',
        f'<path d="M{x + 2} {goal:.1f}h{COLUMN - 4}" stroke="{INK}" stroke-width="2"/></g>',
    ]


def _names(codes: list[str], y: float) -> list[str]:
    parts = []
    for n, code in enumerate(codes):
        x = LEFT + COLUMN * n + COLUMN / 2
        known = BY_CODE.get(code)
        parts.append(_text(x, y + 8, known.zh if known else code, anchor="middle", size=10))
        if known:
            parts.append(
                f'<text x="{x:.1f}" y="{y + 20}" font-size="9" fill="{SOFT}" '
                f'transform="rotate(55 {x:.1f} {y + 20})">{escape(known.en)}</text>'
            )
    return parts


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 11,
    weight: int = 400,
    anchor: str = "start",
    fill: str = INK,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{fill}">{escape(text)}</text>'
    )
