"""One call keeps one identity, whatever the PBX does to its channels."""

from __future__ import annotations

import pytest

from seats.domain.messages import (
    CallerGone,
    CallerHeld,
    ChannelChanged,
    Hanging,
    LegRenamed,
    Message,
    OfferAnswered,
    OfferFound,
    OfferRefused,
    OfferReturned,
    RequestArrived,
    SeatGone,
)
from seats.domain.requests import Confidence, Origin
from seats.engine.intake import Intake
from seats.engine.joining import TOGETHER
from telephony import events as pbx
from tests.unit.coresim import T0

MADE = pbx.RequestMade("n1", "1.1", "PJSIP/trunk-1", "1.1", "1.1", "95500", "138", "", "", T0)
DIALLED = pbx.Dialing("n1", "1.1", "1x1", "1.2", "PJSIP/s1-2")


def intake() -> Intake:
    reader = Intake("n1", lambda *_: Origin("hubei", "trunk", Confidence.CERTAIN), lambda: T0)
    reader.read([MADE, DIALLED])
    return reader


def hung_up(uniqueid: str) -> pbx.HungUp:
    return pbx.HungUp("n1", uniqueid, "x", "1.1", 16, "bye")


def test_another_name_is_the_same_channel() -> None:
    reader = intake()
    assert reader.read(
        [
            pbx.Renamed("n1", "1.1", "PJSIP/trunk-1", "PJSIP/other-9"),
            pbx.Renamed("n1", "1.2", "PJSIP/s1-2", "PJSIP/s9-2"),
            pbx.Renamed("n1", "9.9", "PJSIP/a", "PJSIP/b"),
        ]
    ) == [ChannelChanged("n1:1.1", "1.1", "PJSIP/other-9"), LegRenamed("1x1", "PJSIP/s9-2")]


def test_a_masquerade_moves_the_call_into_the_channel_that_takes_its_name() -> None:
    reader = intake()
    told = reader.read(
        [
            pbx.Renamed("n1", "1.1", "PJSIP/trunk-1", "PJSIP/trunk-1<MASQ>"),
            pbx.Renamed("n1", "1.9", "Surrogate/trunk-1", "PJSIP/trunk-1"),
            pbx.Renamed("n1", "1.1", "PJSIP/trunk-1<MASQ>", "Surrogate/trunk-1<ZOMBIE>"),
            hung_up("1.1"),
        ]
    )
    assert told == [ChannelChanged("n1:1.1", "1.9", "PJSIP/trunk-1")], "the zombie's end ends nothing"
    assert reader.read([hung_up("1.9")]) == [CallerGone("n1:1.1", "bye")]


@pytest.mark.parametrize("there", ["PJSIP/s1-2", "PJSIP/s9-3"])
def test_who_answers_is_told_by_the_leg_that_came_together_with_the_caller(there: str) -> None:
    reader = intake()
    elsewhere = there if "s9" in there else ""
    bridged = pbx.Bridged("n1", "1.1", "PJSIP/trunk-1", "1.1", "b1")
    reader.read([pbx.DialEnded("n1", "1.1", "1x1", "1.3", "ANSWER", elsewhere), bridged])
    (told,) = reader.joining.all()
    if elsewhere:
        assert isinstance(told, OfferFound)
        assert (told.request, told.address, told.answered) == ("n1:1.1", "s9", True)
        assert told.offer != "1x1", "nobody answered the offer that was made"
    else:
        assert told == OfferAnswered("1x1", "n1:1.1", "", T0)


def test_local_channels_that_go_leave_the_call_to_whoever_stood_behind_them() -> None:
    reader = intake()
    changed = reader.read([pbx.Optimized("n1", ("1.0", "1.1"), "0.7", "PJSIP/trunk-0"), hung_up("1.1")])
    assert changed == [ChannelChanged("n1:1.1", "0.7", "PJSIP/trunk-0")], "the Local's end ends nothing"
    told = reader.read([pbx.HangingUp("n1", "1.2")])
    assert told == [Hanging("n1:1.1", "agent"), SeatGone("1x1")], "and the agent's leg is still this call's"
    assert reader.read([hung_up("0.7")]) == [CallerGone("n1:1.1", "bye")]


