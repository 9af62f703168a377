"""When a province burns its error budget too fast (after the SRE workbook's multi-window alerts).

The loss ratio is the strict one: every decided request but those at closed hours is in the denominator,
everything but ``connected`` is a loss. An alert of a speed needs

- the Wilson lower bound (95 %) of the loss ratio over the long window above the threshold: not the point
  estimate, so that 1 of 4 says nothing and 6 of 6 does;
- at least three losses in it;
- the loss ratio over the short window above the threshold as well: what is over wakes nobody.

The workbook's long window of one hour sees a fifth of the calls lost only after three quarters of an hour
when the hour before was good. A busy province need not wait for that: ``SUDDEN`` judges five minutes by
themselves, with at least 17 losses. At 60 calls a minute it sees a fifth lost within 3.75 minutes; a
province of 20 a minute that just holds an objective of 95 % is taken for it once in a hundred days
(simulated: Poisson arrivals, judged every 15 s, 400 days).

Thresholds are multiples of the budget, bounded: 14.4 times the budget of a 95 % objective would be a loss of
72 %. They are never below twice (slow: one and a half times) the budget.
"""

from __future__ import annotations

from typing import NamedTuple

from metrics.definition.timing import DAY, HOUR, MINUTE

LOSSES = 2.5
"""At least 3: ``increase`` extrapolates, so three losses may read 2.9."""
SUDDEN_LOSSES = 16.5
Z = 1.959964
"""As in ``seats.domain.tally.wilson``."""
MANY = 6
"""Provinces burning at once that are one page about the nation."""


class Speed(NamedTuple):
    """One speed of burning. Windows in seconds; ``most`` and ``least`` bound the threshold (see above)."""

    name: str
    factor: float
    most: float
    least: float
    long: float
    short: float
    losses: float = LOSSES


SUDDEN = Speed("sudden", 10.0, 0.11, 2.0, 5 * MINUTE, 5 * MINUTE, SUDDEN_LOSSES)
FAST = Speed("fast", 14.4, 0.15, 2.0, HOUR, 5 * MINUTE)
SLOW = Speed("slow", 6.0, 0.10, 1.5, 6 * HOUR, 30 * MINUTE)
TICKET = Speed("ticket", 1.0, 0.05, 1.0, 3 * DAY, 6 * HOUR)

SPEEDS = (SUDDEN, FAST, SLOW, TICKET)


def threshold(speed: Speed, budget: float) -> float:
    """The loss ratio from which a budget burns at this speed: what :func:`threshold_expr` computes."""
    if speed.factor * budget < speed.most:
        return speed.factor * budget
    return max(speed.least * budget, speed.most)


def threshold_expr(speed: Speed) -> str:
    """The same in PromQL, by province."""
    return (
        f"{speed.factor} * seats:budget:ratio < {speed.most} "
        f"or clamp_min({speed.least} * seats:budget:ratio, {speed.most})"
    )


def burning_expr(speed: Speed, window: dict[float, str]) -> str:
    """The loss ratio over the short window of the provinces that burn at this speed."""
    limit = f'seats:loss:threshold{{speed="{speed.name}"}}'
    long, short = f'{{window="{window[speed.long]}"}}', f'{{window="{window[speed.short]}"}}'
    return (
        f"seats:loss:ratio{short} > on (province) {limit}\n"
        f"and on (province) (seats:loss:low{long} > on (province) {limit})\n"
        f"and on (province) (seats:lost:increase{long} >= {speed.losses})"
    )


def wilson_expr(k: str, n: str, sign: str) -> str:
    """A bound of Wilson's interval for k of n; ``sign`` ``-`` is the lower one. ``k`` and ``n`` match."""
    zz = Z * Z
    spread = f"{Z} * sqrt(clamp_min({k} * ({n} - {k}) / {n}, 0) + {zz / 4:.6f})"
    return f"({k} + {zz / 2:.6f} {sign} {spread}) / ({n} + {zz:.6f})"
