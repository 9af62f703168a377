"""Forecasts from what came: by example."""

from __future__ import annotations

import pytest

from seats.domain.demand import HANDLING, HOUR, PATIENT, Forecast, Hour
from seats.domain.staffing import Load, agents_needed

NOW = 1000 * HOUR + 1800.0


def hour(number: int, requests: int, province: str = "hubei", *, left: int = 0, talk: float = 170.0) -> Hour:
    talks = requests - left
    return Hour(province, number, requests, left, 10.0 * requests, talks, talk * talks, 10.0 * talks)


def test_the_same_hour_of_the_days_before() -> None:
    hours = [hour(1001 - 24, 100), hour(1001 - 48, 140)]
    assert Forecast(hours, NOW, 0.0).arrivals("hubei", 1) == pytest.approx(120)


def test_a_day_twice_as_busy_stays_twice_as_busy() -> None:
    before = [hour(n - 24, 1000) for n in (997, 998, 999, 1000, 1001)]
    today = [hour(n, 2000) for n in (997, 998, 999)]
    assert Forecast(before + today, NOW, 0.0).arrivals("hubei", 1) == pytest.approx(2000, rel=0.01)


def test_without_yesterday_the_last_hours_go_on() -> None:
    hours = [hour(998, 50), hour(999, 70)]
    assert Forecast(hours, NOW, 0.0).arrivals("hubei", 2) == pytest.approx(60)


def test_in_the_first_hour_what_came_is_drawn_out() -> None:
    assert Forecast([hour(1000, 30)], NOW, 0.0).arrivals("hubei", 0) == pytest.approx(60)


def test_an_empty_ledger_needs_nobody() -> None:
    forecast = Forecast([], NOW, 30.0)
    assert [need.needed for need in forecast.needs("hubei", 0.99, 3)] == [0, 0, 0]
    assert forecast.habit("hubei") == (HANDLING + 30.0, PATIENT, False)
    assert forecast.pooled({"hubei": 0.99}, 1)[0].needed == 0


def test_what_is_needed_is_erlang_a_with_the_measured_habits() -> None:
    forecast = Forecast([hour(1001 - 24, 400, left=40)], NOW, 20.0)
    handling, patience, known = forecast.habit("hubei")
    assert (handling, patience, known) == (200.0, 100.0, True)
    need = forecast.needs("hubei", 0.99, 2)[1]
    assert need == (1001 * HOUR, 400.0, agents_needed(Load(400 / HOUR, 200.0, 100.0), 0.99))


def test_a_small_province_borrows_the_habits_of_all() -> None:
    hours = [hour(1001 - 24, 400, left=40), hour(1001 - 24, 3, "macau", talk=900.0)]
    found = Forecast(hours, NOW, 0.0).habit("macau")
    assert found.handling == pytest.approx(180 + 3 * 730 / 363)
    assert not found.known


def test_together_fewer_are_needed_than_apart() -> None:
    hours = [hour(1001 - 24, 100, code, left=5) for code in ("hubei", "hunan", "henan")]
    forecast = Forecast(hours, NOW, 0.0)
    objectives = dict.fromkeys(("hubei", "hunan", "henan"), 0.99)
    apart = sum(forecast.needs(code, 0.99, 2)[1].needed for code in objectives)
    assert forecast.pooled(objectives, 2)[1].needed < apart
