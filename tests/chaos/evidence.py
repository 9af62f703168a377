"""What a run left behind, put together by call: of the callers, the PBX's log, the agents, the ledger."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from seats.settings import Settings
from seats.store.store import Store
from telephony.lab.agents import Ring
from tests.chaos.storm import Run

QUARTER = 900.0
"""Zones differ by whole quarters of an hour."""

_RECORDED = re.compile(
    r"^\[(?P<at>[^\]]+)\].*Executing \[s@seats-ask:\d+\] Set\([^,]*, "
    r'"DB\(seats/(?P<request>[0-9.]+)\)=v1\|(?P<arrived>[0-9.]+)\|[^|]*\|(?P<number>[0-9+]*)\|',
    re.MULTILINE,
)
"""The step that records the request. None that got there may be missing, though bound 1 has it safe 10 ms later."""


@dataclass(slots=True)
class Seen:
    """One call. Times are Unix seconds, None for what never was."""

    number: str
    placed: float
    held: float | None = None
    """The first 183: the dialplan had the call."""
    answered: float | None = None
    abandoned: float | None = None
    failed: str = ""
    ended: float | None = None
    ended_by: str = ""
    recorded: str = ""
    """The request's id on the PBX, by the PBX's own log."""
    mistaken: float = 0.0
    """Seconds by which the time of its coming, as the PBX recorded it, differs from that in the PBX's log."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Its rows of the ledger: one, if all is well."""
    rings: list[Ring] = field(default_factory=list)
    """What agents' phones showed for it."""

    @property
    def over(self) -> float:
        """When the caller was through with it."""
        return self.ended or self.abandoned or float("inf")

    @property
    def talked(self) -> float:
        """Seconds from the answer to the end, as the caller saw it."""
        return self.ended - self.answered if self.ended and self.answered else 0.0


@dataclass(slots=True)
class Evidence:
    """Everything, by call and as a whole."""

    run: Run
    calls: dict[str, Seen]
    strangers: list[dict[str, Any]]
    """Rows of the ledger that no caller placed."""
    offers: list[dict[str, Any]]
    audit: dict[str, Counter[str]]
    """Request → action → audit rows."""
    offers_audit: Counter[str]


async def collect(run: Run) -> Evidence:
    """Read the ledger and lay everything side by side."""
    calls = _callers(run)
    for found in _RECORDED.finditer(run.pbx_log):
        if found["number"] in calls:
            calls[found["number"]].recorded = found["request"]
            arrived = float(found["arrived"])
            calls[found["number"]].mistaken = arrived - _logged(found["at"], arrived)
    by_tail = {seen.number[-4:]: seen for seen in calls.values()}
    for ring in run.rings:
        if ring.shown[-4:] in by_tail:
            by_tail[ring.shown[-4:]].rings.append(ring)
    ledger = await _ledger(run.settings)
    strangers = []
    for row in ledger["requests"]:
        if row["number"] in calls:
            calls[row["number"]].rows.append(row)
        else:
            strangers.append(row)
    audit: dict[str, Counter[str]] = defaultdict(Counter)
    for row in ledger["audit"]:
        audit[row["subject"].removeprefix("request/")][row["action"]] += row["n"]
    total: Counter[str] = Counter()
    for counts in audit.values():
        total += counts
    return Evidence(run, calls, strangers, ledger["offers"], audit, total)


def _logged(at: str, near: float) -> float:
    """Unix time of a line of the PBX's log, in whatever zone that is written, close to a known time."""
    time = datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()
    return time + round((near - time) / QUARTER) * QUARTER


def _callers(run: Run) -> dict[str, Seen]:
    calls: dict[str, Seen] = {}
    for fate in run.fates:
        seen = calls.get(fate.number)
        if fate.what == "placed":
            calls[fate.number] = Seen(fate.number, fate.at)
        elif seen is None:
            continue
        elif fate.what == "held":
            seen.held = seen.held or fate.at
        elif fate.what == "answered":
            seen.answered = seen.answered or fate.at
        elif fate.what == "abandoned":
            seen.abandoned = fate.at
        elif fate.what == "failed":
            seen.failed = fate.detail
            seen.abandoned = seen.abandoned or fate.at
        elif fate.what == "ended":
            seen.ended, seen.ended_by = fate.at, fate.detail
    return calls


async def _ledger(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    questions = {
        "requests": "SELECT * FROM requests ORDER BY arrived_at",
        "offers": "SELECT * FROM offers ORDER BY made_at",
        "audit": "SELECT subject, action, count(*) AS n FROM audit WHERE subject LIKE 'request/%'"
        " GROUP BY subject, action",
    }
    store = await Store.open(settings.database_url)
    try:
        async with store.database.read() as connection:
            return {
                name: [dict(row._mapping) for row in await connection.execute(text(question))]
                for name, question in questions.items()
            }
    finally:
        await store.close()
