"""Rules of routing, agents and outcomes, each with an example a supervisor could read."""

from __future__ import annotations

import pytest

from seats.domain.agents import Chosen, Machine, Seat, SeatKind
from seats.domain.effects import HangUp, Release, Withdraw
from seats.domain.errors import NotAllowedError, UnknownAgentError
from seats.domain.events import CallEnded, RequestDecided
from seats.domain.messages import (
    AgentConfigured,
    CallerGone,
    CallerHeld,
    Hanging,
    HangUpAsked,
    LeaseRenewed,
    LegLost,
    LinkDown,
    LinkUp,
    NodeLost,
    OfferAnswered,
    OfferFound,
    OfferReturned,
    OfferRinging,
    PlanChanged,
    RequestArrived,
    RequestRecalled,
    RequestSettled,
    SeatGone,
    SeatReachable,
    StateAsked,
    WrapUpEnded,
)
from seats.domain.requests import Confidence, OfferResult, Origin, Outcome, RequestState
from tests.unit.coresim import small_plan
from tests.unit.ruledesk import Desk


def test_a_provinces_own_agent_rings_first() -> None:
    desk = Desk()
    desk.hire("far", "nation")
    desk.wait(60)
    desk.hire("own", "hubei")
    desk.wait(1)
    desk.hire("own2", "hubei")
    desk.call("c1", "hubei")
    assert desk.rung() == [("c1", "own")]


def test_the_second_ring_opens_at_its_time() -> None:
    desk = Desk()
    desk.hire("home", "hubei")
    desk.call("c0", "hubei")
    desk.hire("far", "nation")
    desk.call("c1", "hubei")
    desk.wait(4.9)
    assert desk.rung() == [("c0", "home")]
    desk.wait(0.2)
    assert desk.rung() == [("c0", "home"), ("c1", "far")]


def test_a_ring_with_nobody_at_work_is_not_waited_for() -> None:
    desk = Desk()
    desk.hire("home", "hubei", ready=False)
    desk.hire("far", "nation")
    desk.call("c1", "hubei")
    assert desk.rung() == [("c1", "far")]


def test_the_longest_idle_agent_is_chosen() -> None:
    desk = Desk()
    for name in ("first", "second", "third"):
        desk.hire(name, "hunan")
        desk.wait(1)
    desk.call("c1", "hunan")
    desk.call("c2", "hunan")
    assert desk.rung() == [("c1", "first"), ("c2", "second")]


def test_a_floor_keeps_the_last_idle_agent_for_home() -> None:
    desk = Desk()
    desk.hire("hb1", "hubei", "nation")
    desk.call("c1", "beijing")
    assert desk.rung() == [], "floor 1: the only Hubei agent is kept"
    desk.call("c2", "hubei")
    assert desk.rung() == [("c2", "hb1")]


def test_a_second_idle_agent_frees_the_one_a_floor_kept() -> None:
    desk = Desk()
    desk.hire("hb1", "hubei", "nation")
    desk.call("c1", "beijing")
    desk.hire("hb2", "hubei")
    assert desk.rung() == [("c1", "hb1")]


def test_whoever_waits_longest_gets_the_freed_agent() -> None:
    desk = Desk(wrap_up=0.0)
    desk.hire("a", "hunan", "nation")
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.call("c2", "beijing")
    desk.wait(3)
    desk.call("c3", "hunan")
    desk.wait(10)
    desk.tell(SeatGone(desk.rings[0].offer))
    assert desk.rung() == [("c1", "a"), ("c2", "a")]


def test_a_not_ready_agent_is_never_rung() -> None:
    desk = Desk()
    desk.hire("a", "hubei", ready=False)
    desk.call("c1", "hubei")
    desk.tell(StateAsked("a", Chosen.NOT_READY, "break", "a"))
    desk.wait(60)
    assert desk.rung() == []
    desk.tell(StateAsked("a", Chosen.READY, "", "a"))
    assert desk.rung() == [("c1", "a")]


def test_no_answer_excludes_the_agent_and_puts_the_caller_in_front() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.wait(15)
    desk.call("c2", "hunan")
    desk.miss(desk.rings[0].offer)
    assert desk.rung() == [("c1", "a"), ("c2", "a")], "the same agent may take the next caller"
    desk.hire("b", "hunan")
    assert desk.rung()[-1] == ("c1", "b")
    assert desk.results() == [OfferResult.RONA]


