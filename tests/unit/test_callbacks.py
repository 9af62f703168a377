"""Callbacks: who gets one, when they are dialled, how they end; each rule as a supervisor would tell it."""

from __future__ import annotations

from typing import Any

import pytest

from seats.domain.agents import Machine
from seats.domain.callback_book import Callback, CallbackState, Result, Source, number_key
from seats.domain.callback_settings import CallbackSettings, Dial
from seats.domain.effects import CallAgent, CallCustomer, HangUp, Ring
from seats.domain.errors import CallbackError
from seats.domain.events import CallbackAsked, CallbackChanged, CallbackTried, RequestDecided, RequestOpened
from seats.domain.messages import (
    CallbackAnswered,
    CallbackBegan,
    CallbackCancelAsked,
    CallbackChosen,
    CallbackDialled,
    CallbackRecalled,
    CallbackRefused,
    CallbackTakeAsked,
    CallerGone,
    Hanging,
    OfferAnswered,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    OfferRinging,
    PlanChanged,
    SeatGone,
)
from seats.domain.overflow import Overflow, Overflows, Way
from seats.domain.requests import Outcome, RequestState
from tests.unit.test_overflow import NUMBER, Hall

OTHER = "13900001111"


class Phones(Hall):
    """A hall that calls people back, and the parts that the PBX plays in it."""

    def __init__(self, dial: Dial = Dial.AGENT_FIRST, *, hours: str = "", **settings: Any) -> None:
        callbacks = CallbackSettings(offer=True, dial=dial)._replace(**settings)
        super().__init__(hours=hours, callbacks=callbacks)

    def lose(self, name: str = "c1", number: str = NUMBER, after: float = 30.0) -> None:
        """A caller gives up waiting."""
        self.call(name, "hubei", number)
        self.wait(after)
        self.tell(CallerGone(name, "normal"))

    def choose(self, name: str = "c1", number: str = NUMBER, after: float = 0.0) -> None:
        """A caller presses 1."""
        self.call(name, "hubei", number)
        self.wait(after)
        self.tell(CallbackChosen(name))
        self.tell(CallerGone(name, "normal"))
        self.wait(0)

    @property
    def open(self) -> list[Callback]:
        return list(self.state.callbacks.by_id.values())

    def dials(self) -> list[CallAgent | CallCustomer]:
        return [e for e in self.effects if isinstance(e, CallAgent | CallCustomer)]

    def tried(self) -> list[Result]:
        return [e.result for e in self.events if isinstance(e, CallbackTried)]

    def ends(self) -> list[tuple[CallbackState, str]]:
        over = [e for e in self.events if isinstance(e, CallbackChanged)]
        return [
            (e.state, e.reason) for e in over if e.state not in (CallbackState.WAITING, CallbackState.CALLING)
        ]

    def agent_picks_up(self, call: CallAgent) -> None:
        self.tell(CallbackBegan(call.request, f"Local/{call.offer};2", f"u{call.offer}", "l"))
        self.tell(OfferRinging(call.offer))
        self.tell(OfferAnswered(call.offer))

    def agent_ignores(self, call: CallAgent) -> None:
        self.tell(CallbackBegan(call.request, f"Local/{call.offer};2", f"u{call.offer}", "l"))
        self.tell(OfferMissed(call.offer, "NOANSWER"))
        self.tell(SeatGone(call.offer))
        self.tell(OfferReturned(call.offer, "NOANSWER"))
        self.tell(CallerGone(call.request, "normal"))  # the Local channel of the attempt

    def customer_talks(self, call: CallAgent, seconds: float = 60.0) -> None:
        self.tell(CallbackAnswered(call.request))
        self.wait(seconds)
        self.tell(CallbackDialled(call.request, "ANSWER"))
        self.call_ends(call)

    def customer_does_not(self, call: CallAgent, status: str = "NOANSWER") -> None:
        self.wait(30)
        self.tell(CallbackDialled(call.request, status))
        self.call_ends(call)

    def call_ends(self, call: CallAgent) -> None:
        self.tell(SeatGone(call.offer))
        self.tell(CallerGone(call.request, "normal"))

    def agent_first(self) -> CallAgent:
        call = self.dials()[-1]
        assert isinstance(call, CallAgent)
        return call


# --- the list -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("writings", "same"),
    [
        (("13812345678", "+8613812345678", "008613812345678", "8613812345678", "013812345678"), True),
        (("02788886666", "2788886666", "+862788886666"), True),
        (("13812345678", "13812345679"), False),
        (("8612345", "12345"), False),  # too short to carry a country code
    ],
)
def test_one_number_however_the_trunk_writes_it(writings: tuple[str, ...], same: bool) -> None:
    assert (len({number_key(w) for w in writings}) == 1) is same


