"""What will come: arrivals, handling and patience of the next hours, from what came. Pure.

The forecast of an hour is the mean of the same hour of the days before, scaled by how today compares with
them; without a history it is the rate of the last hours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from seats.domain.staffing import Load, agents_needed, patience_of

HOUR = 3600.0
DAY_HOURS = 24
RECENT = 3
"""Full hours before the present one by which today is compared with the days before."""

PATIENT = 600.0
"""Patience where nobody gave up yet, seconds: what the shipped plan lets callers wait at most."""

HANDLING = 180.0
"""Handling where no call has ended yet, seconds."""

ENOUGH = 20
"""Callers from whom on a province's own handling and patience count; below, all provinces' do."""


class Hour(NamedTuple):
    """Requests of one province that arrived in one hour; ``number`` counts hours since 1970 (UTC)."""

    province: str
    number: int
    requests: int
    left: int
    """Gave up."""
    waited: float
    """Seconds waited in all, connected or not."""
    talks: int
    """Connected calls that have ended."""
    talk: float
    ring: float


class Need(NamedTuple):
    """Agents one province needs in one coming hour. ``arrivals`` are callers in that hour."""

    start: float
    arrivals: float
    needed: int


class Habit(NamedTuple):
    """How calls of a province go, in seconds; ``known`` False: no figures of its own yet."""

    handling: float
    patience: float
    known: bool


class Forecast:
    """Loads of the coming hours, from the hours of some days before."""

    def __init__(self, hours: Iterable[Hour], now: float, wrap_up: float) -> None:
        self.now = now
        self.wrap_up = wrap_up
        self._hours: dict[str, dict[int, Hour]] = {}
        for hour in hours:
            self._hours.setdefault(hour.province, {})[hour.number] = hour
        self._present = int(now // HOUR)
        numbers = [n for hours_ in self._hours.values() for n in hours_]
        self._first = min(numbers, default=self._present)
        self._all = self._habit([h for hours_ in self._hours.values() for h in hours_.values()], 1)

    def habit(self, province: str) -> Habit:
        """Handling (ring, talk, wrap-up) and patience of a province; of all where it has too few calls."""
        own = self._habit(list(self._hours.get(province, {}).values()), ENOUGH)
        return own if own.known else Habit(self._all.handling, self._all.patience, False)

    def arrivals(self, province: str, ahead: int) -> float:
        """Callers expected in the hour ``ahead`` hours after the present one (0: the present one)."""
        hours = self._hours.get(province, {})
        past = self._same_hours(hours, self._present + ahead)
        recent = [self._count(hours, self._present - n) for n in range(1, RECENT + 1) if self._seen(n)]
        if not past:
            return math.fsum(recent) / len(recent) if recent else self._so_far(hours)
        usual = [self._same_hours(hours, self._present - n) for n in range(1, RECENT + 1)]
        expected = math.fsum(math.fsum(u) / len(u) for u in usual if u)
        mean = math.fsum(past) / len(past)
        if not expected or len(recent) < RECENT:
            return mean
        # a few callers more or less prove nothing: both sums are moved towards each other
        return mean * min(4.0, max(0.25, (math.fsum(recent) + 5.0) / (expected + 5.0)))

    def needs(self, province: str, objective: float, hours: int) -> list[Need]:
        """Agents needed for the objective in the present hour and the next ones."""
        habit = self.habit(province)
        found = []
        for ahead in range(hours):
            arrivals = self.arrivals(province, ahead)
            load = Load(arrivals / HOUR, habit.handling, habit.patience)
            needed = agents_needed(load, objective)
            found.append(Need((self._present + ahead) * HOUR, arrivals, needed))
        return found

    def pooled(self, objectives: dict[str, float], hours: int) -> list[Need]:
        """Agents needed if all served all: one line, whose objective is the callers' mean."""
        found = []
        for ahead in range(hours):
            arrivals = {p: self.arrivals(p, ahead) for p in objectives}
            total = math.fsum(arrivals.values())
            if total <= 0.0:
                found.append(Need((self._present + ahead) * HOUR, 0.0, 0))
                continue
            objective = math.fsum(objectives[p] * n for p, n in arrivals.items()) / total
            load = Load(total / HOUR, self._all.handling, self._all.patience)
            found.append(Need((self._present + ahead) * HOUR, total, agents_needed(load, objective)))
        return found

    def _habit(self, hours: list[Hour], enough: int) -> Habit:
        talks, left = sum(h.talks for h in hours), sum(h.left for h in hours)
        if talks < enough:
            return Habit(HANDLING + self.wrap_up, PATIENT, False)
        talk = math.fsum(h.talk + h.ring for h in hours) / talks
        patience = patience_of(math.fsum(h.waited for h in hours), left)
        return Habit(max(1.0, talk) + self.wrap_up, min(max(patience or PATIENT, 1.0), 86400.0), True)

    def _same_hours(self, hours: dict[int, Hour], number: int) -> list[float]:
        """That hour's callers on the days before, as far back as anything was recorded."""
        found = []
        day = number - DAY_HOURS
        while day >= self._first:
            if day < self._present:
                found.append(self._count(hours, day))
            day -= DAY_HOURS
        return found

    def _seen(self, back: int) -> bool:
        return self._present - back >= self._first

    def _so_far(self, hours: dict[int, Hour]) -> float:
        """The present hour's callers, drawn out to its end; the first minutes say too little."""
        passed = max(self.now - self._present * HOUR, 600.0)
        return self._count(hours, self._present) * HOUR / passed

    @staticmethod
    def _count(hours: dict[int, Hour], number: int) -> float:
        hour = hours.get(number)
        return float(hour.requests) if hour else 0.0
