"""Hubei calls five times as much, and half of its agents are gone: who is still answered, on real Asterisk.

``python -m tests.bench.bench_surge [--minutes 10] [--only ours]``. 60 simulated agents in ten provinces, at
0.85 of what they can take; then the surge (``surge_load``), in which somebody must lose. The same callers,
drawn once from a seed, call each system in turn:

- ours, with the shipped rings and objectives (Hubei 99 %);
- app_queue, one queue for each province: its own agents with penalty 0, the region's with 1, the nation's
  with 2; autofill, ringinuse=no, retry 1, the same ring and wrap-up times;
- app_queue+weight (only if asked for): the same, and Hubei's queue has weight 1.

sipp is the judge: a caller whose INVITE got its 200 OK before the patience ended was connected. Callers of
the surge's minutes count, by province and time of arrival. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from seats import logs
from seats.demo import ANSWER, demo_plan, pools_of
from seats.domain.agents import Chosen, Machine
from seats.domain.regions import BY_CODE
from seats.domain.tally import Rate, rate
from telephony.lab import Behaviour, Callers, Fate, LabPbx, SimAgents
from telephony.lab.conf import default_pack
from tests.bench.surge_load import (
    HUBEI,
    LEAD,
    SLOTS_PER_S,
    Caller,
    Span,
    callers,
    homes,
    leavers,
    normal_shares,
    placed,
    surge_load,
)
from tests.integration.house import Home, House, people, settings_for

OURS, QUEUE, WEIGHTED = "ours", "app_queue", "app_queue+weight"
BEFORE, AFTER = 30.0, 15.0
"""Seconds of normal traffic before the surge, and of the surge after the minutes that count."""

AGENT = Behaviour(answers_after=ANSWER)
QUEUE_NUMBER = "surge"
"""A call to this and a province's code goes to that province's queue."""

Leave = Callable[[Iterable[str]], Awaitable[None]]


class Result(NamedTuple):
    """What became of the callers who count: province → (connected, requests)."""

    provinces: dict[str, Rate]
    total: Rate
    failed: int
    """Calls that neither were answered nor gave up."""


async def run(system: str, agents: dict[str, str], people_: list[Caller], span: Span, audit: Path) -> Result:
    """One system under these callers."""
    seats = [("sip", address) for address in agents]
    with tempfile.TemporaryDirectory(prefix="seats-bench-") as name:
        folder = Path(name)
        logs.configure(json=True, stream=(folder / "log").open("w"))
        async with LabPbx(seats, pack=_pack(folder, system, agents)) as lab:
            behaviours, secrets = dict.fromkeys(agents, AGENT), lab.seat_secrets()
            start = _ours if system == OURS else _queues
            async with (
                SimAgents(lab.sip_port, behaviours, secrets),
                start(lab, folder, agents, audit) as leave,
            ):
                fates = await _calls(lab, system, people_, span, lambda: leave(leavers(agents)))
    return judged(people_, span, fates)


async def _calls(
    lab: LabPbx, system: str, people_: list[Caller], span: Span, leave: Callable[[], Awaitable[None]]
) -> list[Fate]:
    dids = {} if system == OURS else {code: f"{QUEUE_NUMBER}{code}" for code in BY_CODE}
    async with Callers(lab.sip_port, placed(people_, dids), rate=SLOTS_PER_S) as line:
        await asyncio.sleep(LEAD + span.before)
        await leave()
        _say(f"{system}: the surge begins")
        await line.wait()
        return line.fates()


def judged(people_: list[Caller], span: Span, fates: Iterable[Fate]) -> Result:
    """The callers who count, by what sipp saw. A 200 OK that crossed the caller's CANCEL is no answer."""
    got: dict[str, set[str]] = {}
    for fate in fates:
        if fate.detail != "crossed":
            got.setdefault(fate.what, set()).add(fate.number)
    answered, gave_up = got.get("answered", set()), got.get("abandoned", set())
    asked: Counter[str] = Counter()
    connected: Counter[str] = Counter()
    failed = 0
    for caller in filter(span.counts, people_):
        asked[caller.province] += 1
        connected[caller.province] += caller.number in answered
        failed += caller.number not in answered | gave_up
    shares = {code: rate((connected[code], asked[code])) for code in normal_shares()}
    return Result(shares, rate((connected.total(), asked.total())), failed)


@contextlib.asynccontextmanager
async def _ours(lab: LabPbx, folder: Path, agents: dict[str, str], audit: Path) -> AsyncIterator[Leave]:
    """The service, all agents ready; at the end its decisions are written to ``audit``."""
    settings = settings_for(lab, folder)
    staff = {address: Home(home, pools_of(home), AGENT) for address, home in agents.items()}
    await people(settings, staff, demo_plan())
    house = House(lab, settings, staff)
    async with house.serving():
        await house.until(lambda: all(house.agent(a).nodes for a in agents))
        for address in agents:
            house.choose(address, Chosen.READY)
        await house.until(lambda: all(house.agent(a).machine is Machine.IDLE for a in agents))

        async def leave(some: Iterable[str]) -> None:
            for address in some:
                house.choose(address, Chosen.NOT_READY, "meal")

        yield leave
        await house.quiet()
        if audit != Path():
            await asyncio.to_thread(audit.write_text, "".join(f"{event!r}\n" for event in house.events))


