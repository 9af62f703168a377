"""The core under any sequence of what callers, agents, admins, PBX, links and time may do to it.

``SEATS_TEST_DEPTH=20 pytest tests/unit/test_state_machine.py`` looks twenty times as long,
and makes what it finds small, which may take as long again.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from seats.domain.agents import Chosen, Machine, Seat, SeatKind
from seats.domain.callback_settings import Dial
from seats.domain.messages import (
    AgentConfigured,
    AgentDropped,
    CallbackAnswered,
    CallbackCancelAsked,
    CallbackChosen,
    CallbackDialled,
    CallbackRefused,
    CallbackTakeAsked,
    ChannelChanged,
    DispositionGiven,
    HangUpAsked,
    LeaseRenewed,
    LegLost,
    NodeLost,
    OfferAnswered,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    OfferRinging,
    PhoneClosed,
    PhoneOpened,
    PlanChanged,
    SeatGone,
    SeatReachable,
    StateAsked,
    VoicemailSpoken,
    WrapUpEnded,
)
from seats.domain.plan import RingStep
from seats.domain.requests import RequestState
from tests.unit.anyworld import AGENTS, DIDS, KINDS, NODES, World, odd_plan

DEPTH = float(os.environ.get("SEATS_TEST_DEPTH", "1"))

agents = st.sampled_from(AGENTS)
nodes = st.sampled_from(NODES)
callers = st.tuples(
    st.sampled_from(["hubei", "hubei", "hunan", "beijing"]),
    st.sampled_from(["n1", "n1", "n2"]),
    st.sampled_from(["", "", "green", "gone"]),
    st.sampled_from(DIDS),
    st.sampled_from(["13800000001", "13800000002", ""]),
)
"""Province, node, class, dialled number, own number."""

fates = st.sampled_from(["rings", "answers", "answers", "answers", "NOANSWER", "BUSY", "CHANUNAVAIL", "?"])


class AnySequence(RuleBasedStateMachine):
    """Whatever happens: ``World`` checks after each message. Rules hold one cause each."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def pick(self, data: st.DataObject, lines: list[str]) -> str:
        return data.draw(st.sampled_from(sorted(lines)))

    def lines(self, *, offered: bool | None = None, answered: bool = False) -> list[str]:
        """Lines on nodes that are linked or not; holding, being rung or talking."""
        found = self.world.lines.items()
        if offered is None:
            return [name for name, _ in found]
        return [name for name, x in found if bool(x.offer) is offered and x.answered is answered]

    # callers

    @initialize(callers=st.lists(callers, max_size=4))
    def some_call_already(self, callers: list[tuple[str, ...]]) -> None:
        for caller in callers:
            self.world.call(*caller)

    @rule(caller=callers)
    def somebody_calls(self, caller: tuple[str, ...]) -> None:
        self.world.call(*caller)

    @rule(caller=callers, seconds=st.sampled_from([0.0, 4.0, 9.5]))
    def somebody_calls_in_a_moment(self, caller: tuple[str, ...], seconds: float) -> None:
        self.world.wait(seconds)
        self.world.call(*caller)

    @precondition(lambda self: self.lines())
    @rule(data=st.data(), leg_first=st.booleans())
    def a_caller_hangs_up(self, data: st.DataObject, leg_first: bool) -> None:
        self.world.hang_up(self.pick(data, self.lines()), "caller", leg_first)
        self.world.go_on()

    @precondition(lambda self: self.lines(offered=False))
    @rule(data=st.data(), what=st.sampled_from(["presses 1", "presses 1", "speaks"]))
    def a_caller_chooses(self, data: st.DataObject, what: str) -> None:
        name = self.pick(data, self.lines(offered=False))
        chosen = CallbackChosen(name) if what == "presses 1" else VoicemailSpoken(name, "vm", 4.0)
        self.world.say(self.world.lines[name].node, chosen)
        self.world.go_on()

    # agents' phones

    @precondition(lambda self: self.lines(offered=True))
    @rule(data=st.data(), fate=fates)
    def a_phone_is_called(self, data: st.DataObject, fate: str) -> None:
        self.world.phone(self.pick(data, self.lines(offered=True)), fate)

    @precondition(lambda self: self.lines(offered=True))
    @rule(data=st.data(), fate=fates, then=fates)
    def two_phones_are_called(self, data: st.DataObject, fate: str, then: str) -> None:
        for each in (fate, then):
            if ringing := self.lines(offered=True):
                self.world.phone(self.pick(data, ringing), each)

    @precondition(lambda self: self.lines(offered=True, answered=True))
    @rule(data=st.data(), how=st.sampled_from(["agent", "agent", "dies", "transferred"]))
    def a_talk_ends(self, data: st.DataObject, how: str) -> None:
        world, name = self.world, self.pick(data, self.lines(offered=True, answered=True))
        if how == "dies":
            world.break_leg(name)
        elif how == "transferred":
            world.say(world.lines[name].node, ChannelChanged(name, f"u-{name}", f"PJSIP/other-{name}"))
        else:
            world.hang_up(name, how)
        world.go_on()

    # agents and their seats

    @rule(
        name=agents,
        chosen=st.sampled_from([*Chosen, Chosen.READY, Chosen.READY]),
        why=st.sampled_from(["break", ""]),
    )
    def an_agent_chooses(self, name: str, chosen: Chosen, why: str) -> None:
        self.world.tell(StateAsked(name, chosen, why, name))
        self.world.go_on()

    @rule(name=agents, what=st.sampled_from(["wrap-up done", "disposition", "hang up", "leg lost"]))
    def an_agent_clicks(self, name: str, what: str) -> None:
        self.world.tell(
            {
                "wrap-up done": WrapUpEnded(name, "sold"),
                "disposition": DispositionGiven(name, "sold"),
                "hang up": HangUpAsked(name),
                "leg lost": LegLost(name),
            }[what]
        )
        self.world.go_on()

    @rule(
        name=agents,
        node=nodes,
        what=st.sampled_from(
            ["gone", "there", "no_microphone", "phone", "phone torn", "phone silent", 0.0, 8.0, 300.0]
        ),
    )
    def a_seat_speaks(self, name: str, node: str, what: str | float) -> None:
        """Its registration at a node; its desk's lease, for so many seconds or with what is wrong; its phone."""
        if isinstance(what, float):
            self.world.tell(LeaseRenewed(name, self.world.now + what, ""))
        elif what == "no_microphone":
            self.world.tell(LeaseRenewed(name, self.world.now + 8.0, what))
        elif what == "phone":
            self.world.tell(PhoneOpened(name))
        elif what.startswith("phone"):
            self.world.tell(PhoneClosed(name, torn=what == "phone torn"))
        else:
            self.world.say(node, SeatReachable(node, f"s_{name}", what == "there", "flap"))
        self.world.go_on()

    # admins

    @rule(
        name=agents,
        pools=st.sampled_from([("hubei", "nation"), ("hunan",), ("nation",), ("hunan", "hubei", "nation")]),
        level=st.sampled_from([None, 1, 5]),
        how=st.sampled_from(["other seat", "same seat", "dropped"]),
    )
    def an_agent_is_changed(self, name: str, pools: tuple[str, ...], level: int | None, how: str) -> None:
        kind = KINDS[AGENTS.index(name)]
        if how == "dropped":
            self.world.tell(AgentDropped(name))
            if name not in self.world.state.agents:
                self.world.hire(name, kind)
        else:
            seat = Seat(SeatKind.SIP if how == "other seat" else kind, f"s_{name}")
            skills = () if level is None else (("life", level),)
            self.world.tell(AgentConfigured(name, name, pools[0], pools, seat, skills))
        self.world.go_on()

    @rule(
        change=st.sampled_from(
            [
                {},
                {"wrap_up": 0.0},
                {"max_occupancy": 0.5},
                {"steering": 0},
                {"rest_after_misses": 1, "rescue_grace": 0.0},
                {"max_wait": 9.1, "wait_bound": 5.0},
                {"classes": {}},
                {"max_wait": -1.0},
                {"routes": {}},
            ]
        ),
        dial=st.sampled_from(list(Dial)),
        floor=st.sampled_from([0, 1, 2]),
        late_ring=st.sampled_from([0.0, 3.3, 8.6]),
    )
    def the_plan_changes(self, change: dict[str, object], dial: Dial, floor: int, late_ring: float) -> None:
        plan = odd_plan(version=self.world.state.plan.version + 1)
        plan.pools["hubei"] = plan.pools["hubei"]._replace(floor=floor)
        rings = (RingStep("hubei", 0.0), RingStep("nation", late_ring))
        plan.routes["hubei"] = plan.routes["hubei"]._replace(rings=rings)
        callbacks = plan.callbacks._replace(dial=dial, offer=True, pause=30.0, max_attempts=2)
        self.world.tell(PlanChanged(plan._replace(callbacks=callbacks, **change), "lin"))  # type: ignore[arg-type]  # names of Plan's fields
        self.world.go_on()

    # callbacks

    @precondition(lambda self: self.world.dialled)
    @rule(data=st.data(), how=st.sampled_from(["answers", "answers", "NOANSWER", "BUSY", "refused"]))
    def a_customer_is_dialled(self, data: st.DataObject, how: str) -> None:
        world, request = self.world, self.pick(data, list(self.world.dialled))
        effect = world.dialled.pop(request)
        if how == "answers":
            world.customer_holds(request, effect.node)
        elif how == "refused":
            world.say(effect.node, CallbackRefused(request, "no"))
        else:
            world.say(effect.node, CallbackDialled(request, how))
        world.go_on()

    @precondition(lambda self: any(x.agent_first and x.answered for x in self.world.lines.values()))
    @rule(data=st.data(), status=st.sampled_from(["ANSWER", "NOANSWER", "CONGESTION"]))
    def a_customer_of_an_agent_is_dialled(self, data: st.DataObject, status: str) -> None:
        world = self.world
        name = self.pick(data, [n for n, x in world.lines.items() if x.agent_first and x.answered])
        line = world.lines[name]
        if status == "ANSWER":
            world.say(line.node, CallbackAnswered(name))
        else:
            world.say(line.node, CallbackDialled(name, status))
            world.hang_up(name, "agent")
        world.go_on()

    @precondition(lambda self: self.world.state.callbacks.by_id)
    @rule(data=st.data(), name=st.sampled_from(["", *AGENTS]))
    def a_callback_is_cancelled_or_taken(self, data: st.DataObject, name: str) -> None:
        callback = self.pick(data, list(self.world.state.callbacks.by_id))
        asked = CallbackTakeAsked(callback, name, name) if name else CallbackCancelAsked(callback, "lin")
        self.world.tell(asked)
        self.world.go_on()

    # time, wires, links, terms

    @rule(seconds=st.sampled_from([0.05, 0.7, 3.4, 11.0, 16.0, 31.0, 130.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(pbx=st.booleans(), wire=st.booleans())
    def something_is_slow_or_not(self, pbx: bool, wire: bool) -> None:
        self.world.stalled, self.world.slow = pbx, wire
        self.world.go_on()

    @precondition(lambda self: self.world.late)
    @rule(data=st.data())
    def late_news_comes_in_any_order(self, data: st.DataObject) -> None:
        late = self.world.late
        self.world.tell(late.pop(data.draw(st.integers(0, len(late) - 1))))
        self.world.go_on()

    @rule(data=st.data(), other_term=st.booleans(), offer=st.sampled_from(["0x1", "zzx9", ""]))
    def old_news_comes(self, data: st.DataObject, other_term: bool, offer: str) -> None:
        """What came already; or news of an offer that another term made."""
        if self.world.told and not other_term:
            self.world.tell(data.draw(st.sampled_from(list(self.world.told))))
        else:
            for kind in (OfferRinging, OfferAnswered, SeatGone):
                self.world.tell(kind(offer))
            for kind in (OfferMissed, OfferReturned, OfferRefused):
                self.world.tell(kind(offer, "NOANSWER"))
        self.world.go_on()

    @rule(node=nodes, how=st.sampled_from(["breaks", "breaks", "the node dies"]))
    def a_link_breaks_or_heals(self, node: str, how: str) -> None:
        if how == "the node dies":
            self.world.node_dies(node)
            self.world.tell(NodeLost(node))
            self.world.go_on()
        elif node in self.world.linked:
            self.world.unlink(node)
        else:
            self.world.link(node)

    @precondition(lambda self: len(self.world.linked) < len(NODES))
    @rule(data=st.data(), talk=st.sampled_from([0.0, 5.0]))
    def a_caller_is_gone_unheard(self, data: st.DataObject, talk: float) -> None:
        gone = [n for n, x in self.world.lines.items() if x.node not in self.world.linked]
        if gone:
            self.world.settle(self.pick(data, gone), talk)

    @rule(node=nodes, restart=st.sampled_from([False, False, True]))
    def a_node_is_looked_at(self, node: str, restart: bool) -> None:
        """By the regular reconciliation; or by a service that has just started again."""
        if restart:
            self.world.restart()
        elif node in self.world.linked:
            self.world.picture(node)
            self.world.go_on()

    def teardown(self) -> None:
        """Everything heals and everybody hangs up: each request has its outcome, nobody is kept by anything."""
        world = self.world
        if world.broken:
            return
        world.slow = world.stalled = False
        for node in NODES:
            if node not in world.linked:
                world.link(node)
            world.picture(node)
        for name in list(world.lines):
            if name in world.lines:
                world.hang_up(name, "caller")
                world.go_on()
        world.dialled.clear()
        world.tell(PlanChanged(odd_plan(version=world.state.plan.version + 1), "end"))
        for _ in range(8):
            world.wait(60.0)
            for name in list(world.lines):
                world.hang_up(name, "caller")
                world.go_on()
            for node in NODES:
                world.picture(node)
        left = [
            r for r in world.state.requests.values() if not (r.callback and r.state is RequestState.WAITING)
        ]
        assert left == [], "I1: every request comes to its end"
        assert set(world.checks.opened) == set(world.checks.decided)
        kept = [a for a in world.state.agents.values() if a.machine in (Machine.OFFERED, Machine.TALKING)]
        assert kept == [], "no agent is a prisoner"


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(
    max_examples=round(200 * DEPTH),
    stateful_step_count=60,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if DEPTH > 1 else [])],
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
