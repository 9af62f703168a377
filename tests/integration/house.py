"""A whole house for a test: a private Asterisk, the service on SQLite, agents and callers from sipp."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seats.domain.agents import Agent, Chosen, SeatKind
from seats.domain.events import Event
from seats.domain.messages import StateAsked
from seats.domain.plan import Plan
from seats.planfile import load_plan
from seats.service import Service, open_store, serve
from seats.settings import Settings, default_file
from seats.store.rows import AgentRow
from telephony.lab import ANSWERS_AT_ONCE, Behaviour, Call, Callers, Counts, LabPbx, SimAgents
from telephony.lab.ports import free_port

HUBEI, HUNAN, BEIJING = "02788886666", "073188886666", "01088886666"


class Home(NamedTuple):
    """An agent of a test: province, pools, and what the phone does."""

    province: str
    pools: tuple[str, ...] = ()
    behaviour: Behaviour = ANSWERS_AT_ONCE
    ready: bool = True


def call(number: str = HUBEI, *, talk: float = 1.0, patience: float = 0.0) -> Call:
    """One caller."""
    return Call(number=number, did="95500", talk_s=talk, patience_s=patience)


class House:
    """The parts of a running house, and what tests ask of them."""

    def __init__(self, lab: LabPbx, settings: Settings, homes: Mapping[str, Home]) -> None:
        self.lab, self.settings, self.homes = lab, settings, homes
        self.service: Service
        self._life = contextlib.AsyncExitStack()
        self.phones: SimAgents
        self.events: list[Event] = []

    def agent(self, address: str) -> Agent:
        """The live state of an agent (the id is the seat's address)."""
        return self.service.engine.state.agents[address]

    def choose(self, address: str, chosen: Chosen, reason: str = "") -> None:
        """The agent asks for a state."""
        self.service.engine.ask(StateAsked(address, chosen, reason, "test"))

    async def place(self, *calls: Call, rate: float = 20.0) -> Counts:
        """Place calls, wait for their end and for the ledger."""
        async with Callers(self.lab.sip_port, calls, rate=rate) as callers:
            counts = await callers.wait()
        await self.quiet()
        return counts

    @contextlib.asynccontextmanager
    async def placing(self, *calls: Call, rate: float = 20.0) -> AsyncIterator[Callers]:
        """Calls going on during the block."""
        async with Callers(self.lab.sip_port, calls, rate=rate) as callers:
            yield callers

    async def quiet(self) -> None:
        """Until no request is open and everything is written."""
        await self.until(lambda: not self.service.engine.state.requests)
        await self.service.writer.flush()

    async def until(self, true: Callable[[], Any], seconds: float = 20.0) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - what tests wait for has no event of its own
                await asyncio.sleep(0.01)

    async def until_said(self, sound: str) -> None:
        """Wait until a caller who holds hears this sound; none: the music."""
        wanted = f"!Read!SEATS_DIGIT,{sound},1,n,"
        async with asyncio.timeout(30):
            while wanted not in await self.lab.asterisk_cli("core show channels concise"):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.05)

    def rung(self) -> list[str]:
        """Addresses whose phones rang, in order."""
        return [ring.address for ring in self.phones.rings() if ring.what == "ring"]

    def of(self, kind: type) -> list[Any]:
        """Events of one type so far."""
        return [e for e in self.events if isinstance(e, kind)]

    async def outcomes(self) -> dict[str, int]:
        """Outcomes by count, from the ledger."""
        counts: dict[str, int] = {}
        for (_, outcome), n in (await self.service.store.totals()).items():
            counts[outcome] = counts.get(outcome, 0) + n
        return counts

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """The service runs, from one life to the next if ``stop`` and ``start`` are called within."""
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin a life of the service."""
        self._life = contextlib.AsyncExitStack()
        self.service = await self._life.enter_async_context(serve(self.settings))
        self.service.engine.subscribe(self.events.extend)
        await self.until(lambda: self.service.ready()[0])

    async def stop(self) -> None:
        """End a life of the service; Asterisk, callers and agents go on."""
        await self._life.aclose()


def plan_for_tests(**changes: Any) -> Plan:
    """The shipped routing, faster; without the rings that a short longest wait would never open."""
    plan = load_plan(default_file("routing.yaml"))._replace(wrap_up=0.0, ring_timeout=3, **changes)
    routes = {
        code: route._replace(rings=tuple(r for r in route.rings if r.after < plan.max_wait))
        for code, route in plan.routes.items()
    }
    return plan._replace(routes=routes)


@contextlib.asynccontextmanager
async def house(
    folder: Path, homes: Mapping[str, Home], *, phones: bool = True, calls: bool = False, **plan: Any
) -> AsyncIterator[House]:
    """A house whose agents are signed in as they say; with ``calls`` it may call people back."""
    seats = [("sip", a) for a in homes] + [("browser", "web001")]
    async with LabPbx(seats, qualify_s=1.0, places_calls=calls) as lab:
        settings = settings_for(lab, folder)
        await people(settings, homes, plan_for_tests(**plan))
        it = House(lab, settings, homes)
        async with it.serving(), contextlib.AsyncExitStack() as stack:
            if phones:
                secrets = {a: lab.seat_secret(a) for a in homes}
                behaviours = {a: h.behaviour for a, h in homes.items()}
                it.phones = await stack.enter_async_context(SimAgents(lab.sip_port, behaviours, secrets))
                await it.until(lambda: all(it.agent(a).nodes for a in homes))
            for address, home in homes.items():
                if home.ready:
                    it.choose(address, Chosen.READY)
            yield it


def settings_for(lab: LabPbx, folder: Path, **more: Any) -> Settings:
    """Settings of a service on this lab."""
    pbx = {
        "name": "lab",
        "host": lab.ami_host,
        "port": lab.ami_port,
        "username": lab.username,
        "secret": lab.secret,
        "ws_url": lab.ws_url,
    }
    data = {
        "database_url": f"sqlite:///{folder / 'seats.db'}",
        "spool_folder": str(folder / "spool"),
        "http": {"port": free_port()},
        "pbx": [pbx],
        "phone": {"master_secret": lab.master_secret},
    }
    return Settings.model_validate(data | more)


async def people(settings: Settings, homes: Mapping[str, Home], plan: Plan) -> None:
    """Agents and plan into a fresh database."""
    store = await open_store(settings)
    try:
        await store.save_plan(plan, at=0.0, actor="test", comment="")
        for address, home in homes.items():
            pools = home.pools or (home.province,)
            row = AgentRow(address, address, home.province, pools, SeatKind.SIP.value, address)
            await store.put_agent(row, at=0.0, actor="test")
    finally:
        await store.close()
