"""A PBX, its callers and its agents around the real core, driven by hand: anything may happen, in any order.

The PBX does what the core wants, at once or (while it stalls) later; its news reaches the core at once, or
(while the wire is slow) in any order, or (while the link is down) never, and a picture of the node follows as
after a real loss. ``worldchecks`` looks at the core after every message.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from seats.domain.agents import Chosen, Seat, SeatKind
from seats.domain.effects import (
    DEAD,
    CallAgent,
    CallCustomer,
    Effect,
    HangUp,
    PassOn,
    Release,
    Ring,
    Withdraw,
)
from seats.domain.errors import DomainError
from seats.domain.events import Event
from seats.domain.messages import (
    AgentConfigured,
    CallbackBegan,
    CallbackDialled,
    CallerGone,
    CallerHeld,
    Hanging,
    LinkDown,
    LinkUp,
    Message,
    OfferAnswered,
    OfferFound,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    OfferRinging,
    RequestArrived,
    RequestRecalled,
    RequestSettled,
    SeatGone,
    SeatReachable,
    StateAsked,
    Tick,
)
from seats.domain.plan import Plan, Service, Skill
from seats.domain.reducer import step
from seats.domain.requests import Confidence, Need, Origin, RequestState
from seats.domain.state import State
from tests.unit.coresim import T0, small_plan
from tests.unit.worldchecks import Checks, fingerprint

NODES = ("n1", "n2")
AGENTS = ("a0", "a1", "a2", "a3")
KINDS = (SeatKind.SIP, SeatKind.BROWSER, SeatKind.SIP, SeatKind.MOBILE)
DIDS = ("95500", "95511")

FROM_THE_PBX = (
    RequestArrived,
    CallerGone,
    CallerHeld,
    Hanging,
    OfferRinging,
    OfferAnswered,
    OfferMissed,
    OfferReturned,
    OfferRefused,
    OfferFound,
    SeatGone,
    CallbackBegan,
    CallbackDialled,
)
"""News that may come twice."""


def odd_plan(**changes: object) -> Plan:
    """Two provinces, floors, classes, a skill that is relaxed, callbacks; and no time that is a whole second."""
    plan = small_plan(
        skills={"life": Skill("life", "寿险", "Life")},
        services={"95511": Service("95511", (Need("life", 3, 7.7),))},
        classes={"green": 5},
        wait_bound=40.1,
        last_agent_within=600.0,
        interruptible=("break",),
    )
    rings = plan.routes["hubei"].rings
    plan.routes["hubei"] = plan.routes["hubei"]._replace(rings=(rings[0], rings[1]._replace(after=3.3)))
    return plan._replace(**changes)  # type: ignore[arg-type]  # names of Plan's own fields


@dataclass
class Line:
    """A caller (or an attempt to call one back) on the PBX. ``offer``: the seat dialled, then connected."""

    node: str
    channel: str
    arrival: RequestArrived | None
    offer: str = ""
    agent: str = ""
    address: str = ""
    rings: bool = False
    answered: bool = False
    talked: bool = False
    agent_first: bool = False
    leaving: bool = False


class World:
    """The core and all that it hears of. ``told`` is what can come again; ``late`` what has not come yet."""

    def __init__(self) -> None:
        self.now = T0 + 0.123
        self.state = State(odd_plan())
        self.checks = Checks(self.state)
        self.events: list[Event] = []
        self.todo: deque[Effect] = deque()
        self.broken = False
        """A check has failed: nothing more is to be learned."""
        self.stalled = False
        self.slow = False
        self.late: list[Message] = []
        self.told: deque[Message] = deque(maxlen=15)
        self.lines: dict[str, Line] = {}
        self.dialled: dict[str, CallCustomer] = {}
        self.over: set[str] = set()
        self.callers = 0
        self.linked: set[str] = set()
        for node in NODES:
            self.link(node)
        for n, name in enumerate(AGENTS):
            self.hire(name, KINDS[n])

    # the core

    def tell(self, message: Message) -> None:
        """One message to the core, and what it wants done."""
        if isinstance(message, RequestArrived) and message.request in self.over:
            return  # the intake knows that it is over
        before = "" if isinstance(message, Tick) else fingerprint(self.state)
        self.broken = True
        try:
            events, effects = step(self.state, message, self.now)
        except DomainError:
            assert fingerprint(self.state) == before, f"{message} was refused and still changed something"
            self.broken = False
            return
        self.events += events
        self.checks.after(message, events, effects, before)
        self.broken = False
        self.over.update(self.checks.closed)
        if isinstance(message, FROM_THE_PBX):
            self.told.append(message)
        self.todo.extend(effects)

    def go_on(self) -> None:
        """The PBX does what is wanted, unless it stalls; whatever it says is heard, and so on."""
        while self.todo and not self.stalled:
            self.do(self.todo.popleft())

    def say(self, node: str, *news: Message) -> None:
        """News from a node: at once, in its own time, or never."""
        for message in news:
            if node not in self.linked:
                continue
            if self.slow:
                self.late.append(message)
            else:
                self.tell(message)

    def wait(self, seconds: float) -> None:
        """Time passes; deadlines are kept to the instant."""
        end = self.now + seconds
        while (due := self.state.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.tell(Tick())
            self.go_on()
        self.now = end

    # people and links

    def hire(self, name: str, kind: SeatKind) -> None:
        """An agent who is ready, if the seat can answer."""
        home = "hubei" if name in ("a0", "a3") else "hunan"
        pools = (home, "nation") if name != "a2" else (home,)
        skills = (("life", 5),) if name in ("a0", "a1") else ()
        self.tell(AgentConfigured(name, name, home, pools, Seat(kind, f"s_{name}"), skills))
        for node in NODES:
            self.tell(SeatReachable(node, f"s_{name}", True, "NOT_INUSE"))
        self.tell(StateAsked(name, Chosen.READY, "", "test"))
        self.go_on()

    def link(self, node: str) -> None:
        """The link is back: what was under way is gone, a picture of the node follows."""
        self.linked.add(node)
        self.tell(LinkUp(node))
        self.picture(node)
        self.go_on()

    def unlink(self, node: str) -> None:
        """The link breaks: nothing is heard any more, and nothing done."""
        self.linked.discard(node)
        self.late.clear()
        self.todo = deque(e for e in self.todo if e.node != node)
        self.tell(LinkDown(node))

    def call(self, province: str, node: str, klass: str, did: str, number: str) -> None:
        """A caller asks for a human."""
        self.callers += 1
        name = f"{node}:{self.callers}"
        origin = Origin(province, "area_code", Confidence.CERTAIN, klass)
        channel = f"PJSIP/t-{name}"
        arrival = RequestArrived(name, node, channel, name, name, did, number, origin, self.now)
        self.lines[name] = Line(node, channel, arrival)
        self.say(node, arrival)
        self.go_on()

    # what the PBX does

    def do(self, effect: Effect) -> None:
        """One effect, as the PBX finds things now."""
        line = self.lines.get(effect.request)
        if effect.node not in self.linked:
            return
        if isinstance(effect, CallAgent):
            channel = f"Local/{effect.offer}"
            line = self.lines[effect.request] = Line(effect.node, channel, None, agent_first=True)
            self._dial(line, effect)
            self.say(effect.node, CallbackBegan(effect.request, channel, effect.offer, effect.offer))
        elif isinstance(effect, CallCustomer):
            self.dialled[effect.request] = effect
        elif isinstance(effect, Ring):
            if line is None:
                self.say(effect.node, OfferRefused(effect.offer, "no such channel"))
            else:
                self.cut(effect.request, "CANCEL")
                self._dial(line, effect)
        elif line is not None:
            self._end(effect, line)

    def _dial(self, line: Line, effect: Ring | CallAgent) -> None:
        line.offer, line.agent, line.address = effect.offer, effect.agent, effect.seat.address
        line.rings = line.answered = False

    def _end(self, effect: Withdraw | Release | PassOn | HangUp, line: Line) -> None:
        if isinstance(effect, Withdraw):
            if line.offer == effect.offer and not line.answered:
                self.cut(effect.request, "CANCEL")
        elif isinstance(effect, HangUp) and effect.cause == DEAD:
            if effect.channel == f"PJSIP/{line.address}-{line.offer}":
                self.break_leg(effect.request)
        elif isinstance(effect, HangUp):
            self.hang_up(effect.request, "agent")
        else:
            line.leaving = True

    def cut(self, request: str, status: str) -> None:
        """A ringing ends without an answer; the caller holds again (of an attempt: the call is over)."""
        line = self.lines[request]
        if not line.offer or line.answered:
            return
        offer, line.offer = line.offer, ""
        news: list[Message] = [OfferMissed(offer, status), SeatGone(offer), OfferReturned(offer, status)]
        if line.agent_first:
            del self.lines[request]
            news.append(CallerGone(request, "the channel of this offer"))
        self.say(line.node, *news)

    def break_leg(self, request: str) -> None:
        """The agent's leg of a call dies; its caller holds."""
        line = self.lines[request]
        offer, line.offer, line.answered = line.offer, "", False
        if line.agent_first:
            del self.lines[request]
            self.say(line.node, SeatGone(offer, "no media"), CallerGone(request, "gone"))
        else:
            self.say(line.node, SeatGone(offer, "no media"), CallerHeld(request))

    def hang_up(self, request: str, by: str, leg_first: bool = True) -> None:
        """A line ends, with the leg on it."""
        line = self.lines.pop(request)
        news: list[Message] = [CallerGone(request, "gone")]
        if line.offer:
            news.insert(0 if leg_first else 1, SeatGone(line.offer))
        if line.answered:
            news.insert(0, Hanging(request, by))
        if line.agent_first and line.answered:
            news.insert(0, CallbackDialled(request, "ANSWER"))
        self.say(line.node, *news)

    def phone(self, request: str, fate: str) -> None:
        """What an agent's phone does with a call."""
        line = self.lines[request]
        if fate == "rings":
            line.rings = True
            self.say(line.node, OfferRinging(line.offer, f"PJSIP/{line.address}-{line.offer}"))
        elif fate == "answers":
            line.answered = line.talked = True
            self.say(line.node, OfferAnswered(line.offer, request, line.address))
        else:
            self.cut(request, fate)
        self.go_on()

    def customer_holds(self, request: str, node: str) -> None:
        """A customer who was dialled first has answered, and holds as a caller does."""
        channel = f"Local/{request}"
        self.lines[request] = Line(node, channel, None)
        self.say(node, CallbackBegan(request, channel, request, request))

    def node_dies(self, node: str) -> None:
        """A PBX is gone with its calls, and back in a moment without them."""
        self.lines = {name: line for name, line in self.lines.items() if line.node != node}
        self.dialled = {name: effect for name, effect in self.dialled.items() if effect.node != node}
        self.todo = deque(e for e in self.todo if e.node != node)
        self.late.clear()
        self.linked.discard(node)

    # what is found by looking

    def picture(self, node: str) -> None:
        """What the reconciliation tells the core after looking at a node (``seats.engine.reconcile``)."""
        while self.late:
            self.tell(self.late.pop(0))
        waits = {e.request for e in self.todo}
        known = [r for r in self.state.requests.values() if r.node == node and r.id not in waits]
        for request in known:
            if request.id not in self.lines and request.id not in self.dialled and request.uniqueid:
                self.tell(CallerGone(request.id, "gone at the snapshot", request.state is not _LEAVING))
        for name, line in [(n, x) for n, x in self.lines.items() if x.node == node and n not in waits]:
            self._look(name, line)

    def _look(self, name: str, line: Line) -> None:
        request = self.state.requests.get(name)
        if request is None:
            if line.arrival is not None and not line.leaving:
                self.tell(line.arrival._replace(reconstructed=True))
                self._look_at_offer(name, line)
            return
        offer = self.state.offers.get(request.offer or "")
        if offer is not None and offer.id != line.offer and request.state is RequestState.TALKING:
            self.tell(CallerHeld(name) if not line.offer else SeatGone(offer.id))
        elif not line.offer and request.state in (RequestState.OFFERED, RequestState.TALKING, _LEAVING):
            self.tell(CallerHeld(name))
        self._look_at_offer(name, line)

    def _look_at_offer(self, name: str, line: Line) -> None:
        if line.offer and not line.agent_first and name not in {e.request for e in self.todo}:
            leg = f"PJSIP/{line.address}-{line.offer}"
            self.tell(OfferFound(name, line.offer, line.address, line.answered, leg))

    def settle(self, request: str, talk: float) -> None:
        """A caller is gone while nobody listened, and only the PBX's own record tells how."""
        line = self.lines.pop(request)
        if line.arrival is not None:
            talked = talk if line.talked else 0.0
            self.tell(RequestSettled(line.arrival, self.now, talked, line.address, "record"))
        self.go_on()

    # another term

    def restart(self) -> None:
        """The service is killed and starts again, with what the ledger has; then it looks at the nodes."""
        old = self.state
        self.state = State(old.plan, epoch=old.epoch + 1)
        self.checks.another_term(self.state)
        self.checks.rebuilding = True
        self.todo.clear()
        self.late.clear()
        for agent in old.agents.values():
            skills = tuple(agent.skills.items())
            self.tell(AgentConfigured(agent.id, agent.name, agent.province, agent.pools, agent.seat, skills))
            for node in NODES:
                self.tell(SeatReachable(node, agent.seat.address, True, "snapshot"))
            self.tell(StateAsked(agent.id, agent.chosen, agent.reason, "ledger"))
        self.over.update(r.id for r in old.requests.values() if r.ended_at is not None)
        for r in [r for r in old.requests.values() if not r.callback and r.ended_at is None]:
            offer = old.offers.get(r.offer or "")
            connected = r.state is RequestState.TALKING and offer is not None
            self.tell(
                RequestRecalled(
                    r.id,
                    r.node,
                    r.channel,
                    r.uniqueid,
                    r.linkedid,
                    r.did,
                    r.number,
                    r.origin,
                    r.arrived_at,
                    offer.id if connected and offer else "",
                    r.connected_agent or "",
                    r.answered_at if connected or r.outcome is not None else None,
                    r.outcome,
                )
            )
        self.checks.rebuilding = False
        for node in sorted(self.linked):
            self.link(node)


_LEAVING = RequestState.RELEASING
