"""How fast the next caller rings: ours, app_queue and a bare Dial() on one Asterisk, in one run.

``python -m tests.bench.bench_latency [--calls 500] [--queue-calls 200] [--blocks 2] [--parts …]``. Blocks alternate
between the three; the callers and the agents are the same (sipp), ours is ``seats run`` in a process of its
own, and the judge is the kernel's time of the SIP packets:

- free → ring: an agent's BYE to that agent's next INVITE, with 1, 20 and 200 callers waiting (20 agents);
  counted where a caller was waiting at the BYE whom no other free agent was about to get;
- request → ring: a caller's INVITE to an agent's INVITE, 20 idle agents, over the median of a bare Dial();
  and again with 1,000 agents of whom 20 can be reached;
- wrap-up: the end of wrap-up (BYE plus its length) to the agent's next INVITE.

Asterisk runs as Debian's own unit starts it, with ``-p``, and ours with its realtime priority, where the system
allows that (as root it does); all three are served by that same Asterisk.

app_queue: autofill=yes, ringinuse=no, wrapuptime=0, strategy leastrecent; fewer calls of it do, for it takes
a hundred times as long and only its median is compared. The last line is JSON.

How many calls a p99 wants: of 299, the largest reaches the true p99 with 95 % confidence (0.99^299 < 0.05);
of 1,000, the 984th and the 996th enclose it (binomial ranks); of 120 it is the second largest, and says little.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from seats.priority import take_realtime
from seats.service import open_store
from seats.settings import Settings
from seats.store.passwords import hash_password
from seats.store.rows import User
from telephony.lab import Behaviour, Call, Callers, LabPbx, SimAgents
from telephony.lab.conf import default_pack
from tests.bench.sipwatch import Packet, SipWatch
from tests.chaos.processes import ServiceProcess, Supervisor, until
from tests.integration.house import HUBEI, Home, people, plan_for_tests, settings_for

AGENTS = 20
MEMBERS = 1000
WAITING = (1, 20, 200)
PARTS = ("free", "request", "wrapup")
TALK = Behaviour(answers_after=(0.0, 0.0), talks_for=(1.0, 2.0))
AT_MOST = 5.0
"""Seconds after which a caller hangs up whose agent did not: a phone that fails must not stop a run."""
WRAP_UP = 2.0
PASSWORD = "latency-secret"
OURS, QUEUE, QUEUE_1000, DIAL = "95500", "benchqueue", "benchbig", "benchdial"


class Figures(NamedTuple):
    """Milliseconds."""

    p50: float
    p99: float
    max: float
    n: int


def figures(seconds: Sequence[float]) -> Figures:
    """The usual figures of some times in seconds, in milliseconds."""
    ordered = sorted(s * 1000 for s in seconds)
    if not ordered:
        return Figures(math.nan, math.nan, math.nan, 0)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)], 2)

    return Figures(at(0.5), at(0.99), round(ordered[-1], 2), len(ordered))


class Bench:
    """One lab with everything in it, and the blocks that run on it."""

    def __init__(
        self, lab: LabPbx, service: ServiceProcess, settings: Settings, calls: int, queue_calls: int
    ) -> None:
        self.lab, self.service, self.settings = lab, service, settings
        self.calls, self.queue_calls = calls, queue_calls
        self.boss = Supervisor(service.base, PASSWORD)

    async def backlog(self, did: str, waiting: int) -> list[float]:
        """Free → ring with so many callers waiting all the time."""
        number = self.calls if did == OURS else self.queue_calls
        calls = [Call(HUBEI, did, talk_s=AT_MOST) for _ in range(number + waiting)]
        packets = await self._watched(calls, rate=400.0, at_once=AGENTS + waiting)
        return free_to_ring(packets, self.lab.sip_port)

    async def idle(self, did: str) -> list[float]:
        """Request → ring with idle agents: one call at a time, far enough apart."""
        dids = [did if did != DIAL else f"{DIAL}{n % AGENTS:03d}" for n in range(self.calls // 2)]
        calls = [Call(HUBEI, d, talk_s=AT_MOST) for d in dids]
        packets = await self._watched(calls, rate=6.0, at_once=AGENTS)
        return request_to_ring(packets, self.lab.sip_port)

    async def wrap_up(self) -> list[float]:
        """Error of the ring after wrap-up, against the BYE plus wrap-up, with callers waiting."""
        await self._restart(WRAP_UP)
        calls = [Call(HUBEI, OURS, talk_s=AT_MOST) for _ in range(self.calls // 2)]
        packets = await self._watched(calls, rate=400.0, at_once=AGENTS * 2)
        await self._restart(0.0)
        return [t - WRAP_UP for t in free_to_ring(packets, self.lab.sip_port)]

    async def all_ready(self, addresses: Sequence[str], reachable: int) -> None:
        """These agents want calls, and so many of them can be rung."""
        async with self.boss.signed_in() as call:
            for address in addresses:
                await call(f"/agents/{address}/state", {"state": "ready"})

            async def idle() -> bool:
                found: Any = await call("/agents")
                return sum(row["machine"] == "idle" for row in found["agents"]) == reachable

            await until(idle, 30, "not every agent became ready")

    async def _restart(self, wrap_up: float) -> None:
        """The service starts again, with another length of wrap-up; its agents stay ready."""
        await self.service.stop()
        await _save_plan(self.settings, wrap_up)
        await self.service.start()
        await until(self.service.ready, 30, "the service is not ready again")
        await self.all_ready([], AGENTS)

    async def _watched(self, calls: list[Call], *, rate: float, at_once: int) -> list[Packet]:
        before = await self._requests()
        with SipWatch(self.lab.sip_port) as watch:
            async with Callers(self.lab.sip_port, calls, rate=rate, at_once=at_once) as callers:
                counts = await callers.wait()
        if counts.answered != len(calls):
            print(f"  only {counts} of {len(calls)} calls were answered", file=sys.stderr)
        if watch.lost:
            print(f"  {watch.lost} packets were missed: this block proves nothing", file=sys.stderr)
        await until(self._quiet, 30, "requests stay open")
        requests, ours = await self._requests() - before, sum(call.did == OURS for call in calls)
        if requests != ours:
            raise RuntimeError(
                f"{requests} requests of {ours} calls to {OURS} and {len(calls) - ours} others"
            )
        return watch.packets

    async def _requests(self) -> int:
        """Requests that the service has counted."""
        lines = (await self.boss.metrics()).splitlines()
        return sum(int(float(x.split()[-1])) for x in lines if x.startswith("seats_requests_total{"))

    async def _quiet(self) -> bool:
        lines = (await self.boss.metrics()).splitlines()
        return not any(x.startswith("seats_requests_in_progress{") and not x.endswith(" 0.0") for x in lines)


async def _save_plan(settings: Settings, wrap_up: float) -> None:
    store = await open_store(settings)
    try:
        await store.save_plan(plan_for_tests()._replace(wrap_up=wrap_up), at=0.0, actor="bench", comment="")
    finally:
        await store.close()


async def _supervisor(settings: Settings) -> None:
    store = await open_store(settings)
    try:
        user = User("chaos", "chaos", "supervisor", None)
        await store.add_user(user, hash_password(PASSWORD), at=0.0, actor="bench")
    finally:
        await store.close()


def free_to_ring(packets: Iterable[Packet], pbx: int) -> list[float]:
    """Seconds from each agent's BYE to that agent's next INVITE, where a caller waited for just that agent.

    Waiting are the callers held (183) less those for whom a leg rings or has answered: a caller's own 200
    comes a little after the agent's, and until then that caller waits for nobody.
    """
    agent_of: dict[str, str] = {}
    free: dict[str, float | None] = {}
    held: set[str] = set()
    legs: set[str] = set()
    taken = 0
    times = []
    for p in packets:
        if p.method == "INVITE" and p.source == pbx and p.call_id not in agent_of:
            agent_of[p.call_id] = p.user
            legs.add(p.call_id)
            taken += 1
            freed = free.pop(p.user, None)
            if freed is not None:
                times.append(p.at - freed)
        elif p.status == 183 and p.source == pbx:
            held.add(p.call_id)
        elif p.call_id in held and (p.status >= 200 or p.method in ("BYE", "CANCEL")):
            held.discard(p.call_id)
            taken -= p.status == 200
        elif p.call_id in legs and (p.status >= 300 or p.method in ("BYE", "CANCEL")):
            legs.discard(p.call_id)
            agent = agent_of[p.call_id]
            if p.method != "BYE":
                taken -= 1
            elif agent not in free:
                free[agent] = p.at if len(held) - taken > len(free) else None
    return times


def request_to_ring(packets: Iterable[Packet], pbx: int) -> list[float]:
    """Seconds from each caller's INVITE to the INVITE that the PBX sends next."""
    asked: list[float] = []
    seen: set[str] = set()
    times = []
    for p in packets:
        if p.method != "INVITE" or p.call_id in seen:
            continue
        seen.add(p.call_id)
        if p.target == pbx:
            asked.append(p.at)
        elif asked:
            times.append(p.at - asked.pop(0))
    return times


