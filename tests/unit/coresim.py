"""A model of PBX, callers and agents around the core, on virtual time and one seed.

It does what the real parts do to the core's messages: devices that ring, answer, refuse or stay silent,
callers who leave at any moment, messages that get lost or come twice. After every step it checks
I1-I4 and I7.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable

from seats.domain.agents import Agent, Chosen, Machine, Seat, SeatKind
from seats.domain.effects import Effect, HangUp, Release, Ring, Withdraw
from seats.domain.events import CallEnded, Event, OfferMade, RequestDecided, RequestOpened
from seats.domain.messages import (
    AgentConfigured,
    CallerGone,
    CallerHeld,
    Hanging,
    LeaseRenewed,
    LinkUp,
    Message,
    OfferAnswered,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    OfferRinging,
    RequestArrived,
    SeatGone,
    SeatReachable,
    StateAsked,
    Tick,
    WrapUpEnded,
)
from seats.domain.plan import Plan, Pool, RingStep, Route
from seats.domain.reducer import step
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Confidence, Origin, Request, RequestState
from seats.domain.routing import is_routable, may_take
from seats.domain.state import State

T0 = 1_600_000_000.0


def small_plan(**changes: object) -> Plan:
    """Two provinces with pools of their own and a nation pool behind them."""
    pools = {
        "hubei": Pool("hubei", "湖北", "Hubei", "hubei", floor=1),
        "hunan": Pool("hunan", "湖南", "Hunan", "hunan"),
        "nation": Pool("nation", "全国", "Nation"),
    }
    routes = {
        code: Route(code, (RingStep("nation", 0.0),), 0.95)
        for code in [p.code for p in PROVINCES] + [UNKNOWN]
    }
    routes["hubei"] = Route("hubei", (RingStep("hubei", 0.0), RingStep("nation", 5.0)), 0.99)
    routes["hunan"] = Route("hunan", (RingStep("hunan", 0.0), RingStep("nation", 8.0)), 0.95)
    return Plan(1, pools, routes, ring_timeout=15, wrap_up=10.0, max_wait=120.0)._replace(**changes)  # type: ignore[arg-type]


class CoreSim:
    """One seeded run; ``loss`` and ``double`` are chances per message from the PBX."""

    def __init__(self, seed: int, *, agents: int = 6, loss: float = 0.0, double: float = 0.0) -> None:
        self.rng = random.Random(seed)
        self.now = T0
        self.loss, self.double = loss, double
        self.state = State(small_plan(wrap_up=self.rng.choice([0.0, 10.0])))
        self.events: list[Event] = []
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self.counter = 0
        self.arrivals = 0
        self.on_line: set[str] = set()
        self.legs: dict[str, str] = {}  # live PBX leg of an offer → agent
        self.holding: dict[str, str | None] = {}  # request → offer being dialled
        self.opened: Counter[str] = Counter()
        self.decided: Counter[str] = Counter()
        self.post(LinkUp("n1"))
        for n in range(agents):
            self.hire(n)

    def hire(self, n: int) -> None:
        home = self.rng.choice(["hubei", "hunan"])
        pools = (home, "nation") if self.rng.random() < 0.7 else (home,)
        kind = self.rng.choice([SeatKind.SIP, SeatKind.BROWSER])
        self.post(AgentConfigured(f"a{n}", f"a{n}", home, pools, Seat(kind, f"s{n}")))
        self.post(SeatReachable("n1", f"s{n}", True, "NOT_INUSE"))
        self.renew(n)
        self.post(StateAsked(f"a{n}", Chosen.READY, "", "test"))

    def renew(self, n: int) -> None:
        self.post(LeaseRenewed(f"a{n}", self.now + 8.0, ""))
        self.after(self.rng.choice([3.0, 3.0, 3.0, 12.0]), lambda: self.renew(n))

    def after(self, delay: float, do: Callable[[], None]) -> None:
        self.counter += 1
        heapq.heappush(self.queue, (self.now + delay, self.counter, do))

    def post(self, message: Message) -> None:
        events, effects = step(self.state, message, self.now)
        self.events += events
        for event in events:
            if isinstance(event, RequestOpened):
                self.opened[event.request] += 1
            elif isinstance(event, RequestDecided):
                self.decided[event.request] += 1
        for effect in effects:
            if isinstance(effect, Ring):
                assert effect.request in self.state.requests, "nobody is rung for a caller who is gone"
            self.obey(effect)
        self.check()

    def tell(self, message: Message) -> None:
        """A message from the PBX: may be lost or come twice."""
        roll = self.rng.random()
        if roll < self.loss:
            return
        self.post(message)
        if roll > 1 - self.double:
            self.post(message)

    # the PBX

    def obey(self, effect: Effect) -> None:
        if isinstance(effect, Ring):
            if effect.request not in self.on_line:
                self.after(0.001, lambda: self.post(OfferRefused(effect.offer, "no such channel")))
                return
            self.holding[effect.request] = effect.offer
            self.legs[effect.offer] = effect.agent
            self.after(0.01, lambda: self.dial(effect))
        elif isinstance(effect, Withdraw):
            self.after(0.01, lambda: self.withdraw(effect))
        elif isinstance(effect, Release | HangUp):
            self.after(0.5, lambda: self.caller_leaves(effect.request))

    def dial(self, ring: Ring) -> None:
        if self.holding.get(ring.request) != ring.offer:
            return
        fate = self.rng.choices(["answer", "rona", "busy", "broken"], [6, 2, 1, 1])[0]
        if fate == "broken":
            self.end_dial(ring, "CHANUNAVAIL")
            return
        self.tell(OfferRinging(ring.offer))
        if fate == "answer":
            self.after(self.rng.uniform(0.5, 8.0), lambda: self.answer(ring))
        elif fate == "rona":
            self.after(float(ring.timeout), lambda: self.end_dial(ring, "NOANSWER"))
        else:
            self.after(1.0, lambda: self.end_dial(ring, "BUSY"))

    def end_dial(self, ring: Ring, status: str) -> None:
        if self.holding.get(ring.request) != ring.offer:
            return
        self.holding[ring.request] = None
        self.legs.pop(ring.offer, None)
        self.tell(OfferMissed(ring.offer, status))
        self.tell(SeatGone(ring.offer))
        self.tell(OfferReturned(ring.offer, status))

    def withdraw(self, effect: Withdraw) -> None:
        self.holding[effect.request] = None
        self.legs.pop(effect.offer, None)
        self.post(OfferReturned(effect.offer, "CANCEL"))

    def answer(self, ring: Ring) -> None:
        if self.holding.get(ring.request) != ring.offer or ring.request not in self.on_line:
            return
        self.tell(OfferAnswered(ring.offer))
        talk = self.rng.uniform(1.0, 60.0)
        if self.rng.random() < 0.15:
            self.after(talk, lambda: self.seat_dies(ring))
        elif self.rng.random() < 0.5:
            self.after(talk, lambda: self.caller_leaves(ring.request))
        else:
            self.after(talk, lambda: self.agent_hangs_up(ring))

    def agent_hangs_up(self, ring: Ring) -> None:
        if self.holding.get(ring.request) != ring.offer:
            return
        self.tell(Hanging(ring.request, "agent"))
        self.legs.pop(ring.offer, None)
        self.tell(SeatGone(ring.offer))
        self.caller_leaves(ring.request)

    def seat_dies(self, ring: Ring) -> None:
        if self.holding.get(ring.request) != ring.offer:
            return
        self.holding[ring.request] = None
        self.legs.pop(ring.offer, None)
        self.tell(SeatGone(ring.offer, "no media"))
        self.tell(CallerHeld(ring.request))
        self.after(90.0, lambda: self.caller_leaves(ring.request))

    def caller_leaves(self, request: str) -> None:
        if request not in self.on_line:
            return
        self.on_line.discard(request)
        offer = self.holding.pop(request, None)
        order = [lambda: self.tell(CallerGone(request, "gone"))]
        if offer is not None and self.legs.pop(offer, None) is not None:
            order.append(lambda: self.tell(SeatGone(offer)))
        self.rng.shuffle(order)
        for each in order:
            each()
        # what is lost on the way is found by the next reconciliation
        self.after(5.0, lambda: self.reconcile(request))

    def reconcile(self, request: str) -> None:
        if request in self.state.requests:
            self.post(CallerGone(request, "reconcile"))

    # the people

    def call(self) -> None:
        self.arrivals += 1
        request = f"n1:{self.arrivals}"
        province = self.rng.choice(["hubei", "hubei", "hunan", "beijing"])
        self.on_line.add(request)
        self.holding[request] = None
        origin = Origin(province, "area_code", Confidence.CERTAIN)
        self.tell_arrival(
            RequestArrived(
                request, "n1", f"PJSIP/t-{request}", request, request, "95500", "138", origin, self.now
            )
        )
        if self.rng.random() < 0.4:
            self.after(self.rng.uniform(0.1, 40.0), lambda: self.caller_leaves(request))

    def tell_arrival(self, message: RequestArrived) -> None:
        self.post(message)
        if self.rng.random() < self.double:
            self.post(message)

    def fidget(self) -> None:
        """Somebody asks for another state, or a seat's registration flaps."""
        n = self.rng.randrange(len(self.state.agents))
        agent = self.state.agents[f"a{n}"]
        what = self.rng.random()
        if what < 0.5:
            self.post(
                StateAsked(
                    agent.id, self.rng.choice([Chosen.READY, Chosen.READY, Chosen.NOT_READY]), "break", "t"
                )
            )
        elif what < 0.7:
            self.post(SeatReachable("n1", agent.seat.address, self.rng.random() < 0.8, "flap"))
        elif agent.machine is Machine.WRAP_UP:
            self.post(WrapUpEnded(agent.id, "consult"))

    # the run

    def run(self, seconds: float, rate: float) -> None:
        """Callers at ``rate`` per second for ``seconds``, then quiet until nothing more can happen."""
        end = self.now + seconds
        self._later_call(rate, end)
        self._later_fidget(end)
        self._until(end + 400.0)

    def _later_call(self, rate: float, end: float) -> None:
        def go() -> None:
            if self.now < end:
                self.call()
                self._later_call(rate, end)

        self.after(self.rng.expovariate(rate), go)

    def _later_fidget(self, end: float) -> None:
        def go() -> None:
            if self.now < end:
                self.fidget()
                self._later_fidget(end)

        self.after(self.rng.expovariate(0.3), go)

    def _until(self, end: float) -> None:
        while True:
            due = self.state.next_deadline()
            planned = self.queue[0][0] if self.queue else None
            candidates = [t for t in (due, planned) if t is not None]
            if not candidates or min(candidates) > end:
                return
            self.now = max(self.now, min(candidates))
            if planned is not None and (due is None or planned <= due):
                heapq.heappop(self.queue)[2]()
            else:
                self.post(Tick())

    # the invariants

    def check(self) -> None:
        state = self.state
        busy: Counter[str] = Counter()
        for offer in state.offers.values():
            if offer.result is None or offer.answered_at is not None:
                busy[offer.agent] += 1
        assert all(n <= 1 for n in busy.values()), f"I2: {busy}"
        open_now = sum(1 for r in state.requests.values() if r.outcome is None)
        assert sum(self.opened.values()) == sum(self.decided.values()) + open_now, "I4"
        assert all(n == 1 for n in self.opened.values()), "opened twice"
        assert all(n == 1 for n in self.decided.values()), "I1: decided twice"
        for request in state.requests.values():
            if request.state is RequestState.OFFERED:
                assert request.offer in state.offers, "offered without an offer"
        self._nobody_left_waiting()

    def _nobody_left_waiting(self) -> None:
        state = self.state
        waiting = [r for r in state.requests.values() if r.state is RequestState.WAITING]
        idle = [a for a in state.agents.values() if is_routable(a)]
        for request in waiting:
            for agent in idle:
                assert not self._eligible(agent, request), f"I7: {agent.id} idle, {request.id} waits"
        for name, board in state.boards.items():
            members = [a for a in state.agents.values() if name in a.pools]
            assert board.idle_count == sum(1 for a in members if is_routable(a)), f"idle count of {name}"
            assert board.staffed == sum(1 for a in members if a.staffed), f"staffed count of {name}"

    def _eligible(self, agent: Agent, request: Request) -> bool:
        rings = self.state.plan.routes[request.province].rings
        open_pools = {r.pool for r in rings if request.arrived_at + r.after < self.now - 0.05}
        return bool(open_pools & set(agent.pools)) and may_take(self.state, agent, request)

    def made(self) -> list[OfferMade]:
        """Every offer so far."""
        return [e for e in self.events if isinstance(e, OfferMade)]

    def ended(self) -> list[CallEnded]:
        """Every connected call that ended so far."""
        return [e for e in self.events if isinstance(e, CallEnded)]
