"""What came of the callers, and how sure the figures are."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import NamedTuple

from seats.domain.tally import wilson


@dataclass(slots=True)
class Count:
    """Callers of one province on one day."""

    requests: int = 0
    connected: int = 0
    abandoned: int = 0
    timeout: int = 0
    blocked: int = 0
    within: int = 0
    """Connected within the threshold."""
    hasty: int = 0
    """Left within the threshold."""
    waited: float = 0.0
    """Seconds waited by all who got in, connected or not."""
    longest: float = 0.0


@dataclass(slots=True)
class Day:
    """Figures of one day with one policy."""

    threshold: float
    provinces: dict[str, Count] = field(default_factory=dict)
    waits: array[float] = field(default_factory=lambda: array("d"))
    """Seconds from request to answer of each connected caller."""
    busy_seconds: float = 0.0
    agent_seconds: float = 0.0

    def came(self, province: str) -> None:
        """A request."""
        self._count(province).requests += 1

    def connected(self, province: str, waited: float) -> None:
        """A human answered after so many seconds."""
        count = self._count(province)
        count.connected += 1
        count.within += waited <= self.threshold
        count.waited += waited
        count.longest = max(count.longest, waited)
        self.waits.append(waited)

    def lost(self, province: str, waited: float, *, timeout: bool) -> None:
        """The caller left, or was let go, after so many seconds."""
        count = self._count(province)
        count.hasty += waited <= self.threshold
        count.waited += waited
        count.longest = max(count.longest, waited)
        if timeout:
            count.timeout += 1
        else:
            count.abandoned += 1

    def blocked(self, province: str) -> None:
        """All lines were taken."""
        self._count(province).blocked += 1

    def sum(self, name: str, provinces: Iterable[str] | None = None) -> float:
        """A figure of :class:`Count` summed over provinces, or over all."""
        codes = self.provinces if provinces is None else provinces
        return float(sum(getattr(self.provinces[code], name) for code in codes if code in self.provinces))

    def _count(self, province: str) -> Count:
        count = self.provinces.get(province)
        if count is None:
            count = self.provinces[province] = Count()
        return count


class Estimate(NamedTuple):
    """A mean over days with its 95 % confidence interval; ``low`` = ``high`` = ``mean`` for one day."""

    mean: float
    low: float
    high: float


def t95(freedom: int) -> float:
    """The 97.5 % quantile of Student's t (Abramowitz and Stegun 26.7.5; exact for 1 and 2 degrees)."""
    if freedom == 1:
        return 12.7062
    if freedom == 2:
        return 4.3027
    z = NormalDist().inv_cdf(0.975)
    n = float(freedom)
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / n + g2 / n**2 + g3 / n**3 + g4 / n**4


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean of independent days."""
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(mean, mean, mean)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n) * t95(n - 1)
    return Estimate(mean, mean - spread, mean + spread)


def ratio_of(parts: Sequence[float], wholes: Sequence[float]) -> Estimate:
    """Sum of parts over sum of wholes, with days as the independent samples (ratio estimator).

    One day, or days that do not differ at all, tell nothing of the spread: then it is Wilson's interval.
    """
    n, total = len(parts), math.fsum(wholes)
    if not total:
        return Estimate(0.0, 0.0, 1.0)
    rate = math.fsum(parts) / total
    residues = math.fsum((p - rate * w) ** 2 for p, w in zip(parts, wholes, strict=True))
    if n == 1 or residues == 0.0:
        return Estimate(rate, *wilson(round(rate * total), round(total)))
    spread = t95(n - 1) * math.sqrt(residues * n / (n - 1)) / total
    return Estimate(rate, max(0.0, rate - spread), min(1.0, rate + spread))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all stay below; 0 without values."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else 0.0


class Run(NamedTuple):
    """All days of one policy."""

    policy: str
    days: tuple[Day, ...]

    def rate(self, name: str = "connected", provinces: tuple[str, ...] | None = None) -> Estimate:
        """A figure over the requests, of some provinces or of all."""
        return ratio_of(
            [day.sum(name, provinces) for day in self.days],
            [day.sum("requests", provinces) for day in self.days],
        )

    def service_level(self) -> Estimate:
        """Connected within the threshold over all but those who left within it: the textbook's definition."""
        wholes = [day.sum("requests") - day.sum("hasty") for day in self.days]
        return ratio_of([day.sum("within") for day in self.days], wholes)

    def per_day(self, name: str) -> Estimate:
        """A figure's mean per day."""
        return mean_of([day.sum(name) for day in self.days])

    def wait(self, provinces: tuple[str, ...] | None = None) -> Estimate:
        """Mean seconds waited by those who got in, connected or not."""
        waited = [day.sum("waited", provinces) for day in self.days]
        inside = [day.sum("requests", provinces) - day.sum("blocked", provinces) for day in self.days]
        total = math.fsum(inside)
        mean = math.fsum(waited) / total if total else 0.0
        if len(self.days) == 1 or not total:
            return Estimate(mean, mean, mean)
        residues = math.fsum((w - mean * i) ** 2 for w, i in zip(waited, inside, strict=True))
        n = len(self.days)
        spread = t95(n - 1) * math.sqrt(residues * n / (n - 1)) / total
        return Estimate(mean, mean - spread, mean + spread)

    def wait_quantile(self, share: float) -> float:
        """Seconds of wait that ``share`` of the connected callers stay below."""
        return quantile([wait for day in self.days for wait in day.waits], share)

    def longest(self) -> float:
        """The longest wait of anyone, connected or not, seconds."""
        return max((count.longest for day in self.days for count in day.provinces.values()), default=0.0)

    def occupancy(self) -> float:
        """Share of the agents' time spent talking and wrapping up."""
        return sum(day.busy_seconds for day in self.days) / sum(day.agent_seconds for day in self.days)

    def provinces(self) -> tuple[str, ...]:
        """All provinces that had a request."""
        return tuple(dict.fromkeys(code for day in self.days for code in day.provinces))
