"""Recording rules: losses and rates by province and window, thresholds from the objectives, names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from metrics.definition.burn import (
    FAST,
    SLOW,
    SPEEDS,
    SUDDEN,
    TICKET,
    burning_expr,
    threshold_expr,
    wilson_expr,
)
from metrics.definition.timing import DAY, HOUR, MINUTE, Timing
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.tally import SERVICE_LEVELS

SCRAPE = 15.0
"""Seconds between two scrapes."""

WINDOW = {5 * MINUTE: "5m", 15 * MINUTE: "15m", 30 * MINUTE: "30m", HOUR: "1h", 6 * HOUR: "6h", 3 * DAY: "3d"}
"""Seconds → value of the label ``window``. The label keeps its name when a test runs the rules faster."""


class Record(NamedTuple):
    """One recording rule."""

    name: str
    expr: str
    about: str
    labels: Mapping[str, str] = {}


class Group(NamedTuple):
    """Rules evaluated together, in order, every ``interval`` seconds."""

    name: str
    interval: float
    records: tuple[Record, ...]


def groups(timing: Timing) -> tuple[Group, ...]:
    """All recording rules."""
    minutes, hours, days = (5 * MINUTE, 15 * MINUTE), (30 * MINUTE, HOUR, 6 * HOUR), (3 * DAY,)
    return (
        Group("seats-names", MINUTE, tuple(_names())),
        Group(
            "seats-minutes",
            SCRAPE,
            (
                _BUDGET,
                *_thresholds(),
                *_losses(minutes, timing),
                *_losses((HOUR,), timing),
                *_requests((15 * MINUTE, HOUR), timing),
                *_burning_fast(),
            ),
        ),
        Group(
            "seats-hours",
            MINUTE,
            (
                *_losses(tuple(h for h in hours if h != HOUR), timing),
                *_service_levels(timing),
                Record("seats:burning:ratio", burning_expr(SLOW, WINDOW), "loss ratio", {"speed": SLOW.name}),
            ),
        ),
        Group(
            "seats-days",
            5 * MINUTE,
            (
                *_losses(days, timing),
                Record(
                    "seats:burning:ratio", burning_expr(TICKET, WINDOW), "loss ratio", {"speed": TICKET.name}
                ),
            ),
        ),
    )


_BUDGET = Record(
    "seats:budget:ratio",
    "1 - max by (province) (seats_connection_objective_ratio)",
    "share of requests the province may lose: 1 - objective",
)


def _names() -> Iterator[Record]:
    about = "names of the province, to join to alerts and tables"
    for p in PROVINCES:
        labels = {"province": p.code, "zh": p.zh, "en": p.en, "region": p.region}
        yield Record("seats:province:names", "vector(1)", about, labels)
    unknown = {"province": UNKNOWN, "zh": "未知", "en": "Unknown", "region": "unknown"}
    yield Record("seats:province:names", "vector(1)", about, unknown)


def _thresholds() -> Iterator[Record]:
    for speed in SPEEDS:
        about = "loss ratio from which the budget burns at this speed"
        yield Record("seats:loss:threshold", threshold_expr(speed), about, {"speed": speed.name})


def _requests(windows: tuple[float, ...], timing: Timing) -> Iterator[Record]:
    for seconds in windows:
        yield Record(
            "seats:requests:increase",
            f"sum by (province) (increase(seats_requests_total[{timing(seconds)}]))",
            "requests that arrived in the window",
            {"window": WINDOW[seconds]},
        )


def _losses(windows: tuple[float, ...], timing: Timing) -> Iterator[Record]:
    """By window: decided, lost, the loss ratio and its Wilson bounds. No requests: no ratio."""
    for seconds in windows:
        label = {"window": WINDOW[seconds]}
        of = f'{{window="{WINDOW[seconds]}"}}'
        span = timing(seconds)
        lost, decided = f"seats:lost:increase{of}", f"(seats:decided:increase{of} > 0)"
        yield Record(
            "seats:lost:increase",
            _increase("connected|excluded_closed", span),
            "requests decided in the window that were not connected",
            label,
        )
        yield Record(
            "seats:decided:increase",
            _increase("excluded_closed", span),
            "requests decided in the window, but for those at closed hours",
            label,
        )
        yield Record("seats:loss:ratio", f"{lost} / {decided}", "strict loss ratio", label)
        yield Record("seats:connection:ratio", f"1 - seats:loss:ratio{of}", "strict connection rate", label)
        for bound, sign in (("low", "-"), ("high", "+")):
            about = f"{'lower' if bound == 'low' else 'upper'} bound of the loss ratio (Wilson, 95 %)"
            yield Record(f"seats:loss:{bound}", wilson_expr(lost, decided, sign), about, label)


def _increase(but: str, span: str) -> str:
    return f'sum by (province) (increase(seats_requests_finished_total{{outcome!~"{but}"}}[{span}]))'


def _service_levels(timing: Timing) -> Iterator[Record]:
    """Both sides from the counters: a recorded denominator may be an evaluation older than the numerator."""
    span = timing(HOUR)
    decided = _increase("excluded_closed", span)
    for seconds in SERVICE_LEVELS:
        bucket = f'seats_request_wait_seconds_bucket{{le="{seconds}.0"}}'
        yield Record(
            "seats:service_level:ratio",
            # extrapolated each by itself, so that in a counter's first hour the ratio may pass 1
            f"clamp_max(sum by (province) (increase({bucket}[{span}])) / ({decided} > 0), 1)",
            "connected within so many seconds of queue and ring, of all decided",
            {"window": "1h", "seconds": str(seconds)},
        )


def _burning_fast() -> Iterator[Record]:
    """Fast by either test: the hour, or five minutes that speak for themselves."""
    expr = f"(\n{burning_expr(FAST, WINDOW)}\n) or (\n{burning_expr(SUDDEN, WINDOW)}\n)"
    yield Record("seats:burning:ratio", expr, "loss ratio of the province", {"speed": FAST.name})
