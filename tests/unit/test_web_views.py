"""Rows: the one word for an agent, masked numbers, rates side by side."""

from __future__ import annotations

import json

import pytest

from seats.domain.agents import Agent, Chosen, Machine, Seat, SeatKind
from seats.domain.expected import Guess
from seats.domain.messages import StateAsked
from seats.domain.outlook import expected_wait
from seats.domain.state import Steer, Turn
from seats.domain.steering import recall
from seats.domain.tally import NATION
from seats.web import views
from seats.web.board import encode
from seats.web.views import Presence
from tests.unit.webhouse import NUMBER, House


def agent(chosen: Chosen, machine: Machine) -> Agent:
    return Agent("a", "A", "hubei", ("hubei",), Seat(SeatKind.SIP, "x"), chosen=chosen, machine=machine)


@pytest.mark.parametrize(
    ("chosen", "machine", "word"),
    [
        (Chosen.READY, Machine.UNREACHABLE, "unreachable"),
        (Chosen.NOT_READY, Machine.UNREACHABLE, "unreachable"),
        (Chosen.SIGNED_OUT, Machine.UNREACHABLE, "signed_out"),
        (Chosen.SIGNED_OUT, Machine.RESTING, "signed_out"),
        (Chosen.READY, Machine.RESTING, "resting"),
        (Chosen.SIGNED_OUT, Machine.TALKING, "talking"),
        (Chosen.NOT_READY, Machine.TALKING, "talking"),
        (Chosen.READY, Machine.WRAP_UP, "wrap_up"),
        (Chosen.READY, Machine.OFFERED, "offered"),
        (Chosen.READY, Machine.IDLE, "ready"),
        (Chosen.NOT_READY, Machine.IDLE, "not_ready"),
        (Chosen.SIGNED_OUT, Machine.IDLE, "signed_out"),
    ],
)
def test_the_one_word_for_an_agent(chosen: Chosen, machine: Machine, word: str) -> None:
    assert views.display(agent(chosen, machine)) == word


@pytest.fixture
async def house() -> House:
    house = House()
    house.populate()
    return house


async def test_numbers_are_masked_wherever_they_show(house: House) -> None:
    house.agent("m1", "hunan", SeatKind.MOBILE, "13987654321")
    house.make_ready("s1")
    house.call("c1")
    state = house.engine.state
    offered = views.agent_row(state, state.agents["s1"])
    assert offered.offer and offered.offer.number_masked == "138****5678"
    assert offered.display == "offered" and offered.call is None
    house.answer("s1")
    talking = views.agent_row(state, state.agents["s1"])
    assert talking.call and talking.call.number_masked == "138****5678" and talking.offer is None
    house.call("c2")
    waiting = views.waiting_rows(r for r in state.requests.values() if views.is_queued(r))
    assert [(r.request, r.position, r.state) for r in waiting] == [("pbx1:c2", 1, "waiting")]
    rows = [talking, offered, *waiting, *(views.agent_row(state, a) for a in state.agents.values())]
    text = encode(rows).decode()
    assert NUMBER not in text and "13987654321" not in text and "139****4321" in text


async def test_both_rates_stand_side_by_side(house: House) -> None:
    house.make_ready("s1")
    house.call("c1")
    house.answer("s1")
    engine = house.engine
    row = views.province_row(engine.state, engine.tally, "hubei", Presence(), engine.now())
    told = json.loads(encode(row))
    assert told["objective"] == 0.99 and told["zh"] == "湖北" and told["region"] == "central"
    for definition in ("strict", "reported"):
        for window in ("today", "hour"):
            rate = told["rate"][definition][window]
            assert (rate["k"], rate["n"], rate["rate"]) == (1, 1, 1.0)
            assert 0 < rate["low"] < rate["high"] <= 1
    assert told["today"]["requests"] == told["hour"]["connected"] == told["hour"]["sl20"] == 1


async def test_a_province_says_how_it_is_steered_and_what_wait_to_expect(house: House) -> None:
    engine = house.engine
    state = engine.state

    def told(code: str) -> views.ProvinceRow:
        return views.province_row(state, engine.tally, code, Presence(), engine.now())

    assert told("hunan").steering == views.SteeringView(0, 1.0, True, 0, "")
    assert told("hunan").expected_wait == views.WaitView(0.0, None)
    assert told(NATION).steering is told(NATION).expected_wait is None
    state.steers["hubei"] = Steer("hubei", -0.06, engine.now(), level=3)
    state.steers["hunan"] = Steer("hunan", -9.0, engine.now(), feasible=False, missing=4, cause="skills")
    state.expected.entered("hubei", 10.0, Guess(14.04, 30.0))
    assert told("hubei").steering == views.SteeringView(3, -0.1, True, 0, "")
    assert told("hubei").expected_wait == views.WaitView(10.0, 4.0), (
        "as the last one waited, give or take 4 s"
    )
    assert told("hunan").steering == views.SteeringView(0, -9.0, False, 4, "skills")


async def test_an_idle_agent_is_no_wait_or_that_for_the_ring(house: House) -> None:
    state, engine = house.engine.state, house.engine
    state.expected.entered("hunan", 10.0, None)

    def wait() -> float:
        return expected_wait(state, "hunan", engine.now()).seconds

    assert wait() == 10.0, "nobody is there: as the last one waited"
    house.make_ready("s1")
    assert wait() == 0.0, "nobody is in the first ring: the nation's opens at once"
    house.make_ready("a2")
    house.call("c1", "hunan")
    assert state.agents["a2"].offer, "the only agent of the first ring is busy"
    assert wait() == state.plan.routes["hunan"].rings[1].after == 8.0
    state.steers["hunan"] = Steer("hunan", 0.8, engine.now(), level=1)
    assert wait() == 0.0, "its rings are open early"


async def test_an_agent_asked_back_from_a_break_is_told_so_until_the_choice(house: House) -> None:
    engine = house.engine
    agent = engine.state.agents["s1"]
    engine.post(StateAsked("s1", Chosen.NOT_READY, "training", "test"))
    assert views.agent_row(engine.state, agent).recall is None
    engine.state.plan = engine.state.plan._replace(interruptible=("training",))
    recall(Turn(engine.state, engine.now()), "hubei")
    told = views.agent_row(engine.state, agent).recall
    assert told == views.RecallView("hubei", round(agent.recalled_at, 3))
    engine.post(StateAsked("s1", Chosen.READY, "", "test"))
    assert views.agent_row(engine.state, agent).recall is None


async def test_no_requests_no_rate(house: House) -> None:
    engine = house.engine
    row = views.province_row(engine.state, engine.tally, NATION, Presence(), engine.now())
    assert row.rate.strict.today == views.RateView(0, 0, None, None, None)
    assert row.objective is None and row.misses_left is None and row.zh == "全国"
