"""Callers and agents at home of a simulated world: who they are, what they do, what they wish."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from seats.domain.agents import Chosen, Machine, SeatKind
from seats.domain.errors import DomainError
from seats.domain.messages import (
    DispositionGiven,
    HangUpAsked,
    LeaseRenewed,
    Message,
    StateAsked,
    WrapUpEnded,
)
from seats.domain.requests import Confidence, Origin
from seats.store.rows import AgentRow
from telephony.fakepbx import Behaviour

if TYPE_CHECKING:
    from tests.simulation.world import World

PROVINCES = {"027": "hubei", "073": "hunan", "010": "beijing"}


def home(world: World, n: int) -> AgentRow:
    rng = world.rng
    home = rng.choice(["hubei", "hunan"])
    pools = (home, "nation") if rng.random() < 0.7 else (home,)
    kind = rng.choice([SeatKind.SIP, SeatKind.SIP, SeatKind.BROWSER, SeatKind.MOBILE])
    address = f"1390000{n:04d}" if kind is SeatKind.MOBILE else f"s{n}"
    return AgentRow(f"a{n}", f"a{n}", home, pools, kind.value, address)


def behave(world: World) -> Behaviour:
    rng = world.rng
    does = rng.choices(["answer", "ignore", "busy"], [8, 2, 1])[0]
    dies = rng.uniform(0.3, 10.0) if rng.random() < 0.1 else None
    talk = rng.choice([None, rng.uniform(0.2, 2.0), rng.uniform(1.0, 20.0)])
    return Behaviour(does, rng.uniform(0.02, 5.0), talk, dies)


async def desk(world: World, home: AgentRow) -> None:
    """A browser desk proves every three seconds that it can answer."""
    if home.seat_kind != SeatKind.BROWSER.value:
        return
    await asyncio.sleep(world.rng.uniform(0.0, 1.0))
    while True:
        if world.life is not None and home.id not in world.quiet_desks:
            world.life.tell(LeaseRenewed(home.id, world.now + 8.0, ""))
        await asyncio.sleep(3.0)


def everyone_ready(world: World) -> None:
    assert world.life is not None
    for home in world.homes:
        world.life.ask(StateAsked(home.id, Chosen.READY, "", "sim"))


async def callers(world: World, ends: float) -> None:
    rng = world.rng
    while True:
        await asyncio.sleep(rng.expovariate(world.weather.callers))
        if world.loop.time() >= ends:
            return
        name = rng.choice(list(world.pbxs))
        pbx = world.pbxs[name]
        if pbx.port not in world.loop.net.listeners or world.hosts[name].frozen:
            continue  # nobody can call a dead PBX
        number = rng.choice(list(PROVINCES)) + f"{rng.randrange(10**7):07d}"
        patience = rng.choice([None, rng.uniform(0.05, 3.0), rng.uniform(1.0, 40.0)])
        talk = rng.choice([None, rng.uniform(0.1, 3.0), rng.uniform(1.0, 25.0)])
        caller = world.on(name, pbx.arrive, cli=number, patience=patience, talk=talk)
        world.note(f"caller {name}:{caller.request} {number} patience {patience} talk {talk}")


async def people(world: World, ends: float) -> None:
    while world.loop.time() < ends:
        await asyncio.sleep(world.rng.expovariate(0.4))
        if world.life is not None:
            with contextlib.suppress(DomainError):
                world.life.ask(_wish(world))


def _wish(world: World) -> Message:
    rng, home = world.rng, world.rng.choice(world.homes)
    kind = rng.random()
    if kind < 0.6:
        chosen = rng.choice([Chosen.READY, Chosen.READY, Chosen.READY, Chosen.NOT_READY, Chosen.SIGNED_OUT])
        return StateAsked(home.id, chosen, "" if chosen is Chosen.READY else "break", "sim")
    if kind < 0.75:
        return WrapUpEnded(home.id, "consult")
    if kind < 0.9:
        return DispositionGiven(home.id, "claim")
    assert world.life is not None
    agent = world.life.engine.state.agents[home.id]
    if agent.machine is Machine.TALKING and agent.request:
        world.asked_to_end.add(agent.request)
    return HangUpAsked(home.id)


def resolve(number: str, did: str, choice: str, trunk: str) -> Origin:
    """Province of a caller of these worlds."""
    return Origin(PROVINCES.get(number[:3], "beijing"), "area_code", Confidence.CERTAIN)
