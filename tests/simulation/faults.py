"""What goes wrong in a simulated world, one function a kind, and when it does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.loop import Line
    from tests.simulation.world import World


async def storms(world: World, ends: float) -> None:
    rate, kinds = world.weather.faults, world.weather.kinds
    while rate:
        await asyncio.sleep(world.rng.expovariate(rate))
        if world.rng.random() < 0.3:
            await _an_offer(world)
        if world.loop.time() >= ends:
            return
        kind = world.rng.choice(kinds)
        name = world.rng.choice(list(world.pbxs))
        world.faults[kind] += 1
        world.note(f"FAULT {kind} {name}")
        if world.weather.together:
            world.spawn(_strike(world, kind, name))
        else:
            await _strike(world, kind, name)


async def _an_offer(world: World) -> None:
    """Wait for a decision, so that its ring is on the way when the fault strikes."""
    world.offered = asyncio.Event()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(world.offered.wait(), 5.0)
    world.offered = None


async def _strike(world: World, kind: str, name: str) -> None:
    world.raging += 1
    world.struck.append(world.now)
    try:
        await FAULTS[kind](world, name)
    finally:
        world.raging -= 1


def _lines(world: World, name: str) -> list[Line]:
    return world.loop.net.of(world.pbxs[name].port)


async def cut(world: World, name: str) -> None:
    """All connections to a PBX are cut."""
    world.disturb(name)
    for line in _lines(world, name):
        line.cut()


async def cut_one(world: World, name: str) -> None:
    """One of the connections is cut."""
    world.disturb(name)
    lines = _lines(world, name)
    if lines:
        world.rng.choice(lines).cut()


async def half_open(world: World, name: str) -> None:
    """The network swallows everything, and nobody is told."""
    world.disturb(name)
    lines = _lines(world, name)
    for line in lines if world.rng.random() < 0.6 else lines[:1]:
        line.half_open()
    for _ in range(24):  # until it has been noticed
        world.disturb(name)
        await asyncio.sleep(0.25)


async def stall(world: World, name: str) -> None:
    """Bytes are late, but come."""
    seconds = world.rng.uniform(0.2, 4.0)
    world.disturb(name)
    world.loop.net.stalled[world.pbxs[name].port] = world.loop.time() + seconds
    for line in _lines(world, name):
        if world.rng.random() < 0.7:
            line.stall(seconds)
    await asyncio.sleep(seconds)
    world.disturb(name)


async def slow(world: World, name: str) -> None:
    """The way to every PBX takes long."""
    world.loop.net.slow = world.rng.uniform(0.02, 0.3)
    for _ in range(world.rng.randint(4, 32)):
        world.disturb(*world.pbxs)
        await asyncio.sleep(0.25)
    world.loop.net.slow = 0.0


async def off_the_net(world: World, name: str) -> None:
    """The host of a PBX is cut off; its calls go on."""
    port = world.pbxs[name].port
    world.loop.net.dark.add(port)
    for line in _lines(world, name):
        line.half_open()
    await asyncio.sleep(world.rng.uniform(0.5, 12.0))
    world.loop.net.dark.discard(port)
    for _ in range(24):
        world.disturb(name)
        await asyncio.sleep(0.25)


async def pbx_dies(world: World, name: str) -> None:
    """The PBX is killed; all its calls are gone. It comes back."""
    pbx = world.pbxs[name]
    if pbx.port not in world.loop.net.listeners:
        return
    world.disturb(name)
    world.died.setdefault(name, []).append(world.now)
    if world.hosts[name].frozen:
        world.hosts[name].thaw()  # what it had under way ends with it
    for caller in pbx.callers.values():  # nor is the end of those who have just left certain to be told
        if caller.ended_at is not None and world.now - caller.ended_at < 5.0:
            world.lost.add(f"{name}:{caller.request}")
    world.lost.update(f"{name}:{caller.request}" for caller in await pbx.crash())
    await asyncio.sleep(world.rng.choice([0.05, 1.0, world.rng.uniform(0.5, 10.0)]))
    world.disturb(name)
    await world.loop.create_task(pbx.boot(), context=world.hosts[name].context)


async def pbx_freezes(world: World, name: str) -> None:
    """The PBX is stopped in its tracks for a while; what reaches its host meanwhile, it reads afterwards."""
    host, pbx = world.hosts[name], world.pbxs[name]
    if host.frozen or pbx.port not in world.loop.net.listeners:
        return
    host.frozen = True
    until = world.loop.time() + world.rng.choice([world.rng.uniform(0.1, 2.5), world.rng.uniform(2.0, 8.0)])
    while (left := until - world.loop.time()) > 0:
        world.disturb(name)
        await asyncio.sleep(min(left, 0.25))
    world.disturb(name)
    if host.frozen:
        world.note(f"pbx {name} goes on")
        world.thawed[name] = world.now
        host.thaw()


async def service_dies(world: World, name: str) -> None:
    """The service is killed; another begins."""
    await _restart(world, graceful=False)


async def service_restarts(world: World, name: str) -> None:
    """The service is stopped in order; another begins."""
    await _restart(world, graceful=True)


async def _restart(world: World, *, graceful: bool) -> None:
    life = world.life
    if life is None or (graceful and life.frozen):
        return
    world.life = None
    if graceful:
        lost = await life.end(graceful=True)
    else:
        for name in world.pbxs:
            for line in _lines(world, name):
                line.abort()
        if life.process is not None and life.frozen:
            life.engine.dead = True
            life.process.thaw()  # only so that its tasks can be ended
        lost = await life.end(graceful=False)
    world.note(f"service ended, {lost} events lost")
    await asyncio.sleep(world.rng.choice([0.01, world.rng.uniform(0.1, 3.0), world.rng.uniform(3.0, 15.0)]))
    world.note("service begins")
    await world.start()


async def service_freezes(world: World, name: str) -> None:
    """The service is stopped in its tracks for a while, and goes on where it was."""
    life = world.life
    if life is None or life.process is None or life.frozen:
        return
    life.process.frozen = True
    await asyncio.sleep(world.rng.choice([world.rng.uniform(0.1, 3.0), world.rng.uniform(2.0, 12.0)]))
    world.note("service goes on")
    world.disturb(*world.pbxs)
    if life.frozen:
        life.process.thaw()


async def ledger_locked(world: World, name: str) -> None:
    """The database takes nothing for a while."""
    seconds = world.rng.uniform(0.5, 10.0)
    world.ledger.locked_until = world.now + seconds
    # who waited for it goes on at that moment, perhaps before this timer
    world.loop.call_later(seconds - 0.01, world.disturb, *world.pbxs)


async def seat_away(world: World, name: str) -> None:
    """A seat's registration goes, and comes back."""
    address = world.rng.choice(world.homes).seat_address
    register = world.pbxs[name].register
    world.on(name, register, address, False)
    world.loop.call_later(world.rng.uniform(0.1, 15.0), world.on, name, register, address)


async def desk_freezes(world: World, name: str) -> None:
    """A browser page gives no sign of life."""
    home = world.rng.choice(world.homes)
    world.quiet_desks.add(home.id)
    world.loop.call_later(world.rng.uniform(4.0, 20.0), world.quiet_desks.discard, home.id)


FAULTS: dict[str, Callable[[World, str], Any]] = {
    kind.__name__: kind
    for kind in (
        cut,
        cut_one,
        half_open,
        stall,
        slow,
        off_the_net,
        pbx_dies,
        pbx_freezes,
        service_dies,
        service_restarts,
        service_freezes,
        ledger_locked,
        seat_away,
        desk_freezes,
    )
}
