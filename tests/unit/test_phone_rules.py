"""A browser phone's connection comes and goes: what that means for calls that ring or talk there."""

from __future__ import annotations

from seats.domain.agents import Machine, SeatKind
from seats.domain.effects import DEAD, HangUp, Withdraw
from seats.domain.events import CallBroken, OfferEnded
from seats.domain.messages import (
    CallerHeld,
    LeaseRenewed,
    LegLost,
    OfferAnswered,
    OfferMissed,
    OfferReturned,
    OfferRinging,
    PhoneClosed,
    PhoneOpened,
    SeatGone,
    SeatReachable,
)
from seats.domain.requests import OfferResult, Outcome
from tests.unit.ruledesk import Desk

LEG = "PJSIP/web-1"
DEAD_LEG = [(LEG, DEAD)]


class Home(Desk):
    """An agent at a browser, ready; a colleague on a telephone if the test hires one."""

    def __init__(self) -> None:
        super().__init__()
        self.hire("web", "hunan", kind=SeatKind.BROWSER)
        self.connect()
        self.wait(1.0)

    def connect(self) -> None:
        """The page opens its phone, which registers: then it says that it can answer."""
        self.tell(PhoneOpened("web"))
        self.tell(SeatReachable("n1", "seat_web", True, "NOT_INUSE"))
        self.prove()

    def prove(self, fault: str = "") -> None:
        self.tell(LeaseRenewed("web", self.now + 8.0, fault))

    def ring(self) -> str:
        self.call("c1", "hunan")
        offer = self.rings[-1].offer
        self.tell(OfferRinging(offer, LEG))
        self.wait(0.1)
        return offer

    def talk(self) -> str:
        offer = self.ring()
        self.tell(OfferAnswered(offer))
        return offer

    def cut(self) -> None:
        """All that is heard at once of a browser whose processes are killed."""
        self.tell(PhoneClosed("web", torn=True))

    def ended(self) -> list[tuple[str, int]]:
        return [(e.channel, e.cause) for e in self.effects if isinstance(e, HangUp)]

    def machine(self, agent: str = "web") -> Machine:
        return self.state.agents[agent].machine


def test_a_browser_killed_while_talking_gives_its_caller_back_within_two_seconds() -> None:
    home = Home()
    home.hire("b", "hunan")
    offer = home.talk()
    home.wait(30)
    home.prove()
    home.cut()
    home.wait(1.9)
    assert home.ended() == [], "a page that is only loaded anew, or a proxy's restart, says a word by then"
    home.wait(0.2)
    assert home.ended() == DEAD_LEG, "though the PBX shows a seat in a call as in use, not as gone"
    home.tell(SeatGone(offer, "no media"))
    home.tell(SeatReachable("n1", "seat_web", False, "UNAVAILABLE"))
    home.tell(CallerHeld("c1"))
    assert home.rung()[1:] == [], "kept for the same agent for a while"
    home.wait(home.state.plan.rescue_grace + 0.1)
    assert home.rung()[1:] == [("c1", "b")]
    (broken,) = [e for e in home.events if isinstance(e, CallBroken)]
    assert (broken.agent, broken.fault) == ("web", "no media")
    assert home.outcomes() == {"c1": Outcome.CONNECTED}
    assert (home.machine(), home.state.agents["web"].misses) == (Machine.UNREACHABLE, 0)


def test_who_is_back_in_time_gets_the_same_caller_first() -> None:
    home = Home()
    home.hire("b", "hunan")
    offer = home.talk()
    home.cut()
    home.wait(2.1)
    home.tell(SeatGone(offer, "no media"))
    home.tell(CallerHeld("c1"))
    home.wait(3.0)
    home.connect()
    assert home.rung()[1:] == [("c1", "web")], "at once: a phone that has just connected is not suspected"


def test_a_page_that_speaks_up_keeps_its_call() -> None:
    home = Home()
    home.talk()
    home.cut()
    home.wait(0.4)
    home.prove("not_registered")
    for _ in range(20):
        home.wait(3.0)
        home.prove("not_registered")
    assert home.ended() == []


def test_a_desk_that_speaks_up_and_then_falls_silent_is_dead_with_its_lease() -> None:
    home = Home()
    home.talk()
    home.cut()
    home.wait(0.4)
    home.prove("not_registered")
    home.wait(7.9)
    assert home.ended() == []
    home.wait(0.2)
    assert home.ended() == DEAD_LEG


def test_a_phone_given_up_takes_the_call_with_it_only_when_the_desk_is_silent_too() -> None:
    home = Home()
    home.talk()
    home.wait(3.9)
    home.tell(PhoneClosed("web", torn=False))
    home.wait(2.9)
    assert home.ended() == [], "the lease, which every word renews, still holds"
    home.wait(0.2)
    assert home.ended() == DEAD_LEG


def test_a_phone_given_up_after_its_desk_has_the_same_grace() -> None:
    """A service that was frozen has the words of a desk still unread when it gives up the phone."""
    home = Home()
    home.talk()
    home.wait(9.0)
    home.tell(PhoneClosed("web", torn=False))
    home.prove()
    home.wait(2.1)
    assert home.ended() == []
    home.tell(PhoneOpened("web"))
    home.wait(20.0)
    home.tell(PhoneClosed("web", torn=False))
    home.wait(1.9)
    assert home.ended() == []
    home.wait(0.2)
    assert home.ended() == DEAD_LEG


