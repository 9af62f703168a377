"""One run: a real Asterisk, the service, a database, sipp's callers and agents, and what is done to them.

The strikes are a function of the seed; when they meet what is under way is not. Each run ends with a calm in
which further calls are placed and nothing is struck, so that the whole can be judged at rest as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from seats.domain.plan import Plan
from seats.service import open_store
from seats.settings import Settings
from seats.store.passwords import hash_password
from seats.store.rows import User
from telephony.lab import Behaviour, Call, Callers, LabPbx, SimAgents
from telephony.lab.agents import Ring
from telephony.lab.callers import Fate
from tests.chaos.processes import PostgresVictim, ServiceProcess, SqliteVictim, Supervisor, Victim, until
from tests.contract.postgres import running
from tests.integration.house import Home, people, plan_for_tests, settings_for

PASSWORD = "chaos-secret"
LEAVES = Behaviour(answers_after=(0.1, 1.5))
"""Answers; the caller hangs up."""
HANGS_UP = Behaviour(answers_after=(0.1, 1.0), talks_for=(1.0, 6.0))
"""Answers, and hangs up first more often than not."""
LATE = Behaviour(answers_after=(2.5, 3.5))
"""Answers about when the offer's time is over: answers cross withdrawals."""
AREAS = {"027": "hubei", "0731": "hunan", "010": "beijing"}


class Order(NamedTuple):
    """What a run shall be. ``database`` is sqlite or postgresql; ``rate`` in calls per second."""

    seed: int
    calls: int
    kills: int
    database: str
    rate: float = 6.0
    agents: int = 40
    calm_calls: int = 40
    """Of the calls, those placed after the storm."""


class Span(NamedTuple):
    """Something struck from ``began`` (Unix seconds) until it was itself again."""

    target: str
    how: str
    began: float
    ended: float


class Run(NamedTuple):
    """Everything that a run showed to those who stood outside."""

    order: Order
    spans: list[Span]
    fates: list[Fate]
    rings: list[Ring]
    pbx_log: str
    calm_from: float
    settings: Settings
    starts: int
    seconds: float
    at_rest: dict[str, object]
    """What the service said in the calm, and what PBX and service held at the end."""


Say = Callable[[str], None]
T = TypeVar("T")


