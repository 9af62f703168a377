"""What a picture of a PBX means: who is new, who is over, since when they talk."""

from __future__ import annotations

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.messages import (
    CallerHeld,
    ChannelChanged,
    OfferFound,
    RequestArrived,
    RequestSettled,
    SeatGone,
    StateAsked,
    TalkFound,
    Tick,
)
from seats.domain.requests import Confidence, Origin, RequestState
from seats.domain.state import State
from seats.engine.intake import Intake
from seats.engine.reconcile import Ended, Finding, answered_since, findings, has_ended, settle, stands
from telephony.events import Dialing, HungUp, RequestMade
from telephony.snapshot import Channel, Snapshot
from tests.unit.coresim import T0, small_plan
from tests.unit.test_rules import Desk

OPEN = f"v1|{T0:.3f}|95500|13800138000|PJSIP/trunk-1"


def intake() -> Intake:
    return Intake("n1", lambda *_: Origin("hubei", "trunk", Confidence.CERTAIN), lambda: T0)


def channel(
    uniqueid: str, name: str, *, bridge: str = "", exten: str = "s", context: str = "seats-hold"
) -> Channel:
    return Channel(uniqueid, "1.1", name, context, exten, "Up", bridge, "", 1)


def made() -> RequestMade:
    return RequestMade("n1", "1.1", "PJSIP/trunk-1", "1.1", "1.1", "95500", "138", "", "", T0)


def test_a_caller_who_came_and_left_while_the_picture_was_taken_is_not_counted_twice() -> None:
    reader, state = intake(), State(small_plan())
    picture = Snapshot("n1", [channel("1.1", "PJSIP/trunk-1")], {}, {"1.1": OPEN})
    (found,) = findings(picture, state, reader, missed_for=5.0)
    assert isinstance(found.message, RequestArrived)
    assert stands(found, state, reader), "nothing else was heard of the caller"
    reader.read([made(), HungUp("n1", "1.1", "PJSIP/trunk-1", "1.1", 16, "")])
    assert not stands(found, state, reader)


def test_news_of_a_beginning_that_comes_after_the_end_begins_nothing() -> None:
    reader = intake()
    reader.read([made(), HungUp("n1", "1.1", "PJSIP/trunk-1", "1.1", 16, "")])
    assert reader.read([made()]) == []


def test_a_caller_who_left_between_the_list_of_channels_and_the_records_is_gone() -> None:
    """A service that had just come up offered the caller on, and let them go as timed out."""
    ended = f"{OPEN}|{T0 + 9}|16|1.1|fallback:PJSIP/s1"
    for uniqueid, record, over in (("1.1", ended, True), ("1.1", OPEN, False), ("8.8", ended, False)):
        desk = Desk()
        desk.tell(desk.arrival("n1:1.1", "hubei")._replace(uniqueid=uniqueid))
        there = channel(uniqueid, "PJSIP/n1:1.1", context="seats-fallback", bridge="b")
        picture = Snapshot("n1", [there], {}, {"1.1": record})
        found = [f.message for f in findings(picture, desk.state, intake(), missed_for=0.0)]
        settled = [(m.arrived.request, m.talk) for m in found if isinstance(m, RequestSettled)]
        assert settled == ([("n1:1.1", 1.1)] if over else []), "8.8: another channel's end"


def test_a_call_found_connected_is_so_since_the_pbx_says() -> None:
    reader, state = intake(), State(small_plan())
    reader.read([made()])
    caller = channel("1.1", "PJSIP/trunk-1", bridge="b", exten="o-1x1-20-s-s1", context="seats-connect")
    leg = channel("1.2", "PJSIP/s1-2", bridge="b", context="seats-none")
    picture = Snapshot("n1", [caller, leg], {}, {"1.1": f"{OPEN}|{T0 + 7:.0f}|1x1:PJSIP/s1"})
    found = [f.message for f in findings(picture, state, reader, missed_for=5.0)]
    (message,) = [m for m in found if isinstance(m, OfferFound)]
    assert (message.offer, message.address, message.at) == ("1x1", "s1", T0 + 7)


