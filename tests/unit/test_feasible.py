"""Verdicts against the max-flow min-cut theorem on small houses, and what chance takes against Erlang-A."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seats.domain.feasible import Demand, Verdict, holds, judge, spent, to_keep
from seats.domain.staffing import Load, outlook

GROUPS = range(4)

sizes = st.fixed_dictionaries({g: st.integers(0, 6).map(float) for g in GROUPS})
demands = st.lists(
    st.tuples(
        st.sampled_from([0.9, 0.95, 0.99]),
        st.integers(0, 8).map(lambda n: n / 2),
        st.frozensets(st.sampled_from(GROUPS)),
    ),
    max_size=6,
).map(lambda rows: [Demand(f"p{n}", *row) for n, row in enumerate(rows)])


def needs(demand: Demand) -> float:
    """Agents the objective needs, were callers water."""
    return demand.objective * demand.work


def most_given(asked: Sequence[Demand], there: dict[int, float]) -> float:
    """The largest flow from groups to demands: by min cut, the least over all sets of demands."""
    cuts = []
    for n in range(len(asked) + 1):
        for inside in combinations(asked, n):
            reached = set[int]().union(*(d.groups for d in inside))
            outside = sum(needs(d) for d in asked if d not in inside)
            cuts.append(outside + sum(there[g] for g in reached))
    return min(cuts)


def by_turn(asked: Sequence[Demand]) -> list[Demand]:
    return sorted(asked, key=lambda d: (-d.objective, needs(d), d.province))


@given(demands, sizes)
def test_what_is_feasible_fits_into_the_groups_all_at_once(
    asked: list[Demand], there: dict[int, float]
) -> None:
    held = {v.province for v in judge(asked, there) if v.feasible}
    chosen = [d for d in asked if d.province in held]
    assert most_given(chosen, there) == pytest.approx(sum(needs(d) for d in chosen))
    assert sum(needs(d) for d in chosen) <= sum(there.values()) + 1e-6


@given(demands, sizes)
def test_each_verdict_is_that_of_the_largest_flow_beside_those_before_it(
    asked: list[Demand], there: dict[int, float]
) -> None:
    verdicts = judge(asked, there)
    assert [v.province for v in verdicts] == [d.province for d in by_turn(asked)]
    held: list[Demand] = []
    for demand, verdict in zip(by_turn(asked), verdicts, strict=True):
        everybody = sum(needs(d) for d in held) + needs(demand)
        missing = everybody - most_given([*held, demand], there)
        assert verdict.missing == pytest.approx(missing, abs=1e-6)
        assert verdict.feasible == (missing < 1e-6)
        if verdict.feasible:
            held.append(demand)
        else:
            left = sum(there.values()) - sum(needs(d) for d in held)
            assert verdict.cause == ("skills" if left >= needs(demand) - 1e-6 else "agents")


def test_an_earlier_one_moves_aside_where_it_can_and_never_loses() -> None:
    strict = Demand("hubei", 0.99, 4.0 / 0.99, frozenset({0, 1}))
    loose = Demand("hunan", 0.95, 4.0 / 0.95, frozenset({0}))
    assert judge([loose, strict], {0: 4.0, 1: 4.0}) == [
        Verdict("hubei", True, 0.0, ""),
        Verdict("hunan", True, 0.0, ""),
    ]
    assert judge([loose, strict], {0: 4.0, 1: 1.0})[1] == Verdict(
        "hunan", False, pytest.approx(3.0), "agents"
    )


def test_what_cannot_be_held_leaves_its_agents_to_the_others() -> None:
    greedy = Demand("hubei", 0.99, 10.0 / 0.99, frozenset({0}))
    modest = Demand("gansu", 0.95, 3.0 / 0.95, frozenset({0}))
    assert judge([greedy, modest], {0: 4.0, 1: 20.0}) == [
        Verdict("hubei", False, pytest.approx(6.0), "skills"),
        Verdict("gansu", True, 0.0, ""),
    ]


works = st.floats(0.5, 60.0)
patiences = st.floats(0.05, 10.0)


@given(works, st.integers(1, 60), patiences)
def test_with_all_agents_kept_it_is_erlang_a(work: float, agents: int, patience: float) -> None:
    lost = work * outlook(Load(work, 1.0, patience), agents).abandoned
    assume(lost > 1e-6)
    assert holds(work, lost * 1.0001, agents, patience, agents)
    assert not holds(work, lost * 0.9999, agents, patience, agents)


@given(works, st.integers(1, 60), patiences, st.integers(1, 6))
def test_who_goes_first_loses_as_a_chain_solved_otherwise_says(
    work: float, agents: int, patience: float, kept: int
) -> None:
    """The same chain from the idle end, with plain sums: no early end, no rescaling."""
    kept = min(kept, agents)
    weights = [1.0]
    for idle in range(kept, 0, -1):
        weights.append(weights[-1] * work / (agents - idle + 1))
    for waiting in range(1, 2000):
        weights.append(weights[-1] * work / (agents + waiting / patience))
    line = math.fsum(n * weight for n, weight in enumerate(weights[kept:]))
    lost = line / patience / math.fsum(weights)
    assume(lost > 1e-6)
    assert holds(work, lost * 1.0001, agents, patience, kept)
    assert not holds(work, lost * 0.9999, agents, patience, kept)


@pytest.mark.parametrize("work", [900.0, 20_000.0])
def test_large_houses_and_hopeless_ones_are_no_trouble(work: float) -> None:
    assert holds(work, work * 0.01, 1_000.0, 0.3, 100) is (work < 1_000.0)


@pytest.mark.parametrize(("lost", "held"), [(9_001.0, True), (8_999.0, False)])
def test_weights_beyond_every_float_are_no_trouble(lost: float, held: bool) -> None:
    """Ten times the work that can be done: nearly nine tenths and a little more are lost."""
    assert holds(10_000.0, lost, 1_000.0, 0.3, 100) is held


@pytest.mark.parametrize(
    ("agents", "call", "left"), [(57, 18.0, 0.03), (1000, 180.0, 0.0), (200, 180.0, 1 / 6), (50, 180.0, 0.5)]
)
def test_what_is_left_to_chance_is_what_the_page_on_routing_says(
    agents: int, call: float, left: float
) -> None:
    """Callers who wait a minute, ten provinces alike with a promise of 95 %."""
    room = 0
    while holds(
        work := room * agents / 1000,
        work * spent(0.95),
        agents,
        60.0 / call,
        to_keep(work / agents / 10, 0.95, agents),
    ):
        room += 1
    assert 1.0 - room / 1000 == pytest.approx(left, abs=0.02)


def twins(count: int, work: float) -> list[Demand]:
    """Provinces alike, all served by all."""
    return [Demand(f"p{n}", 0.95, work, frozenset({0})) for n in range(count)]


def test_where_the_work_fits_but_chance_breaks_it_some_are_given_up() -> None:
    """50 agents, ten provinces of 5 Erlangs: as water 47.5 are enough. But callers who wait a third of a call's
    length leave too often: some promises must go, and those that stay can be held."""
    assert all(v.feasible for v in judge(twins(10, 5.0), {0: 50.0}))
    verdicts = judge(twins(10, 5.0), {0: 50.0}, patience=1 / 3)
    held = [v for v in verdicts if v.feasible]
    assert 5 <= len(held) <= 8
    assert {v.cause for v in verdicts if not v.feasible} == {"agents"}
    assert holds(5.0 * len(held), 5.0 * len(held) * spent(0.95), 50.0, 1 / 3, 1)


def test_patient_callers_and_large_houses_leave_less_to_chance() -> None:
    def held(size: float, patience: float) -> int:
        return sum(v.feasible for v in judge(twins(10, 0.1 * size), {0: size}, patience))

    assert held(50.0, 1 / 3) < held(50.0, 10.0) == 10
    assert held(50.0, 1 / 3) < held(1000.0, 1 / 3)


def test_nobody_is_given_up_where_all_can_be_held() -> None:
    """45 of 50 agents' worth: Erlang-A says 95 %. Only others, promised nothing, could take the idle agents."""
    assert outlook(Load(45.0, 1.0, 1.0), 50).connected > 0.95
    assert all(v.feasible for v in judge(twins(10, 4.5), {0: 50.0}, patience=1.0))


def test_what_is_missing_is_enough_and_not_one_too_many() -> None:
    first = next(v for v in judge(twins(10, 5.0), {0: 40.0}, patience=1 / 3) if not v.feasible)
    assert first.missing >= 1.0
    for there, feasible in ((40.0 + first.missing, True), (39.0 + first.missing, False)):
        again = judge(twins(10, 5.0), {0: there}, patience=1 / 3)
        assert next(v for v in again if v.province == first.province).feasible is feasible


def test_houses_that_share_nobody_do_not_help_each_other() -> None:
    busy = Demand("hubei", 0.95, 9.5, frozenset({0}))
    quiet = Demand("gansu", 0.95, 1.0, frozenset({1}))
    verdicts = judge([busy, quiet], {0: 10.0, 1: 30.0}, patience=1 / 3)
    assert {v.province: v.feasible for v in verdicts} == {"hubei": False, "gansu": True}
