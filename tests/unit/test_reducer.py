"""The core as a whole: invariants over many seeds, and rules a supervisor could read."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from seats.domain import steering
from seats.domain.agents import Machine
from seats.domain.events import ProvinceSteered
from tests.unit.coresim import CoreSim


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from([0.05, 0.2, 0.6]))
def test_invariants_hold(seed: int, rate: float) -> None:
    sim = CoreSim(seed)
    sim.run(300.0, rate)
    assert sum(sim.opened.values()) == sim.arrivals
    assert sum(sim.decided.values()) == sim.arrivals, "I1: every request has one outcome"
    assert not sim.state.requests
    assert not sim.state.offers


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_invariants_hold_when_messages_are_lost_or_doubled(seed: int) -> None:
    sim = CoreSim(seed, loss=0.05, double=0.05)
    sim.run(300.0, 0.3)
    assert sum(sim.decided.values()) == sim.arrivals
    assert not sim.state.requests
    stuck = [a.id for a in sim.state.agents.values() if a.machine in (Machine.OFFERED, Machine.TALKING)]
    assert not stuck, "no agent is a prisoner of a lost message"


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from([0.1, 0.3, 0.6]))
def test_invariants_hold_while_budgets_steer(seed: int, rate: float) -> None:
    """Purses that are nearly empty: reserves, priorities and early rings come and go all the time."""
    with patch.object(steering, "START", 0.2):
        sim = CoreSim(seed)
        sim.run(300.0, rate)
    assert sum(sim.decided.values()) == sim.arrivals
    assert any(isinstance(event, ProvinceSteered) for event in sim.events) or sim.arrivals < 5
