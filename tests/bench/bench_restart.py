"""A killed service comes back among 10,000 agents and 1,000 calls: ``python -m tests.bench.bench_restart``.

The PBX is the fake one, in this process; the service is ``seats run`` in a process of its own, on SQLite.
While it is dead, callers go on coming. Measured on the PBX: from the start of the new process to the first
caller moved to an agent, and until nobody who came meanwhile waits any more. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from seats.domain.agents import Chosen, Machine, SeatKind
from seats.domain.events import AgentChanged
from seats.service import open_store
from seats.settings import Settings
from seats.store.passwords import hash_password
from seats.store.rows import AgentRow, User
from seats.store.store import Store
from seats.store.writer import LedgerWriter
from telephony.fakepbx import Behaviour, FakePbx
from telephony.lab.ports import free_port
from tests.chaos.processes import ServiceProcess, Supervisor, until
from tests.integration.house import plan_for_tests

PASSWORD = "restart-secret"
PROVINCES = ("hubei", "hunan", "beijing", "guangdong", "sichuan")
AREAS = ("027", "0731", "010", "020", "028")
COMING = 0.05
"""Seconds between two callers who come while the service is dead."""


async def bench(agents: int, calls: int, rounds: int) -> dict[str, Any]:
    """Everything."""
    with tempfile.TemporaryDirectory(prefix="seats-restart-") as name:
        async with FakePbx() as pbx:
            for n in range(agents):
                pbx.add_seat(f"s{n:05d}", Behaviour("answer", 0.01))
            settings = _settings(pbx, Path(name))
            _say(f"{agents} agents into the ledger")
            await _people(settings, agents)
            service = ServiceProcess(settings, Path(name))
            try:
                return await _rounds(pbx, service, settings, calls, rounds)
            finally:
                await service.kill()


async def _rounds(
    pbx: FakePbx, service: ServiceProcess, settings: Settings, calls: int, rounds: int
) -> dict[str, Any]:
    began = time.monotonic()
    await service.start()
    await until(service.ready, 60, "the first life is not ready")
    _say(f"first life ready after {time.monotonic() - began:.1f} s; {calls} calls")
    numbers = itertools.count(1_000_000)
    for n in range(calls):
        _arrive(pbx, next(numbers))
        if n % 20 == 0:
            await asyncio.sleep(0.02)
    await _talking(pbx, calls)
    found = []
    for n in range(rounds):
        found.append(await _round(pbx, service, numbers))
        _say(f"round {n + 1}: {found[-1]}")
    await asyncio.sleep(6.0)  # a reconciliation
    return await _report(pbx, service, settings, found)


async def _round(pbx: FakePbx, service: ServiceProcess, numbers: itertools.count[int]) -> dict[str, float]:
    """Kill, let callers come, start again."""
    talking = [c for c in pbx.callers.values() if c.hears == "agent"]
    await asyncio.sleep(1.0)
    await service.kill()
    moved = len([a for a in pbx.actions if a.get("context") == "seats-connect"])
    came = [_arrive(pbx, next(numbers))]
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await service.start()
    first = 0.0
    while not first or any(c.hears != "agent" for c in came):
        await asyncio.sleep(COMING if not first else 0.005)
        if not first and sum(a.get("context") == "seats-connect" for a in pbx.actions) > moved:
            first = time.monotonic() - began
        elif not first:
            came.append(_arrive(pbx, next(numbers)))
        if time.monotonic() - began > 60:
            raise TimeoutError("nobody is routed again")
    served = time.monotonic() - began
    return {
        "first_ring_s": round(first, 2),
        "all_served_s": round(served, 2),
        "came": len(came),
        "dropped": sum(c.hears != "agent" for c in talking),
        "fell_back": sum(c.offer.startswith("fallback") for c in came),
    }


async def _report(
    pbx: FakePbx, service: ServiceProcess, settings: Settings, found: list[dict[str, float]]
) -> dict[str, Any]:
    boss = Supervisor(service.base, PASSWORD)
    async with boss.signed_in() as call:
        rows: Any = await call("/agents")
    machines = Counter(row["machine"] for row in rows["agents"])
    live = len(pbx._live)
    store = await Store.open(settings.database_url)
    totals = await store.totals()
    await store.close()
    outcomes: Counter[str] = Counter()
    for (_, outcome), n in totals.items():
        outcomes[outcome] += n
    return {
        "routing_again_s": max(each["first_ring_s"] for each in found),
        "all_served_s": max(each["all_served_s"] for each in found),
        "rounds": len(found),
        "agents": len(rows["agents"]),
        "live_calls": live,
        "talking": machines["talking"],
        "dropped": int(sum(each["dropped"] for each in found)),
        "requests": {"pbx": len(pbx.callers), "ledger": sum(outcomes.values())},
        "outcomes": dict(outcomes),
    }


def _arrive(pbx: FakePbx, n: int) -> Any:
    return pbx.arrive(cli=f"{AREAS[n % len(AREAS)]}8{n:07d}")


async def _talking(pbx: FakePbx, calls: int) -> None:
    async def all_talk() -> bool:
        return sum(c.hears == "agent" for c in pbx._live.values()) == calls

    await until(all_talk, 60, "not every caller talks")


def _settings(pbx: FakePbx, folder: Path) -> Settings:
    node = {"name": "fake", "host": "127.0.0.1", "port": pbx.port, "username": "seats", "secret": "secret"}
    return Settings.model_validate(
        {
            "database_url": f"sqlite:///{folder / 'seats.db'}",
            "http": {"port": free_port()},
            "pbx": [node],
            "phone": {"master_secret": "0123456789abcdef"},
        }
    )


async def _people(settings: Settings, agents: int) -> None:
    """Agents who were all ready when the service last ran."""
    store = await open_store(settings)
    try:
        plan = plan_for_tests()
        await store.save_plan(plan, at=0.0, actor="bench", comment="")
        for n in range(agents):
            home = PROVINCES[n % len(PROVINCES)]
            address = f"s{n:05d}"
            row = AgentRow(address, address, home, (home, "nation"), SeatKind.SIP.value, address)
            await store.put_agent(row, at=0.0, actor="bench")
        hashed = await asyncio.to_thread(hash_password, PASSWORD)
        await store.add_user(User("chaos", "chaos", "supervisor", None), hashed, at=0.0, actor="bench")
        writer = LedgerWriter(store.database)
        writer.start()
        nothing = (None, None, None, None)
        for n in range(agents):
            ready = (Chosen.READY, Machine.IDLE, "", "bench")
            writer.append([AgentChanged(time.time(), f"s{n:05d}", *ready, *nothing)])
        await writer.close(60)
    finally:
        await store.close()


def _say(text: str) -> None:
    print(f"· {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    result = asyncio.run(bench(options.agents, options.calls, options.rounds))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
