"""After an absence: what the ledger remembers and what the PBX shows are brought together."""

from __future__ import annotations

from seats.domain.agents import Chosen, Machine
from seats.domain.effects import Withdraw
from seats.domain.events import CallEnded, DispositionSet, OfferEnded, RequestDecided
from seats.domain.messages import (
    CallerGone,
    CallerHeld,
    HangUpAsked,
    LinkDown,
    LinkUp,
    OfferAnswered,
    OfferFound,
    OfferRefused,
    RequestArrived,
    RequestRecalled,
    RequestSettled,
    SeatGone,
    StateAsked,
    TalkFound,
    Tick,
    WrapUpEnded,
)
from seats.domain.recovery import FALLBACK_RING, UNHEARD_TALK
from seats.domain.requests import Confidence, OfferResult, Origin, Outcome, RequestState
from seats.domain.routing import OFFER_GUARD
from tests.unit.coresim import T0
from tests.unit.test_rules import Desk

ORIGIN = Origin("hunan", "area_code", Confidence.CERTAIN)


def test_a_call_connected_while_nobody_listened_counts_from_its_answer() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    offer = desk.rings[0].offer
    desk.tell(LinkDown("n1"))
    began = desk.now
    desk.wait(12)
    desk.tell(OfferFound("c1", offer, "seat_a", answered=True, at=began + 2))
    desk.tell(LinkUp("n1"))
    desk.wait(8)
    desk.tell(CallerGone("c1", ""))
    decided = next(e for e in desk.events if isinstance(e, RequestDecided))
    assert (decided.outcome, decided.at, round(decided.queue + decided.ring)) == (
        Outcome.CONNECTED,
        began + 2,
        2,
    )
    assert [e.talk for e in desk.events if isinstance(e, CallEnded)] == [18.0]


def holding() -> Desk:
    """A caller who holds, and an agent on a break, when the link goes."""
    desk = Desk()
    desk.hire("a", "hunan")
    desk.tell(StateAsked("a", Chosen.NOT_READY, "break", "a"))
    desk.call("c1", "hunan")
    desk.tell(LinkDown("n1"))
    return desk


def test_old_news_of_the_fallbacks_ringing_does_not_shorten_a_call() -> None:
    """A picture shows the call, and what was under way before it says again how it came to be."""
    desk = holding()
    began = desk.now
    desk.wait(4)
    found = OfferFound("c1", "fallback-n1-2", "seat_a", answered=True, at=began)
    desk.tell(found)
    desk.tell(LinkUp("n1"))
    desk.tell(found._replace(answered=False, at=None))
    assert desk.state.agents["a"].machine is Machine.TALKING
    desk.tell(found._replace(at=desk.now))
    desk.wait(6)
    desk.tell(CallerGone("c1", ""))
    assert [e.talk for e in desk.events if isinstance(e, CallEnded)] == [10.0]


def test_who_was_answered_and_broken_off_unheard_is_connected_and_served_first() -> None:
    desk = holding()
    began = desk.now
    desk.wait(12)
    desk.tell(TalkFound("c1", "seat_a", began + 2))
    desk.tell(TalkFound("c1", "seat_a", began + 2))
    desk.tell(LinkUp("n1"))
    desk.call("c2", "hunan")
    desk.tell(StateAsked("a", Chosen.READY, "", "a"))
    assert desk.rings[0].request == "c1"
    desk.tell(CallerGone("c1", ""))
    (decided,) = [e for e in desk.events if isinstance(e, RequestDecided) and e.request == "c1"]
    assert (decided.outcome, decided.at, decided.agent) == (Outcome.CONNECTED, began + 2, "a")
    assert [e.talk for e in desk.events if isinstance(e, CallEnded)] == [UNHEARD_TALK]