def test_three_misses_rest_the_agent_until_one_click() -> None:
    desk = Desk(rest_after_misses=3)
    desk.hire("a", "hunan")
    for n in range(3):
        desk.call(f"c{n}", "hunan")
        desk.wait(1)
        desk.miss(desk.rings[-1].offer)
    agent = desk.state.agents["a"]
    assert agent.machine is Machine.RESTING
    assert agent.chosen is Chosen.READY, "never signed out silently"
    desk.call("next", "hunan")
    assert len(desk.rings) == 3
    desk.tell(StateAsked("a", Chosen.READY, "", "a"))
    assert desk.rung()[-1] == ("next", "a")


def test_a_device_that_fails_is_not_tried_again_at_once_and_is_no_miss() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.miss(desk.rings[0].offer, "CHANUNAVAIL")
    desk.call("c2", "hunan")
    assert desk.state.agents["a"].machine is Machine.UNREACHABLE
    assert desk.state.agents["a"].misses == 0
    assert len(desk.rings) == 1
    desk.wait(5.1)
    assert desk.rung()[-1] == ("c2", "a")
    assert desk.results() == [OfferResult.SEAT_FAILED]


def test_wrap_up_ends_at_its_deadline_and_the_next_caller_rings() -> None:
    desk = Desk(wrap_up=10.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.wait(30)
    desk.call("c2", "hunan")
    desk.tell(Hanging("c1", "agent"))
    desk.tell(SeatGone(desk.rings[0].offer))
    desk.tell(CallerGone("c1", "Normal Clearing"))
    assert desk.state.agents["a"].machine is Machine.WRAP_UP
    desk.wait(9.9)
    assert len(desk.rings) == 1
    desk.wait(0.2)
    assert desk.rung()[-1] == ("c2", "a")
    ended = [e for e in desk.events if isinstance(e, CallEnded)]
    assert [(e.talk, e.ended_by) for e in ended] == [(30.0, "agent")]


def test_a_break_asked_for_during_a_call_is_taken_after_wrap_up() -> None:
    desk = Desk(wrap_up=10.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.tell(StateAsked("a", Chosen.NOT_READY, "meal", "a"))
    desk.tell(CallerGone("c1", ""))
    desk.tell(SeatGone(desk.rings[0].offer))
    desk.tell(WrapUpEnded("a", "consult"))
    agent = desk.state.agents["a"]
    assert (agent.chosen, agent.reason, agent.machine) == (Chosen.NOT_READY, "meal", Machine.IDLE)


def test_a_browser_seat_needs_a_fresh_lease() -> None:
    desk = Desk()
    desk.hire("web", "hunan", kind=SeatKind.BROWSER)
    desk.call("c1", "hunan")
    assert desk.rung() == []
    desk.tell(LeaseRenewed("web", desk.now + 8, ""))
    assert desk.rung() == [("c1", "web")]


def test_a_lease_that_runs_out_takes_the_seat_off_before_a_caller_is_sacrificed() -> None:
    desk = Desk()
    desk.hire("web", "hunan", kind=SeatKind.BROWSER)
    desk.tell(LeaseRenewed("web", desk.now + 8, ""))
    desk.wait(8.1)
    assert desk.state.agents["web"].machine is Machine.UNREACHABLE
    desk.call("c1", "hunan")
    assert desk.rung() == []


def test_a_lost_microphone_takes_the_seat_off_with_the_reason() -> None:
    desk = Desk()
    desk.hire("web", "hunan", kind=SeatKind.BROWSER)
    desk.tell(LeaseRenewed("web", desk.now + 8, ""))
    desk.tell(LeaseRenewed("web", desk.now + 8, "no_microphone"))
    assert desk.state.agents["web"].machine is Machine.UNREACHABLE
    assert desk.state.agents["web"].lease_fault == "no_microphone"


@pytest.mark.parametrize(("waited", "outcome"), [(3.0, Outcome.EXCLUDED_SHORT), (30.0, Outcome.ABANDONED)])
def test_a_caller_who_leaves_while_waiting(waited: float, outcome: Outcome) -> None:
    desk = Desk()
    desk.call("c1", "hubei")
    desk.wait(waited)
    desk.tell(CallerGone("c1", ""))
    assert desk.outcomes() == {"c1": outcome}


def test_a_caller_who_leaves_while_ringing_frees_the_agent_without_a_miss() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.wait(8)
    desk.tell(CallerGone("c1", ""))
    desk.tell(SeatGone(desk.rings[0].offer))
    assert desk.outcomes() == {"c1": Outcome.ABANDONED}
    assert desk.results() == [OfferResult.CALLER_GONE]
    assert desk.state.agents["a"].misses == 0
    desk.call("c2", "hunan")
    assert desk.rung()[-1] == ("c2", "a")


@pytest.mark.parametrize("dialled", ["", "an offer before"])
def test_a_caller_who_leaves_on_the_way_to_the_ring_keeps_the_agent_from_nobody(dialled: str) -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.call("c2", "hunan")
    desk.tell(CallerGone("c1", "", dialled=dialled))
    assert desk.rung() == [("c1", "a"), ("c2", "a")]


def test_where_a_seat_may_have_been_rung_its_end_is_waited_for() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.hire("b", "hunan")
    for n in range(4):
        desk.call(f"c{n}", "hunan")
    first, second = desk.rings
    desk.tell(CallerGone(first.request, "", dialled=first.offer))
    desk.tell(CallerGone(second.request, "", dialled=None))
    assert len(desk.rings) == 2
    desk.tell(SeatGone(first.offer))
    assert len(desk.rings) == 3
    desk.wait(5.1)
    assert len(desk.rings) == 4, "nothing was heard of the second leg"


def test_the_longest_wait_ends_as_timeout_when_somebody_was_there() -> None:
    desk = Desk(max_wait=60.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.call("c2", "hunan")
    desk.wait(61)
    assert desk.outcomes()["c2"] is Outcome.TIMEOUT
    assert [e.request for e in desk.effects if isinstance(e, Release)] == ["c2"]


def test_the_longest_wait_ends_as_no_seat_when_nobody_was_there() -> None:
    desk = Desk(max_wait=60.0)
    desk.call("c1", "hunan")
    desk.wait(61)
    assert desk.outcomes() == {"c1": Outcome.NO_SEAT}


def test_a_broken_pbx_is_no_abandon() -> None:
    desk = Desk()
    desk.call("c1", "hunan")
    desk.wait(20)
    desk.tell(CallerGone("c1", "gone at the snapshot", lost=True))
    assert desk.outcomes() == {"c1": Outcome.FAILED}


def test_a_silent_pbx_gives_the_caller_back() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.wait(18.1)
    withdrawn = [e for e in desk.effects if isinstance(e, Withdraw)]
    assert [w.request for w in withdrawn] == ["c1"]
    desk.tell(OfferReturned(withdrawn[0].offer, "CANCEL"))
    assert desk.state.requests["c1"].state is not RequestState.RELEASING
    assert desk.rung()[-1] == ("c1", "a"), "it was no fault of the agent's: rung again"


def test_nothing_is_rung_while_the_link_is_down() -> None:
    desk = Desk()
    desk.call("c1", "hunan")
    desk.tell(LinkDown("n1"))
    desk.hire("a", "hunan")
    assert desk.rung() == []
    desk.tell(LinkUp("n1"))
    assert desk.rung() == [("c1", "a")]


def test_a_repeated_arrival_is_one_request() -> None:
    desk = Desk()
    desk.call("c1", "hunan")
    desk.call("c1", "hunan")
    assert len([e for e in desk.events if type(e).__name__ == "RequestOpened"]) == 1


def test_a_new_plan_reaches_those_who_wait() -> None:
    desk = Desk()
    desk.hire("far", "nation")
    desk.call("c1", "hubei")
    plan = small_plan()
    routes = plan.routes | {"hubei": plan.routes["beijing"]._replace(province="hubei")}
    desk.tell(PlanChanged(plan._replace(version=2, routes=routes), "admin"))
    assert desk.rung() == [("c1", "far")]


def test_hanging_up_is_for_those_who_talk() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    with pytest.raises(NotAllowedError, match="only while talking"):
        desk.tell(HangUpAsked("a"))
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.tell(HangUpAsked("a"))
    assert isinstance(desk.effects[-1], HangUp)


def test_two_agents_cannot_have_one_seat() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    with pytest.raises(NotAllowedError, match="belongs to a"):
        desk.tell(AgentConfigured("b", "b", "hunan", ("hunan",), Seat(SeatKind.SIP, "seat_a")))


def test_an_unknown_agent_is_named() -> None:
    with pytest.raises(UnknownAgentError, match="'ghost'"):
        Desk().tell(StateAsked("ghost", Chosen.READY, "", ""))


def talking(desk: Desk, caller: str = "c1", agent: str = "a") -> str:
    """One connected call; the offer's id."""
    desk.hire(agent, "hunan")
    desk.call(caller, "hunan")
    desk.answer(desk.rings[-1].offer)
    return desk.rings[-1].offer


def test_a_caller_whose_agents_seat_dies_is_kept_and_gets_the_same_agent_back() -> None:
    desk = Desk(rescue_grace=5.0)
    offer = talking(desk)
    desk.hire("b", "hunan")
    desk.wait(20)
    desk.tell(SeatGone(offer, "no media"))
    desk.tell(CallerHeld("c1"))
    assert len(desk.rings) == 1, "for the grace time only the same agent may answer"
    desk.tell(SeatReachable("n1", "seat_a", False, "gone"))
    desk.tell(SeatReachable("n1", "seat_a", True, "back"))
    assert desk.rung()[-1] == ("c1", "a")
    assert desk.outcomes() == {"c1": Outcome.CONNECTED}, "connected once, whatever follows"


def test_a_caller_whose_agent_does_not_come_back_goes_to_the_next_before_everyone() -> None:
    desk = Desk(rescue_grace=5.0)
    offer = talking(desk)
    desk.wait(20)
    desk.tell(SeatGone(offer, "no media"))
    desk.tell(CallerHeld("c1"))
    desk.tell(SeatReachable("n1", "seat_a", False, "gone"))
    desk.call("c2", "hunan")
    desk.wait(6)
    desk.hire("b", "hunan")
    assert desk.rung()[-1] == ("c1", "b")
    desk.answer(desk.rings[-1].offer)
    desk.wait(10)
    desk.tell(CallerGone("c1", ""))
    ended = [e for e in desk.events if isinstance(e, CallEnded)]
    assert [(e.agent, e.talk) for e in ended] == [("b", 30.0)]


def test_a_dead_node_ends_its_requests_as_failed_and_no_others() -> None:
    desk = Desk()
    desk.tell(LinkUp("n2"))
    talking(desk)
    desk.call("c2", "beijing")
    origin = Origin("beijing", "area_code", Confidence.CERTAIN)
    desk.tell(RequestArrived("c3", "n2", "PJSIP/c3", "c3", "c3", "95500", "138", origin, desk.now))
    desk.wait(10)
    desk.tell(NodeLost("n1"))
    assert desk.outcomes() == {"c1": Outcome.CONNECTED, "c2": Outcome.FAILED}
    assert list(desk.state.requests) == ["c3"]
    assert desk.state.agents["a"].machine is Machine.WRAP_UP


def test_after_a_restart_a_waiting_caller_is_taken_up_where_it_stood() -> None:
    desk = Desk()
    desk.tell(LinkDown("n1"))
    origin = Origin("hunan", "area_code", Confidence.CERTAIN)
    recall = RequestRecalled(
        "c1", "n1", "PJSIP/c1", "c1", "c1", "95500", "138", origin, desk.now - 30, "", "", None
    )
    desk.tell(recall)
    desk.hire("a", "hunan")
    assert desk.rung() == []
    desk.tell(LinkUp("n1"))
    assert desk.rung() == [("c1", "a")]
    assert not [e for e in desk.events if type(e).__name__ == "RequestOpened"], "it was counted before"


def test_after_a_restart_a_talking_agent_is_not_rung() -> None:
    desk = Desk()
    desk.tell(LinkDown("n1"))
    desk.hire("a", "hunan")
    origin = Origin("hunan", "area_code", Confidence.CERTAIN)
    desk.tell(
        RequestRecalled(
            "c1",
            "n1",
            "PJSIP/c1",
            "c1",
            "c1",
            "95500",
            "138",
            origin,
            desk.now - 30,
            "1x1",
            "a",
            desk.now - 9,
        )
    )
    desk.tell(LinkUp("n1"))
    desk.call("c2", "hunan")
    assert desk.rung() == []
    desk.tell(SeatGone("1x1"))
    ended = [e for e in desk.events if isinstance(e, CallEnded)]
    assert [(e.request, e.agent, round(e.talk)) for e in ended] == [("c1", "a", 9)]


def test_an_offer_found_ringing_is_taken_as_it_is() -> None:
    desk = Desk()
    desk.tell(LinkDown("n1"))
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.tell(OfferFound("c1", "1x9", "seat_a", answered=False))
    desk.tell(LinkUp("n1"))
    assert desk.rung() == []
    desk.tell(OfferAnswered("1x9"))
    assert desk.outcomes() == {"c1": Outcome.CONNECTED}


def test_a_request_that_came_and_went_unheard_gets_its_row_from_the_pbx() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    origin = Origin("hunan", "area_code", Confidence.CERTAIN)
    arrived = RequestArrived("c1", "n1", "ch", "c1", "c1", "95500", "138", origin, desk.now - 100, True)
    desk.tell(RequestSettled(arrived, desk.now - 20, 40.0, "seat_a", "fallback"))
    lost = arrived._replace(request="c2")
    desk.tell(RequestSettled(lost, desk.now - 20, 0.0, "", "16"))
    assert desk.outcomes() == {"c1": Outcome.CONNECTED, "c2": Outcome.ABANDONED}
    decided = next(e for e in desk.events if isinstance(e, RequestDecided))
    assert (decided.agent, decided.queue) == ("a", 40.0)
    assert not desk.state.requests


def test_a_talking_browser_that_is_gone_gives_its_caller_back() -> None:
    desk = Desk()
    desk.hire("web", "hunan", kind=SeatKind.BROWSER)
    desk.tell(LeaseRenewed("web", desk.now + 8, ""))
    desk.call("c1", "hunan")
    desk.tell(OfferRinging(desk.rings[0].offer, "PJSIP/web-1"))
    desk.tell(OfferAnswered(desk.rings[0].offer))
    desk.tell(SeatReachable("n1", "seat_web", False, "web socket closed"))
    desk.wait(7.5)
    assert not [e for e in desk.effects if isinstance(e, HangUp)], "the sound may still be there"
    desk.wait(1.0)
    assert [(e.channel, e.cause) for e in desk.effects if isinstance(e, HangUp)] == [("PJSIP/web-1", 44)]


def test_a_talking_browser_whose_page_is_late_but_registered_keeps_its_call() -> None:
    desk = Desk()
    desk.hire("web", "hunan", kind=SeatKind.BROWSER)
    desk.tell(LeaseRenewed("web", desk.now + 8, ""))
    desk.call("c1", "hunan")
    desk.tell(OfferRinging(desk.rings[0].offer, "PJSIP/web-1"))
    desk.tell(OfferAnswered(desk.rings[0].offer))
    desk.wait(60)
    assert not [e for e in desk.effects if isinstance(e, HangUp)]


def test_a_reload_during_a_call_brings_the_caller_back_to_the_same_desk() -> None:
    desk = Desk()
    desk.hire("web", "hunan", kind=SeatKind.BROWSER)
    desk.hire("b", "hunan")
    desk.tell(LeaseRenewed("web", desk.now + 8, ""))
    desk.tell(StateAsked("b", Chosen.NOT_READY, "break", "b"))
    desk.call("c1", "hunan")
    desk.tell(OfferRinging(desk.rings[0].offer, "PJSIP/web-1"))
    desk.tell(OfferAnswered(desk.rings[0].offer))
    desk.tell(StateAsked("b", Chosen.READY, "", "b"))
    desk.tell(LegLost("web"))
    assert [(e.channel, e.cause) for e in desk.effects if isinstance(e, HangUp)] == [("PJSIP/web-1", 44)]
    desk.tell(SeatReachable("n1", "seat_web", False, "reload"))
    desk.tell(SeatGone(desk.rings[0].offer, "no media"))
    desk.tell(CallerHeld("c1"))
    desk.tell(SeatReachable("n1", "seat_web", True, "registered"))
    desk.tell(LeaseRenewed("web", desk.now + 8, ""))
    assert desk.rung()[-1] == ("c1", "web")
