"""``seats demo``: a private real Asterisk, callers of several provinces, agents at home, one free seat."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seats.domain.agents import Chosen, Machine, SeatKind
from seats.domain.messages import StateAsked
from seats.domain.plan import Plan
from seats.domain.regions import BY_CODE
from seats.domain.requests import Outcome
from seats.planfile import load_plan
from seats.service import Service, open_store, serve
from seats.settings import Settings, default_file
from seats.store.passwords import hash_password
from seats.store.rows import AgentRow, User
from telephony.lab import Behaviour, Call, Callers, LabPbx, SimAgents

Say = Callable[[str], None]


class Share(NamedTuple):
    """A province of the demo: its share of the calls, and where its callers' numbers begin."""

    province: str
    share: float
    area: str


SHARES = (
    Share("hubei", 0.36, "027"),
    Share("guangdong", 0.12, "020"),
    Share("beijing", 0.10, "010"),
    Share("hunan", 0.09, "0731"),
    Share("zhejiang", 0.08, "0571"),
    Share("sichuan", 0.07, "028"),
    Share("henan", 0.06, "0371"),
    Share("shanghai", 0.05, "021"),
    Share("shaanxi", 0.04, "029"),
    Share("xinjiang", 0.03, "0991"),
)
DID = "95500"
TALK = (8.0, 16.0)
ANSWER = (0.8, 2.5)
WRAP_UP = 4.0
IMPATIENT = 0.03
"""Share of callers outside Hubei who give up after a few seconds: an honest board has losses on it."""
SPARE = 1.6
"""Agents for each one that is busy on average."""

FREE_SEAT, FREE_SEAT_PROVINCE = "web001", "hubei"
ALL_SPEAK_UP_TO = 4.0
"""Calls per second up to which every caller has a voice; above, only those of the free seat's province."""


class Logins(NamedTuple):
    """The demo's sign-ins; one password for all, drawn anew each time."""

    agent: str
    supervisor: str
    admin: str
    password: str


class Report(NamedTuple):
    """What a finished demo has to say."""

    data: dict[str, Any]

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(self.data, separators=(",", ":"), ensure_ascii=False)


async def run(
    *, for_s: float | None, rate: float, port: int, say: Say, ready: Callable[[str, Logins], None]
) -> Report:
    """Run the demo for ``for_s`` seconds (None: until cancelled) and report."""
    with tempfile.TemporaryDirectory(prefix="seats-demo-") as folder:
        async with contextlib.AsyncExitStack() as stack:
            homes = list(homes_for(rate))
            seats = [(SeatKind.SIP.value, address) for address, _ in homes]
            lab = await stack.enter_async_context(
                LabPbx([(SeatKind.BROWSER.value, FREE_SEAT), *seats], on_progress=say)
            )
            settings = _settings(lab, Path(folder), port)
            logins = Logins("agent", "supervisor", "admin", secrets.token_urlsafe(6))
            say("preparing the database …")
            await _people(settings, homes, logins)
            service = await stack.enter_async_context(serve(settings))
            await _until(lambda: service.ready()[0])
            say(f"{len(homes)} simulated agents sign in from home …")
            behaviour = Behaviour(answers_after=ANSWER)
            phones = SimAgents(
                lab.sip_port, {a: behaviour for a, _ in homes}, {a: lab.seat_secret(a) for a, _ in homes}
            )
            await stack.enter_async_context(phones)
            await _all_ready(service, len(homes))
            callers = Callers(lab.sip_port, calls_for(random.Random(), for_s, rate), rate=rate, for_s=for_s)
            await stack.enter_async_context(callers)
            ready(f"http://127.0.0.1:{settings.http.port}", logins)
            await callers.wait()
            return await _report(service, callers)


def homes_for(rate: float) -> Iterator[tuple[str, str]]:
    """(seat address, province) of the simulated agents: enough for the rate, some in every province."""
    busy = rate * (sum(TALK) / 2 + sum(ANSWER) / 2 + WRAP_UP)
    total = max(len(SHARES), round(busy * SPARE) + 2)
    numbers = itertools.count(1)
    for share in SHARES:
        for _ in range(max(1, round(total * share.share))):
            yield f"sip{next(numbers):03d}", share.province