def test_a_caller_who_holds_and_was_answered_by_the_record_was_broken_off_unheard() -> None:
    reader, state = intake(), State(small_plan())
    record = f"{OPEN}|{T0 + 7:.0f}|1x1:PJSIP/s1"
    picture = Snapshot("n1", [channel("1.1", "PJSIP/trunk-1")], {}, {"1.1": record})
    arrived, broken = findings(picture, state, reader, missed_for=5.0)
    assert isinstance(arrived.message, RequestArrived)
    assert broken.message == TalkFound("n1:1.1", "s1", T0 + 7, "1x1")
    rung = channel("1.1", "PJSIP/trunk-1", exten="o-1x2-20-s-s2", context="seats-connect")
    found = findings(picture._replace(channels=[rung]), state, reader, missed_for=5.0)
    assert not [f for f in found if isinstance(f.message, TalkFound)], "offered again already"


def test_the_seat_of_a_mobile_found_ringing_is_told_by_the_extension() -> None:
    reader, state = intake(), State(small_plan())
    reader.read([made()])
    rung = "o-1x1-20-m-13900139000-1600000003"
    caller = channel("1.1", "PJSIP/trunk-1", exten=rung, context="seats-connect")
    leg = channel("1.2", "PJSIP/mobile-2", context="seats-none")
    found = [f.message for f in findings(Snapshot("n1", [caller, leg], {}, {}), state, reader, missed_for=5)]
    assert [m.address for m in found if isinstance(m, OfferFound)] == ["13900139000"]


def test_a_caller_in_another_channel_by_now_is_known_by_the_agent_they_talk_with() -> None:
    desk = Desk()
    desk.hire("a", "hunan")
    desk.call("c1", "hunan")
    desk.answer(desk.rings[0].offer)
    reader = intake()
    caller = Channel("8.8", "c1", "PJSIP/trunk-9", "x", "s", "Up", "b", "", 1)
    leg = Channel("1.2", "c1", "PJSIP/seat_a-2", "x", "s", "Up", "b", "", 1)
    found = [
        f.message for f in findings(Snapshot("n1", [caller, leg], {}, {}), desk.state, reader, missed_for=5)
    ]
    assert ChannelChanged("c1", "8.8", "PJSIP/trunk-9") in found
    assert reader.callers["8.8"] == "c1"
    alone = [
        f.message for f in findings(Snapshot("n1", [caller], {}, {}), desk.state, intake(), missed_for=5)
    ]
    assert not [m for m in alone if isinstance(m, ChannelChanged)]


@pytest.mark.parametrize(
    ("record", "since", "ended"),
    [
        (OPEN, None, False),
        (f"{OPEN}|1700000000|1x1:PJSIP/s1", 1700000000.0, False),
        (f"{OPEN}|x|", None, False),
        (f"{OPEN}|1700000009|16|3|1x1", None, True),
        ("", None, False),
    ],
)
def test_what_a_record_says(record: str, since: float | None, ended: bool) -> None:
    assert (answered_since(record), has_ended(record)) == (since, ended)


def test_a_record_without_its_end_claims_no_more_talk_than_is_certain() -> None:
    waited = settle(Ended("1.1", OPEN, lost=True), intake(), T0 + 100)
    talked = settle(Ended("1.1", f"{OPEN}|{T0 + 9:.0f}|1x1:PJSIP/s1", lost=True), intake(), T0 + 100)
    assert isinstance(waited, RequestSettled)
    assert isinstance(talked, RequestSettled)
    assert (waited.ended_at, waited.talk, waited.lost) == (T0 + 100, 0.0, True)
    assert (talked.ended_at, talked.talk, talked.lost, talked.address) == (T0 + 10, 1.0, True, "s1")


def test_a_call_that_broke_and_was_connected_anew_unheard_goes_on_with_the_new_seat() -> None:
    desk = Desk()
    desk.hire("a", "hubei")
    desk.hire("b", "hubei")
    reader = intake()
    desk.tell(reader.read([made()])[0])
    old = desk.rings[0]
    other = "b" if old.agent == "a" else "a"
    reader.read([Dialing("n1", "1.1", old.offer, "1.2", "PJSIP/x-2")])
    desk.answer(old.offer)
    caller = channel("1.1", "PJSIP/trunk-1", bridge="b2", context="seats-fallback")
    leg = channel("1.5", f"PJSIP/seat_{other}-5", bridge="b2", context="seats-none")
    for found in findings(
        Snapshot("n1", [caller, leg], {}, {"1.1": OPEN}), desk.state, reader, missed_for=0.0
    ):
        if stands(found, desk.state, reader):
            desk.tell(found.message)
    talking = {a.id: a.machine for a in desk.state.agents.values()}
    assert talking == {old.agent: Machine.UNREACHABLE, other: Machine.TALKING}
    assert desk.state.requests["n1:1.1"].connected_agent == other


