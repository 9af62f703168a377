"""What becomes of callers whom no agent will answer; each rule with an example a supervisor could read."""

from __future__ import annotations

from typing import Any

import pytest

from seats.domain.callback_settings import CallbackSettings
from seats.domain.effects import PassOn, Release
from seats.domain.errors import PlanError
from seats.domain.events import RequestDecided, VoicemailLeft
from seats.domain.hours import Calendar, Span
from seats.domain.messages import CallbackChosen, CallerGone, CallerHeld, RequestSettled, VoicemailSpoken
from seats.domain.overflow import Overflow, Overflows, Way
from seats.domain.plan import Plan, check_plan
from seats.domain.requests import Outcome
from seats.policyfile import callbacks_from_json, overflows_from_json, overflows_to_json
from tests.unit.coresim import small_plan
from tests.unit.test_rules import Desk

SHUT = Calendar("shut", "UTC", ((),) * 7)
NUMBER = "13812345678"


class Hall(Desk):
    """A desk whose Hubei has an overflow of its own, and sees what the PBX is told."""

    def __init__(self, *, hours: str = "", overflow: Overflows | None = None, **plan: Any) -> None:
        base = small_plan(hours={"shut": SHUT}, **plan)
        hubei = base.routes["hubei"]._replace(hours=hours, overflow=overflow or Overflows())
        super().__init__(**base._replace(routes={**base.routes, "hubei": hubei})._asdict())

    def told(self) -> list[PassOn | Release]:
        return [e for e in self.effects if isinstance(e, PassOn | Release)]

    def one_outcome(self) -> Outcome:
        decided = [e for e in self.events if isinstance(e, RequestDecided)]
        assert len(decided) == 1
        return decided[0].outcome


def test_at_closed_hours_the_caller_hears_so_and_is_in_no_rate() -> None:
    hall = Hall(hours="shut")
    hall.hire("own", "hubei")
    hall.call("c1", "hubei")
    assert hall.rung() == []
    assert hall.one_outcome() is Outcome.EXCLUDED_CLOSED
    assert [e.outcome for e in hall.told()] == [Outcome.EXCLUDED_CLOSED]
    hall.tell(CallerGone("c1", "normal"))
    assert not hall.state.requests


def test_other_provinces_are_open_while_one_is_closed() -> None:
    hall = Hall(hours="shut")
    hall.hire("own", "nation")
    hall.call("c1", "hunan")
    hall.wait(9)
    assert hall.rung() == [("c1", "own")]


def test_who_waits_when_it_closes_is_served_still() -> None:
    open_for_a_minute = Calendar("shut", "UTC", ((Span(0, 12 * 60 + 27),),) * 7)  # T0 is 12:26:40
    hall = Hall(hours="shut")
    plan = hall.state.plan._replace(hours={"shut": open_for_a_minute})
    hall.state.plan = plan
    hall.call("early", "hubei")
    hall.wait(60)
    hall.call("late", "hubei")
    assert hall.outcomes() == {"late": Outcome.EXCLUDED_CLOSED}
    hall.hire("own", "hubei")
    assert hall.rung() == [("early", "own")]


@pytest.mark.parametrize(
    ("overflow", "way", "argument"),
    [
        (Overflow(Way.VOICEMAIL), "voicemail", ""),
        (Overflow(Way.MESSAGE, file="seats/later"), "message", "seats/later"),
        (Overflow(Way.NUMBER, number="02788880000"), "number", "02788880000"),
    ],
)
def test_the_longest_wait_ends_in_the_overflow_and_counts_as_a_timeout(
    overflow: Overflow, way: str, argument: str
) -> None:
    hall = Hall(overflow=Overflows(max_wait=overflow))
    hall.hire("own", "hubei")
    hall.call("first", "hubei")
    hall.answer(hall.rings[0].offer)
    hall.call("c1", "hubei")
    hall.wait(120)
    assert hall.told() == [PassOn("c1", "n1", "PJSIP/c1", way, argument, Outcome.TIMEOUT)]
    assert hall.outcomes()["c1"] is Outcome.TIMEOUT