def test_what_a_call_was_about_can_be_said_though_only_the_record_tells_of_its_end() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    arrival = desk.arrival("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.tell(StateAsked("a", Chosen.NOT_READY, "lunch", "a"))
    desk.wait(20)
    desk.tell(RequestSettled(arrival, desk.now, 20.0, "seat_a", "16"))
    desk.tell(WrapUpEnded("a", "sold"))
    assert [e.request for e in desk.events if isinstance(e, DispositionSet)] == ["c1"]
    agent = desk.state.agents["a"]
    assert (agent.chosen, agent.reason, agent.request) == (Chosen.NOT_READY, "lunch", None)
    assert not desk.state.offers


def test_a_call_whose_wrap_up_ended_before_its_leg_does_not_keep_the_agent() -> None:
    desk = Desk(wrap_up=0.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    arrival = desk.arrival("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.tell(RequestSettled(arrival, desk.now, 1.0, "seat_a", "16"))
    desk.wait(1)
    assert desk.state.agents["a"].machine is Machine.IDLE


def test_a_time_before_the_arrival_or_in_the_future_is_not_believed() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    for n, at in enumerate((0.0, 9e12)):
        desk.call(f"c{n}", "hunan")
        arrived = desk.now
        desk.tell(OfferFound(f"c{n}", f"1x9{n}", "seat_a", answered=True, at=at))
        decided = [e for e in desk.events if isinstance(e, RequestDecided)][-1]
        assert decided.at == arrived
        desk.tell(CallerGone(f"c{n}", ""))
        desk.wait(60)


def test_a_seat_found_ringing_whose_agent_is_believed_busy_is_not_rung_over() -> None:
    desk = Desk()
    desk.tell(LinkDown("n1"))
    desk.hire("a", "hunan")
    desk.hire("b", "hunan")
    desk.call("c1", "hunan")
    desk.call("c2", "hunan")
    desk.tell(OfferFound("c2", "1x8", "seat_a", answered=True))
    desk.tell(OfferFound("c1", "1x9", "seat_a", answered=False, leg="PJSIP/seat_a-9"))
    desk.tell(LinkUp("n1"))
    assert desk.rung() == [], "c1 rings already, with whomever"
    desk.tell(OfferAnswered("1x9"))
    assert desk.state.requests["c1"].state is RequestState.TALKING
    assert desk.state.requests["c1"].connected_agent == "a"
    assert desk.outcomes() == {"c1": Outcome.CONNECTED, "c2": Outcome.CONNECTED}


def test_whose_agent_is_found_elsewhere_is_not_moved_while_the_picture_is_read() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.call("c2", "hunan")
    desk.tell(LinkDown("n1"))
    desk.wait(3)
    desk.tell(OfferFound("c2", "fallback-n1-2", "seat_a", answered=True))
    assert not [e for e in desk.effects if isinstance(e, Withdraw)], "c1 may be talking, too"


def test_a_seat_that_the_fallback_rings_is_not_rung_by_us_once_its_agent_turns_out_to_be_free() -> None:
    """Both at once in one picture: the agent's own offer was answered elsewhere, and the fallback rings them."""
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.hire("b", "hunan")
    desk.call("c3", "hunan")
    desk.call("c2", "hunan")
    desk.call("c4", "hunan")
    assert desk.rung() == [("c1", "a"), ("c3", "b")]
    desk.tell(LinkDown("n1"))
    desk.tell(OfferFound("c2", "fallback-n1-2", "seat_a", answered=False))
    desk.tell(CallerGone("c3", ""))
    desk.tell(OfferFound("c1", "fallback-n1-1", "seat_b", answered=True))
    desk.tell(LinkUp("n1"))
    assert desk.rung() == [("c1", "a"), ("c3", "b")], "c4 waits: both phones are in use"
    a = desk.state.agents["a"]
    assert (a.machine, a.offer, a.request) == (Machine.OFFERED, "fallback-n1-2", "c2")
    desk.tell(OfferAnswered("fallback-n1-2"))
    assert desk.state.requests["c2"].connected_agent == "a"


def test_an_answer_to_a_ring_that_arrived_late_is_believed() -> None:
    """What was sent on a connection that we gave up may still arrive, after the next ring."""
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.tell(OfferAnswered("1xold", "c1", "seat_a"))
    assert desk.outcomes() == {"c1": Outcome.CONNECTED}
    assert desk.state.agents["a"].machine is Machine.TALKING
    desk.tell(CallerGone("c1", ""))
    assert desk.state.agents["a"].machine is not Machine.TALKING


def test_a_ring_found_at_a_busy_agents_phone_is_the_agents_once_free() -> None:
    """Another node's fallback rings the phone; our own ring of it is refused as busy."""
    desk = Desk()
    desk.tell(LinkDown("n1"))
    desk.call("c1", "hunan")
    desk.hire("a", "hunan")
    desk.call("c2", "hunan", "139")
    a = desk.state.agents["a"]
    desk.tell(OfferFound("c1", "fallback-n1-1", "seat_a", answered=True))
    desk.tell(OfferFound("c2", "fallback-n1-2", "seat_a", answered=False))
    assert (a.offer, desk.state.offers["fallback-n1-2"].agent) == ("fallback-n1-1", "")
    desk.tell(LinkUp("n1"))
    desk.tell(SeatGone("fallback-n1-1"))
    desk.wait(60.0)
    assert (a.machine, desk.rung()) == (Machine.UNREACHABLE, []), "nothing is rung over it"
    desk.tell(OfferFound("c2", "fallback-n1-2", "seat_a", answered=False))
    assert (a.machine, a.request) == (Machine.OFFERED, "c2")


def test_our_ring_that_meets_the_fallbacks_at_one_phone_is_taken_back() -> None:
    desk = Desk()
    desk.call("c1", "hunan")
    desk.call("c2", "hunan")
    desk.hire("a", "hunan")
    assert desk.rung() == [("c1", "a")]
    desk.tell(OfferFound("c2", "fallback-n1-2", "seat_a", answered=False))
    assert [e.request for e in desk.effects if isinstance(e, Withdraw)] == ["c1"]
    assert desk.state.agents["a"].offer == "fallback-n1-2"


def test_a_caller_rung_for_another_agent_than_the_ledger_remembers_is_not_believed_to_talk() -> None:
    """The call broke and its caller was offered again while nobody wrote it down."""
    desk = Desk()
    desk.hire("a", "hunan")
    desk.hire("b", "hunan")
    desk.tell(
        RequestRecalled(
            "c1", "n1", "PJSIP/c1", "1.1", "1.1", "95500", "1", ORIGIN, desk.now, "1x1", "a", desk.now,
            Outcome.CONNECTED,
        )
    )  # fmt: skip
    desk.tell(OfferFound("c1", "1x2", "seat_b", answered=False))
    assert desk.state.requests["c1"].state is RequestState.OFFERED
    assert [desk.state.agents[a].machine for a in "ab"] == [Machine.UNREACHABLE, Machine.OFFERED]
    desk.tell(OfferAnswered("1x2", "c1", "seat_b"))
    assert desk.state.requests["c1"].connected_agent == "b"


def test_a_ring_of_the_fallback_is_waited_for_as_long_as_that_queue_rings() -> None:
    desk = Desk()
    desk.state.plan = desk.state.plan._replace(ring_timeout=5.0)
    desk.call("c1", "hunan")
    desk.tell(OfferFound("c1", "fallback-n1-2", "seat_a", answered=False))
    desk.wait(desk.state.plan.ring_timeout + OFFER_GUARD + 1)
    assert not [e for e in desk.effects if isinstance(e, Withdraw)], "the queue rings longer than we do"
    desk.wait(FALLBACK_RING)
    assert [e.request for e in desk.effects if isinstance(e, Withdraw)] == ["c1"]


def restarted(
    *open_offers: tuple[str, str], offer: str = "", agent: str = "", answered: float | None = None
) -> Desk:
    """The service starts again; the ledger knows a caller who waited or talked, and offers without an end."""
    desk = Desk()
    desk.tell(LinkDown("n1"))
    desk.hire("a", "hunan")
    desk.hire("b", "hunan")
    came = desk.now - 30
    desk.tell(
        RequestRecalled(
            "c1", "n1", "PJSIP/c1", "c1", "c1", "95500", "138", ORIGIN, came, offer, agent, answered,
            open_offers=open_offers,
        )
    )  # fmt: skip
    return desk


def ends(desk: Desk) -> list[tuple[str, str, OfferResult, float]]:
    return [(e.offer, e.agent, e.result, e.at) for e in desk.events if isinstance(e, OfferEnded)]


def test_an_offer_that_was_answered_while_the_service_was_dead_gets_its_end() -> None:
    desk = restarted(("1x1", "b"), ("1x2", "a"))
    answered = desk.now - 9
    desk.tell(OfferFound("c1", "1x2", "seat_a", answered=True, leg="PJSIP/seat_a-1", at=answered))
    desk.tell(LinkUp("n1"))
    assert ends(desk) == [("1x2", "a", OfferResult.CONNECTED, answered)]
    desk.tell(CallerGone("c1", ""))
    assert ends(desk)[1:] == [("1x1", "b", OfferResult.WITHDRAWN, desk.now)], "what became of it nobody knows"
    assert desk.state.left_open == {}


def test_an_offer_that_still_rings_at_the_start_ends_once_as_any_other() -> None:
    desk = restarted(("1x2", "a"))
    desk.tell(OfferFound("c1", "1x2", "seat_a", answered=False, leg="PJSIP/seat_a-1"))
    desk.tell(LinkUp("n1"))
    desk.tell(OfferAnswered("1x2"))
    desk.tell(CallerGone("c1", ""))
    assert ends(desk) == [("1x2", "a", OfferResult.CONNECTED, desk.now)]


def test_an_offer_of_a_call_that_was_over_at_the_start_is_told_from_the_record() -> None:
    for talk, result, at in ((7.0, OfferResult.CONNECTED, -8.0), (0.0, OfferResult.WITHDRAWN, 0.0)):
        desk = restarted(("1x2", "a"))
        arrived = RequestArrived(
            "c1", "n1", "PJSIP/c1", "c1", "c1", "95500", "138", ORIGIN, desk.now - 30, reconstructed=True
        )
        desk.tell(RequestSettled(arrived, desk.now - 1.0, talk, "seat_a", "16", offer="1x2"))
        assert ends(desk) == [("1x2", "a", result, desk.now + at)]


def test_an_offer_whose_talk_broke_before_the_start_was_answered() -> None:
    desk = restarted(("1x2", "a"))
    desk.tell(TalkFound("c1", "seat_a", desk.now - 9, "1x2"))
    assert ends(desk) == [("1x2", "a", OfferResult.CONNECTED, desk.now - 9)]


def test_whom_the_fallback_connected_was_not_connected_by_the_offers_before() -> None:
    desk = restarted(("1x2", "a"))
    desk.tell(LinkUp("n1"))
    ringing = desk.rings[-1].offer
    arrived = desk.arrival("c1", "hunan")
    desk.tell(RequestSettled(arrived, desk.now, 7.0, "seat_a", "16", offer="fallback"))
    results = {offer: result for offer, _, result, _ in ends(desk)}
    assert results == {"1x2": OfferResult.WITHDRAWN, ringing: OfferResult.CALLER_GONE}


def test_an_agent_offered_to_a_caller_who_had_just_left_is_free_at_once() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.tell(CallerGone("c1", "gone"))
    desk.tell(OfferRefused(desk.rings[0].offer, "Channel does not exist"))
    assert desk.state.agents["a"].machine is Machine.IDLE


def test_whoever_the_pbx_shows_talking_is_believed_over_the_ledger() -> None:
    desk = restarted(offer="1x2", agent="a", answered=T0 - 9)
    desk.tell(OfferFound("c1", "1x2", "seat_b", answered=True, leg="PJSIP/seat_b-1"))
    desk.tell(LinkUp("n1"))
    machines = {name: agent.machine for name, agent in desk.state.agents.items()}
    assert machines == {"a": Machine.IDLE, "b": Machine.TALKING}
    assert desk.state.requests["c1"].connected_agent == "b"


def test_a_rescued_call_that_rings_again_at_a_restart_is_not_taken_for_a_talk() -> None:
    desk = restarted(offer="1x2", agent="a", answered=T0 - 9)
    assert desk.state.agents["a"].machine is Machine.TALKING
    desk.tell(OfferFound("c1", "1x2", "seat_a", answered=False, leg="PJSIP/seat_a-1"))
    desk.tell(LinkUp("n1"))
    assert desk.state.requests["c1"].state is RequestState.OFFERED
    assert desk.state.agents["a"].machine is Machine.OFFERED
    desk.tell(OfferAnswered("1x2"))
    assert desk.state.agents["a"].machine is Machine.TALKING
    assert desk.outcomes() == {}, "its one outcome was given before"


def test_a_leg_that_dies_before_an_asked_hang_up_is_done_leaves_a_caller_to_be_rescued() -> None:
    desk = Desk(rescue_grace=0.0)
    desk.hire("a", "hunan")
    desk.hire("b", "hunan")
    desk.call("c1", "hunan")
    first = desk.rings[0]
    desk.answer(first.offer)
    desk.tell(HangUpAsked(first.agent))  # and the action was lost with the link
    desk.wait(8)
    desk.tell(SeatGone(first.offer, "no media"))
    desk.tell(CallerHeld("c1"))
    assert len(desk.rings) == 2, "the PBX kept the caller, so somebody is rung"
    desk.answer(desk.rings[1].offer)
    desk.wait(5)
    desk.tell(CallerGone("c1", ""))
    (ended,) = [e for e in desk.events if isinstance(e, CallEnded)]
    assert (ended.talk, ended.ended_by) == (13.0, "caller"), "not by the wish of the agent before"


def test_a_caller_found_holding_after_the_end_of_the_call_is_served_and_the_end_told_once() -> None:
    desk = Desk(rescue_grace=2.0)
    desk.hire("a", "hunan")
    desk.hire("b", "hunan")
    desk.call("c1", "hunan")
    first = desk.rings[0]
    desk.answer(first.offer)
    desk.wait(8)
    desk.tell(SeatGone(first.offer))  # the leg died, but its fault was not heard
    desk.wait(5)
    desk.tell(CallerHeld("c1"))
    desk.wait(3)
    desk.tell(Tick())
    assert len(desk.rings) == 2, "nobody holds for ever"
    desk.answer(desk.rings[1].offer)
    desk.wait(5)
    desk.tell(CallerGone("c1", ""))
    assert "c1" not in desk.state.requests
    assert [e.outcome for e in desk.events if isinstance(e, RequestDecided)] == [Outcome.CONNECTED]
    assert [e.talk for e in desk.events if isinstance(e, CallEnded)] == [8.0]


def test_a_caller_taken_up_again_who_leaves_has_no_second_end() -> None:
    desk = Desk(rescue_grace=60.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.tell(SeatGone(desk.rings[0].offer))
    desk.tell(CallerHeld("c1"))
    assert desk.state.requests["c1"].state is RequestState.WAITING
    desk.tell(CallerGone("c1", ""))
    assert "c1" not in desk.state.requests
    assert len([e for e in desk.events if isinstance(e, CallEnded)]) == 1


def test_a_call_found_going_on_after_its_believed_end_is_believed() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    offer = desk.rings[0].offer
    desk.answer(offer)
    desk.tell(SeatGone(offer))
    desk.tell(OfferFound("c1", offer, "seat_a", answered=True, leg="PJSIP/seat_a-1"))
    assert desk.state.agents["a"].machine is Machine.TALKING
    desk.tell(CallerGone("c1", ""))
    assert desk.state.agents["a"].machine is not Machine.TALKING
    assert len([e for e in desk.events if isinstance(e, CallEnded)]) == 1
