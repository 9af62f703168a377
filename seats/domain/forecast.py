"""What is to come, from what has been: arrivals by province, handling time. Recent past counts most.

Exponentially weighted with a time constant, so that each takes one number, whatever the traffic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

HORIZON: Final = 300.0
"""Seconds: the time constant of arrivals. A surge shows after a fraction of it."""

FIRST_HANDLING: Final = 180.0
"""Seconds of handling assumed before any call was seen."""

HANDLING_CALLS: Final = 100.0
"""Calls that the mean handling time remembers."""


@dataclass(slots=True)
class Rate:
    """Events per second, the past forgotten with :data:`HORIZON`."""

    since: float
    at: float
    weight: float = 0.0

    def add(self, now: float) -> None:
        """One more event."""
        self.weight = self.weight * math.exp((self.at - now) / HORIZON) + 1.0
        self.at = now

    def per_second(self, now: float) -> float:
        """The present rate; right from the start, as the time watched so far is known."""
        watched = HORIZON * (1.0 - math.exp((self.since - now) / HORIZON))
        if watched < 1.0:
            return 0.0
        return self.weight * math.exp((self.at - now) / HORIZON) / watched


@dataclass(slots=True)
class Forecast:
    """Arrivals by province, and the mean time from an offer to the agent's next readiness."""

    arrivals: dict[str, Rate] = field(default_factory=dict)
    since: float = 0.0
    handling: float = FIRST_HANDLING
    calls: float = 0.0

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
