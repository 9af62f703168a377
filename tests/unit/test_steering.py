"""How error budgets steer: credit, levels and their hysteresis, and who goes first when not all can be kept.

Hubei is promised 99 %, Hunan 95 %.
"""

from __future__ import annotations

import pytest

from seats.domain import routing
from seats.domain.agents import Chosen
from seats.domain.events import ProvinceSteered
from seats.domain.messages import (
    CallerGone,
    LinkDown,
    LinkUp,
    OfferAnswered,
    OfferRinging,
    PlanChanged,
    SeatGone,
    StateAsked,
)
from seats.domain.requests import Outcome
from seats.domain.state import State, Steer, Turn
from seats.domain.steering import CALM, SAVED_MOST, START, THRESHOLDS, adjust, decided, steer_of
from tests.unit.coresim import T0, small_plan
from tests.unit.ruledesk import Desk


def rig(**plan: object) -> tuple[Turn, Steer]:
    state = State(small_plan(**plan))
    state.now = T0
    return Turn(state, T0), steer_of(state, "hubei")


def level_at(turn: Turn, steer: Steer, credit: float) -> int:
    steer.credit = credit
    adjust(turn, steer)
    return steer.level


def test_each_threshold_is_one_level_up() -> None:
    turn, steer = rig()
    assert level_at(turn, steer, START) == 0
    assert [level_at(turn, steer, t - 0.01) for t in THRESHOLDS] == [1, 2, 3, 4, 5]


def test_while_callers_wait_a_level_is_left_with_the_next_losses_saved() -> None:
    turn, steer = rig()
    turn.state.waited_at = T0 - CALM + 1
    assert [level_at(turn, steer, credit) for credit in (0.49, 0.55, 0.65, 2.6, 2.8, 3.0)] == [
        3,
        3,
        2,
        2,
        1,
        0,
    ]
    assert level_at(turn, steer, START) == 0, "what was saved may be spent"


def test_a_reserve_is_kept_only_where_going_first_is_not_enough() -> None:
    turn, steer = rig()
    board = turn.state.board("nation")
    board.staffed, board.idle_count = 1000, 0  # the next one is free after 0.18 s: 0.3 % leave before
    assert (level_at(turn, steer, 0.4), steer.reserve) == (3, 0)
    board.staffed = 200  # after 0.9 s: 1.5 % do
    level_at(turn, steer, START)
    assert (level_at(turn, steer, 0.4), steer.reserve) == (3, 1)
    board.staffed = 1000
    assert (level_at(turn, steer, -0.6), steer.reserve) == (4, 1), "it was not enough after all"


def test_down_again_only_with_something_to_spare() -> None:
    turn, steer = rig()
    assert level_at(turn, steer, 0.69) == 2
    assert level_at(turn, steer, 0.75) == 2, "above 0.7 is not enough"
    assert level_at(turn, steer, 0.79) == 2
    assert level_at(turn, steer, 0.81) == 1
    assert level_at(turn, steer, 0.95) == 1
    assert level_at(turn, steer, START) == 0
    told = [(e.was, e.level) for e in turn.events if isinstance(e, ProvinceSteered)]
    assert told == [(0, 2), (2, 1), (1, 0)]


def test_a_loss_costs_one_and_a_success_earns_what_the_objective_allows_less_a_margin() -> None:
    turn, steer = rig()
    decided(turn, "hubei", Outcome.ABANDONED)
    assert steer.credit == pytest.approx(1.0 - 1.0 + 0.01 * 0.75)
    decided(turn, "hubei", Outcome.CONNECTED)
    assert steer.credit == pytest.approx(2 * 0.01 * 0.75)
    decided(turn, "hubei", Outcome.EXCLUDED_CLOSED)
    assert steer.credit == pytest.approx(2 * 0.01 * 0.75), "a call outside opening hours is in no rate"


def test_debts_and_savings_are_bounded_and_forgotten_over_the_window() -> None:
    turn, steer = rig()
    for _ in range(50):
        decided(turn, "hubei", Outcome.TIMEOUT)
    assert steer.credit == -3.0
    turn.state.now = T0 + 10 * 86400.0
    decided(turn, "hubei", Outcome.CONNECTED)
    assert steer.credit == pytest.approx(START, abs=0.01)
    for _ in range(500):
        decided(turn, "hubei", Outcome.CONNECTED)
    assert steer.credit == SAVED_MOST


