"""Verdicts against the max-flow min-cut theorem on small houses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.domain.feasible import Demand, Verdict, judge

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


def most_given(asked: Sequence[Demand], there: dict[int, float]) -> float:
    """The largest flow from groups to demands: by min cut, the least over all sets of demands."""
    cuts = []
    for n in range(len(asked) + 1):
        for inside in combinations(asked, n):
            reached = set[int]().union(*(d.groups for d in inside))
            outside = sum(d.agents for d in asked if d not in inside)
            cuts.append(outside + sum(there[g] for g in reached))
    return min(cuts)


def by_turn(asked: Sequence[Demand]) -> list[Demand]:
    return sorted(asked, key=lambda d: (-d.objective, d.agents, d.province))


@given(demands, sizes)
def test_what_is_feasible_fits_into_the_groups_all_at_once(
    asked: list[Demand], there: dict[int, float]
) -> None:
    held = {v.province for v in judge(asked, there) if v.feasible}
    chosen = [d for d in asked if d.province in held]
    assert most_given(chosen, there) == pytest.approx(sum(d.agents for d in chosen))
    assert sum(d.agents for d in chosen) <= sum(there.values()) + 1e-6


@given(demands, sizes)
def test_each_verdict_is_that_of_the_largest_flow_beside_those_before_it(
    asked: list[Demand], there: dict[int, float]
) -> None:
    verdicts = judge(asked, there)
    assert [v.province for v in verdicts] == [d.province for d in by_turn(asked)]
    held: list[Demand] = []
    for demand, verdict in zip(by_turn(asked), verdicts, strict=True):
        everybody = sum(d.agents for d in held) + demand.agents
        missing = everybody - most_given([*held, demand], there)
        assert verdict.missing == pytest.approx(missing, abs=1e-6)
        assert verdict.feasible == (missing < 1e-6)
        if verdict.feasible:
            held.append(demand)
        else:
            left = sum(there.values()) - sum(d.agents for d in held)
            assert verdict.cause == ("skills" if left >= demand.agents - 1e-6 else "agents")


def test_an_earlier_one_moves_aside_where_it_can_and_never_loses() -> None:
    strict = Demand("hubei", 0.99, 4.0, frozenset({0, 1}))
    loose = Demand("hunan", 0.95, 4.0, frozenset({0}))
    assert judge([loose, strict], {0: 4.0, 1: 4.0}) == [
        Verdict("hubei", True, 0.0, ""),
        Verdict("hunan", True, 0.0, ""),
    ]
    assert judge([loose, strict], {0: 4.0, 1: 1.0})[1] == Verdict("hunan", False, 3.0, "agents")


def test_what_cannot_be_held_leaves_its_agents_to_the_others() -> None:
    greedy = Demand("hubei", 0.99, 10.0, frozenset({0}))
    modest = Demand("gansu", 0.95, 3.0, frozenset({0}))
    assert judge([greedy, modest], {0: 4.0, 1: 20.0}) == [
        Verdict("hubei", False, 6.0, "skills"),
        Verdict("gansu", True, 0.0, ""),
    ]