def _realtime_allowed() -> bool:
    """Whether the system lets programs have realtime priority; this one keeps none."""
    allowed = take_realtime()
    if allowed:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    _say("with realtime priority" if allowed else "without realtime priority: the system does not allow it")
    return allowed


def pack_with_peers(folder: Path) -> Path:
    """The dialplan pack, with app_queue and a bare Dial() beside it."""
    pack = folder / "pack"
    shutil.copytree(default_pack(), pack)
    with (pack / "extensions_seats.conf").open("a") as file:
        file.write(
            "\n[seats-inbound]\n"
            f"exten => {QUEUE},1,Progress()\n same => n,Queue(bench,,,,600)\n same => n,Hangup()\n"
            f"exten => {QUEUE_1000},1,Progress()\n same => n,Queue(bench1000,,,,600)\n same => n,Hangup()\n"
            f"exten => _{DIAL.replace('n', '[n]')}XXX,1,Dial(PJSIP/sip{'${EXTEN:9}'},20)\n same => n,Hangup()\n"
        )
    with (pack / "queues_seats.conf").open("a") as file:
        for name, members in (("bench", AGENTS), ("bench1000", MEMBERS)):
            lines = "".join(f"member => PJSIP/sip{n:03d}\n" for n in range(members))
            file.write(
                f"\n[{name}]\nmusicclass = seats\nstrategy = leastrecent\nautofill = yes\nringinuse = no\n"
                f"wrapuptime = 0\ntimeout = 20\nretry = 1\njoinempty = yes\n{lines}"
            )
    return pack


