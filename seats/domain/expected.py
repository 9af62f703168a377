"""How long a caller who comes now will wait, and how wrong such forecasts were.

Two estimators that need no model (Ibrahim and Whitt 2009): the wait of the last caller to enter service, and
the wait so far of the caller at the head of the line. Each forecast is kept with its caller and compared with
what came; the one with the smaller recent error speaks. A moving average of past waits is neither: it lags.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from seats.domain.native import mypyc_attr
from seats.domain.record import Record

MEMORY: Final = 50.0
"""Forecasts that the measured errors remember."""


@mypyc_attr(acyclic=True)
class Guess(Record):
    """Both estimators' seconds at one arrival."""

    __slots__ = ("head", "last")
    _fields = ("last", "head")

    def __init__(self, last: float, head: float) -> None:
        self.last = last
        self.head = head


@dataclass(slots=True)
class Estimate:
    """One province's estimators. Seconds; errors are mean absolute errors."""

    last: float = 0.0
    error_last: float = 0.0
    error_head: float = 0.0
    judged: int = 0

    def judge(self, guess: Guess, waited: float) -> None:
        """A caller who was told ``guess`` enters service."""
        self.judged += 1
        share = 1.0 / min(float(self.judged), MEMORY)
        self.error_last += (abs(guess.last - waited) - self.error_last) * share
        self.error_head += (abs(guess.head - waited) - self.error_head) * share


@dataclass(slots=True)
class Expected:
    """Expected waits by province."""

    provinces: dict[str, Estimate] = field(default_factory=dict)

    def of(self, province: str) -> Estimate:
        """A province's estimators, made on first use."""
        estimate = self.provinces.get(province)
        if estimate is None:
            estimate = self.provinces[province] = Estimate()
        return estimate

    def entered(self, province: str, waited: float, guess: Guess | None) -> None:
        """A caller enters service after ``waited`` seconds; ``guess`` if one was made at the arrival."""
        estimate = self.of(province)
        estimate.last = waited
        if guess is not None:
            estimate.judge(guess, waited)

    def seen(self, province: str) -> Estimate:
        """A province's estimators for reading."""
        return self.provinces.get(province) or Estimate()

    def now(self, province: str, guess: Guess) -> tuple[float, float, int]:
        """(seconds, mean absolute error, forecasts judged) by the estimator that was better lately."""
        estimate = self.seen(province)
        if not estimate.judged:  # whoever comes now waits no less than the one in front has
            return max(guess.last, guess.head), 0.0, 0
        if estimate.error_head < estimate.error_last:
            return guess.head, estimate.error_head, estimate.judged
        return guess.last, estimate.error_last, estimate.judged
