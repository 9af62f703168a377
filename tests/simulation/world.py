"""A seeded world: PBXs, callers, agents at home, and everything that goes wrong between them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import structlog

from seats.domain.agents import Chosen, Machine, SeatKind
from seats.domain.errors import DomainError
from seats.domain.events import Event, OfferMade, Repaired
from seats.domain.messages import (
    DispositionGiven,
    HangUpAsked,
    LeaseRenewed,
    Message,
    StateAsked,
    WrapUpEnded,
)
from seats.domain.requests import Confidence, Origin
from seats.domain.routing import OFFER_GUARD
from seats.store.rows import AgentRow
from telephony.commands import RING_WITHIN
from telephony.fakeami import Action, Connection
from telephony.fakepbx import Behaviour, Caller, FakePbx
from telephony.heartbeat import STALE_AFTER
from telephony.link import NodeSettings
from tests.simulation import checks
from tests.simulation.ledger import Ledger
from tests.simulation.lives import T0, Life, Watch
from tests.simulation.loop import Line, Process, SimLoop
from tests.unit.coresim import small_plan

PROVINCES = {"027": "hubei", "073": "hunan", "010": "beijing"}
LATE = RING_WITHIN + 1.0
"""Seconds after which an effect is stale: the PBX counts whole ones."""
UNNOTICED = STALE_AFTER + 0.1
"""Seconds for which a link may be dead before anybody knows, and the way of what tells."""
CALM = 8.0
"""Seconds after a disturbance in which repairs are expected: a reconciliation and its round trip."""


class BrokenError(AssertionError):
    """An invariant does not hold."""


class Weather(NamedTuple):
    """What a seed's world is like. Times in seconds, rates per second."""

    nodes: int
    agents: int
    callers: float
    stormy: float
    faults: float
    kinds: tuple[str, ...]
    duplicate: float
    reorder: float
    pieces: int
    together: bool
    """Faults do not wait for each other's end."""

    @classmethod
    def draw(cls, rng: random.Random) -> Weather:
        """One in eight worlds is without faults; the others have some kinds of them, or all."""
        kinds = tuple(k for k in FAULTS if rng.random() < rng.choice([0.3, 1.0]))
        fair = rng.random() < 0.125
        return cls(
            nodes=rng.choice([1, 1, 1, 2]),
            agents=rng.randint(2, 7),
            callers=rng.choice([0.2, 0.5, 1.0]),
            stormy=rng.uniform(20.0, 60.0),
            faults=0.0 if fair or not kinds else rng.choice([0.05, 0.15, 0.4]),
            kinds=kinds,
            duplicate=0.0 if fair else rng.choice([0.0, 0.0, 0.1]),
            reorder=0.0 if fair else rng.choice([0.0, 0.0, 0.2]),
            pieces=0 if fair else rng.choice([0, 0, 0, 60]),
            together=rng.random() < 0.5,
        )