def test_a_phone_connected_again_during_a_call_leaves_it_alone() -> None:
    home = Home()
    home.talk()
    home.cut()
    home.wait(1.0)
    home.connect()
    home.wait(60.0)
    assert home.ended() == [], "a page that is late while its phone is connected may have the sound"


def test_a_phone_gone_while_it_rings_costs_the_caller_no_time_and_the_agent_nothing() -> None:
    home = Home()
    offer = home.ring()
    home.hire("b", "hunan")
    home.cut()
    assert home.ended() == DEAD_LEG
    home.miss(offer, "CHANUNAVAIL")
    assert home.rung() == [("c1", "web"), ("c1", "b")]
    (end,) = [e for e in home.events if isinstance(e, OfferEnded)]
    assert (end.result, end.detail) == (OfferResult.SEAT_FAILED, "phone gone")
    assert (home.machine(), home.state.agents["web"].misses) == (Machine.UNREACHABLE, 0)


def test_a_page_loaded_anew_while_it_rings_rings_again() -> None:
    home = Home()
    offer = home.ring()
    home.cut()
    home.tell(PhoneOpened("web"))
    assert home.ended() == DEAD_LEG, "ended once"
    home.miss(offer, "CHANUNAVAIL")
    assert home.rung() == [("c1", "web")], "not before the new page says that its phone is registered"
    home.prove()
    assert home.rung() == [("c1", "web"), ("c1", "web")]


def test_a_second_browser_that_takes_over_is_rung_instead_of_the_first() -> None:
    home = Home()
    offer = home.ring()
    home.tell(PhoneOpened("web"))
    home.miss(offer, "CHANUNAVAIL")
    home.prove()
    assert home.rung() == [("c1", "web"), ("c1", "web")]


def test_a_phone_gone_before_it_rang_is_not_waited_for_either() -> None:
    home = Home()
    home.call("c1", "hunan")
    home.hire("b", "hunan")
    home.wait(0.1)
    home.cut()
    assert [e.request for e in home.effects if isinstance(e, Withdraw)] == ["c1"]
    home.miss(home.rings[0].offer, "CANCEL")
    assert home.results() == [OfferResult.SEAT_FAILED]
    assert home.rung() == [("c1", "web"), ("c1", "b")]


def test_a_ring_taken_back_that_the_pbx_says_nothing_of_is_given_up() -> None:
    home = Home()
    home.ring()
    home.hire("b", "hunan")
    home.cut()
    home.wait(5.1)
    assert home.results() == [OfferResult.SEAT_FAILED]
    assert home.rung() == [("c1", "web"), ("c1", "b")]


def test_an_answer_in_the_moment_the_phone_goes_is_a_talk_like_any_other() -> None:
    home = Home()
    offer = home.ring()
    home.cut()
    home.tell(OfferAnswered(offer))
    home.tell(SeatGone(offer, "no media"))
    home.tell(CallerHeld("c1"))
    assert home.outcomes() == {"c1": Outcome.CONNECTED}
    home.connect()
    assert home.rung() == [("c1", "web"), ("c1", "web")]


def test_a_reload_in_a_call_rings_at_once_when_the_page_says_that_the_sound_is_lost() -> None:
    home = Home()
    offer = home.talk()
    home.cut()
    home.wait(0.3)
    home.tell(PhoneOpened("web"))
    home.prove()
    home.tell(LegLost("web"))
    home.tell(SeatGone(offer, "no media"))
    home.tell(CallerHeld("c1"))
    assert home.rung() == [("c1", "web"), ("c1", "web")]


def test_a_phone_that_broke_the_call_by_itself_is_still_left_alone_for_a_moment() -> None:
    home = Home()
    offer = home.talk()
    home.tell(SeatGone(offer, "no media"))
    home.tell(CallerHeld("c1"))
    assert home.rung() == [("c1", "web")]
    home.wait(5.1)
    home.prove()
    assert home.rung() == [("c1", "web"), ("c1", "web")]


def test_a_device_that_fails_twice_is_not_tried_a_third_time_with_this_caller() -> None:
    home = Home()
    offer = home.ring()
    home.tell(OfferMissed(offer, "CHANUNAVAIL"))
    home.tell(SeatGone(offer))
    home.tell(OfferReturned(offer, "CHANUNAVAIL"))
    home.wait(6.0)
    home.connect()
    assert home.rung() == [("c1", "web")]


def test_a_free_seat_is_not_offered_while_its_phone_is_gone() -> None:
    home = Home()
    home.cut()
    assert home.machine() is Machine.UNREACHABLE
    home.prove()
    home.call("c1", "hunan")
    assert home.rung() == []
    home.connect()
    assert home.rung() == [("c1", "web")]


def test_a_phone_of_nobody_changes_nothing() -> None:
    home = Home()
    home.tell(PhoneOpened("nobody"))
    home.tell(PhoneClosed("nobody", torn=True))
    assert "nobody" not in home.state.agents