class Storm:
    """The parts of a run, and the strikes."""

    def __init__(self, order: Order, lab: LabPbx, victims: dict[str, Victim], say: Say) -> None:
        self.order, self.lab, self.victims, self.say = order, lab, victims, say
        self.rng = random.Random(order.seed)
        self.spans: list[Span] = []
        self._struck: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def rage(self, seconds: float) -> None:
        """Strike until all kills are done, spread over so many seconds; then wait for all to be mended."""
        rng, kills = self.rng, self.order.kills
        moments = sorted(
            [(rng.uniform(3.0, seconds), "kill") for _ in range(kills)]
            + [(rng.uniform(3.0, seconds), "freeze") for _ in range(kills // 2)]
        )
        began = time.monotonic()
        for at, how in moments:
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            target = await self._free(how)
            self._struck.add(target)
            self._tasks.append(asyncio.create_task(self._strike(target, how)))
        await asyncio.gather(*self._tasks)

    async def _free(self, how: str) -> str:
        """A target that is not down: the service above all; the PBX least, since its calls die too."""
        weights = {"service": 5, "database": 3, "pbx": 2 if how == "kill" else 3}
        while True:
            free = [name for name in self.victims if name not in self._struck]
            if free:
                return self.rng.choices(free, [weights[name] for name in free])[0]
            await asyncio.sleep(0.1)

    async def _strike(self, target: str, how: str) -> None:
        victim, rng = self.victims[target], self.rng
        down = rng.choice([0.1, rng.uniform(0.1, 2.0), rng.uniform(2.0, 8.0)])
        self.say(f"{how} {target} for {down:.1f} s")
        began = time.time()
        if how == "kill":
            await victim.kill()
            await asyncio.sleep(down)
            await victim.start()
        else:
            victim.freeze()
            await asyncio.sleep(down)
            victim.thaw()
        self.spans.append(Span(target, how, began, time.time()))
        self._struck.discard(target)


async def run(
    order: Order, folder: Path, examine: Callable[[Run], Awaitable[T]], say: Say = lambda line: None
) -> tuple[Run, T]:
    """Live through it, and examine what it left behind while the database is still there."""
    began = time.monotonic()
    homes = homes_of(order.agents)
    async with contextlib.AsyncExitStack() as stack:
        lab = await stack.enter_async_context(
            LabPbx([("sip", a) for a in homes], qualify_s=1.0, full_log=True)
        )
        url, database = await stack.enter_async_context(_database(order.database, folder))
        settings = settings_for(lab, folder, database_url=url)
        await people(settings, homes, plan())
        await _user(settings)
        service = ServiceProcess(settings, folder)
        await service.start()
        stack.push_async_callback(service.kill)
        await until(service.ready, 30, "the service is not ready at the start")
        secrets = {a: lab.seat_secret(a) for a in homes}
        behaviours = {a: h.behaviour for a, h in homes.items()}
        phones = await stack.enter_async_context(SimAgents(lab.sip_port, behaviours, secrets))
        boss = Supervisor(service.base, PASSWORD)
        await _all_ready(boss, homes)
        storm = Storm(order, lab, {"service": service, "pbx": _Pbx(lab), "database": database}, say)
        calls = calls_for(order, random.Random(order.seed))
        many = Callers(lab.sip_port, calls[: -order.calm_calls], rate=order.rate)
        callers = await stack.enter_async_context(many)
        await storm.rage(order.calls / order.rate)
        say("calm")
        await until(service.ready, 40, "the service is not ready in the calm")
        await asyncio.sleep(8.0)
        calm_from = time.time()
        few = Callers(lab.sip_port, calls[-order.calm_calls :], rate=5.0)
        last = await stack.enter_async_context(few)
        await asyncio.sleep(6.0)
        at_rest = await _held(boss, lab)
        await callers.wait()
        await last.wait()
        at_rest |= await _quiet(boss, lab, service)
        fates = sorted(callers.fates() + last.fates(), key=lambda fate: fate.at)
        rings, starts = phones.rings(), service.starts
        at_rest["exit"] = await service.stop()
        log = lab.log()
        result = Run(order, storm.spans, fates, rings, log, calm_from, settings, starts, 0.0, at_rest)
        result = result._replace(seconds=time.monotonic() - began)
        return result, await examine(result)


def plan() -> Plan:
    """Fast routing: offers end after three seconds, waits after forty."""
    return plan_for_tests(max_wait=40.0, rescue_grace=1.0)._replace(wrap_up=0.5, rest_after_misses=100)


def homes_of(agents: int) -> dict[str, Home]:
    """The agents, each in a province's pool and in the nation's."""
    kinds = [LEAVES, LEAVES, LEAVES, HANGS_UP, HANGS_UP, LATE]
    provinces = list(AREAS.values())
    return {
        f"sip{n:03d}": Home(provinces[n % 3], (provinces[n % 3], "nation"), kinds[n // 3 % len(kinds)])
        for n in range(agents)
    }


def calls_for(order: Order, rng: random.Random) -> list[Call]:
    """Callers whose numbers are unlike each other in their last four digits, which agents are shown."""
    calls = []
    for n in range(order.calls):
        area = rng.choice(list(AREAS))
        number = f"{area}{rng.randrange(2000, 8999)}{n:04d}"
        patience = rng.choice([rng.uniform(0.3, 4.0), rng.uniform(4.0, 35.0), 35.0, 35.0])
        calls.append(
            Call(number, "95500", rng.uniform(0.0, 0.3), round(patience, 3), round(rng.uniform(0.5, 8.0), 3))
        )
    return calls


class _Pbx:
    """Asterisk as a victim."""

    def __init__(self, lab: LabPbx) -> None:
        self.kill, self.start, self.freeze, self.thaw = lab.kill, lab.start, lab.freeze, lab.thaw


@contextlib.asynccontextmanager
async def _database(kind: str, folder: Path) -> AsyncIterator[tuple[str, Victim]]:
    if kind == "sqlite":
        path = folder / "chaos.db"
        yield f"sqlite:///{path}", SqliteVictim(path)
        return
    with contextlib.ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, running())
        yield await server.new_database(), PostgresVictim(server)


async def _user(settings: Settings) -> None:
    store = await open_store(settings)
    try:
        hashed = await asyncio.to_thread(hash_password, PASSWORD)
        await store.add_user(User("chaos", "chaos", "supervisor", None), hashed, at=0.0, actor="chaos")
    finally:
        await store.close()


async def _all_ready(boss: Supervisor, homes: dict[str, Home]) -> None:
    async with boss.signed_in() as call:
        for agent in homes:
            await call(f"/agents/{agent}/state", {"state": "ready"})

        async def all_idle() -> bool:
            return await _machines(call) == {"idle": len(homes)}

        await until(all_idle, 20, "not every agent is idle at the start")


async def _machines(call: Callable[..., object]) -> Counter[str]:
    found = await call("/agents")  # type: ignore[misc]
    return Counter(row["machine"] for row in found["agents"])


async def _held(boss: Supervisor, lab: LabPbx) -> dict[str, object]:
    """In the calm, with calls going on: who talks by the service, which seats are bridged on the PBX."""
    differences: list[object] = []
    async with boss.signed_in() as call:
        for _ in range(20):  # two looks are never at one moment: one of them must agree
            shown = await lab.asterisk_cli("core show channels concise")
            found = await call("/agents")
            talking = {r["id"] for r in found["agents"] if r["machine"] == "talking"}  # type: ignore[index]
            bridged = {
                row.split("!")[0].removeprefix("PJSIP/").rpartition("-")[0]
                for row in shown.splitlines()
                if row.startswith("PJSIP/sip") and row.count("!") > 11 and row.split("!")[12]
            }
            difference = sorted(talking ^ bridged)
            differences.append((len(talking), difference))
            if not difference and talking:
                break
            await asyncio.sleep(0.05)
    return {"talking": differences[-1]}


async def _quiet(boss: Supervisor, lab: LabPbx, service: ServiceProcess) -> dict[str, object]:
    """When all have left: nothing is left over anywhere; and the figures that the service shows."""
    async with boss.signed_in() as call:

        async def over() -> bool:
            page = await call("/requests?outcome=in_progress")
            busy = await _machines(call)
            return not page["requests"] and set(busy) <= {"idle"}  # type: ignore[index]

        with contextlib.suppress(TimeoutError):
            await until(over, 25, "")
        await asyncio.sleep(6.0)  # one more reconciliation: records that the ledger has are dropped
        page = await call("/requests?outcome=in_progress")
        return {
            "open": [row["id"] for row in page["requests"]],  # type: ignore[index]
            "machines": dict(await _machines(call)),
            "channels": (await lab.asterisk_cli("core show channels count")).splitlines()[0],
            "records": await lab.asterisk_cli("database show seats"),
            "provinces": await call("/provinces"),
            "metrics": await boss.metrics(),
            "ready": await service.ready(),
        }