@contextlib.asynccontextmanager
async def _queues(lab: LabPbx, folder: Path, agents: dict[str, str], audit: Path) -> AsyncIterator[Leave]:
    """The queues are in the PBX's configuration; the members are ready from the start."""

    async def leave(some: Iterable[str]) -> None:
        for address in some:
            await lab.asterisk_cli(f"queue pause member PJSIP/{address}")

    yield leave


def _pack(folder: Path, system: str, agents: dict[str, str]) -> Path:
    """The dialplan pack; for app_queue with a queue for each province beside it."""
    pack = folder / "pack"
    shutil.copytree(default_pack(), pack)
    if system == OURS:
        return pack
    plan = demo_plan()
    with (pack / "extensions_seats.conf").open("a") as file:
        cut = len(QUEUE_NUMBER)
        file.write(
            f"\n[seats-inbound]\nexten => _{QUEUE_NUMBER}.,1,Progress()\n"
            f" same => n,Queue(${{EXTEN:{cut}}},,,,{plan.max_wait:g})\n same => n,Hangup()\n"
        )
    with (pack / "queues_seats.conf").open("a") as file:
        for code in sorted(set(agents.values())):
            weight = int(system == WEIGHTED and code == HUBEI)
            members = (f"member => PJSIP/{a},{_penalty(home, code)}\n" for a, home in agents.items())
            file.write(
                f"\n[{code}]\nmusicclass = seats\nstrategy = leastrecent\nautofill = yes\nringinuse = no\n"
                f"wrapuptime = {plan.wrap_up:g}\ntimeout = {plan.ring_timeout}\nretry = 1\n"
                f"joinempty = yes\nweight = {weight}\n{''.join(members)}"
            )
    return pack


def _penalty(home: str, province: str) -> int:
    """0 for the province's own agents, 1 for its region's, 2 for all others."""
    if home == province:
        return 0
    return 1 if BY_CODE[home].region == BY_CODE[province].region else 2


def table(agents: dict[str, str], results: dict[str, Result]) -> str:
    """Province by province, the systems side by side, as a table of Markdown."""
    first = next(iter(results.values()))
    heads = "".join(f" {name}: connected | rate (95 %) |" for name in results)
    lines = [f"| province | agents | requests |{heads}", f"|---|--:|--:|{'--:|--:|' * len(results)}"]
    gone = len(leavers(agents))
    for code in [*first.provinces, ""]:
        crew = sum(home == code or not code for home in agents.values())
        staff = f"{crew} → {crew - gone}" if code in ("", HUBEI) else f"{crew}"
        shares = [result.provinces[code] if code else result.total for result in results.values()]
        cells = "".join(f" {share.k} | {_percent(share)} |" for share in shares)
        lines.append(f"| {code or 'all'} | {staff} | {shares[0].n} |{cells}")
    return "\n".join(lines)


def _percent(share: Rate) -> str:
    if share.rate is None or share.low is None or share.high is None:
        return "–"
    return f"{share.rate:.1%} ({share.low:.1%}–{share.high:.1%})"


def line_of(results: dict[str, Result], minutes: float, seed: int) -> dict[str, Any]:
    """The last line: per system Hubei, all, others, and every province."""
    return {
        "minutes": minutes,
        "seed": seed,
        "load": round(surge_load(), 3),
        **{
            name: {
                "hubei": _figures(result.provinces[HUBEI]),
                "total": _figures(result.total),
                "failed": result.failed,
                "provinces": {code: _figures(share) for code, share in result.provinces.items()},
            }
            for name, result in results.items()
        },
    }


def _figures(share: Rate) -> dict[str, Any]:
    def short(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return {"requests": share.n, "connected": share.k, "rate": short(share.rate), "low": short(share.low)}


async def bench(systems: Iterable[str], span: Span, seed: int, audit: Path) -> dict[str, Any]:
    """The systems one after the other; prints the table."""
    agents, people_ = homes(), callers(seed, span)
    results: dict[str, Result] = {}
    for system in systems:
        _say(f"{system}: {len(people_)} callers, {len(agents)} agents, load of the surge {surge_load():.2f}")
        results[system] = await run(system, agents, people_, span, audit)
        print(table(agents, {system: results[system]}), file=sys.stderr)
    print(table(agents, results))
    return line_of(results, span.surge / 60.0, seed)


def _say(text: str) -> None:
    print(f"· {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the surge")
    parser.add_argument("--before", type=float, default=BEFORE, help="seconds of normal traffic first")
    parser.add_argument("--seed", type=int, default=1, help="of the list of callers")
    parser.add_argument(
        "--only", action="append", choices=(OURS, QUEUE, WEIGHTED), help="a system; may be repeated"
    )
    parser.add_argument("--audit", type=Path, default=Path(), help="file for our decisions, one a line")
    options = parser.parse_args()
    systems = options.only or [OURS, QUEUE]
    span = Span(options.before, options.minutes * 60.0, AFTER)
    print(json.dumps(uvloop.run(bench(systems, span, options.seed, options.audit))))


if __name__ == "__main__":
    main()
