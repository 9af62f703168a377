"""A steady load on the core for the routing benchmark: so many agents, waiting callers, pools per agent.

Every message that a real call causes is given to the real ``step``; only the deciding ones are timed, in
batches back to back, by the CPU time of this thread, so that other programs on the machine do not count.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from seats import garbage
from seats.core import core_kind
from seats.domain.agents import Chosen, Seat, SeatKind
from seats.domain.effects import Effect, Ring
from seats.domain.events import Event, OfferMade
from seats.domain.messages import (
    AgentConfigured,
    CallerGone,
    LinkUp,
    Message,
    OfferAnswered,
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
from seats.domain.regions import BY_CODE, PROVINCES, REGIONS, UNKNOWN, nearness
from seats.domain.requests import Confidence, Origin
from seats.domain.state import State
from seats.simulation.population import POPULATION, apportion

T0 = 1_600_000_000.0
TALK = 180.0
"""Seconds a call takes: sets how fast virtual time runs."""


class Size(NamedTuple):
    """One cell of the benchmark's table."""

    agents: int
    waiting: int
    pools: int
    """Pools per agent: 3 (province, region, nation), 8 (five more provinces), 34 (every province)."""


class Speed(NamedTuple):
    """What was measured. All times are CPU time of one core."""

    decisions: int
    decisions_per_s: float
    p50_us: float
    p999_us: float
    rss_mb: float
    """Resident memory of this fresh process at its highest."""


def plan_for(size: Size) -> Plan:
    """34 provinces; Hubei is promised 99 %. Where nobody waits, all rings are open from the start."""
    every = {p.code: Pool(p.code, p.zh, p.en, p.code) for p in PROVINCES}
    every |= {code: Pool(code, zh, en) for code, (zh, en) in REGIONS.items()}
    every["nation"] = Pool("nation", "全国", "Nation")
    routes = {UNKNOWN: Route(UNKNOWN, (RingStep("nation", 0.0),), 0.8)}
    pace = 1.0 if size.waiting else 0.0
    for p in PROVINCES:
        rings = (RingStep(p.code, 0.0), RingStep(p.region, 5.0 * pace), RingStep("nation", 10.0 * pace))
        objective = 0.99 if p.code == "hubei" else 0.8
        routes[p.code] = Route(p.code, rings[:1] if size.pools == 34 else rings, objective)
    return Plan(1, every, routes, max_wait=86400.0)


def pools_of(home: str, pools: int) -> tuple[str, ...]:
    """The pools of an agent who lives in ``home``."""
    if pools == 34:
        return tuple(BY_CODE)
    near = sorted((nearness(home, code), code) for code in BY_CODE if code != home)
    return (home, *(code for _, code in near[: pools - 3]), BY_CODE[home].region, "nation")