def test_where_nobody_is_there_the_overflow_does_not_wait_for_the_longest_wait() -> None:
    hall = Hall(overflow=Overflows(no_seat=Overflow(Way.VOICEMAIL, after=20.0)))
    hall.call("c1", "hubei")
    hall.wait(19)
    assert hall.told() == []
    hall.wait(2)
    assert [e.way for e in hall.told() if isinstance(e, PassOn)] == ["voicemail"]
    assert hall.one_outcome() is Outcome.NO_SEAT


def test_an_agent_who_comes_in_time_takes_the_caller() -> None:
    hall = Hall(overflow=Overflows(no_seat=Overflow(Way.VOICEMAIL, after=20.0)))
    hall.call("c1", "hubei")
    hall.wait(10)
    hall.hire("own", "hubei")
    hall.wait(12)
    assert hall.rung() == [("c1", "own")]
    assert hall.told() == []


def test_a_provinces_own_overflow_goes_before_the_plans() -> None:
    everyone = Overflows(max_wait=Overflow(Way.VOICEMAIL), no_seat=Overflow(Way.VOICEMAIL))
    hall = Hall(overflow=Overflows(no_seat=Overflow(Way.ANNOUNCE)))
    hall.state.plan = hall.state.plan._replace(overflow=everyone)
    hall.call("mine", "hubei")
    hall.call("other", "hunan")
    hall.wait(1)
    assert hall.told() == [
        Release("mine", "n1", "PJSIP/mine", Outcome.NO_SEAT),
        PassOn("other", "n1", "PJSIP/other", "voicemail", "", Outcome.NO_SEAT),
    ]


class Asked(Hall):
    """A caller whom the overflow asks to press 1."""

    def __init__(self, number: str = NUMBER, **settings: Any) -> None:
        super().__init__(overflow=Overflows(no_seat=Overflow(Way.CALLBACK)), **settings)
        self.call("c1", "hubei", number)
        self.wait(1)


def test_asked_for_a_callback_the_outcome_waits_for_the_answer() -> None:
    hall = Asked()
    assert [e.way for e in hall.told() if isinstance(e, PassOn)] == ["callback"]
    assert hall.outcomes() == {}
    hall.tell(CallbackChosen("c1"))
    assert hall.one_outcome() is Outcome.CALLBACK
    hall.tell(CallerGone("c1", "normal"))
    assert hall.one_outcome() is Outcome.CALLBACK


def test_who_does_not_press_1_was_lost_as_without_the_question() -> None:
    hall = Asked()
    hall.tell(CallerGone("c1", "normal"))
    assert hall.one_outcome() is Outcome.NO_SEAT


def test_a_hidden_number_is_not_asked() -> None:
    hall = Asked(number="anonymous")
    assert [type(e) for e in hall.told()] == [Release]
    assert hall.one_outcome() is Outcome.NO_SEAT


def test_the_pbx_is_told_again_when_it_missed_the_word() -> None:
    hall = Asked()
    hall.tell(CallerHeld("c1"))
    assert hall.told()[0] == hall.told()[1]


def test_who_waits_may_press_1_where_callbacks_are_offered() -> None:
    hall = Hall(callbacks=CallbackSettings(offer=True))
    hall.call("c1", "hubei", NUMBER)
    hall.tell(CallbackChosen("c1"))
    assert hall.one_outcome() is Outcome.CALLBACK
    assert hall.told() == [Release("c1", "n1", "PJSIP/c1", Outcome.CALLBACK)]


def test_a_1_changes_nothing_where_no_callback_is_offered_or_an_agent_rings() -> None:
    silent = Hall()
    silent.call("c1", "hubei", NUMBER)
    silent.tell(CallbackChosen("c1"))
    busy = Hall(callbacks=CallbackSettings(offer=True))
    busy.hire("own", "hubei")
    busy.call("c1", "hubei", NUMBER)
    busy.tell(CallbackChosen("c1"))
    for hall in (silent, busy):
        assert hall.outcomes() == {}
        assert hall.told() == []


