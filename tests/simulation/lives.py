"""One life of the service in the simulated world: the real rooms, wired as ``seats.service`` wires them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta, timezone
from types import SimpleNamespace
from typing import Any

from seats.domain.errors import DomainError
from seats.domain.events import Event
from seats.domain.messages import Message
from seats.domain.plan import Plan
from seats.domain.requests import Origin
from seats.domain.state import State
from seats.domain.tally import Tally
from seats.engine.clock import Clock
from seats.engine.engine import Engine
from seats.engine.node import Node
from seats.engine.outbox import Outbox
from seats.roster import Roster
from seats.service import CODES, Service
from telephony.link import NodeSettings
from tests.simulation.ledger import Ledger, Writer
from tests.simulation.loop import Process

ZONE = timezone(timedelta(hours=8))


class WatchedEngine(Engine):
    """The engine, looked at after every step; a dead one does nothing more."""

    def __init__(self, state: State, tally: Tally, clock: Clock, watch: Watch) -> None:
        super().__init__(state, tally, clock)
        self.dead = False
        self._watch = watch

    def post(self, message: Message) -> None:
        if not self.dead:
            super().post(message)

    def _step(self, message: Message) -> list[Event]:
        try:
            events = super()._step(message)
        except DomainError:
            raise
        except Exception as error:
            self._watch.broken(f"{type(message).__name__} raised {error!r}")
            raise
        self._watch.stepped(message, events)
        return events


class Watch:
    """Who looks on: the world."""

    def stepped(self, message: Message, events: Sequence[Event]) -> None:
        """After every step."""

    def broken(self, what: str) -> None:
        """An invariant does not hold."""


class Life(Service):
    """A service without web pages, on the ledger in memory and the world's clock."""

    def __init__(
        self,
        nodes: Sequence[NodeSettings],
        plan: Plan,
        epoch: int,
        ledger: Ledger,
        watch: Watch,
        resolve: Callable[[str, str, str, str], Origin],
        rng: Callable[[], float],
        *,
        spools: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        clock = Clock(loop.time, lambda: T0 + loop.time())
        self.settings = SimpleNamespace(zone=ZONE)  # type: ignore[assignment]
        self.store = ledger  # type: ignore[assignment]
        self.engine: WatchedEngine = WatchedEngine(State(plan, epoch=epoch), Tally(CODES, ZONE), clock, watch)
        self.roster = Roster(self.store, self.engine)
        self.writer = Writer(ledger, loop, self.engine.now, spools=spools)  # type: ignore[assignment]
        nothing = lambda *totals: None  # noqa: E731
        self.series = SimpleNamespace(seed=nothing, seed_callbacks=nothing)  # type: ignore[assignment]
        self.nodes = [Node(node, self.engine, resolve, self._closed) for node in nodes]
        for node in self.nodes:
            node.link._clock = node.link._heart._clock = self.engine.now
            node.link._rng = rng
        links = {node.name: node.link for node in self.nodes}
        self.engine.carry = Outbox(links, self.engine.post).carry
        self.engine.subscribe(self.writer.append)
        self._tasks: list[asyncio.Task[None]] = []
        self.process = Process.WHO.get()

    @property
    def frozen(self) -> bool:
        """The process is stopped: nobody gets an answer."""
        return self.process is not None and self.process.frozen

    def tell(self, message: Message) -> None:
        """A person's browser posts something; lost on a stopped process."""
        if self.process is not None and not self.frozen:
            self.process.run(self.engine.post, message)

    def ask(self, message: Message) -> None:
        """A person asks for something. Raises :class:`DomainError`."""
        if self.process is not None and not self.frozen:
            self.process.run(self.engine.ask, message)

    async def begin(self) -> None:
        """Take up what the ledger knows and link to the nodes."""
        await self.take_up()
        self._tasks = [asyncio.create_task(node.run()) for node in self.nodes]

    async def end(self, *, graceful: bool) -> int:
        """Stop in order, or as if killed; how many events were lost."""
        if graceful:
            for node in self.nodes:
                await node.close()
            await self._finish_tasks()
            self.engine.close()
            await self.writer.flush()
            self.engine.dead = True
            return self.writer.die()  # type: ignore[attr-defined, no-any-return]
        self.engine.dead = True
        self.engine.close()
        lost: int = self.writer.die()  # type: ignore[attr-defined]
        await self._finish_tasks()
        return lost

    async def _finish_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                self.engine._watch.broken(f"a node's task ended with {outcome!r}")

    def failed_tasks(self) -> list[Any]:
        """What ended a node's task although nobody asked for it."""
        return [t.exception() for t in self._tasks if t.done() and not t.cancelled()]


T0 = 1_600_000_000.0
"""Unix time at which every world begins: in the evening of a business day, so that no day turns."""