class World(Watch):
    """One run. ``say`` gets a line for everything that happens."""

    def __init__(self, seed: int, say: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.say = say
        self.weather = Weather.draw(self.rng)
        self.faults: Counter[str] = Counter()
        self.life: Life | None = None
        self.epoch = 0
        self.pbxs: dict[str, FakePbx] = {}
        self.hosts: dict[str, Process] = {}
        self.thawed: dict[str, float] = {}
        """When a PBX that had been stopped last went on."""
        self.lost: set[str] = set()
        """Requests of callers who were cut off by a PBX that died."""
        self.asked_to_end: set[str] = set()
        self.rung: Counter[str] = Counter()
        self.made: dict[str, float] = {}
        self.born: dict[Connection, float] = {}
        """When a PBX first heard something by a connection."""
        self.disturbed: dict[str, float] = {}
        self.repairs: Counter[str] = Counter()
        self.allowed: Counter[str] = Counter()
        """Differences that the checks let pass."""
        self.struck: list[float] = []
        """When faults began."""
        self.died: dict[str, list[float]] = {}
        """When a PBX was killed."""
        self.steps = 0
        self.problem = ""
        self.quiet_desks: set[str] = set()
        self._raging = 0
        self._offered: asyncio.Event | None = None
        """Set by the next offer."""
        self.plan = small_plan(
            wrap_up=self.rng.choice([0.0, 1.0, 5.0]),
            ring_timeout=self.rng.choice([3, 6, 12]),
            max_wait=self.rng.choice([15.0, 40.0]),
            rescue_grace=self.rng.choice([0.0, 2.0, 5.0]),
            short_abandon=2.0,
        )
        self.homes = [self._home(n) for n in range(self.weather.agents)]
        self.ledger = Ledger(self.homes)
        self.loop: SimLoop
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self) -> None:
        """Live through it. Raises BrokenError."""
        with _listening(self), asyncio.Runner(loop_factory=lambda: SimLoop(self.rng)) as runner:
            self.loop = runner.get_loop()  # type: ignore[assignment]
            self.loop.set_exception_handler(self._unhandled)
            runner.run(self._live())

    @property
    def now(self) -> float:
        """Unix seconds."""
        return T0 + self.loop.time()

    def unnoticed(self, at: float) -> bool:
        """Whether a fault had begun at that time so shortly before that nobody could know of it."""
        return any(began <= at <= began + UNNOTICED for began in self.struck)

    def died_between(self, request: str, since: float | None, until: float) -> bool:
        """Whether the PBX of a request was killed in that time."""
        died = self.died.get(request.partition(":")[0], [])
        return since is not None and any(since <= at <= until for at in died)

    # watching

    def note(self, what: str) -> None:
        """Trace."""
        if self.say is not None:
            self.say(f"{self.loop.time():10.4f} {what}")

    def allows(self, what: str, condition: object) -> bool:
        """Let a difference pass, and count it."""
        self.allowed[what] += bool(condition)
        return bool(condition)

    def broken(self, what: str) -> None:
        if not self.problem:
            self.problem = what
            self.note(f"BROKEN {what}")

    def stepped(self, message: Message, events: Sequence[Event]) -> None:
        self.steps += 1
        if self.say is not None:
            self.note(f"  msg {message}")
            for event in events:
                self.note(f"    evt {event}")
        life = self.life
        if life is not None and not self.problem:
            fault = checks.step(life.engine.state, life.engine.now())
            if fault:
                self.broken(f"{fault} after {message}")

    def heard(self, events: Sequence[Event]) -> None:
        """The sink of every life."""
        for event in events:
            if type(event) is OfferMade:
                self.made[event.offer] = self.now
                if self._offered is not None:
                    self._offered.set()
            elif type(event) is Repaired:
                self.repairs[event.kind] += 1
                calm = self.now - max(self.disturbed.values(), default=-1e9)
                self.allows(f"repair {math.ceil(calm)} s after a fault", 0 < calm <= CALM)
                if calm > CALM:
                    self.broken(f"a repair was needed without a fault before it: {event}")

    def acted(self, name: str, connection: Connection, action: Action) -> None:
        """An action arrives at a PBX: is it one of now, and does it harm nobody?"""
        kind = action["action"].lower()
        self.born.setdefault(connection, self.now)
        if kind not in ("redirect", "hangup"):
            return
        self.note(
            f"  act {name} {kind} {action.get('channel')}"
            f" {action.get('context', '')} {action.get('exten', '')}"
        )
        caller = self.pbxs[name]._live.get(action.get("channel", ""))
        if caller is None:
            return
        if kind == "hangup":
            if caller.hears == "agent" and f"{name}:{caller.request}" not in self.asked_to_end:
                self.broken(f"a call was hung up although nobody asked: {caller.request}")
            return
        if caller.hears == "agent" and not self._crossing(caller, action):
            self.broken(f"an established call was torn apart: {action} for {caller.request}")

    def _rang(self, offer: str, born: float) -> None:
        """A ring is carried out once, soon, and by the connection that was there when it was decided."""
        self.rung[offer] += 1
        made = self.made.get(offer, 0.0)
        if self.rung[offer] > 1:
            self.broken(f"I6: ring of offer {offer} carried out twice")
        if self.now - made > LATE:
            self.broken(f"I6: ring of offer {offer} carried out {self.now - made:.1f} s after it was made")
        if made < born:
            self.broken(f"I6: ring of offer {offer} came by a connection {born - made:.1f} s younger than it")

    def _crossing(self, caller: Caller, action: Action) -> bool:
        """The fallback queue's member answered while the action was under way: nobody can know."""
        since = caller.talks_since or 0.0
        under_way = since > self.now - 2 * self.loop.net.slow - 0.01
        return self.allows(
            "redirect that crosses an answer in the fallback",
            caller.offer.startswith("fallback") and under_way,
        )

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.broken(f"unhandled: {context.get('message')} {context.get('exception')!r}")

    # the run

    async def _live(self) -> None:
        weather = self.weather
        self.note(f"{weather} {self.plan._replace(routes={}, pools={})}")
        for n in range(1, weather.nodes + 1):
            await self._build(f"n{n}")
        await self._start()
        for home in self.homes:
            self._spawn(self._desk(home))
        self._spawn(self._look())
        await self._sleep(1.0)
        self._everyone_ready()
        ends = self.loop.time() + weather.stormy
        self._spawn(self._callers(ends))
        self._spawn(self._people(ends))
        self._spawn(self._storms(ends))
        for pbx in self.pbxs.values():
            pbx.faults.duplicate, pbx.faults.reorder = weather.duplicate, weather.reorder
        self.loop.net.pieces = weather.pieces
        await self._sleep(weather.stormy + 0.1)
        await self._calm()
        await self._settled("in the calm after the storm")
        await self._drain()
        await self._settled("at the end")
        fault = checks.end(self)
        if fault:
            self.broken(fault)
        self._raise()
        if self.life is not None:
            await self.life.end(graceful=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pbx in self.pbxs.values():
            await pbx.close()
        self._raise()

    async def _build(self, name: str) -> None:
        pbx = self.pbxs[name] = FakePbx(clock=lambda: self.now, seed=self.rng.randrange(1 << 30))
        host = self.hosts[name] = Process(self.loop)
        await self.loop.create_task(pbx.ami.start(), context=host.context)
        for home in self.homes:
            pbx.add_seat(home.seat_address, lambda offer: self._behave())
        pbx._engaged = lambda seat: any(  # type: ignore[method-assign]  # one phone, registered everywhere
            caller.leg is not None and caller.seat is not None and caller.seat.address == seat.address
            for each in self.pbxs.values()
            for caller in each._live.values()
        )
        handle = pbx.ami.handle

        def watched(connection: Connection, action: Action) -> None:
            self.acted(name, connection, action)
            handle(connection, action)
            if action.get("context") == "seats-connect":
                caller = pbx._live.get(action["channel"])
                if caller is not None and caller.leg is not None:
                    self._rang(caller.offer, self.born[connection])

        pbx.ami.handle = watched
        if self.say is not None:
            tell = pbx.ami.event

            def told(event: str, privilege: str, headers: Any) -> None:
                if event not in ("Newchannel", "Newstate", "NewCallerid", "NewConnectedLine", "PeerStatus"):
                    short = {k: v for k, v in headers if k in checks.TOLD and v}
                    self.note(f"  pbx {name} {event} {short}")
                tell(event, privilege, headers)

            pbx.ami.event = told  # type: ignore[method-assign]

    def _on(self, name: str, call: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """Do something on a PBX; a stopped one does it when it goes on."""
        host = self.hosts[name]
        if host.frozen:
            return host.hold(1, 0.0, lambda: host.run(lambda: call(*given, **more)))
        return host.run(lambda: call(*given, **more))

    def _home(self, n: int) -> AgentRow:
        rng = self.rng
        home = rng.choice(["hubei", "hunan"])
        pools = (home, "nation") if rng.random() < 0.7 else (home,)
        kind = rng.choice([SeatKind.SIP, SeatKind.SIP, SeatKind.BROWSER, SeatKind.MOBILE])
        address = f"1390000{n:04d}" if kind is SeatKind.MOBILE else f"s{n}"
        return AgentRow(f"a{n}", f"a{n}", home, pools, kind.value, address)

    def _behave(self) -> Behaviour:
        rng = self.rng
        does = rng.choices(["answer", "ignore", "busy"], [8, 2, 1])[0]
        dies = rng.uniform(0.3, 10.0) if rng.random() < 0.1 else None
        talk = rng.choice([None, rng.uniform(0.2, 2.0), rng.uniform(1.0, 20.0)])
        return Behaviour(does, rng.uniform(0.02, 5.0), talk, dies)

    async def _start(self) -> None:
        process = Process(self.loop)
        await self.loop.create_task(self._begin_life(), context=process.context)

    async def _begin_life(self) -> None:
        self.epoch += 1
        nodes = [
            NodeSettings(name, "127.0.0.1", pbx.port, "seats", "secret") for name, pbx in self.pbxs.items()
        ]
        life = Life(nodes, self.plan, self.epoch, self.ledger, self, resolve, self.rng.random)
        life.engine.subscribe(self.heard)
        self.life = life
        self._disturb(*self.pbxs)
        await life.begin()

    async def _sleep(self, seconds: float) -> None:
        until = self.loop.time() + seconds
        while (left := until - self.loop.time()) > 0:
            self._raise()
            await asyncio.sleep(min(left, 1.0))
        self._raise()

    def _raise(self) -> None:
        if self.problem:
            raise BrokenError(self.problem)

    def _spawn(self, work: Any) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken(f"the world itself: {error!r}")

    def _disturb(self, *names: str) -> None:
        for name in names:
            self.disturbed[name] = self.now

    async def _look(self) -> None:
        """Every quarter of a second: links that are not up, deadlines that nobody honours."""
        while True:
            await asyncio.sleep(0.25)
            life = self.life
            if life is None or life.frozen:
                self._disturb(*self.pbxs)
                continue
            for node in life.nodes:
                if not node.link.up:
                    self._disturb(node.name)
            due = life.engine.state.next_deadline()
            if due is not None and self.now - due > 0.05:
                self.broken(f"a deadline is overdue by {self.now - due:.2f} s")
            fault = checks.step(life.engine.state, self.now)
            if fault:
                self.broken(fault)

    # people

    async def _desk(self, home: AgentRow) -> None:
        """A browser desk proves every three seconds that it can answer."""
        if home.seat_kind != SeatKind.BROWSER.value:
            return
        await asyncio.sleep(self.rng.uniform(0.0, 1.0))
        while True:
            if self.life is not None and home.id not in self.quiet_desks:
                self.life.tell(LeaseRenewed(home.id, self.now + 8.0, ""))
            await asyncio.sleep(3.0)

    def _everyone_ready(self) -> None:
        assert self.life is not None
        for home in self.homes:
            self.life.ask(StateAsked(home.id, Chosen.READY, "", "sim"))

    async def _callers(self, ends: float) -> None:
        rng = self.rng
        while True:
            await asyncio.sleep(rng.expovariate(self.weather.callers))
            if self.loop.time() >= ends:
                return
            name = rng.choice(list(self.pbxs))
            pbx = self.pbxs[name]
            if pbx.port not in self.loop.net.listeners or self.hosts[name].frozen:
                continue  # nobody can call a dead PBX
            number = rng.choice(list(PROVINCES)) + f"{rng.randrange(10**7):07d}"
            patience = rng.choice([None, rng.uniform(0.05, 3.0), rng.uniform(1.0, 40.0)])
            talk = rng.choice([None, rng.uniform(0.1, 3.0), rng.uniform(1.0, 25.0)])
            caller = self._on(name, pbx.arrive, cli=number, patience=patience, talk=talk)
            self.note(f"caller {name}:{caller.request} {number} patience {patience} talk {talk}")

    async def _people(self, ends: float) -> None:
        while self.loop.time() < ends:
            await asyncio.sleep(self.rng.expovariate(0.4))
            if self.life is not None:
                with contextlib.suppress(DomainError):
                    self.life.ask(self._wish())

    def _wish(self) -> Message:
        rng, home = self.rng, self.rng.choice(self.homes)
        kind = rng.random()
        if kind < 0.6:
            chosen = rng.choice(
                [Chosen.READY, Chosen.READY, Chosen.READY, Chosen.NOT_READY, Chosen.SIGNED_OUT]
            )
            return StateAsked(home.id, chosen, "" if chosen is Chosen.READY else "break", "sim")
        if kind < 0.75:
            return WrapUpEnded(home.id, "consult")
        if kind < 0.9:
            return DispositionGiven(home.id, "claim")
        assert self.life is not None
        agent = self.life.engine.state.agents[home.id]
        if agent.machine is Machine.TALKING and agent.request:
            self.asked_to_end.add(agent.request)
        return HangUpAsked(home.id)

    # what goes wrong

    async def _storms(self, ends: float) -> None:
        rate, kinds = self.weather.faults, self.weather.kinds
        while rate:
            await asyncio.sleep(self.rng.expovariate(rate))
            if self.rng.random() < 0.3:
                await self._an_offer()
            if self.loop.time() >= ends:
                return
            kind = self.rng.choice(kinds)
            name = self.rng.choice(list(self.pbxs))
            self.faults[kind] += 1
            self.note(f"FAULT {kind} {name}")
            if self.weather.together:
                self._spawn(self._strike(kind, name))
            else:
                await self._strike(kind, name)

    async def _an_offer(self) -> None:
        """Wait for a decision, so that its ring is on the way when the fault strikes."""
        self._offered = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._offered.wait(), 5.0)
        self._offered = None

    async def _strike(self, kind: str, name: str) -> None:
        self._raging += 1
        self.struck.append(self.now)
        try:
            await FAULTS[kind](self, name)
        finally:
            self._raging -= 1

    def _lines(self, name: str) -> list[Line]:
        return self.loop.net.of(self.pbxs[name].port)

    async def cut(self, name: str) -> None:
        """All connections to a PBX are cut."""
        self._disturb(name)
        for line in self._lines(name):
            line.cut()

    async def cut_one(self, name: str) -> None:
        """One of the connections is cut."""
        self._disturb(name)
        lines = self._lines(name)
        if lines:
            self.rng.choice(lines).cut()

    async def half_open(self, name: str) -> None:
        """The network swallows everything, and nobody is told."""
        self._disturb(name)
        lines = self._lines(name)
        for line in lines if self.rng.random() < 0.6 else lines[:1]:
            line.half_open()
        for _ in range(24):  # until it has been noticed
            self._disturb(name)
            await asyncio.sleep(0.25)

    async def stall(self, name: str) -> None:
        """Bytes are late, but come."""
        seconds = self.rng.uniform(0.2, 4.0)
        self._disturb(name)
        self.loop.net.stalled[self.pbxs[name].port] = self.loop.time() + seconds
        for line in self._lines(name):
            if self.rng.random() < 0.7:
                line.stall(seconds)
        await asyncio.sleep(seconds)
        self._disturb(name)

    async def slow(self, name: str) -> None:
        """The way to every PBX takes long."""
        self.loop.net.slow = self.rng.uniform(0.02, 0.3)
        for _ in range(self.rng.randint(4, 32)):
            self._disturb(*self.pbxs)
            await asyncio.sleep(0.25)
        self.loop.net.slow = 0.0

    async def off_the_net(self, name: str) -> None:
        """The host of a PBX is cut off; its calls go on."""
        port = self.pbxs[name].port
        self.loop.net.dark.add(port)
        for line in self._lines(name):
            line.half_open()
        await asyncio.sleep(self.rng.uniform(0.5, 12.0))
        self.loop.net.dark.discard(port)
        for _ in range(24):
            self._disturb(name)
            await asyncio.sleep(0.25)

    async def pbx_dies(self, name: str) -> None:
        """The PBX is killed; all its calls are gone. It comes back."""
        pbx = self.pbxs[name]
        if pbx.port not in self.loop.net.listeners:
            return
        self._disturb(name)
        self.died.setdefault(name, []).append(self.now)
        if self.hosts[name].frozen:
            self.hosts[name].thaw()  # what it had under way ends with it
        for caller in pbx.callers.values():  # nor is the end of those who have just left certain to be told
            if caller.ended_at is not None and self.now - caller.ended_at < 5.0:
                self.lost.add(f"{name}:{caller.request}")
        self.lost.update(f"{name}:{caller.request}" for caller in await pbx.crash())
        await asyncio.sleep(self.rng.choice([0.05, 1.0, self.rng.uniform(0.5, 10.0)]))
        self._disturb(name)
        await self.loop.create_task(pbx.boot(), context=self.hosts[name].context)

    async def pbx_freezes(self, name: str) -> None:
        """The PBX is stopped in its tracks for a while; what reaches its host meanwhile, it reads afterwards."""
        host, pbx = self.hosts[name], self.pbxs[name]
        if host.frozen or pbx.port not in self.loop.net.listeners:
            return
        host.frozen = True
        until = self.loop.time() + self.rng.choice([self.rng.uniform(0.1, 2.5), self.rng.uniform(2.0, 8.0)])
        while (left := until - self.loop.time()) > 0:
            self._disturb(name)
            await asyncio.sleep(min(left, 0.25))
        self._disturb(name)
        if host.frozen:
            self.note(f"pbx {name} goes on")
            self.thawed[name] = self.now
            host.thaw()

    async def service_dies(self, name: str) -> None:
        """The service is killed; another begins."""
        await self._restart(graceful=False)

    async def service_restarts(self, name: str) -> None:
        """The service is stopped in order; another begins."""
        await self._restart(graceful=True)

    async def _restart(self, *, graceful: bool) -> None:
        life = self.life
        if life is None or (graceful and life.frozen):
            return
        self.life = None
        if graceful:
            lost = await life.end(graceful=True)
        else:
            for name in self.pbxs:
                for line in self._lines(name):
                    line.abort()
            if life.process is not None and life.frozen:
                life.engine.dead = True
                life.process.thaw()  # only so that its tasks can be ended
            lost = await life.end(graceful=False)
        self.note(f"service ended, {lost} events lost")
        await asyncio.sleep(self.rng.choice([0.01, self.rng.uniform(0.1, 3.0), self.rng.uniform(3.0, 15.0)]))
        self.note("service begins")
        await self._start()

    async def service_freezes(self, name: str) -> None:
        """The service is stopped in its tracks for a while, and goes on where it was."""
        life = self.life
        if life is None or life.process is None or life.frozen:
            return
        life.process.frozen = True
        await asyncio.sleep(self.rng.choice([self.rng.uniform(0.1, 3.0), self.rng.uniform(2.0, 12.0)]))
        self.note("service goes on")
        self._disturb(*self.pbxs)
        if life.frozen:
            life.process.thaw()

    async def ledger_locked(self, name: str) -> None:
        """The database takes nothing for a while."""
        seconds = self.rng.uniform(0.5, 10.0)
        self.ledger.locked_until = self.now + seconds
        # who waited for it goes on at that moment, perhaps before this timer
        self.loop.call_later(seconds - 0.01, self._disturb, *self.pbxs)

    async def seat_away(self, name: str) -> None:
        """A seat's registration goes, and comes back."""
        address = self.rng.choice(self.homes).seat_address
        register = self.pbxs[name].register
        self._on(name, register, address, False)
        self.loop.call_later(self.rng.uniform(0.1, 15.0), self._on, name, register, address)

    async def desk_freezes(self, name: str) -> None:
        """A browser page gives no sign of life."""
        home = self.rng.choice(self.homes)
        self.quiet_desks.add(home.id)
        self.loop.call_later(self.rng.uniform(4.0, 20.0), self.quiet_desks.discard, home.id)

    # the calm

    async def _calm(self) -> None:
        """Everything mends; whoever is on the line stays."""
        await self._until(lambda: not self._raging, 60.0, "the storm does not end")
        self.note("CALM")
        self.quiet_desks.clear()
        for name, pbx in self.pbxs.items():
            pbx.faults.duplicate = pbx.faults.reorder = 0.0
            self.loop.net.dark.discard(pbx.port)
            self._disturb(name)
        self.loop.net.slow = 0.0
        self.loop.net.pieces = 0
        self.ledger.locked_until = 0.0
        await self._until(self._mended, 40.0, "the service is not up again")
        for home in self.homes:
            for name, pbx in self.pbxs.items():
                self._on(name, pbx.register, home.seat_address)
        self._everyone_ready()
        await self._sleep(self.plan.ring_timeout + OFFER_GUARD + 4.0)  # a stuck offer expires within

    def _mended(self) -> bool:
        life = self.life
        return life is not None and all(node.link.up for node in life.nodes)

    async def _until(self, true: Callable[[], Any], seconds: float, otherwise: str) -> None:
        until = self.loop.time() + seconds
        while not true():
            if self.loop.time() > until:
                self.broken(otherwise)
            self._raise()
            await asyncio.sleep(0.1)

    async def _settled(self, when: str) -> None:
        """I8, I9: what the PBXs, the core, the ledger and the figures hold is one and the same."""
        for _ in range(10):  # what is under way may arrive
            fault = await checks.settled(self)
            if not fault:
                return
            await asyncio.sleep(0.05)
        self.broken(f"{fault} ({when})")
        self._raise()

    async def _drain(self) -> None:
        """Until everybody has left and everything is told."""
        began = self.loop.time()
        while any(pbx._live for pbx in self.pbxs.values()):
            await self._sleep(0.5)
            if self.loop.time() - began > 20.0:
                for name, pbx in self.pbxs.items():
                    for caller in list(pbx._live.values()):
                        self._on(name, pbx.caller_hangs_up, caller)
        await self._sleep(12.0)

    def callers(self) -> Iterator[tuple[str, Caller]]:
        """Every caller there ever was, by request."""
        for name, pbx in self.pbxs.items():
            for caller in pbx.callers.values():
                yield f"{name}:{caller.request}", caller


FAULTS: dict[str, Callable[[World, str], Any]] = {
    kind.__name__: kind
    for kind in (
        World.cut,
        World.cut_one,
        World.half_open,
        World.stall,
        World.slow,
        World.off_the_net,
        World.pbx_dies,
        World.pbx_freezes,
        World.service_dies,
        World.service_restarts,
        World.service_freezes,
        World.ledger_locked,
        World.seat_away,
        World.desk_freezes,
    )
}


def resolve(number: str, did: str, choice: str, trunk: str) -> Origin:
    """Province of a caller of these worlds."""
    return Origin(PROVINCES.get(number[:3], "beijing"), "area_code", Confidence.CERTAIN)


@contextlib.contextmanager
def _listening(world: World) -> Iterator[None]:
    """Errors in logs break the run; other logs go to the trace."""

    def hear(logger: Any, level: str, entry: Any) -> Any:
        if level in ("error", "critical", "exception"):
            world.broken(f"the service's log: {entry}")
        world.note(f"  log {level} {dict(entry)}")
        raise structlog.DropEvent

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                world.broken(f"the link's log: {record.getMessage()} {record.exc_info}")
            world.note(f"  log {record.levelname} {record.getMessage()}")

    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, hear])
    telephony = logging.getLogger("telephony")
    level, propagate, handler = telephony.level, telephony.propagate, Handler()
    telephony.addHandler(handler)
    telephony.setLevel(logging.DEBUG if world.say else logging.ERROR)
    telephony.propagate = False
    try:
        yield
    finally:
        telephony.removeHandler(handler)
        telephony.setLevel(level)
        telephony.propagate = propagate
        structlog.configure(**before)