def test_local_channels_go_also_when_it_is_the_agents_leg_that_moves() -> None:
    reader = intake()
    told = reader.read(
        [
            pbx.Bridged("n1", "1.0", "Local/x;1", "0.7", "b1"),
            pbx.Bridged("n1", "0.7", "PJSIP/trunk-0", "0.7", "b1"),
            pbx.Optimized("n1", ("1.0", "1.1"), "1.2", "PJSIP/s1-2"),
            hung_up("1.0"),
            hung_up("1.1"),
        ]
    )
    assert told == [ChannelChanged("n1:1.1", "0.7", "PJSIP/trunk-0")]
    assert reader.read([hung_up("0.7")]) == [CallerGone("n1:1.1", "bye")]


def test_local_channels_of_others_are_none_of_ours() -> None:
    assert intake().read([pbx.Optimized("n1", ("8.0", "8.1"), "0.7", "PJSIP/x-0")]) == []


def test_a_caller_sent_back_to_ask_again_is_a_new_request_and_the_old_one_is_over() -> None:
    reader = intake()
    over, asked = reader.read([MADE._replace(request="1.1.2")])
    assert over == CallerGone("n1:1.1", "asks again")
    assert isinstance(asked, RequestArrived)
    assert asked.request == "n1:1.1.2"
    assert reader.read([hung_up("1.1")]) == [CallerGone("n1:1.1.2", "bye", dialled="1x1")]


@pytest.mark.parametrize(
    ("heard", "dialled"),
    [([MADE], ""), ([MADE, DIALLED], "1x1"), ([MADE, DIALLED, DIALLED._replace(offer="1x2")], "1x2")],
)
def test_the_end_of_a_caller_tells_the_offer_that_was_dialled_last(
    heard: list[pbx.PbxEvent], dialled: str
) -> None:
    reader = Intake("n1", lambda *_: Origin("hubei", "trunk", Confidence.CERTAIN), lambda: T0)
    reader.read(heard)
    assert reader.read([hung_up("1.1")]) == [CallerGone("n1:1.1", "bye", dialled=dialled)]


def test_of_a_caller_not_heard_all_the_time_nobody_knows_what_was_dialled() -> None:
    reader = Intake("n1", lambda *_: Origin("hubei", "trunk", Confidence.CERTAIN), lambda: T0)
    reader.read([MADE])
    reader.miss()
    assert reader.read([hung_up("1.1")]) == [CallerGone("n1:1.1", "bye", dialled=None)]


def test_a_seat_that_the_fallback_queue_rings_is_taken() -> None:
    reader = intake()
    reader.read([pbx.FellBack("n1", "1.1")])
    (rung,) = reader.read([pbx.Dialing("n1", "1.1", "", "1.7", "PJSIP/s2-7")])
    assert isinstance(rung, OfferFound)
    assert (rung.request, rung.address, rung.answered) == ("n1:1.1", "s2", False)
    assert reader.read([pbx.DialEnded("n1", "1.1", "", "1.7", "NOANSWER")]) == [
        OfferReturned(rung.offer, "NOANSWER")
    ]


def test_a_ring_that_came_late_was_refused_not_missed() -> None:
    assert intake().read([pbx.OfferReturned("n1", "1.1", "1x1", "LATE", 0)]) == [OfferRefused("1x1", "late")]


def test_a_seat_that_answers_in_the_fallback_queue_is_told_by_the_bridge() -> None:
    reader = intake()
    reader.read([pbx.FellBack("n1", "1.1"), pbx.Dialing("n1", "1.1", "", "1.7", "PJSIP/s2-7")])
    told = reader.read(
        [
            pbx.DialEnded("n1", "1.1", "", "1.7", "ANSWER"),
            pbx.Bridged("n1", "1.7", "PJSIP/s2-7", "1.1", "b"),
            pbx.Bridged("n1", "1.1", "PJSIP/trunk-1", "1.1", "b"),
        ]
    )
    assert told == []
    assert [(type(m), m.answered) for m in reader.joining.all()] == [(OfferFound, True)]  # type: ignore[union-attr]


BRIDGED = [
    pbx.DialEnded("n1", "1.1", "1x1", "1.2", "ANSWER"),
    pbx.Bridged("n1", "1.2", "PJSIP/s1-2", "1.1", "b"),
    pbx.Bridged("n1", "1.1", "PJSIP/trunk-1", "1.1", "b"),
]
ANSWERED = OfferAnswered("1x1", "n1:1.1", "s1", at=T0)


