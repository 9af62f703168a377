"""A seat in a call that none of ours is: offered nothing meanwhile, and not mistaken for one of our own."""

from __future__ import annotations

from seats.domain.agents import Machine
from seats.domain.messages import CallerGone, SeatGone, SeatReachable
from seats.engine.intake import Intake
from seats.engine.reconcile import Finding, findings, open_unknown, stands
from telephony.events import DialEnded, Dialing, SeatState
from telephony.snapshot import Channel, Snapshot
from tests.unit.ruledesk import Desk
from tests.unit.test_reconcile import OPEN, channel, intake


def device(desk: Desk, state: str, *, in_use: bool) -> None:
    desk.tell(SeatReachable("n1", "seat_a", True, state, in_use))


def test_a_seat_that_somebody_else_calls_is_offered_nothing_until_that_ends() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    device(desk, "RINGING", in_use=True)
    desk.call("c1", "hunan")
    device(desk, "BUSY", in_use=True)
    assert (desk.rings, desk.state.agents["a"].machine) == ([], Machine.UNREACHABLE)
    device(desk, "NOT_INUSE", in_use=False)
    assert desk.rung() == [("c1", "a")]


def test_the_echo_of_our_own_call_keeps_nobody_from_the_next() -> None:
    desk = Desk(wrap_up=0.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    device(desk, "RINGING", in_use=True)
    desk.answer(desk.rings[0].offer)
    desk.wait(5)
    desk.tell(SeatGone(desk.rings[0].offer))
    desk.tell(CallerGone("c1", ""))
    device(desk, "BUSY", in_use=True)
    desk.call("c2", "hunan")
    assert desk.rung() == [("c1", "a"), ("c2", "a")]


def test_a_call_made_during_the_wrap_up_lasts_beyond_it() -> None:
    desk = Desk(wrap_up=10.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    desk.tell(SeatGone(desk.rings[0].offer))
    desk.tell(CallerGone("c1", ""))
    desk.wait(5)
    device(desk, "BUSY", in_use=True)
    desk.wait(10)
    assert desk.state.agents["a"].machine is Machine.UNREACHABLE
    device(desk, "NOT_INUSE", in_use=False)
    assert desk.state.agents["a"].machine is Machine.IDLE


def test_a_seat_whose_registration_is_lost_in_another_call_is_not_kept_from_work_by_it() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    device(desk, "BUSY", in_use=True)
    desk.tell(SeatReachable("n1", "seat_a", False, "UNAVAILABLE"))
    desk.tell(SeatReachable("n1", "seat_a", True, "NOT_INUSE"))
    assert desk.state.agents["a"].machine is Machine.IDLE


def leg(uniqueid: str, lasts: int) -> Channel:
    return Channel(uniqueid, uniqueid, "PJSIP/seat_a-1", "x", "s", "Up", "", "", lasts)


def seen(desk: Desk, reader: Intake, *channels: Channel, missed_for: float = 5.0) -> list[Finding]:
    picture = Snapshot("n1", list(channels), {"seat_a": True}, {})
    return [f for f in findings(picture, desk.state, reader, missed_for=missed_for) if not f.repair]


def test_a_picture_shows_the_calls_of_others_and_their_end() -> None:
    desk, reader = Desk(), intake()
    desk.hire("a", "hunan")
    assert seen(desk, reader, leg("7.7", lasts=1)) == [], "so young that its news may be under way"
    (found,) = seen(desk, reader, leg("7.7", lasts=1), missed_for=0.0)
    assert found.message == SeatReachable("n1", "seat_a", True, "snapshot", True)
    (found,) = seen(desk, reader, leg("7.7", lasts=3))
    desk.tell(found.message)
    assert desk.state.agents["a"].machine is Machine.UNREACHABLE
    assert seen(desk, reader, leg("7.7", lasts=1)) == [], "another call by now"
    (found,) = seen(desk, reader)
    desk.tell(found.message)
    assert desk.state.agents["a"].machine is Machine.IDLE


def test_news_of_a_seat_beats_a_picture_that_was_being_taken() -> None:
    desk, reader = Desk(), intake()
    desk.hire("a", "hunan")
    (found,) = seen(desk, reader, leg("7.7", lasts=3))
    assert stands(found, desk.state, reader)
    reader.read([SeatState("n1", "seat_a", True, "NOT_INUSE")])
    assert not stands(found, desk.state, reader)


def test_the_leg_of_our_own_offer_is_no_call_of_others() -> None:
    desk, reader = Desk(), intake()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    offer = desk.rings[0].offer
    reader.read(
        [Dialing("n1", "c1", offer, "7.7", "PJSIP/seat_a-1"), DialEnded("n1", "c1", offer, "7.7", "BUSY")]
    )
    caller = Channel("c1", "c1", "PJSIP/c1", "seats-connect", f"o-{offer}-3-s-seat_a", "Ring", "", "", 9)
    assert seen(desk, reader, caller, leg("7.7", lasts=9)) == []


def test_open_records_that_the_core_does_not_hold_are_found_while_their_caller_is_there() -> None:
    desk = Desk()
    records = {"1.1": OPEN, "1.2": OPEN, "1.3": f"{OPEN}|1|x|0|"}
    live = [channel("1.1", "PJSIP/t-1"), channel("1.3", "PJSIP/t-3")]
    assert open_unknown(Snapshot("n1", live, {}, records), desk.state, intake()) == ["1.1"]
    known = Desk()
    known.call("n1:1.1", "hunan")
    assert open_unknown(Snapshot("n1", live, {}, records), known.state, intake()) == []