def test_a_plan_without_steering_does_nothing() -> None:
    turn, steer = rig(steering=0)
    for _ in range(5):
        decided(turn, "hubei", Outcome.ABANDONED)
    assert (steer.level, steer.credit, turn.events) == (0, START, [])


def test_an_objective_out_of_reach_stays_at_the_plan() -> None:
    turn, steer = rig()
    steer.feasible = False
    assert level_at(turn, steer, -3.0) == 0


def test_a_new_plan_is_steered_anew() -> None:
    desk = Desk()
    desk.hire("a", "nation")
    desk.lose("hubei", 2)
    assert desk.level("hubei") == 4
    assert set(desk.state.reserves) == {"hubei", "nation"}
    desk.tell(PlanChanged(small_plan(steering=0)._replace(version=2), "adam"))
    assert (desk.level("hubei"), desk.state.reserves) == (0, {})


def burn(desk: Desk, province: str, losses: int) -> None:
    """So many callers of the province leave unanswered."""
    for n in range(losses):
        desk.call(f"lost-{province}-{n}", province)
        desk.wait(6.0)
        desk.tell(CallerGone(f"lost-{province}-{n}", "16"))


def busy_desk() -> Desk:
    """One agent, who talks with a caller from Beijing."""
    desk = Desk(wrap_up=0.0)
    desk.hire("a", "nation")
    desk.call("first", "beijing")
    offer = desk.rings[0].offer
    desk.tell(OfferRinging(offer, "leg"))
    desk.tell(OfferAnswered(offer))
    return desk


def hang_up(desk: Desk) -> None:
    """The first caller's talk ends."""
    desk.tell(CallerGone("first", "16"))
    desk.tell(SeatGone(desk.rings[0].offer))


def test_when_all_promises_burn_the_highest_goes_first() -> None:
    desk = busy_desk()
    burn(desk, "hunan", 6)
    burn(desk, "hubei", 4)
    assert desk.state.level("hunan") == desk.state.level("hubei") == 5
    desk.call("hunan", "hunan")
    desk.wait(1.0)
    desk.call("hubei", "hubei")
    hang_up(desk)
    assert desk.rings[-1].request == "hubei"


def test_a_high_promise_in_some_need_goes_before_a_lower_one_in_great_need() -> None:
    desk = busy_desk()
    burn(desk, "hunan", 6)
    burn(desk, "hubei", 1)
    assert 2 <= desk.state.level("hubei") < desk.state.level("hunan")
    desk.call("hunan", "hunan")
    desk.wait(1.0)
    desk.call("hubei", "hubei")
    hang_up(desk)
    assert desk.rings[-1].request == "hubei"


def test_a_high_promise_that_is_kept_takes_nothing_from_a_lower_one_in_need() -> None:
    desk = busy_desk()
    burn(desk, "hunan", 2)
    assert desk.state.level("hubei") == 0
    desk.call("hubei", "hubei")
    desk.wait(1.0)
    desk.call("hunan", "hunan")
    hang_up(desk)
    assert desk.rings[-1].request == "hunan"


def test_the_agent_kept_for_a_high_promise_is_kept_from_a_lower_one_in_greater_need() -> None:
    desk = busy_desk()
    desk.tell(StateAsked("a", Chosen.NOT_READY, "", "test"))
    burn(desk, "hunan", 6)
    burn(desk, "hubei", 1)
    assert desk.state.level("hubei") == 3
    assert desk.state.level("hunan") == 5
    hang_up(desk)
    desk.tell(StateAsked("a", Chosen.READY, "", "test"))
    desk.call("hunan", "hunan")
    assert len(desk.rings) == 1
    desk.call("hubei", "hubei")
    assert desk.rings[-1].request == "hubei"


def test_while_no_pbx_is_there_no_idle_agent_is_tried_for_a_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    for name in "abc":
        desk.hire(name, "hunan")
    tried: list[str] = []
    monkeypatch.setattr(routing, "employ", lambda _, agent: tried.append(agent.id))
    pools = list(desk.state.agents["a"].pools)[:1]
    desk.tell(LinkDown("n1"))
    routing.unlock(Turn(desk.state, desk.now), pools)
    assert tried == []
    desk.tell(LinkUp("n1"))
    tried.clear()
    for agent in desk.state.agents.values():
        agent.nodes = frozenset({"n1"})
    routing.unlock(Turn(desk.state, desk.now), pools)
    assert sorted(tried) == ["a", "b", "c"]
