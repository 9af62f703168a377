"""Callers, drawn before any policy sees them: every policy of a comparison meets the same people."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from statistics import fmean
from typing import NamedTuple


class Ringing(NamedTuple):
    """What the next agent rung for a caller does: answers after ``seconds``, or misses."""

    answers: bool
    seconds: float


_SAMPLES = 400

AT_ONCE = (Ringing(True, 0.0),)


class Caller(NamedTuple):
    """One caller: Unix-like seconds from the day's start; ``patience`` and ``handling`` in seconds.

    ``ringing`` says what the first, second … agent rung does; the last of them goes for all later ones.
    """

    n: int
    at: float
    province: str
    patience: float
    handling: float
    ringing: tuple[Ringing, ...] = AT_ONCE


class Habits(NamedTuple):
    """How callers and agents behave. Patience and handling are exponential with these means, in seconds."""

    patience: dict[str, float]
    handling: dict[str, float]
    answer: float = 0.0
    """Mean seconds an agent's phone rings before it is answered (gamma, shape 4); 0: at once."""
    misses: float = 0.0
    """Share of ringings that nobody answers."""


class Period(NamedTuple):
    """A stretch of the day with steady rates: callers a second by province."""

    seconds: float
    rates: dict[str, float]
    habits: Habits | None = None
    """Habits of those who come in this period; None: those of the day."""


class Poisson(NamedTuple):
    """Callers of a made-up day: Poisson with a rate for each period and province.

    ``busyness`` is the shape of a gamma factor with mean 1 that multiplies all rates of one day
    (Avramidis, Deslauriers and L'Ecuyer 2004); None: no such factor. With ``strata`` the factors of so many
    days in a row stand for equally likely parts of the distribution: a few days then say as much as many.
    """

    periods: tuple[Period, ...]
    habits: Habits
    busyness: float | None = None
    strata: int = 0

    @property
    def seconds(self) -> float:
        """Length of the day."""
        return sum(period.seconds for period in self.periods)

    @property
    def handling(self) -> dict[str, float]:
        """Mean seconds of handling by province; empty where it changes with the period."""
        return self.habits.handling

    def _factor(self, rng: random.Random, seed: int) -> float:
        if self.busyness is None:
            return 1.0
        if self.strata:
            return _strata(self.busyness, self.strata)[seed % self.strata]
        return rng.gammavariate(self.busyness, 1.0 / self.busyness)

    def day(self, seed: int) -> Iterator[Caller]:
        """The callers of one day in order of arrival; the same seed gives the same callers."""
        rng = random.Random(seed)  # noqa: S311 - a simulation wants repeatable numbers
        factor = self._factor(rng, seed)
        n, start = 0, 0.0
        for period in self.periods:
            provinces = list(period.rates)
            steps = list(accumulate(period.rates.values()))
            now, end = start, start + period.seconds
            start = end
            if not steps or steps[-1] <= 0.0:
                continue
            while (now := now + rng.expovariate(steps[-1] * factor)) < end:
                province = provinces[min(bisect(steps, rng.random() * steps[-1]), len(steps) - 1)]
                yield _draw(rng, n, now, province, period.habits or self.habits)
                n += 1


@cache
def _strata(shape: float, count: int) -> tuple[float, ...]:
    """Mean of each of ``count`` equally likely parts of the gamma distribution with mean 1."""
    rng = random.Random(count)  # noqa: S311 - a simulation wants repeatable numbers
    sample = sorted(rng.gammavariate(shape, 1.0 / shape) for _ in range(_SAMPLES * count))
    scale = len(sample) / sum(sample)
    return tuple(fmean(sample[n * _SAMPLES : (n + 1) * _SAMPLES]) * scale for n in range(count))


def _draw(rng: random.Random, n: int, at: float, province: str, habits: Habits) -> Caller:
    patience = habits.patience[province]
    return Caller(
        n,
        at,
        province,
        rng.expovariate(1.0 / patience) if patience != float("inf") else patience,
        rng.expovariate(1.0 / habits.handling[province]),
        draw_ringing(rng, habits),
    )


def draw_ringing(rng: random.Random, habits: Habits) -> tuple[Ringing, ...]:
    """What the first three agents rung will do; the third, who answers, goes for all after it."""
    if not habits.answer and not habits.misses:
        return AT_ONCE
    return tuple(
        Ringing(rng.random() >= habits.misses or n == 2, _answer(rng, habits.answer)) for n in range(3)
    )


def _answer(rng: random.Random, mean: float) -> float:
    return rng.gammavariate(4.0, mean / 4.0) if mean else 0.0