def test_a_caller_who_gave_up_is_listed() -> None:
    hall = Phones(Dial.OFF)
    hall.lose()
    (callback,) = hall.open
    assert (callback.number, callback.source, callback.request) == (NUMBER, Source.RECOVERED, "c1")
    assert hall.outcomes() == {"c1": Outcome.ABANDONED}
    hall.hire("own", "hubei")
    hall.wait(3600)
    assert hall.dials() == []


def test_short_calls_and_hidden_numbers_are_not_listed() -> None:
    hall = Phones()
    hall.lose("short", after=1.0)
    hall.lose("hidden", number="anonymous")
    assert hall.outcomes() == {"short": Outcome.EXCLUDED_SHORT, "hidden": Outcome.ABANDONED}
    assert hall.open == []


def test_which_lost_callers_are_listed_is_the_plans_choice() -> None:
    hall = Phones(recover=(Outcome.TIMEOUT,))
    hall.lose()
    assert hall.open == []


def test_one_callback_for_a_number_and_the_oldest_age_is_kept() -> None:
    hall = Phones(Dial.OFF)
    hall.lose("c1", after=10)
    first = hall.now - 10
    hall.wait(300)
    hall.lose("c2", number=f"+86{NUMBER}")
    (callback,) = hall.open
    assert callback.asked_at == first
    assert [(e.request, e.callback) for e in hall.events if isinstance(e, CallbackAsked)] == [
        ("c1", callback.id),
        ("c2", callback.id),
    ]


def test_who_gets_through_needs_no_callback() -> None:
    hall = Phones(Dial.OFF)
    hall.lose("c1")
    hall.hire("own", "hubei")
    hall.call("c2", "hubei", NUMBER)
    assert len(hall.open) == 1
    hall.answer(hall.rings[-1].offer)
    assert hall.open == []
    assert hall.ends() == [(CallbackState.CANCELLED, "got through")]


def test_a_supervisor_cancels() -> None:
    hall = Phones()
    hall.choose()
    hall.tell(CallbackCancelAsked(hall.open[0].id, "lin"))
    assert hall.ends() == [(CallbackState.CANCELLED, "lin")]
    with pytest.raises(CallbackError, match="is not open"):
        hall.tell(CallbackCancelAsked("nothing", "lin"))


def test_a_callback_becomes_too_old() -> None:
    hall = Phones(within_hours=2.0)
    hall.lose()
    hall.wait(2 * 3600)
    assert hall.ends() == [(CallbackState.EXPIRED, "too old")]
    assert hall.state.requests == {}


def test_the_overflow_may_give_everyone_a_callback() -> None:
    hall = Hall(
        overflow=Overflows(no_seat=Overflow(Way.CALLBACK, ask=False)), callbacks=CallbackSettings(recover=())
    )
    hall.call("c1", "hubei", NUMBER)
    hall.wait(1)
    assert hall.outcomes() == {"c1": Outcome.NO_SEAT}  # the caller did not choose it
    assert [c.source for c in hall.state.callbacks.by_id.values()] == [Source.OVERFLOW]


# --- the agent first ------------------------------------------------------------------------------


def test_the_agent_is_rung_then_the_customer_and_it_is_done() -> None:
    hall = Phones()
    hall.choose()
    hall.hire("own", "hubei")
    call = hall.agent_first()
    assert (call.agent, call.number) == ("own", NUMBER)
    hall.agent_picks_up(call)
    assert hall.state.agents["own"].machine is Machine.TALKING
    hall.customer_talks(call, 60.0)
    assert hall.ends() == [(CallbackState.DONE, "talked")]
    (tried,) = [e for e in hall.events if isinstance(e, CallbackTried)]
    assert (tried.agent, tried.result, tried.talk) == ("own", Result.CONNECTED, 60.0)
    assert hall.state.agents["own"].machine is Machine.WRAP_UP
    assert hall.state.requests == {}
    hall.wait(11)
    assert hall.state.agents["own"].machine is Machine.IDLE


def test_an_attempt_is_no_request() -> None:
    """The caller chose a callback: that is the request's one outcome, whatever comes of the callback."""
    hall = Phones()
    hall.choose()
    hall.hire("own", "hubei")
    call = hall.agent_first()
    hall.agent_picks_up(call)
    hall.customer_talks(call)
    assert [e.request for e in hall.events if isinstance(e, RequestOpened)] == ["c1"]
    assert [e.outcome for e in hall.events if isinstance(e, RequestDecided)] == [Outcome.CALLBACK]
    assert not any(isinstance(e, Ring) for e in hall.effects)


