"""What is to come, from what has been: arrivals by province, handling, patience. Recent past counts most.

Exponentially weighted with a time constant, so that each takes a few numbers, whatever the traffic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

HORIZON: Final = 300.0
"""Seconds: the time constant of arrivals."""

SUDDEN: Final = 5
SURELY: Final = 4.0
"""The last fifth of that time counts alone where it differs by more than so many standard deviations."""

FIRST_HANDLING: Final = 180.0
"""Seconds of handling assumed before any call was seen."""

HANDLING_CALLS: Final = 100.0
"""Calls that the mean handling time remembers."""

FIRST_PATIENCE: Final = 300.0
FIRST_LEAVERS: Final = 5.0
"""Patience assumed before anybody gave up, seconds, and how many who did it counts for: a promise is not given
up before it is seen that callers are impatient."""

MOST_PATIENCE: Final = 600.0
LEAVERS: Final = 100.0
"""The most that is believed, seconds, and how many of those who gave up are remembered."""


@dataclass(slots=True)
class Rate:
    """Events per second, the past forgotten with :data:`HORIZON`, or at once when the rate has changed."""

    since: float
    at: float
    weight: float = 0.0
    sudden: float = 0.0

    def add(self, now: float) -> None:
        """One more event."""
        left = math.exp((self.at - now) / HORIZON)
        self.weight = self.weight * left + 1.0
        self.sudden = self.sudden * left**SUDDEN + 1.0
        self.at = now

    def per_second(self, now: float) -> float:
        """The present rate; right from the start, as the time watched so far is known."""
        left = math.exp((self.since - now) / HORIZON)
        watched = HORIZON * (1.0 - left)
        if watched < 1.0:
            return 0.0
        faded = math.exp((self.at - now) / HORIZON)
        rate = self.weight * faded / watched
        span = HORIZON / SUDDEN * (1.0 - left**SUDDEN)
        sudden = self.sudden * faded**SUDDEN / span
        # an exponentially weighted count of Poisson events is as sure as a plain one over twice its time constant
        expected = 2.0 * max(rate, 1.0 / HORIZON) * span
        return sudden if abs(sudden - rate) * 2.0 * span > SURELY * math.sqrt(expected) else rate


@dataclass(slots=True)
class Forecast:
    """Arrivals by province, the mean time from an offer to the agent's next readiness, callers' patience."""

    arrivals: dict[str, Rate] = field(default_factory=dict)
    since: float = 0.0
    handling: float = FIRST_HANDLING
    calls: float = 0.0
    endured: float = FIRST_PATIENCE * FIRST_LEAVERS
    leavers: float = FIRST_LEAVERS
    """Seconds waited by all, and how many of them gave up."""

    def arrived(self, province: str, now: float) -> None:
        """One more request of a province."""
        rate = self.arrivals.get(province)
        if rate is None:
            self.since = self.since or now - 30.0  # a single call at the start is no surge
            rate = self.arrivals[province] = Rate(self.since, now)
        rate.add(now)

    def rate(self, province: str, now: float) -> float:
        """Requests per second of a province."""
        rate = self.arrivals.get(province)
        return rate.per_second(now) if rate is not None else 0.0

    def handled(self, seconds: float) -> None:
        """An agent is ready again, ``seconds`` after the offer that was answered."""
        self.calls = min(self.calls + 1.0, HANDLING_CALLS)
        self.handling += (seconds - self.handling) / self.calls

    def waited(self, seconds: float, gave_up: bool) -> None:
        """A caller waited so long, for an agent or until giving up."""
        self.endured += seconds
        if gave_up:
            self.leavers += 1.0
            if self.leavers > LEAVERS:
                self.endured *= LEAVERS / self.leavers
                self.leavers = LEAVERS
        self.endured = min(self.endured, MOST_PATIENCE * self.leavers)

    @property
    def patience(self) -> float:
        """Mean patience in seconds: the likeliest for exponential patience, where who got an agent had more."""
        return self.endured / self.leavers


def poisson_quantile(mean: float, tail: float) -> int:
    """The smallest n with P(X > n) ≤ ``tail`` for X Poisson of this mean."""
    if mean <= 0.0:
        return 0
    if mean > 100.0:  # normal approximation; such a reserve is capped anyway
        return math.ceil(mean + 2.33 * math.sqrt(mean))
    term = total = math.exp(-mean)
    n = 0
    while 1.0 - total > tail and n < 1000:
        n += 1
        term *= mean / n
        total += term
    return n