def test_a_seat_in_two_calls_at_once_is_in_the_other_when_one_ends() -> None:
    """Two nodes' fallbacks rang one phone while the service was dead, and both callers talk."""
    desk = Desk(wrap_up=0.0)
    desk.hire("a", "nation", ready=False)
    reader = intake()
    for n in ("1.1", "2.1"):
        desk.tell(desk.arrival(n, "beijing")._replace(request=f"n1:{n}"))
    legs = {n: f"PJSIP/seat_a-{n}" for n in ("1.5", "2.5")}

    def picture(*calls: str) -> Snapshot:
        live = []
        for n in calls:
            live.append(
                Channel(f"{n}.1", f"{n}.1", f"PJSIP/trunk-{n}.1", "seats-fallback", "s", "Up", n, "", 9)
            )
            live.append(Channel(f"{n}.5", f"{n}.1", legs[f"{n}.5"], "seats-none", "s", "Up", n, "", 9))
        return Snapshot("n1", live, {"seat_a": True}, {f"{n}.1": OPEN for n in calls})

    def look(*calls: str) -> None:
        for found in findings(picture(*calls), desk.state, reader, missed_for=0.0):
            if stands(found, desk.state, reader):
                desk.tell(found.message)

    reader.callers.update({"1.1": "n1:1.1", "2.1": "n1:2.1"})
    look("1", "2")
    agent = desk.state.agents["a"]
    assert (agent.machine, agent.request) == (Machine.TALKING, "n1:2.1")
    desk.tell(StateAsked("a", Chosen.READY, "", "test"))
    desk.tell(SeatGone(str(agent.offer)))
    assert agent.machine is Machine.UNREACHABLE, "the phone is in the first call yet"
    look("1")
    assert (agent.machine, agent.request) == (Machine.TALKING, "n1:1.1")
    desk.tell(SeatGone(str(agent.offer)))
    look()
    desk.call("next", "beijing")
    assert desk.rings[-1].request == "next"


def test_a_finding_about_someone_else_by_now_does_not_stand() -> None:
    reader, state = intake(), State(small_plan())
    assert not stands(Finding(OfferFound("n1:9", "1x1", "s1", answered=True), ""), state, reader)


def test_a_rescued_caller_just_told_to_leave_is_not_told_again() -> None:
    desk = Desk(max_wait=20.0, rescue_grace=2.0)
    desk.hire("a", "hubei")
    reader = intake()
    desk.tell(reader.read([made()])[0])
    desk.answer(desk.rings[0].offer)
    desk.wait(60)
    desk.tell(StateAsked("a", Chosen.NOT_READY, "break", "test"))
    desk.tell(SeatGone(desk.rings[0].offer, "no media"))
    desk.tell(CallerHeld("n1:1.1"))
    picture = Snapshot("n1", [channel("1.1", "PJSIP/trunk-1")], {}, {"1.1": OPEN})

    def missed() -> list[str]:
        return [f.repair for f in findings(picture, desk.state, reader, missed_for=5.0)]

    desk.wait(20)
    assert desk.state.requests["n1:1.1"].state is RequestState.RELEASING
    assert "caller_holding" not in missed(), "the action is still on its way"
    desk.wait(5)
    desk.tell(Tick())
    assert "caller_holding" in missed(), "now it should have been carried out"


def test_a_caller_who_holds_though_the_call_is_believed_over_is_found_after_a_while() -> None:
    desk = Desk(rescue_grace=2.0)
    desk.hire("a", "hubei")
    reader = intake()
    desk.tell(reader.read([made()])[0])
    desk.answer(desk.rings[0].offer)
    desk.tell(SeatGone(desk.rings[0].offer))
    picture = Snapshot("n1", [channel("1.1", "PJSIP/trunk-1")], {}, {"1.1": OPEN})

    def missed() -> list[str]:
        return [f.repair for f in findings(picture, desk.state, reader, missed_for=5.0)]

    assert "caller_holding" not in missed(), "the caller's end is still on its way"
    desk.wait(6)
    desk.tell(Tick())
    assert "caller_holding" in missed()