def test_where_the_voicemail_lies_is_noted() -> None:
    hall = Hall()
    hall.tell(VoicemailSpoken("c1", "/var/spool/asterisk/seats/1.2.wav", 7.0))
    assert [e for e in hall.events if isinstance(e, VoicemailLeft)] == [
        VoicemailLeft(hall.now, "c1", "/var/spool/asterisk/seats/1.2.wav", 7.0)
    ]


def test_a_caller_of_closed_hours_found_later_was_closed_out_too() -> None:
    hall = Hall(hours="shut")
    arrived = hall.arrival("c1", "hubei", NUMBER)
    hall.tell(RequestSettled(arrived, hall.now + 60, 0.0, "", "16"))
    assert hall.one_outcome() is Outcome.EXCLUDED_CLOSED


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"max_wait": {}}, "overflow.max_wait.do"),
        ({"max_wait": {"do": "fax"}}, "overflow.max_wait.do"),
        ({"max_wait": {"do": "voicemail", "box": 1}}, "overflow.max_wait.box"),
        ({"busy": {"do": "voicemail"}}, "overflow.busy"),
        ({"closed": {"do": "message"}}, "overflow.closed.file"),
        ({"closed": {"do": "message", "file": "../secret"}}, "overflow.closed.file"),
        ({"closed": {"do": "number"}}, "overflow.closed.number"),
        ({"closed": {"do": "number", "number": "110&SIP/x"}}, "overflow.closed.number"),
        ({"closed": {"do": "number", "number": 95500}}, "overflow.closed.number"),
        ({"closed": {"do": "voicemail", "after": 5}}, "overflow.closed.after"),
        ({"no_seat": {"do": "voicemail", "after": -1}}, "overflow.no_seat.after"),
        ({"no_seat": {"do": "callback", "ask": "yes"}}, "overflow.no_seat.ask"),
        ([], "overflow"),
    ],
)
def test_an_overflow_that_is_refused(data: object, where: str) -> None:
    with pytest.raises(PlanError) as caught:
        check_plan(small_plan(overflow=overflows_from_json(data, "overflow")))
    assert caught.value.where == where
    assert caught.value.allowed


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"dial": "robot"}, "callbacks.dial"),
        ({"recover": ["connected"]}, "callbacks.recover[1]"),
        ({"recover": "abandoned"}, "callbacks.recover"),
        ({"max_attempts": 2.5}, "callbacks.max_attempts"),
        ({"max_attempts": 0}, "callbacks.max_attempts"),
        ({"pause": "900"}, "callbacks.pause"),
        ({"pause": float("nan")}, "callbacks.pause"),
        ({"within_hours": 10_000}, "callbacks.within_hours"),
        ({"offer": 1}, "callbacks.offer"),
    ],
)
def test_callbacks_that_are_refused(data: object, where: str) -> None:
    with pytest.raises(PlanError) as caught:
        check_plan(small_plan(callbacks=callbacks_from_json(data, "callbacks")))
    assert caught.value.where == where


def test_a_bare_off_of_yaml_is_the_word() -> None:
    assert callbacks_from_json({"dial": False}, "callbacks") == CallbackSettings()


def test_overflows_as_json_and_back() -> None:
    some = Overflows(Overflow(Way.MESSAGE, file="a/b"), Overflow(Way.CALLBACK, ask=False, after=3.0), None)
    assert overflows_from_json(overflows_to_json(some), "overflow") == some


def test_an_unknown_calendar_is_refused() -> None:
    plan: Plan = small_plan()
    hubei = plan.routes["hubei"]._replace(hours="late")
    with pytest.raises(PlanError) as caught:
        check_plan(plan._replace(routes={**plan.routes, "hubei": hubei}))
    assert caught.value.where == "provinces.hubei.hours"