def test_a_customer_who_does_not_answer_is_tried_again_after_the_pause() -> None:
    hall = Phones(max_attempts=2, pause=600.0)
    hall.choose()
    hall.hire("own", "hubei")
    hall.agent_picks_up(hall.agent_first())
    hall.customer_does_not(hall.agent_first())
    assert len(hall.dials()) == 1
    hall.wait(590)
    assert len(hall.dials()) == 1
    hall.wait(20)
    assert len(hall.dials()) == 2
    hall.agent_picks_up(hall.agent_first())
    hall.customer_does_not(hall.agent_first(), "BUSY")
    assert hall.tried() == [Result.NO_ANSWER, Result.BUSY]
    assert hall.ends() == [(CallbackState.FAILED, "busy")]


def test_a_chosen_callback_keeps_its_place_in_line() -> None:
    hall = Phones()
    hall.choose("early", NUMBER)
    hall.wait(30)
    hall.call("late", "hubei", OTHER)
    hall.hire("own", "hubei")
    assert hall.dials()[0].number == NUMBER
    assert hall.rung() == []


def test_lost_callers_come_after_those_who_wait_now() -> None:
    hall = Phones()
    hall.lose("early")
    hall.wait(120)
    hall.call("now", "hubei", OTHER)
    hall.hire("own", "hubei")
    assert hall.rung() == [("now", "own")]
    assert hall.dials() == []


def test_a_lost_caller_is_left_a_minute_to_call_again() -> None:
    hall = Phones()
    hall.lose()
    hall.hire("own", "hubei")
    hall.wait(59)
    assert hall.dials() == []
    hall.wait(2)
    assert len(hall.dials()) == 1


def test_the_next_agent_is_rung_when_one_does_not_answer() -> None:
    hall = Phones()
    hall.choose()
    hall.hire("a", "hubei")
    hall.hire("b", "hubei")
    hall.agent_ignores(hall.agent_first())
    assert [d.agent for d in hall.dials() if isinstance(d, CallAgent)] == ["a", "b"]
    assert hall.state.agents["a"].machine is Machine.IDLE
    hall.agent_picks_up(hall.agent_first())
    hall.customer_talks(hall.agent_first())
    assert hall.ends() == [(CallbackState.DONE, "talked")]


def test_after_three_agents_in_vain_it_pauses_and_costs_no_attempt() -> None:
    hall = Phones(pause=300.0)
    hall.choose()
    for name in "abcd":
        hall.hire(name, "hubei")
    for _ in range(3):
        hall.agent_ignores(hall.agent_first())
    assert hall.tried() == [Result.NO_AGENT]
    assert (hall.open[0].state, hall.open[0].attempts) == (CallbackState.WAITING, 0)
    hall.wait(301)
    assert len(hall.dials()) == 4


def test_a_pbx_that_refuses_is_asked_again_after_the_pause() -> None:
    hall = Phones(pause=300.0)
    hall.choose()
    hall.hire("own", "hubei")
    hall.tell(OfferRefused(hall.agent_first().offer, "permission denied"))
    assert hall.tried() == [Result.FAILED]
    assert hall.state.agents["own"].machine is Machine.IDLE
    hall.wait(301)
    assert len(hall.dials()) == 2


def test_the_agent_hangs_up_before_the_customer_answers() -> None:
    hall = Phones()
    hall.choose()
    hall.hire("own", "hubei")
    call = hall.agent_first()
    hall.agent_picks_up(call)
    hall.wait(5)
    hall.tell(Hanging(call.request, "agent"))
    hall.call_ends(call)
    assert hall.tried() == [Result.NO_ANSWER]
    assert hall.open[0].attempts == 1


def test_an_agents_dead_line_ends_the_attempt() -> None:
    hall = Phones()
    hall.choose()
    hall.hire("own", "hubei")
    call = hall.agent_first()
    hall.agent_picks_up(call)
    hall.tell(SeatGone(call.offer, "no media"))
    hall.tell(CallerGone(call.request, "normal"))
    assert hall.tried() == [Result.NO_ANSWER]
    assert hall.state.requests == {}


def test_a_pbx_that_says_nothing_lets_the_agent_go() -> None:
    hall = Phones(pause=3000.0)
    hall.choose()
    hall.hire("own", "hubei")
    hall.wait(40)
    agent = hall.state.agents["own"]
    assert hall.state.offers == {} or agent.machine is not Machine.TALKING
    hall.wait(120)
    assert hall.tried()[0] in (Result.NO_AGENT, Result.FAILED)
    assert agent.machine is Machine.IDLE


