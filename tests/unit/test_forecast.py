"""Arrival rates, handling time, and the reserve's Poisson quantile."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.domain.forecast import FIRST_PATIENCE, HORIZON, MOST_PATIENCE, Forecast, poisson_quantile


def tail(mean: float, n: int) -> float:
    """P(X > n), summed from the small end of the tail."""
    terms = [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(n + 1, n + 400)]
    return math.fsum(reversed(terms))


@given(st.floats(0.01, 100.0), st.floats(0.001, 0.5))
def test_the_quantile_is_the_smallest_that_is_seldom_exceeded(mean: float, allowed: float) -> None:
    n = poisson_quantile(mean, allowed)
    assert tail(mean, n) <= allowed + 1e-9
    assert n == 0 or tail(mean, n - 1) > allowed - 1e-9


def test_nothing_to_come_needs_nobody() -> None:
    assert poisson_quantile(0.0, 0.01) == poisson_quantile(-1.0, 0.01) == 0


def stream(forecast: Forecast, gap: float, begin: float, seconds: float) -> float:
    """Callers of Hubei at equal distances; when the last came."""
    at = begin
    while at < begin + seconds:
        at += gap
        forecast.arrived("hubei", at)
    return at


@pytest.mark.parametrize("gap", [0.5, 5.0, 60.0])
def test_an_even_stream_is_measured_as_what_it_is(gap: float) -> None:
    forecast = Forecast()
    at = stream(forecast, gap, 1000.0, 40 * 60)
    assert forecast.rate("hubei", at) == pytest.approx(1.0 / gap, rel=0.15)
    assert forecast.rate("gansu", at) == 0.0


def test_a_few_callers_less_are_forgotten_slowly() -> None:
    forecast = Forecast()
    at = stream(forecast, 20.0, 1000.0, 40 * 60)
    assert forecast.rate("hubei", at + 300.0) == pytest.approx(forecast.rate("hubei", at) / math.e, rel=0.01)


def test_a_surge_and_its_end_are_seen_within_three_minutes() -> None:
    forecast = Forecast()
    at = stream(forecast, 3.0, 1000.0, 1800)
    at = stream(forecast, 0.6, at, 180)
    assert forecast.rate("hubei", at) == pytest.approx(1 / 0.6, rel=0.3)
    at = stream(forecast, 0.6, at, 1800)
    at = stream(forecast, 3.0, at, 180)
    assert forecast.rate("hubei", at) == pytest.approx(1 / 3.0, rel=0.3)


@pytest.mark.parametrize("gap", [2.0, 10.0, 60.0])
def test_callers_by_chance_are_no_surge(gap: float) -> None:
    """Poisson arrivals: the steady estimate is told, not the restless one of the last minute."""
    rate, told = 1.0 / gap, []
    for seed in range(30):
        rng, forecast, at = random.Random(seed), Forecast(), 1000.0
        while at < 4600.0:
            at += rng.expovariate(rate)
            forecast.arrived("hubei", at)
            if at > 2200.0:
                told.append(forecast.rate("hubei", at))
    beyond = sum(abs(each - rate) > 4.0 * math.sqrt(rate / (2.0 * HORIZON)) for each in told)
    assert beyond < len(told) * 0.015


@given(st.lists(st.tuples(st.floats(0.0, 300.0), st.booleans()), max_size=300))
def test_patience_lies_between_what_was_assumed_and_what_was_seen(waits: list[tuple[float, bool]]) -> None:
    forecast = Forecast()
    for seconds, gave_up in waits:
        forecast.waited(seconds, gave_up)
    assert 0.0 < forecast.patience <= MOST_PATIENCE


def test_impatient_callers_are_seen_after_some_dozens_and_patient_ones_too() -> None:
    forecast = Forecast()
    assert forecast.patience == FIRST_PATIENCE
    for patience in (60.0, 400.0):
        for _ in range(300):
            forecast.waited(patience, gave_up=True)
        assert forecast.patience == pytest.approx(patience, rel=0.1)
    for _ in range(1000):
        forecast.waited(30.0, gave_up=False)
    assert forecast.patience == MOST_PATIENCE, "who got an agent only shows that patience lasted so long"


def test_a_single_call_at_the_start_is_no_surge() -> None:
    forecast = Forecast()
    forecast.arrived("hubei", 1000.0)
    assert forecast.rate("hubei", 1000.0) < 1 / 20


@given(st.lists(st.floats(1.0, 900.0), min_size=1, max_size=60))
def test_handling_is_the_mean_of_the_calls_seen(calls: list[float]) -> None:
    forecast = Forecast()
    for seconds in calls:
        forecast.handled(seconds)
    assert forecast.handling == pytest.approx(sum(calls) / len(calls))