async def bench(calls: int, queue_calls: int, blocks: int, parts: Sequence[str]) -> dict[str, Any]:
    """The parts asked for, in alternating blocks."""
    with tempfile.TemporaryDirectory(prefix="seats-bench-") as name:
        folder = Path(name)
        seats = [("sip", f"sip{n:03d}") for n in range(MEMBERS)]
        realtime = _realtime_allowed()
        async with LabPbx(seats, pack=pack_with_peers(folder), realtime=realtime, on_progress=_say) as lab:
            settings = settings_for(lab, folder)
            homes = {address: Home("hubei", ("hubei",), TALK) for _, address in seats}
            await people(settings, homes, plan_for_tests())
            await _supervisor(settings)
            reachable = [address for _, address in seats[:AGENTS]]
            phones = SimAgents(
                lab.sip_port, dict.fromkeys(reachable, TALK), {a: lab.seat_secret(a) for a in reachable}
            )
            service = ServiceProcess(settings, folder)
            async with phones:
                try:
                    await service.start()
                    await until(service.ready, 30, "the service is not ready")
                    it = Bench(lab, service, settings, calls, queue_calls)
                    await it.all_ready(reachable, AGENTS)
                    return await _blocks(it, blocks, parts, seats)
                finally:
                    await service.stop()


