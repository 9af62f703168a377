"""Erlang-A against published figures, against Erlang-C, and at sizes where naive formulas break."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seats.domain.staffing import Load, agents_needed, outlook, patience_of

EXAMPLE = Load(48 / 60, 60.0, 120.0)
"""48 calls a minute of one minute each, patience two minutes (Mandelbaum and Zeltyn)."""


def test_the_published_example() -> None:
    found = outlook(EXAMPLE, 50)
    assert found.abandoned == pytest.approx(0.031, abs=0.0005)
    assert found.wait == pytest.approx(3.7, abs=0.05)
    assert found.occupancy == pytest.approx(0.93, abs=0.005)


def test_without_impatience_it_is_erlang_c() -> None:
    found = outlook(EXAMPLE._replace(patience=math.inf), 50)
    assert found.wait == pytest.approx(20.8, abs=0.05)
    assert found.abandoned == 0.0
    # Erlang-C: of those who wait, exp(-(n - a) t / handling) wait longer than t
    assert found.within == pytest.approx(1 - found.waiting * math.exp(-(50 - 48) * 20 / 60), abs=1e-6)


def test_an_endless_line_is_said_to_be_endless() -> None:
    found = outlook(Load(1.0, 60.0, math.inf), 60)
    assert (found.wait, found.connected, found.within) == (math.inf, 0.0, 0.0)


def test_overload_connects_what_the_agents_can_carry() -> None:
    """At ρ = 1.2 and 1,000 agents 1/ρ is connected; fewer agents waste a little by chance."""
    for agents, connected in ((50, 0.8178), (100, 0.8277), (200, 0.8320), (1000, 0.8333)):
        load = Load(1.2 * agents / 180, 180.0, 60.0)
        assert outlook(load, agents).connected == pytest.approx(connected, abs=1e-4)


def test_ten_thousand_agents() -> None:
    for work in (5_000, 9_900, 10_000, 12_000, 40_000):
        found = outlook(Load(work / 180, 180.0, 60.0), 10_000)
        assert found.connected == pytest.approx(min(1.0, 10_000 / work), abs=0.01)
        assert 0.0 <= found.within <= found.connected + 1e-9


def test_what_is_needed_is_enough_and_one_less_is_not() -> None:
    load = Load(1.0, 180.0, 60.0)
    needed = agents_needed(load, 0.99)
    assert outlook(load, needed).connected >= 0.99 > outlook(load, needed - 1).connected
    assert agents_needed(load._replace(arrivals=0.0), 0.99) == 0


@settings(deadline=None)  # the time is other programs' as well
@given(
    st.floats(0.001, 50),
    st.floats(10, 600),
    st.floats(5, 1200),
    st.integers(1, 3000),
)
def test_more_agents_never_connect_fewer(arrivals: float, handling: float, patience: float, n: int) -> None:
    load = Load(arrivals, handling, patience)
    fewer, more = outlook(load, n), outlook(load, n + 1)
    assert more.connected >= fewer.connected - 1e-9
    assert 0.0 <= fewer.connected <= 1.0
    assert fewer.occupancy <= 1.0 + 1e-9
    # what is connected is what the agents carry
    assert fewer.connected * arrivals * handling == pytest.approx(fewer.occupancy * n, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("load", "key"),
    [
        (Load(-1.0, 60.0, 60.0), "arrivals"),
        (Load(math.nan, 60.0, 60.0), "arrivals"),
        (Load(1.0, 0.0, 60.0), "handling"),
        (Load(1.0, 60.0, 0.0), "patience"),
    ],
)
def test_a_load_that_cannot_be_is_refused(load: Load, key: str) -> None:
    with pytest.raises(ValueError, match=f"{key}: .*allowed"):
        outlook(load, 10)


def test_an_objective_outside_0_and_1_is_refused() -> None:
    for objective in (0.0, 1.0, 1.5):
        with pytest.raises(ValueError, match=r"objective: .*allowed"):
            agents_needed(EXAMPLE, objective)


def test_patience_counts_those_who_were_connected_too() -> None:
    assert patience_of(600.0, 10) == 60.0
    assert patience_of(600.0, 0) is None