def test_who_gets_through_while_the_agent_is_rung_is_not_called() -> None:
    hall = Phones()
    hall.choose()
    hall.hire("a", "hubei")
    call = hall.agent_first()
    hall.tell(CallbackBegan(call.request, "Local/x;2", "ux", "l"))
    hall.hire("b", "hubei")
    hall.call("c2", "hubei", NUMBER)
    hall.answer(hall.rings[-1].offer)
    assert hall.effects[-1] == HangUp(call.request, "n1", "Local/x;2")
    hall.call_ends(call)
    assert hall.ends() == [(CallbackState.CANCELLED, "got through")]
    assert hall.state.agents["a"].machine is Machine.IDLE


def test_what_waits_for_an_agent_can_be_cancelled() -> None:
    hall = Phones()
    hall.choose()
    assert [r.state for r in hall.state.requests.values()] == [RequestState.WAITING]
    hall.tell(CallbackCancelAsked(hall.open[0].id, "lin"))
    assert hall.state.requests == {}
    hall.hire("own", "hubei")
    assert hall.dials() == []


def test_a_talk_is_not_cancelled() -> None:
    hall = Phones()
    hall.choose()
    hall.hire("own", "hubei")
    call = hall.agent_first()
    hall.agent_picks_up(call)
    hall.tell(CallbackAnswered(call.request))
    with pytest.raises(CallbackError, match="talking"):
        hall.tell(CallbackCancelAsked(hall.open[0].id, "lin"))


# --- agents who take one --------------------------------------------------------------------------


def test_an_agent_takes_one() -> None:
    hall = Phones(Dial.MANUAL)
    hall.lose()
    hall.hire("other", "hubei")
    hall.wait(300)
    hall.hire("own", "hubei")
    assert hall.dials() == []
    hall.tell(CallbackTakeAsked(hall.open[0].id, "own", "own"))
    assert hall.agent_first().agent == "own"
    with pytest.raises(CallbackError, match="is calling"):
        hall.tell(CallbackTakeAsked(hall.open[0].id, "other", "other"))
    hall.agent_ignores(hall.agent_first())
    assert hall.tried() == [Result.NO_AGENT]
    assert hall.open[0].state is CallbackState.WAITING


def test_who_cannot_be_rung_cannot_take_one() -> None:
    hall = Phones(Dial.MANUAL)
    hall.lose()
    hall.hire("away", "hubei", ready=False)
    hall.hire("far", "hunan")
    before = len(hall.events)
    for name in ("away", "far", "nobody"):
        with pytest.raises(CallbackError, match="cannot be rung"):
            hall.tell(CallbackTakeAsked(hall.open[0].id, name, name))
    assert len(hall.events) == before
    assert hall.state.requests == {}
    assert hall.open[0].state is CallbackState.WAITING
    assert (hall.open[0].agent, hall.open[0].began_at) == ("", 0.0), "a refusal leaves no trace"


def test_where_nothing_is_dialled_nothing_can_be_taken() -> None:
    hall = Phones(Dial.OFF)
    hall.lose()
    hall.hire("own", "hubei")
    with pytest.raises(CallbackError, match="dials no callbacks"):
        hall.tell(CallbackTakeAsked(hall.open[0].id, "own", "own"))


def test_whom_an_agent_is_kept_for_is_called_back_though_others_wait() -> None:
    """Ordinary callers go before those whom we call of our own accord; but not to an agent kept from them."""
    hall = Phones(Dial.AGENT_FIRST)
    for n in range(4):
        hall.lose(f"c{n}", f"1390000000{n}")
    hall.wait(70)
    assert hall.state.steers["hubei"].reserve == 1
    hall.call("other", "beijing", OTHER)
    hall.hire("anybody", "nation")
    assert hall.agent_first().number == "13900000000"
    assert [r for r, _ in hall.rung() if r == "other"] == []


# --- the customer first ---------------------------------------------------------------------------


def test_the_customer_is_dialled_only_for_an_idle_agent() -> None:
    hall = Phones(Dial.CUSTOMER_FIRST)
    hall.choose()
    hall.wait(60)
    assert hall.dials() == []
    hall.hire("own", "hubei")
    hall.wait(6)
    assert [type(d) for d in hall.dials()] == [CallCustomer]


def test_one_idle_agent_is_not_promised_to_two_customers() -> None:
    hall = Phones(Dial.CUSTOMER_FIRST)
    hall.choose("c1", NUMBER)
    hall.choose("c2", OTHER)
    hall.hire("own", "hubei")
    hall.wait(20)
    assert len(hall.dials()) == 1


