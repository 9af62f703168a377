"""Callbacks under any sequence of what callers, agents, customers, supervisors and the PBX may do."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from seats.domain.agents import Chosen, Machine
from seats.domain.callback_book import CallbackState, number_key
from seats.domain.callback_settings import Dial
from seats.domain.effects import CallAgent, CallCustomer, HangUp, PassOn, Release, Ring
from seats.domain.errors import CallbackError
from seats.domain.events import CallbackChanged, CallbackTried, RequestDecided, RequestOpened
from seats.domain.messages import (
    CallbackAnswered,
    CallbackBegan,
    CallbackCancelAsked,
    CallbackChosen,
    CallbackDialled,
    CallbackTakeAsked,
    CallerGone,
    OfferAnswered,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    PlanChanged,
    SeatGone,
    StateAsked,
)
from seats.domain.requests import RequestState
from tests.unit.test_callbacks import Phones

NUMBERS = ("13800000001", "+8613800000001", "13800000002", "anonymous")
AGENTS = ("a", "b", "c")
PAUSE, ATTEMPTS = 120.0, 2


class Callbacks(RuleBasedStateMachine):
    """A core and a PBX that does what the core wants, in its own time. ``lines``: live calls by request."""

    def __init__(self) -> None:
        super().__init__()
        self.hall = Phones(Dial.AGENT_FIRST, pause=PAUSE, max_attempts=ATTEMPTS)
        for name in AGENTS:
            self.hall.hire(name, "hubei", "nation", ready=False)
        self.seen = 0
        self.calls = 0
        self.ringing: dict[str, Ring | CallAgent] = {}
        """Offer → what the PBX does for it, until the agent answers or not."""
        self.talking: dict[str, Ring | CallAgent] = {}
        self.dialled: dict[str, CallCustomer] = {}
        self.holding: set[str] = set()

    def after(self) -> None:
        """The PBX hears what the core wants."""
        effects, self.seen = self.hall.effects[self.seen :], len(self.hall.effects)
        for effect in effects:
            if isinstance(effect, Ring | CallAgent):
                self.ringing[effect.offer] = effect
                if isinstance(effect, CallAgent):
                    self.hall.tell(CallbackBegan(effect.request, f"L/{effect.offer}", effect.offer, "l"))
            elif isinstance(effect, CallCustomer):
                self.dialled[effect.request] = effect
            elif isinstance(effect, HangUp | Release | PassOn):
                self.gone(effect.request)
        if self.seen != len(self.hall.effects):
            self.after()

    def gone(self, request: str) -> None:
        self.holding.discard(request)
        self.dialled.pop(request, None)
        for lines in (self.ringing, self.talking):
            for offer in [o for o, e in lines.items() if e.request == request]:
                del lines[offer]
                self.hall.tell(SeatGone(offer))
        self.hall.tell(CallerGone(request, "gone"))

    # the people

    @rule(number=st.sampled_from(NUMBERS), province=st.sampled_from(["hubei", "hunan"]))
    def somebody_calls(self, number: str, province: str) -> None:
        self.calls += 1
        self.holding.add(f"r{self.calls}")
        self.hall.call(f"r{self.calls}", province, number)
        self.after()

    @precondition(lambda self: self.holding)
    @rule(data=st.data(), presses=st.booleans())
    def somebody_leaves_or_presses_1(self, data: st.DataObject, presses: bool) -> None:
        request = data.draw(st.sampled_from(sorted(self.holding)))
        if presses:
            self.hall.tell(CallbackChosen(request))
        else:
            self.gone(request)
        self.after()

    @rule(seconds=st.sampled_from([0.5, 10.0, 61.0, 130.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.hall.now + seconds
        while (due := self.hall.state.next_deadline()) is not None and due <= end:
            self.hall.wait(max(due - self.hall.now, 0.0))
            self.after()
        self.hall.wait(max(end - self.hall.now, 0.0))
        self.after()

    @rule(
        name=st.sampled_from(AGENTS), chosen=st.sampled_from([Chosen.READY, Chosen.READY, Chosen.NOT_READY])
    )
    def an_agent_chooses(self, name: str, chosen: Chosen) -> None:
        self.hall.tell(StateAsked(name, chosen, "break", "test"))
        self.after()

    @precondition(lambda self: self.ringing)
    @rule(data=st.data(), fate=st.sampled_from(["answers", "answers", "ignores", "refused"]))
    def a_phone_rings(self, data: st.DataObject, fate: str) -> None:
        offer = data.draw(st.sampled_from(sorted(self.ringing)))
        effect = self.ringing.pop(offer)
        if fate == "answers":
            self.talking[offer] = effect
            self.hall.tell(OfferAnswered(offer))
        elif fate == "refused" and isinstance(effect, CallAgent):
            self.hall.tell(OfferRefused(offer, "no"))
        else:
            self.hall.tell(OfferMissed(offer, "NOANSWER"))
            self.hall.tell(SeatGone(offer))
            self.hall.tell(OfferReturned(offer, "NOANSWER"))
            if isinstance(effect, CallAgent):
                self.hall.tell(CallerGone(effect.request, "the channel of this offer"))
        self.after()

    @precondition(lambda self: self.talking)
    @rule(data=st.data(), status=st.sampled_from(["ANSWER", "NOANSWER", "BUSY", "CONGESTION"]))
    def a_talk_ends(self, data: st.DataObject, status: str) -> None:
        effect = self.talking[data.draw(st.sampled_from(sorted(self.talking)))]
        if isinstance(effect, CallAgent):
            if status == "ANSWER":
                self.hall.tell(CallbackAnswered(effect.request))
            self.hall.tell(CallbackDialled(effect.request, status))
        self.gone(effect.request)
        self.after()

    @precondition(lambda self: self.dialled)
    @rule(data=st.data(), answers=st.booleans())
    def a_customer_is_reached(self, data: st.DataObject, answers: bool) -> None:
        request = data.draw(st.sampled_from(sorted(self.dialled)))
        del self.dialled[request]
        if answers:
            self.holding.add(request)
            self.hall.tell(CallbackBegan(request, f"L/{request}", request, request))
        else:
            self.hall.tell(CallbackDialled(request, "NOANSWER"))
        self.after()

    @precondition(lambda self: self.hall.open)
    @rule(data=st.data(), agent=st.sampled_from(["", *AGENTS]))
    def somebody_cancels_or_takes_one(self, data: st.DataObject, agent: str) -> None:
        callback = data.draw(st.sampled_from([c.id for c in self.hall.open]))
        try:
            if agent:
                self.hall.tell(CallbackTakeAsked(callback, agent, agent))
            else:
                self.hall.tell(CallbackCancelAsked(callback, "lin"))
        except CallbackError:
            pass
        self.after()

    @rule(dial=st.sampled_from(list(Dial)))
    def the_plan_dials_otherwise(self, dial: Dial) -> None:
        plan = self.hall.state.plan
        self.hall.tell(PlanChanged(plan._replace(callbacks=plan.callbacks._replace(dial=dial)), "lin"))
        self.after()

    # what always holds

    @invariant()
    def one_open_callback_for_a_number(self) -> None:
        book = self.hall.state.callbacks
        keys = [number_key(c.number) for c in book.by_id.values()]
        assert len(set(keys)) == len(keys)
        assert {k: book.by_id[c].id for k, c in book.by_number.items()} == dict(book.by_number)
        assert sorted(book.by_number) == sorted(keys)

    @invariant()
    def attempts_and_callbacks_name_each_other(self) -> None:
        state = self.hall.state
        for callback in state.callbacks.by_id.values():
            assert (callback.state is CallbackState.CALLING) == bool(callback.call)
            if callback.call:
                assert state.requests[callback.call].callback == callback.id
            assert callback.attempts <= ATTEMPTS
            assert callback.asked_at <= self.hall.now
        assert state.callbacks.calls == {r.id for r in state.requests.values() if r.callback}
        for request in state.requests.values():
            if request.callback:
                assert state.callbacks.by_id[request.callback].call == request.id

    @invariant()
    def an_attempt_is_no_request_and_a_request_has_one_outcome(self) -> None:
        opened = Counter(e.request for e in self.hall.events if isinstance(e, RequestOpened))
        decided = Counter(e.request for e in self.hall.events if isinstance(e, RequestDecided))
        assert all(n == 1 for n in (*opened.values(), *decided.values()))
        assert set(decided) <= set(opened) == {f"r{n}" for n in range(1, self.calls + 1)}
        waiting = {r.id for r in self.hall.state.requests.values() if not r.callback and r.outcome is None}
        assert len(opened) == len(decided) + len(waiting)

    @invariant()
    def every_callback_ends_once(self) -> None:
        over = (CallbackState.DONE, CallbackState.CANCELLED, CallbackState.EXPIRED, CallbackState.FAILED)
        ends = Counter(
            e.callback for e in self.hall.events if isinstance(e, CallbackChanged) and e.state in over
        )
        assert all(n == 1 for n in ends.values())
        assert not set(ends) & set(self.hall.state.callbacks.by_id)
        tries = Counter(e.call for e in self.hall.events if isinstance(e, CallbackTried))
        assert all(n == 1 for n in tries.values())

    @invariant()
    def no_agent_is_kept_by_nothing(self) -> None:
        busy = {e.agent for e in (*self.ringing.values(), *self.talking.values())}
        for agent in self.hall.state.agents.values():
            if agent.machine in (Machine.OFFERED, Machine.TALKING):
                assert agent.id in busy

    def teardown(self) -> None:
        """Everybody hangs up: nothing is left over."""
        for request in [*self.holding, *self.dialled]:
            self.gone(request)
        for effect in [*self.ringing.values(), *self.talking.values()]:
            self.gone(effect.request)
        self.hall.state.plan = self.hall.state.plan._replace(
            callbacks=self.hall.state.plan.callbacks._replace(dial=Dial.OFF)
        )
        self.time_passes(130.0)
        left = [r for r in self.hall.state.requests.values() if r.state is not RequestState.WAITING]
        assert left == []
        self.no_agent_is_kept_by_nothing()


TestCallbacks = Callbacks.TestCase
TestCallbacks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