def test_who_took_the_call_back_before_the_bridge_was_not_answered() -> None:
    told = intake().read([pbx.HangingUp("n1", "1.1", unanswered=True), *BRIDGED, hung_up("1.1")])
    assert told == [Hanging("n1:1.1", "caller"), CallerGone("n1:1.1", "bye", dialled="1x1")]


def test_who_hung_up_an_answered_call_before_the_bridge_was_told_was_answered() -> None:
    told = intake().read([pbx.HangingUp("n1", "1.1"), *BRIDGED, hung_up("1.1")])
    assert told == [Hanging("n1:1.1", "caller"), ANSWERED, CallerGone("n1:1.1", "bye", dialled="1x1")]


def test_an_answer_is_told_when_no_word_of_the_contrary_has_come_and_as_of_the_bridge() -> None:
    clock = [T0]
    reader = Intake("n1", lambda *_: Origin("hubei", "trunk", Confidence.CERTAIN), lambda: clock[0])
    assert reader.read([MADE, DIALLED, *BRIDGED])[1:] == []
    assert reader.joining.due() == []
    assert reader.joining.holds("n1:1.1")
    assert reader.joining.wait() == pytest.approx(TOGETHER)
    clock[0] += TOGETHER
    assert reader.joining.due() == [ANSWERED]
    assert reader.joining.wait() is None
    assert reader.joining.due() == []


@pytest.mark.parametrize("first", [[], [hung_up("1.2")]])
def test_who_took_the_call_back_is_told_of_right_after_the_bridge(first: list[pbx.PbxEvent]) -> None:
    told = intake().read([*BRIDGED, *first, pbx.HangingUp("n1", "1.1", unanswered=True), hung_up("1.1")])
    gone = [SeatGone("1x1")] if first else []
    assert told == [*gone, Hanging("n1:1.1", "caller"), CallerGone("n1:1.1", "bye", dialled="1x1")]


def test_the_end_of_an_answered_leg_waits_with_its_answer() -> None:
    reader = intake()
    assert reader.read([*BRIDGED, hung_up("1.2")]) == []
    assert reader.read([hung_up("1.1")]) == [
        ANSWERED,
        SeatGone("1x1"),
        CallerGone("n1:1.1", "bye", dialled="1x1"),
    ]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (pbx.HangingUp("n1", "1.2"), [Hanging("n1:1.1", "agent"), SeatGone("1x1")]),
        (pbx.HangingUp("n1", "1.1"), [Hanging("n1:1.1", "caller")]),
        (pbx.Held("n1", "1.1", rescued=True), [CallerHeld("n1:1.1")]),
    ],
)
def test_whatever_only_an_answered_call_can_meet_proves_the_answer(
    event: pbx.PbxEvent, told: list[Message]
) -> None:
    assert intake().read([*BRIDGED, event]) == [ANSWERED, *told]


def test_news_of_other_calls_do_not_wait_and_prove_nothing() -> None:
    reader = intake()
    made = MADE._replace(request="2.1", uniqueid="2.1", channel="PJSIP/trunk-9")
    told = reader.read([*BRIDGED, made, hung_up("2.1")])
    assert [type(message) for message in told] == [RequestArrived, CallerGone]
    assert reader.joining.holds("n1:1.1")


def test_the_agent_of_a_call_that_we_place_has_answered_at_once() -> None:
    reader = intake()
    reader.read([pbx.CallbackBegan("n1", "cb1", "Local/x;1", "1.1", "1.1", "1x1")])
    assert reader.read(BRIDGED) == [OfferAnswered("1x1", "n1:cb1", "s1")]


def test_who_took_the_call_back_before_the_fallback_bridged_was_not_answered() -> None:
    reader = intake()
    reader.read([pbx.FellBack("n1", "1.1"), pbx.Dialing("n1", "1.1", "", "1.7", "PJSIP/s2-7")])
    told = reader.read(
        [
            pbx.HangingUp("n1", "1.1", unanswered=True),
            pbx.DialEnded("n1", "1.1", "", "1.7", "ANSWER"),
            pbx.Bridged("n1", "1.7", "PJSIP/s2-7", "1.1", "b"),
            pbx.Bridged("n1", "1.1", "PJSIP/trunk-1", "1.1", "b"),
            hung_up("1.1"),
        ]
    )
    assert told == [Hanging("n1:1.1", "caller"), CallerGone("n1:1.1", "bye", dialled="1x1")]