class Load:
    """A core at work: all agents talking and ``waiting`` callers held, or a tenth of the agents idle."""

    def __init__(self, size: Size, seed: int = 1) -> None:
        self.size = size
        self.rng = random.Random(seed)
        self.state = State(plan_for(size))
        self.now = T0
        self.callers = 0
        self.talking: deque[tuple[str, str, str]] = deque()
        self.homes = list(POPULATION)
        self.weights = list(POPULATION.values())
        self.say(LinkUp("n1"))
        self._hire()
        garbage.settle()  # as ``seats run`` does once its agents are known
        self._fill()

    def say(self, message: Message) -> None:
        """One step, not timed; an offer it makes rings and is answered at once."""
        self._accept(*step(self.state, message, self.now))

    def measure(self, decisions: int) -> Speed:
        """Run until so many decisions were made: their mean cost in batches, then each one's own cost."""
        batch = min(50, max(1, self.size.agents // 20))
        made = spent = tried = 0
        while made < decisions:
            cost, count = self._batch(self._prepare(batch))
            spent += cost
            made += count
            tried += batch
            self._settle(count if self.size.waiting else batch)
        each = array("q")
        while len(each) < decisions:
            cost, count = self._batch(self._prepare(1))
            tried += 1
            if count:
                each.append(cost)
            self._settle(count if self.size.waiting else 1)
        if tried > 2.5 * decisions:
            raise AssertionError(f"only {2 * decisions} decisions of {tried} chances at {self.size}")
        ordered = sorted(each)
        middle, late = ordered[len(each) // 2], ordered[len(each) * 999 // 1000]
        return Speed(made, made / spent * 1e9, middle / 1e3, late / 1e3, peak_mb())

    def _prepare(self, count: int) -> list[Message]:
        """Messages each of which lets the core decide: agents become free, or callers come."""
        self.now += TALK / self.size.agents * count
        self._tick()
        return [self._end_call() if self.size.waiting else self._arrival() for _ in range(count)]

    def _batch(self, messages: list[Message]) -> tuple[int, int]:
        """Nanoseconds of CPU for the steps, and how many decisions they made.

        Not every chance brings one: an agent may be kept back for a province that is promised more.
        """
        state, now = self.state, self.now
        began = time.thread_time_ns()
        turns = [step(state, message, now) for message in messages]
        spent = time.thread_time_ns() - began
        return spent, sum(self._accept(*turn) for turn in turns)

    def _settle(self, count: int) -> None:
        """Bring the load back to its size after so many decisions."""
        for _ in range(count):
            self.say(self._arrival() if self.size.waiting else self._end_call())

    def _accept(self, events: Iterable[Event], effects: Iterable[Effect]) -> int:
        """Ring and answer the offers made; how many."""
        made = [event for event in events if type(event) is OfferMade]
        rings = {effect.offer for effect in effects if type(effect) is Ring}
        for offer in made:
            if not str(offer.why) or offer.offer not in rings:
                raise AssertionError(f"offer {offer.offer} without its reason or its ringing")
            self.talking.append((offer.offer, offer.request, offer.agent))
            self.say(OfferRinging(offer.offer, f"leg-{offer.offer}"))
            self.say(OfferAnswered(offer.offer))
        return len(made)

    def _arrival(self) -> RequestArrived:
        """The next caller, from a province by its people."""
        self.callers += 1
        request = f"n1:{self.callers}"
        province = self.rng.choices(self.homes, self.weights)[0]
        origin = Origin(province, "area_code", Confidence.CERTAIN)
        return RequestArrived(
            request, "n1", f"PJSIP/t-{self.callers:08x}", request, request, "95500", "138", origin, self.now
        )

    def _end_call(self) -> WrapUpEnded:
        """The longest call ends; the message that will free its agent."""
        offer, request, agent = self.talking.popleft()
        self.say(CallerGone(request, "16"))
        self.say(SeatGone(offer))
        return WrapUpEnded(agent, "")

    def _hire(self) -> None:
        homes = apportion(self.size.agents, {k: float(v) for k, v in POPULATION.items()})
        places = [home for home, count in homes.items() for _ in range(count)]
        self.rng.shuffle(places)
        for n, home in enumerate(places):
            pools = pools_of(home, self.size.pools)
            self.say(AgentConfigured(f"a{n}", f"Agent {n}", home, pools, Seat(SeatKind.SIP, f"s{n}")))
            self.say(SeatReachable("n1", f"s{n}", True, "NOT_INUSE"))
            self.say(StateAsked(f"a{n}", Chosen.READY, "", "bench"))

    def _fill(self) -> None:
        size = self.size
        wanted = size.agents + size.waiting if size.waiting else size.agents - max(1, size.agents // 10)
        while self.callers < wanted:
            self.say(self._arrival())
            self.now += 0.01
            self._tick()
        self.now += 30.0
        self._tick()

    def _tick(self) -> None:
        due = self.state.next_deadline()
        if due is not None and due <= self.now:
            self.say(Tick())


def peak_mb() -> float:
    """Resident memory of this process at its highest, MB (10⁶ bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    """In a fresh process: arguments agents, waiting, pools, decisions; one JSON line."""
    agents, waiting, pools, decisions = map(int, sys.argv[1:5])
    load = Load(Size(agents, waiting, pools))
    load.measure(min(1000, decisions))
    print(json.dumps({"core": core_kind(), **load.measure(decisions)._asdict()}))


if __name__ == "__main__":
    main()
