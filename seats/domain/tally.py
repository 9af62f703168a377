"""Figures by province, credited to the interval in which the request arrived.

The board, the API and the metrics all read these, and :func:`rates` is the only place where a rate is
computed, so they agree by construction. A request is decided when agent and caller hear each other, so
calls in progress count as connected; requests still waiting are in no rate yet and are shown beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import NamedTuple

from seats.domain.events import Event, RequestDecided, RequestOpened
from seats.domain.requests import Outcome

NATION = ""
"""The code under which everything is summed."""

SERVICE_LEVELS = (15, 20, 30)
"""Seconds of queue + ring for which service levels are kept."""


@dataclass(slots=True)
class Figures:
    """Counts of one cohort of requests."""

    requests: int = 0
    in_progress: int = 0
    connected: int = 0
    abandoned: int = 0
    timeout: int = 0
    no_seat: int = 0
    failed: int = 0
    callback: int = 0
    excluded_short: int = 0
    excluded_closed: int = 0
    sl15: int = 0
    sl20: int = 0
    sl30: int = 0

    @property
    def strict(self) -> tuple[int, int]:
        """(connected, denominator): every decided request but those at closed hours."""
        return self.connected, self.requests - self.in_progress - self.excluded_closed

    @property
    def reported(self) -> tuple[int, int]:
        """(connected, denominator) of definition 1: short abandons are left out as well."""
        k, n = self.strict
        return k, n - self.excluded_short

    def add(self, other: Figures, sign: int = 1) -> None:
        """Add another cohort's counts, or take them away with ``sign`` -1."""
        for name in _FIELDS:
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))


_FIELDS = tuple(Figures.__dataclass_fields__)


class Rate(NamedTuple):
    """A share with its Wilson interval (95 %). ``rate``, ``low``, ``high`` are None without requests."""

    k: int
    n: int
    rate: float | None
    low: float | None
    high: float | None


def wilson(k: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of k successes in n > 0 trials (Wilson 1927)."""
    p = k / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def rate(share: tuple[int, int]) -> Rate:
    """The rate of (k, n); absent, never 0 or 100 %, when n is 0."""
    k, n = share
    if n <= 0:
        return Rate(k, max(n, 0), None, None, None)
    low, high = wilson(k, n)
    return Rate(k, n, k / n, low, high)


def misses_left(figures: Figures, objective: float) -> int:
    """Losses the cohort can still take and hold its objective; negative when it is broken already."""
    k, n = figures.strict
    return math.floor(n * (1 - objective) + 1e-9) - (n - k)


class _Rolling:
    """Figures of the last so many minutes, by minute of arrival."""

    __slots__ = ("buckets", "span", "total")

    def __init__(self, span: int) -> None:
        self.span = span
        self.total = Figures()
        self.buckets: dict[int, Figures] = {}

    def evict(self, minute: int) -> None:
        while self.buckets and (first := next(iter(self.buckets))) <= minute - self.span:
            self.total.add(self.buckets.pop(first), -1)

    def open(self, minute: int) -> Figures | None:
        if minute in self.buckets:
            return self.buckets[minute]
        newest = next(reversed(self.buckets)) if self.buckets else minute
        if minute <= newest - self.span:
            return None
        figures = self.buckets[minute] = Figures()
        if minute < newest:  # found late: the order is by time
            self.buckets = dict(sorted(self.buckets.items()))
        return figures


class Tally:
    """Live figures for each province and the nation: business day, last hour, last 15 minutes."""

    def __init__(self, provinces: Iterable[str], tz: tzinfo) -> None:
        self._tz = tz
        self._today = 0
        codes = (NATION, *provinces)
        self._days: dict[str, Figures] = {c: Figures() for c in codes}
        self._hours = {c: _Rolling(60) for c in codes}
        self._quarters = {c: _Rolling(15) for c in codes}

    def apply(self, events: Iterable[Event]) -> None:
        """Count what happened; other events are passed over."""
        for event in events:
            kind = type(event)
            if kind is RequestOpened:
                self.opened(event.province, event.at)  # type: ignore[union-attr]  # kind says which
            elif kind is RequestDecided:
                self._decided(event)  # type: ignore[arg-type]  # kind says which

    def opened(self, province: str, arrived_at: float) -> None:
        """A request arrived."""
        self.roll(arrived_at)
        for figures in self._cohort(province, arrived_at, create=True):
            figures.requests += 1
            figures.in_progress += 1

    def decided(self, province: str, arrived_at: float, outcome: Outcome, waited: float) -> None:
        """A request that arrived then got its outcome; ``waited`` is queue + ring in seconds."""
        met = [f"sl{s}" for s in SERVICE_LEVELS if outcome is Outcome.CONNECTED and waited <= s]
        for figures in self._cohort(province, arrived_at, create=False):
            figures.in_progress -= 1
            setattr(figures, outcome.value, getattr(figures, outcome.value) + 1)
            for name in met:
                setattr(figures, name, getattr(figures, name) + 1)

    def roll(self, now: float) -> None:
        """Let the business day turn if it is time."""
        day = self._ordinal(now)
        if day > self._today:
            self._today = day
            for code in self._days:
                self._days[code] = Figures()

    def day(self, province: str) -> Figures:
        """Figures of the present business day."""
        return self._days[province]

    def hour(self, province: str, now: float) -> Figures:
        """Figures of requests that arrived in the last 60 minutes."""
        return self._window(self._hours[province], now)

    def quarter(self, province: str, now: float) -> Figures:
        """Figures of requests that arrived in the last 15 minutes."""
        return self._window(self._quarters[province], now)

    def _decided(self, event: RequestDecided) -> None:
        self.decided(event.province, event.arrived_at, event.outcome, event.queue + event.ring)

    def _cohort(self, province: str, arrived_at: float, *, create: bool) -> list[Figures]:
        minute = int(arrived_at // 60)
        today = self._ordinal(arrived_at) == self._today
        cohort: list[Figures] = []
        for code in (province, NATION):
            if today:
                cohort.append(self._days[code])
            for rolling in (self._hours[code], self._quarters[code]):
                bucket = rolling.open(minute) if create else rolling.buckets.get(minute)
                if bucket is not None:
                    cohort += [bucket, rolling.total]
        return cohort

    def _ordinal(self, at: float) -> int:
        return datetime.fromtimestamp(at, self._tz).toordinal()

    @staticmethod
    def _window(rolling: _Rolling, now: float) -> Figures:
        rolling.evict(int(now // 60))
        return rolling.total
