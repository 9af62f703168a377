"""How error budgets steer: who goes first when promises cannot all be kept. Hubei is promised 99 %, Hunan 95 %."""

from __future__ import annotations

from seats.domain.agents import Chosen
from seats.domain.messages import CallerGone, OfferAnswered, OfferRinging, SeatGone, StateAsked
from tests.unit.test_rules import Desk


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