def calls_for(rng: random.Random, for_s: float | None, rate: float) -> Iterator[Call]:
    """Callers without end, their numbers spread over the provinces."""
    weights = [s.share for s in SHARES]
    spread = 0.8 / rate if for_s is None else min(0.8 / rate, for_s)
    while True:
        share = rng.choices(SHARES, weights)[0]
        local = "".join(rng.choices("0123456789", k=7 if len(share.area) > 3 else 8))
        hasty = share.province != "hubei" and rng.random() < IMPATIENT
        yield Call(
            number=share.area + str(rng.randint(2, 8)) + local[1:],
            did=DID,
            delay_s=rng.uniform(0, spread),
            patience_s=float(rng.randint(1, 6)) if hasty else 90.0,
            talk_s=round(rng.uniform(*TALK)),
            sound=rate <= ALL_SPEAK_UP_TO or share.province == FREE_SEAT_PROVINCE,
        )


def _settings(lab: LabPbx, folder: Path, port: int) -> Settings:
    return Settings.model_validate(
        {
            "database_url": f"sqlite:///{folder / 'seats.db'}",
            "http": {"port": port},
            "pbx": [
                {
                    "name": "lab",
                    "host": lab.ami_host,
                    "port": lab.ami_port,
                    "username": lab.username,
                    "secret": lab.secret,
                    "ws_url": lab.ws_url,
                }
            ],
            "phone": {"master_secret": lab.master_secret},
        }
    )


def demo_plan() -> Plan:
    """The shipped routing with a shorter wrap-up, so that a visitor sees more than one call."""
    return load_plan(default_file("routing.yaml"))._replace(wrap_up=WRAP_UP)


async def _people(settings: Settings, homes: list[tuple[str, str]], logins: Logins) -> None:
    store = await open_store(settings)
    hashed = await asyncio.to_thread(hash_password, logins.password)
    try:
        await store.save_plan(demo_plan(), at=time.time(), actor="demo", comment="demo")
        for address, province in homes:
            name = f"{BY_CODE[province].zh}{address[3:]}"
            row = AgentRow(address, name, province, pools_of(province), SeatKind.SIP.value, address)
            await store.put_agent(row, at=0.0, actor="demo")
        home = FREE_SEAT_PROVINCE
        free = AgentRow(logins.agent, "湖北 您自己", home, pools_of(home), SeatKind.BROWSER.value, FREE_SEAT)
        await store.put_agent(free, at=0.0, actor="demo")
        for login, role, agent in (
            (logins.agent, "agent", logins.agent),
            (logins.supervisor, "supervisor", None),
            (logins.admin, "admin", None),
        ):
            await store.add_user(User(login, login, role, agent), hashed, at=0.0, actor="demo")
    finally:
        await store.close()


def pools_of(province: str) -> tuple[str, ...]:
    """The pools an agent of a province works in: the province's, its region's, the nation's."""
    return (province, BY_CODE[province].region, "nation")


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.05)


async def _all_ready(service: Service, count: int) -> None:
    engine = service.engine
    for agent in list(engine.state.agents.values()):
        if agent.seat.kind is SeatKind.SIP:
            engine.post(StateAsked(agent.id, Chosen.READY, "", "demo"))
    await _until(lambda: sum(a.machine is Machine.IDLE for a in engine.state.agents.values()) >= count)


async def _report(service: Service, callers: Callers) -> Report:
    await _until(lambda: not service.engine.state.requests)
    await service.writer.flush()
    counts = await service.store.totals()
    outcomes = {o.value: sum(n for (_, name), n in counts.items() if name == o.value) for o in Outcome}
    provinces = {}
    for code in sorted({province for province, _ in counts}):
        requests = sum(n for (province, _), n in counts.items() if province == code)
        connected = counts.get((code, Outcome.CONNECTED.value), 0)
        provinces[code] = {
            "requests": requests,
            "connected": connected,
            "rate": round(connected / requests, 4),
        }
    seen = callers.counts()
    return Report(
        {
            "requests": sum(counts.values()),
            "outcomes": outcomes,
            "provinces": provinces,
            "callers": {"placed": seen.placed, "answered": seen.answered},
        }
    )