async def _blocks(
    it: Bench, blocks: int, parts: Sequence[str], seats: list[tuple[str, str]]
) -> dict[str, Any]:
    free: dict[str, list[float]] = {}
    asked: dict[str, list[float]] = {}
    wrapped: list[float] = []
    for block in range(blocks):
        for waiting in WAITING if "free" in parts else ():
            for name, did in (("app_queue", QUEUE), ("ours", OURS)):
                _say(f"block {block + 1}: free → ring, {waiting} waiting, {name}")
                free.setdefault(f"{name} {waiting}", []).extend(await it.backlog(did, waiting))
        for name, did in (("dial", DIAL), ("ours", OURS), ("app_queue", QUEUE)) if "request" in parts else ():
            _say(f"block {block + 1}: request → ring, {name}")
            asked.setdefault(name, []).extend(await it.idle(did))
        if "wrapup" in parts:
            _say(f"block {block + 1}: end of wrap-up → ring")
            wrapped += await it.wrap_up()
    if "request" in parts:
        await it.all_ready([address for _, address in seats], AGENTS)
        for name, did in (("ours 1000", OURS), ("app_queue 1000", QUEUE_1000)):
            _say(f"request → ring, {MEMBERS} members of whom {AGENTS} reachable, {name}")
            asked[name] = await it.idle(did)
    _print("free → ring (waiting)", free)
    _print("request → ring", asked)
    _print("wrap-up error", {"": [abs(t) for t in wrapped]} if wrapped else {})
    return {
        **(_free_report(free) if free else {}),
        **(_asked_report(asked) if asked else {}),
        **({"wrapup_error_ms": _middle(figures([abs(t) for t in wrapped]))} if wrapped else {}),
    }


def _print(title: str, rows: dict[str, list[float]]) -> None:
    if rows:
        print(f"\n{title:<26}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}{'n':>7}")
    for name, times in rows.items():
        f = figures(times)
        print(f"{name:<26}{f.p50:>10}{f.p99:>10}{f.max:>10}{f.n:>7}")


def _free_report(free: dict[str, list[float]]) -> dict[str, Any]:
    both = {
        name: figures([t for key, times in free.items() if key.startswith(f"{name} ") for t in times])
        for name in ("ours", "app_queue")
    }
    ratios = {
        waiting: round(figures(free[f"app_queue {waiting}"]).p50 / figures(free[f"ours {waiting}"]).p50, 1)
        for waiting in WAITING
    }
    return {
        "free_to_ring_ms": {name: f._asdict() for name, f in both.items()},
        "ratio_p50": round(both["app_queue"].p50 / both["ours"].p50, 1),
        "ratio_p50_by_waiting": ratios,
    }


def _asked_report(asked: dict[str, list[float]]) -> dict[str, Any]:
    over = figures(asked["dial"]).p50
    ours = figures(asked["ours"])
    return {
        "request_to_ring_over_dial_ms": {"p50": round(ours.p50 - over, 2), "p99": round(ours.p99 - over, 2)},
        "request_to_ring_1000_ms": {
            name: figures(asked[f"{name} 1000"])._asdict() for name in ("ours", "app_queue")
        },
    }


def _middle(f: Figures) -> dict[str, float]:
    return {"p50": f.p50, "p99": f.p99}


def _say(text: str) -> None:
    print(f"· {text}", file=sys.stderr)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=500, help="of each block; half as many where it is idle")
    parser.add_argument("--queue-calls", type=int, default=200, help="the same for app_queue with a backlog")
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    o = parser.parse_args()
    print(json.dumps(uvloop.run(bench(o.calls, o.queue_calls, o.blocks, o.parts))))


if __name__ == "__main__":
    main()
