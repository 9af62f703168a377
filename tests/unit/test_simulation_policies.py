"""Every policy on a house with rings, ringing, misses, wrap-up and shifts: nobody is lost or served twice."""

from __future__ import annotations

import pytest

from seats.domain.plan import Plan, Pool, RingStep, Route
from seats.domain.regions import UNKNOWN
from seats.simulation.callers import Caller, Habits, Period, Poisson, Ringing
from seats.simulation.floor import Floor
from seats.simulation.policies.catalogue import PEERS, POLICIES
from seats.simulation.results import Day
from seats.simulation.scenario import Crew, Scenario

POOLS = {code: Pool(code, code, code) for code in ("hubei", "hunan", "nation")}


def house(source: object, *, wrap_up: float = 10.0, hubei: int = 3, hunan: int = 3) -> Scenario:
    near, far = RingStep("hubei", 0.0), RingStep("nation", 5.0)
    routes = {
        "hubei": Route("hubei", (near, far), 0.99),
        "hunan": Route("hunan", (RingStep("hunan", 0.0), far), 0.7),
        UNKNOWN: Route(UNKNOWN, (RingStep("nation", 0.0),), 0.7),
    }
    plan = Plan(1, POOLS, routes, ring_timeout=15, wrap_up=wrap_up, max_wait=120.0)
    crews = (
        Crew("hubei", "hubei", ("hubei", "nation"), (hubei, hubei, 1)),
        Crew("hunan", "hunan", ("hunan", "nation"), (hunan, hunan + 2, 1)),
    )
    shifts = (0.0, 1200.0, 2400.0)
    return Scenario("house", plan, crews, source, shifts=shifts, priority=("hubei",))  # type: ignore[arg-type]


class Few:
    """Callers written down one by one."""

    seconds = 600.0

    def __init__(self, *callers: Caller) -> None:
        self.callers = callers

    def day(self, seed: int) -> object:
        return iter(self.callers)


def busy_day() -> Poisson:
    rates = {"hubei": 0.02, "hunan": 0.03, UNKNOWN: 0.01}
    habits = Habits(dict.fromkeys(rates, 60.0), dict.fromkeys(rates, 90.0), answer=4.0, misses=0.2)
    return Poisson((Period(3600.0, rates),), habits)


def day(scenario: Scenario, policy: str, seed: int = 1) -> Day:
    return Floor(scenario, POLICIES[policy](), scenario.source.day(seed)).run()


@pytest.mark.parametrize("policy", POLICIES)
def test_everyone_is_accounted_for(policy: str) -> None:
    for seed in range(3):
        found = day(house(busy_day()), policy, seed)
        ended = sum(found.sum(name) for name in ("connected", "abandoned", "timeout", "blocked"))
        assert found.sum("requests") == ended > 100
        assert found.sum("connected") > 50
        assert found.busy_seconds <= found.agent_seconds * 1.05
        assert max(count.longest for count in found.provinces.values()) <= 121.0 + 15.0


@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_callers_for_every_policy(policy: str) -> None:
    callers = [c.province for c in busy_day().day(7)]
    found = day(house(busy_day()), policy, 7)
    asked = {province: count.requests for province, count in found.provinces.items()}
    assert asked == {province: callers.count(province) for province in asked}


def test_app_queue_looks_once_a_second_and_nothing_wakes_it() -> None:
    """The agent is free at 100.0; the caller, who came at 50.3, looks at 100.3."""
    few = Few(Caller(0, 0.0, "hubei", 500.0, 100.0), Caller(1, 50.3, "hubei", 500.0, 10.0))
    found = day(house(few, wrap_up=0.0, hubei=1, hunan=0), "app_queue")
    assert list(found.waits) == pytest.approx([0.0, 50.0])


def test_app_queue_sleeps_five_seconds_after_a_miss() -> None:
    few = Few(Caller(0, 0.0, "hubei", 500.0, 10.0, (Ringing(False, 0.0), Ringing(True, 2.0))))
    found = day(house(few, hubei=1, hunan=0), "app_queue")
    assert list(found.waits) == pytest.approx([15.0 + 5.0 + 2.0])


def test_mod_callcenter_passes_every_tenth_of_a_second() -> None:
    few = Few(Caller(0, 0.32, "hubei", 500.0, 100.05), Caller(1, 50.0, "hubei", 500.0, 10.0))
    found = day(house(few, wrap_up=0.0, hubei=1, hunan=0), "mod_callcenter")
    assert list(found.waits) == pytest.approx([0.08, 50.5], abs=0.011)


def test_ours_rings_in_the_very_moment() -> None:
    few = Few(Caller(0, 0.0, "hubei", 500.0, 100.0), Caller(1, 50.3, "hubei", 500.0, 10.0))
    found = day(house(few, wrap_up=0.0, hubei=1, hunan=0), "ours")
    assert list(found.waits) == pytest.approx([0.0, 49.7])


def test_a_far_ring_opens_with_time() -> None:
    """Hunan's agent takes a Hubei caller only after 5 s; ours does not wait for a ring with nobody at work."""
    few = Few(Caller(0, 0.0, "hubei", 500.0, 100.0))
    for policy, wait in (("ours", 0.0), ("app_queue", 5.0), ("mod_callcenter", 5.0)):
        found = day(house(few, hubei=0, hunan=1), policy)
        assert list(found.waits) == pytest.approx([wait], abs=0.11), policy


def test_priority_lets_hubei_pass() -> None:
    few = Few(
        Caller(0, 0.0, UNKNOWN, 500.0, 100.0),
        Caller(1, 1.0, UNKNOWN, 500.0, 10.0),
        Caller(2, 2.0, "hubei", 500.0, 10.0),
    )
    scenario = house(few, wrap_up=0.0, hubei=1, hunan=0)
    assert list(day(scenario, "priority").waits) == pytest.approx([0.0, 98.0, 109.0])
    assert list(day(scenario, "fifo").waits) == pytest.approx([0.0, 99.0, 108.0])


def test_a_turned_away_caller_is_blocked() -> None:
    few = Few(*(Caller(n, float(n), "hubei", 500.0, 100.0) for n in range(4)))
    base = house(few, hubei=1, hunan=0)
    scenario = Scenario("lines", base.plan, base.crews, base.source, lines=2)
    assert day(scenario, "fifo").sum("blocked") == 2


def test_a_shift_that_ends_sends_the_idle_home_first() -> None:
    few = Few(Caller(0, 2300.0, "hubei", 500.0, 300.0), Caller(1, 2500.0, "hubei", 50.0, 10.0))
    few.seconds = 3600.0
    for policy in ("ours", *PEERS):
        found = day(house(few, hubei=1, hunan=0), policy)
        assert found.sum("requests") == found.sum("connected") + found.sum("abandoned"), policy