def test_the_customer_who_answers_is_first_in_line() -> None:
    hall = Phones(Dial.CUSTOMER_FIRST)
    hall.choose()
    hall.hire("own", "hubei")
    hall.wait(6)
    hall.call("c2", "hubei", OTHER)  # takes the agent
    hall.answer(hall.rings[-1].offer)
    hall.call("c3", "hubei", "13700000000")
    request = hall.dials()[-1].request
    hall.tell(CallbackBegan(request, "Local/1;1", "u1", "u1"))
    hall.hire("next", "hubei")
    ring = hall.rings[-1]
    assert (ring.request, ring.channel, ring.agent) == (request, "Local/1;1", "next")
    hall.answer(ring.offer)
    hall.wait(30)
    hall.tell(CallerGone(request, "normal"))
    assert hall.tried() == [Result.CONNECTED]
    assert hall.ends() == [(CallbackState.DONE, "talked")]
    assert request not in hall.outcomes()


def test_a_customer_who_is_busy_is_tried_again() -> None:
    hall = Phones(Dial.CUSTOMER_FIRST, pause=120.0)
    hall.choose()
    hall.hire("own", "hubei")
    hall.wait(6)
    hall.tell(CallbackDialled(hall.dials()[-1].request, "BUSY"))
    assert hall.tried() == [Result.BUSY]
    assert hall.open[0].attempts == 1
    hall.wait(130)
    assert len(hall.dials()) == 2


def test_silence_of_the_pbx_or_its_refusal_ends_the_attempt() -> None:
    for refuse in (True, False):
        hall = Phones(Dial.CUSTOMER_FIRST, pause=600.0)
        hall.choose()
        hall.hire("own", "hubei")
        hall.wait(6)
        if refuse:
            hall.tell(CallbackRefused(hall.dials()[-1].request, "permission denied"))
        else:
            hall.wait(50)
        assert hall.tried() == [Result.FAILED if refuse else Result.NO_ANSWER]
        assert hall.state.requests == {}


def test_a_customer_for_whom_no_agent_comes_is_let_go_and_called_again() -> None:
    hall = Phones(Dial.CUSTOMER_FIRST)
    hall.choose()
    hall.hire("own", "hubei")
    hall.wait(6)
    hall.call("c2", "hubei", OTHER)
    hall.answer(hall.rings[-1].offer)
    request = hall.dials()[-1].request
    hall.tell(CallbackBegan(request, "Local/1;1", "u1", "u1"))
    hall.wait(121)
    assert hall.told()[-1].request == request
    hall.tell(CallerGone(request, "normal"))
    assert hall.tried() == [Result.NO_AGENT]
    assert hall.open[0].state is CallbackState.WAITING


# --- plans, hours, restarts -----------------------------------------------------------------------


def test_at_closed_hours_nobody_is_called_back() -> None:
    shut = Phones(hours="shut", recover=(Outcome.EXCLUDED_CLOSED,))
    shut.call("c1", "hubei", NUMBER)
    shut.tell(CallerGone("c1", "normal"))
    assert shut.outcomes() == {"c1": Outcome.EXCLUDED_CLOSED}
    assert len(shut.open) == 1
    shut.hire("own", "hubei")
    shut.wait(3600)
    assert shut.dials() == []


def test_a_plan_that_begins_to_dial_dials_what_was_listed() -> None:
    hall = Phones(Dial.OFF)
    hall.lose()
    hall.hire("own", "hubei")
    hall.wait(600)
    plan = hall.state.plan._replace(callbacks=CallbackSettings(dial=Dial.AGENT_FIRST))
    hall.tell(PlanChanged(plan, "lin"))
    hall.wait(1)
    assert len(hall.dials()) == 1


def test_a_restart_goes_on_with_what_was_open() -> None:
    hall = Phones(pause=100.0)
    hall.hire("own", "hubei")
    asked = hall.now - 5000
    row = ("b1", NUMBER, "hubei", "95500", "n1", "c1", "chosen", asked, asked, 1, "", False)
    hall.tell(CallbackRecalled(*row))
    hall.tell(CallbackRecalled(*row))
    (callback,) = hall.open
    assert (callback.asked_at, callback.attempts) == (asked, 1)
    hall.wait(6)
    assert len(hall.dials()) == 1
    other = ("b2", OTHER, "nowhere", "95500", "n1", "c2", "recovered", asked, asked, 1, "own", True)
    hall.tell(CallbackRecalled(*other))
    assert hall.open[1].province == "unknown"
    assert hall.open[1].due_at == hall.now + 100.0
