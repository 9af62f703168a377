"""The ledger from the command line: its figures, and erasing personal data from it."""

from __future__ import annotations

import time
from typing import Any

from seats.domain.requests import Outcome
from seats.domain.tally import SERVICE_LEVELS, Figures, rate
from seats.retention import DAY
from seats.settings import Settings
from seats.store.ledger import IN_PROGRESS
from seats.store.store import Store

ACTOR = "command line"
"""Who did it, in the audit."""


async def figures(settings: Settings) -> dict[str, Any]:
    """Counts and rates since ever, from the ledger: what must be the same before and after a restore."""
    store = await Store.open(settings.database_url)
    try:
        return await figures_of(store)
    finally:
        await store.close()


async def figures_of(store: Store) -> dict[str, Any]:
    """As :func:`figures`, of a store at hand."""
    provinces: dict[str, Figures] = {}
    for (province, outcome), number in sorted((await store.totals()).items()):
        counted = provinces.setdefault(province, Figures())
        counted.requests += number
        setattr(counted, outcome if outcome != IN_PROGRESS else "in_progress", number)
    nation = Figures()
    for counted in provinces.values():
        nation.add(counted)
    waits = await store.waits(SERVICE_LEVELS, Outcome.CONNECTED.value)
    within = {code: waits[code].buckets if code in waits else (0, 0, 0) for code in provinces}
    return {
        "requests": nation.requests,
        "nation": _told(nation),
        "provinces": {
            code: {**_told(counted), "within_s": dict(zip(SERVICE_LEVELS, within[code], strict=True))}
            for code, counted in provinces.items()
        },
        "offers": dict(sorted((await store.offer_totals()).items())),
    }


def _told(counted: Figures) -> dict[str, Any]:
    outcomes = {o.value: getattr(counted, o.value) for o in Outcome}
    shares = {"strict": rate(counted.strict), "reported": rate(counted.reported)}
    return {
        "requests": counted.requests,
        "in_progress": counted.in_progress,
        "outcomes": {name: n for name, n in outcomes.items() if n},
        **{name: {"k": r.k, "n": r.n, "rate": r.rate} for name, r in shares.items()},
    }


async def erase_caller(settings: Settings, number: str) -> str:
    """Erase a caller's number from the ledger; a line about it."""
    store = await Store.open(settings.database_url)
    try:
        done = await store.erase_caller(number, at=time.time(), actor=ACTOR)
    finally:
        await store.close()
    kept = f"; {done.kept} not over yet kept it: run this again later" if done.kept else ""
    return f"erased the number from {done.requests} requests and {done.callbacks} callbacks{kept}"


async def erase_older(settings: Settings, days: int) -> str:
    """Erase the numbers of requests older than so many days; a line about it."""
    store = await Store.open(settings.database_url)
    try:
        now = time.time()
        done = await store.erase_before(now - days * DAY, at=now, actor=ACTOR)
    finally:
        await store.close()
    return f"erased the numbers of {done.requests} requests and {done.callbacks} callbacks"
