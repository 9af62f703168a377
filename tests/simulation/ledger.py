"""The ledger in memory: the rows the real writer would write, and the questions a restart asks of them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from seats.domain.callback_book import OPEN
from seats.domain.events import Event, RequestDecided, RequestOpened
from seats.store.callbacks import CallbackRow
from seats.store.entries import entry, merged
from seats.store.ledger import IN_PROGRESS, RELEASED
from seats.store.rows import AgentRow, CohortRow, OfferRow, OpenRow, StateRow, Waits
from seats.store.statements import Changes, Row


class Ledger:
    """Outlives the service, as a database does."""

    def __init__(self, agents: Iterable[AgentRow]) -> None:
        self.people = list(agents)
        self.rows: dict[str, Row] = {}
        self.offer_rows: dict[str, Row] = {}
        self.callback_rows: dict[str, Row] = {}
        self.states: dict[str, StateRow] = {}
        self.history: list[Event] = []
        self.opened: Counter[str] = Counter()
        self.decided: Counter[str] = Counter()
        self.locked_until = 0.0
        self.spooled: list[Event] = []
        """What the last life of the service could not write, on its own disk."""
        self.forgotten: set[str] = set()
        """Requests that only a service without such a disk had heard of when it died."""
        self.promised: list[Event] = []
        """All that services with such a disk told."""

    def replay(self) -> int:
        """Write what is in the spool, as a service does before it takes anything up; how many events."""
        left, self.spooled = self.spooled, []
        self.write(left)
        return len(left)

    def write(self, events: Sequence[Event]) -> None:
        """One transaction, with the meaning of the real writer's statements."""
        groups = merged(entry(n, event) for n, event in enumerate(events, 1))
        assert len(groups["add_audit"]) >= len(events), "I5: a change without its audit row"
        self.history += events
        for event in events:
            if type(event) is RequestOpened:
                self.opened[event.request] += 1
            elif type(event) is RequestDecided:
                self.decided[event.request] += 1
        for row in groups["add_request"]:
            self.rows.setdefault(row["id"], dict.fromkeys(_SET) | row)
        for row in groups["add_offer"]:
            self.offer_rows.setdefault(
                row["id"], dict.fromkeys(("rang_at", "ended_at", "result", "detail")) | row
            )
        for row in groups["set_rang"] + groups["set_offer_ended"]:
            _set(self.offer_rows, row)
        for row in groups["set_decided"]:
            if self.rows.get(row["row"], {}).get("outcome") is None:
                _set(self.rows, row)
        for row in groups["set_reconstructed"] + groups["set_call_ended"] + groups["set_disposition"]:
            _set(self.rows, row)
        for row in groups["add_state"]:
            self.states[row["agent"]] = StateRow(*(row[name] for name in StateRow._fields))
        self._write_callbacks(groups)

    def _write_callbacks(self, groups: Changes) -> None:
        for row in groups["add_callback"]:
            known = self.callback_rows.setdefault(row["id"], row)
            if known is not row:
                joined = {"requests": known["requests"] + 1}
                known.update(joined, asked_at=row["asked_at"], source=row["source"])
        for row in groups["set_callback"]:
            _set(self.callback_rows, row)

    # what the service asks

    async def last_states(self) -> dict[str, StateRow]:
        return dict(self.states)

    async def agents(self) -> list[AgentRow]:
        return self.people

    async def agents_mark(self) -> str:
        return "all of them, from the start"

    async def open_requests(self, released_since: float) -> list[OpenRow]:
        rows = [
            row
            for row in self.rows.values()
            if row["ended_at"] is None or (row["outcome"] in RELEASED and row["decided_at"] >= released_since)
        ]
        rows.sort(key=lambda row: (row["arrived_at"], row["id"]))
        return [OpenRow(*(row[name] for name in OpenRow._fields)) for row in rows]

    async def open_offers(self) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for row in sorted(self.offer_rows.values(), key=lambda row: (row["made_at"], row["id"])):
            if row["result"] is None and self.rows[row["request"]]["ended_at"] is None:
                found.setdefault(row["request"], []).append((row["id"], row["agent"]))
        return found

    async def open_callbacks(self) -> list[CallbackRow]:
        rows = [row for row in self.callback_rows.values() if row["state"] in OPEN]
        rows.sort(key=lambda row: (row["asked_at"], row["id"]))
        return [CallbackRow(*(row[name] for name in CallbackRow._fields)) for row in rows]

    async def callback_totals(self) -> dict[tuple[str, str], int]:
        return dict(Counter((row["province"], row["state"]) for row in self.callback_rows.values()))

    async def offers(self, request: str) -> list[OfferRow]:
        rows = [row for row in self.offer_rows.values() if row["request"] == request]
        rows.sort(key=lambda row: (row["made_at"], row["id"]))
        return [OfferRow(*(row[name] for name in OfferRow._fields)) for row in rows]

    async def closed(self, requests: Sequence[str]) -> set[str]:
        return {r for r in requests if r in self.rows and self.rows[r]["ended_at"] is not None}

    async def cohort(self, since: float) -> list[CohortRow]:
        return [
            CohortRow(
                row["arrived_at"],
                row["province"],
                row["outcome"],
                (row["queue_s"] or 0.0) + (row["ring_s"] or 0.0),
            )
            for row in sorted(self.rows.values(), key=lambda row: (row["arrived_at"], row["id"]))
            if row["arrived_at"] >= since
        ]

    async def totals(self) -> dict[tuple[str, str], int]:
        return dict(Counter((r["province"], r["outcome"] or IN_PROGRESS) for r in self.rows.values()))

    async def offer_totals(self) -> dict[str, int]:
        return dict(Counter(r["result"] for r in self.offer_rows.values() if r["result"]))

    async def waits(self, bounds: Sequence[float], outcome: str = "") -> dict[str, Waits]:
        return {}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the service asks the ledger for {name}: teach the simulation's ledger")


class Writer:
    """The write-behind queue of one life of the service; a crash leaves what is in it to the next life.

    Unless the service's own disk takes nothing (``spools``): then it is lost.
    """

    GROUP_S = 0.05

    def __init__(
        self, ledger: Ledger, loop: asyncio.AbstractEventLoop, now: Callable[[], float], *, spools: bool
    ) -> None:
        self.ledger, self._loop, self._now, self._spools = ledger, loop, now, spools
        self._queue: deque[Event] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def append(self, events: Sequence[Event]) -> None:
        if self._spools:
            self.ledger.promised += events
        self._queue.extend(events)
        if self._timer is None:
            self._timer = self._loop.call_later(self.GROUP_S, self._write)

    async def flush(self) -> None:
        if self._queue:
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def die(self) -> int:
        """End; how many events were lost."""
        if self._timer is not None:
            self._timer.cancel()
        left = list(self._queue)
        self._queue.clear()
        if self._spools:
            self.ledger.spooled += left
            return 0
        self.ledger.forgotten.update(event.request for event in left if type(event) is RequestOpened)
        return len(left)

    def _write(self) -> None:
        wait = self.ledger.locked_until - self._now()
        if wait > 0:
            self._timer = self._loop.call_later(wait, self._write)
            return
        self._timer = None
        events = list(self._queue)
        self._queue.clear()
        self.ledger.write(events)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


_SET = (
    *("outcome", "decided_at", "answered_at", "ended_at", "agent", "queue_s", "ring_s", "reason"),
    *("talk_s", "ended_by", "disposition"),
)


def _set(rows: dict[str, Row], change: Row) -> None:
    row = rows.get(change["row"])
    if row is not None:
        row.update((name, value) for name, value in change.items() if name != "row")
