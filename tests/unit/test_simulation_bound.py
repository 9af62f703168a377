"""The fluid bound: small cases by hand, and no policy passes it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seats.simulation.bound import Demand, fluid_bound
from seats.simulation.compare import compare
from seats.simulation.presets import thin

A, B, BOTH = frozenset("a"), frozenset("b"), frozenset("ab")


def test_spare_work_of_one_province_moves_to_the_shared_crew() -> None:
    demand = {"a": Demand(100, 10.0, 0.5), "b": Demand(100, 10.0, 0.5)}
    found = fluid_bound(demand, {A: 600.0, BOTH: 1000.0})
    assert found.connected == {"a": pytest.approx(100), "b": pytest.approx(60)} or found.total(
        demand
    ) == pytest.approx(0.8)
    assert found.unreachable == ()


def test_objectives_come_before_short_calls() -> None:
    demand = {"a": Demand(100, 100.0, 0.9), "b": Demand(100, 10.0, 0.1)}
    found = fluid_bound(demand, {BOTH: 9_500.0})
    assert found.connected["a"] == pytest.approx(90)
    assert found.connected["b"] == pytest.approx(50)


def test_an_objective_out_of_reach_is_named() -> None:
    demand = {"a": Demand(100, 10.0, 0.9), "b": Demand(100, 10.0, 0.9)}
    assert fluid_bound(demand, {A: 1000.0, B: 500.0}).unreachable == ("b",)


@settings(deadline=None)  # the time is other programs' as well
@given(st.lists(st.integers(0, 50), min_size=7, max_size=7), st.data())
def test_it_is_the_maximum_flow(room: list[int], data: st.DataObject) -> None:
    """Hall's condition: with equal calls the most is the least over all sets of provinces."""
    sets = [frozenset(s) for s in ("a", "b", "c", "ab", "ac", "bc", "abc")]
    calls = {p: data.draw(st.integers(1, 80)) for p in "abc"}
    demand = {p: Demand(n, 1.0, 0.0001) for p, n in calls.items()}
    found = fluid_bound(demand, {s: float(r) for s, r in zip(sets, room, strict=True)})
    every = [frozenset(), *sets]
    cuts = [
        sum(calls[p] for p in "abc" if p not in chosen)
        + sum(r for s, r in zip(sets, room, strict=True) if s & chosen)
        for chosen in every
    ]
    assert sum(found.connected.values()) == pytest.approx(min(cuts), abs=1e-3)


def test_thin_skills_are_named_as_the_limit_and_no_policy_passes_the_bound() -> None:
    found = compare(thin(200, hours=1.0), ["fifo", "priority", "ours"], 2)
    for run in found.runs:
        assert run.rate().mean <= found.bound.mean + 0.02
