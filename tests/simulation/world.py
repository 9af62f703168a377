"""A seeded world: PBXs, callers, agents at home, and everything that goes wrong between them."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from seats.domain.events import Event, OfferMade, Repaired
from seats.domain.messages import (
    Message,
)
from seats.domain.routing import OFFER_GUARD
from telephony.commands import RING_WITHIN
from telephony.fakeami import Action, Connection
from telephony.fakepbx import Caller, FakePbx
from telephony.heartbeat import STALE_AFTER
from telephony.link import NodeSettings
from tests.simulation import checks, people
from tests.simulation.faults import storms
from tests.simulation.ledger import Ledger
from tests.simulation.listening import listening
from tests.simulation.lives import T0, Life, Watch
from tests.simulation.loop import Process, SimLoop
from tests.simulation.weather import Weather
from tests.unit.coresim import small_plan

LATE = RING_WITHIN + 1.0
"""Seconds after which an effect is stale: the PBX counts whole ones."""
UNNOTICED = STALE_AFTER + 0.1
"""Seconds for which a link may be dead before anybody knows, and the way of what tells."""
SPOOLS = 0.75
"""Of the service's lives, those whose own disk takes what the ledger does not have yet."""
CALM = 8.0
"""Seconds after a disturbance in which repairs are expected: a reconciliation and its round trip."""


class BrokenError(AssertionError):
    """An invariant does not hold."""


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
        self.raging = 0
        self.offered: asyncio.Event | None = None
        """Set by the next offer."""
        self.plan = small_plan(
            wrap_up=self.rng.choice([0.0, 1.0, 5.0]),
            ring_timeout=self.rng.choice([3, 6, 12]),
            max_wait=self.rng.choice([15.0, 40.0]),
            rescue_grace=self.rng.choice([0.0, 2.0, 5.0]),
            short_abandon=2.0,
        )
        self.homes = [people.home(self, n) for n in range(self.weather.agents)]
        self.ledger = Ledger(self.homes)
        self.loop: SimLoop
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self) -> None:
        """Live through it. Raises BrokenError."""
        with listening(self), asyncio.Runner(loop_factory=lambda: SimLoop(self.rng)) as runner:
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
                if self.offered is not None:
                    self.offered.set()
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
        await self.start()
        for home in self.homes:
            self.spawn(people.desk(self, home))
        self.spawn(self._look())
        await self._sleep(1.0)
        people.everyone_ready(self)
        ends = self.loop.time() + weather.stormy
        self.spawn(people.callers(self, ends))
        self.spawn(people.people(self, ends))
        self.spawn(storms(self, ends))
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
            pbx.add_seat(home.seat_address, lambda offer: people.behave(self))
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

    def on(self, name: str, call: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """Do something on a PBX; a stopped one does it when it goes on."""
        host = self.hosts[name]
        if host.frozen:
            return host.hold(1, 0.0, lambda: host.run(lambda: call(*given, **more)))
        return host.run(lambda: call(*given, **more))

    async def start(self) -> None:
        process = Process(self.loop)
        await self.loop.create_task(self._begin_life(), context=process.context)

    async def _begin_life(self) -> None:
        self.epoch += 1
        nodes = [
            NodeSettings(name, "127.0.0.1", pbx.port, "seats", "secret") for name, pbx in self.pbxs.items()
        ]
        if (wait := self.ledger.locked_until - self.now) > 0:
            await asyncio.sleep(wait)
        self.note(f"{self.ledger.replay()} events replayed")
        spools = self.rng.random() < SPOOLS
        life = Life(
            nodes, self.plan, self.epoch, self.ledger, self, people.resolve, self.rng.random, spools=spools
        )
        life.engine.subscribe(self.heard)
        self.life = life
        self.disturb(*self.pbxs)
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

    def spawn(self, work: Any) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken(f"the world itself: {error!r}")

    def disturb(self, *names: str) -> None:
        for name in names:
            self.disturbed[name] = self.now

    async def _look(self) -> None:
        """Every quarter of a second: links that are not up, deadlines that nobody honours."""
        while True:
            await asyncio.sleep(0.25)
            life = self.life
            if life is None or life.frozen:
                self.disturb(*self.pbxs)
                continue
            for node in life.nodes:
                if not node.link.up:
                    self.disturb(node.name)
            due = life.engine.state.next_deadline()
            if due is not None and self.now - due > 0.05:
                self.broken(f"a deadline is overdue by {self.now - due:.2f} s")
            fault = checks.step(life.engine.state, self.now)
            if fault:
                self.broken(fault)

    # the calm

    async def _calm(self) -> None:
        """Everything mends; whoever is on the line stays."""
        await self._until(lambda: not self.raging, 60.0, "the storm does not end")
        self.note("CALM")
        self.quiet_desks.clear()
        for name, pbx in self.pbxs.items():
            pbx.faults.duplicate = pbx.faults.reorder = 0.0
            self.loop.net.dark.discard(pbx.port)
            self.disturb(name)
        self.loop.net.slow = 0.0
        self.loop.net.pieces = 0
        self.ledger.locked_until = 0.0
        await self._until(self._mended, 40.0, "the service is not up again")
        for home in self.homes:
            for name, pbx in self.pbxs.items():
                self.on(name, pbx.register, home.seat_address)
        people.everyone_ready(self)
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
                        self.on(name, pbx.caller_hangs_up, caller)
        await self._sleep(12.0)

    def callers(self) -> Iterator[tuple[str, Caller]]:
        """Every caller there ever was, by request."""
        for name, pbx in self.pbxs.items():
            for caller in pbx.callers.values():
                yield f"{name}:{caller.request}", caller
