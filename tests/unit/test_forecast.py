"""Arrival rates, handling time, and the reserve's Poisson quantile."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.domain.forecast import Forecast, poisson_quantile


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


@pytest.mark.parametrize("gap", [0.5, 5.0, 60.0])
def test_an_even_stream_is_measured_as_what_it_is(gap: float) -> None:
    forecast = Forecast()
    at = 1000.0
    while at < 1000.0 + 40 * 60:
        at += gap
        forecast.arrived("hubei", at)
    measured = forecast.rate("hubei", at)
    assert measured == pytest.approx(1.0 / gap, rel=0.15)
    assert forecast.rate("hubei", at + 300.0) == pytest.approx(measured / math.e, rel=0.01)
    assert forecast.rate("gansu", at) == 0.0


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
