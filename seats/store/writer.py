"""The ledger's writer: takes events at once, writes them a little later in groups, loses none.

One background task writes; whoever appends never waits. What cannot be written because the database is
locked or away stays queued and is tried again, for ever, up to a bound; a value the database refuses as
such is set aside and counted, so that it cannot hold up the rest. What is queued is in the spool as well,
if there is one, and the next life of the service writes what this one could not: see :mod:`seats.store.replay`.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import Executable, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from seats.domain.events import Event
from seats.store import tables as t
from seats.store.database import Database, is_rejection, reason_of
from seats.store.entries import entry, merged, number_of
from seats.store.errors import UnreachableDatabaseError
from seats.store.spool import Spool
from seats.store.statements import ORDER

log = structlog.get_logger(__name__)

GROUP_SECONDS = 0.05
GROUP_EVENTS = 250
BOUND = 1_000_000
"""Events kept while the database is away: about ten minutes of 100 calls a second."""
FIRST_BACKOFF, LONGEST_BACKOFF = 0.05, 5.0
_TRY_AGAIN = (UnreachableDatabaseError, SQLAlchemyError, OSError)


class LedgerWriter:
    """Writes the core's events behind the decision. Use from one event loop: ``start`` … ``close``.

    ``continuing`` names the writer whose entries this one writes on.
    """

    def __init__(
        self,
        database: Database,
        *,
        group_seconds: float = GROUP_SECONDS,
        group_events: int = GROUP_EVENTS,
        bound: int = BOUND,
        spool: Spool | None = None,
        continuing: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._group_seconds, self._group_events, self._bound = group_seconds, group_events, bound
        self._now = now
        self._spool = spool
        self._id = continuing or (spool.writer if spool else uuid.uuid4().hex)
        self._number = 0
        """Of the entry made last."""
        self._taken = 0
        """Of the last entry that is, or was, in a group."""
        self._queue: deque[bytes] = deque()
        self._batch: list[bytes] = []
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._statements = _statements(database.is_sqlite)
        self.appended = 0
        """Events taken since the start."""
        self.written = 0
        """Events dealt with since the start: in the database, or refused by it."""
        self.lost = 0
        """Events refused because the queue was full."""
        self.rejected = 0
        """Events the database refused for their content."""
        self.healthy = True
        """The last attempt to write succeeded."""
        self.last_error = ""
        """Why the last failed attempt failed; empty once one succeeds."""

    @property
    def pending(self) -> int:
        """Events taken and not written yet."""
        return self.appended - self.written

    def append(self, events: Sequence[Event]) -> None:
        """Queue events. Never waits; past the bound, what is too much is counted in ``lost``."""
        room = self._bound - self.pending
        if len(events) > room:
            if self.lost == 0:
                log.error("ledger_full", bound=self._bound, error=self.last_error)
            self.lost += len(events) - max(room, 0)
            events = events[: max(room, 0)]
        number, lines = self._number, []
        for event in events:
            try:
                lines.append(entry(number + 1, event))
                number += 1
            except Exception as error:  # whatever it is, the others are written
                self._refused(type(event).__name__, error)
        if lines:
            self._number = number
            if self._spool is not None:
                self._spool.add(number, lines)
            self.take(lines)

    def take(self, lines: Sequence[bytes]) -> None:
        """Queue entries as they are."""
        self._queue.extend(lines)
        self.appended += len(lines)
        self._wake.set()
        if len(self._queue) >= self._group_events:
            self._hurry.set()

    async def register(self) -> None:
        """Have the database know this writer, without which its spool is not replayed.

        Raise :class:`seats.store.errors.UnreachableDatabaseError`.
        """
        async with self._database.write() as connection:
            await connection.execute(
                self._statements["claim"], {"id": self._id, "batch": 0, "at": self._now()}
            )

    def start(self) -> None:
        """Begin to write."""
        if self._spool is not None:
            self._spool.start()
        self._task = asyncio.create_task(self._run(), name="ledger writer")

    async def flush(self) -> None:
        """Return once everything appended so far is written. Waits as long as the database is away."""
        if self.written >= self.appended:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self.appended, waiter))
        self._hurry.set()
        await waiter

    async def close(self, within: float = 10.0) -> int:
        """Write what is left for at most ``within`` seconds, then stop; how many events stayed unwritten."""
        if self._task is None:
            return self.pending
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.flush()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        if self._spool is not None:
            await asyncio.to_thread(self._spool.close)
        if self.pending:
            spooled = self._spool is not None and not self._spool.error
            tell = log.warning if spooled else log.error
            tell("ledger_unwritten", events=self.pending, error=self.last_error, in_spool=spooled)
        return self.pending

    # --- the background task ----------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await self._gather()
            self._take()
            await self._write_until_done()
            self._done()

    async def _gather(self) -> None:
        """Let a group come together, unless it is large already or someone waits for it."""
        if not self._hurry.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._group_seconds):
                    await self._hurry.wait()

    def _take(self) -> None:
        size = min(len(self._queue), self._group_events)
        self._batch = [self._queue.popleft() for _ in range(size)]
        self._taken = number_of(self._batch[-1])

    def _done(self) -> None:
        self.written += len(self._batch)
        if self._spool is not None:
            self._spool.drop(self._taken)
        self._batch = []
        if not self._queue:
            self._wake.clear()
        while self._waiters and self._waiters[0][0] <= self.written:
            _, waiter = self._waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
        if not self._waiters and len(self._queue) < self._group_events:
            self._hurry.clear()

    async def _write_until_done(self) -> None:
        backoff = FIRST_BACKOFF
        while True:
            try:
                await self._write(self._batch)
            except Exception as error:
                if is_rejection(error) or not isinstance(error, _TRY_AGAIN):
                    await self._write_one_by_one(error)
                    return
                self._failed(error)
            else:
                self._succeeded()
                return
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _write_one_by_one(self, refusal: BaseException) -> None:
        """Some entry of the group cannot be written: find it, set it aside, write the others."""
        lines, self._batch = self._batch, []
        if len(lines) == 1:
            self.written += 1
            self._refused(_action(lines[0]), refusal)
            return
        for line in lines:
            self._batch = [line]
            await self._write_until_done()
            self.written += len(self._batch)
        self._batch = []

    async def _write(self, lines: list[bytes]) -> None:
        async with self._database.write() as connection:
            groups = merged(await self._claim(connection, lines))
            for name in ORDER:
                if rows := groups[name]:
                    await connection.execute(self._statements[name], rows)

    async def _claim(self, connection: AsyncConnection, lines: list[bytes]) -> list[bytes]:
        """Mark the entries as written; those that were not yet.

        Some were if only the answer to their commit was lost, or if a service before us was killed amid them.
        """
        stored = select(t.writers.c.batch).where(t.writers.c.id == self._id).with_for_update()
        last = await connection.scalar(stored) or 0
        fresh = [line for line in lines if number_of(line) > last]
        if fresh:
            row = {"id": self._id, "batch": number_of(fresh[-1]), "at": self._now()}
            await connection.execute(self._statements["claim"], row)
        return fresh

    def _refused(self, what: str, error: BaseException) -> None:
        self.rejected += 1
        log.error("ledger_refused", what=what, error=reason_of(error))

    def _failed(self, error: BaseException) -> None:
        self.last_error = str(error) if isinstance(error, UnreachableDatabaseError) else reason_of(error)
        level = log.warning if self.healthy else log.debug
        level("ledger_not_written", error=self.last_error, pending=self.pending)
        self.healthy = False

    def _succeeded(self) -> None:
        if not self.healthy:
            log.info("ledger_written_again", pending=self.pending)
        self.healthy, self.last_error = True, ""


def _action(line: bytes) -> str:
    """What an entry tells, by the name that its audit row has."""
    try:
        return str(merged([line])["add_audit"][0]["action"])
    except (ValueError, LookupError):
        return "what is no entry"


def _statements(is_sqlite: bool) -> dict[str, Executable]:
    new: Any = sqlite.insert if is_sqlite else postgresql.insert
    claim = new(t.writers)
    callback = new(t.callbacks)
    return {
        "add_request": new(t.requests).on_conflict_do_nothing(),
        "add_offer": new(t.offers).on_conflict_do_nothing(),
        "set_rang": _set(t.offers, "rang_at"),
        "set_offer_ended": _set(t.offers, "ended_at", "result", "detail"),
        "set_decided": _set(
            t.requests,
            "outcome", "decided_at", "answered_at", "ended_at", "agent", "queue_s", "ring_s", "reason",
        ).where(t.requests.c.outcome.is_(None)),  # exactly one outcome: the first stands
        "set_reconstructed": _set(t.requests, "reconstructed"),
        "set_call_ended": _set(t.requests, "ended_at", "talk_s", "ended_by"),
        "set_disposition": _set(t.requests, "disposition"),
        "add_callback": callback.on_conflict_do_update(  # one more request joins it
            index_elements=["id"],
            set_={
                "requests": t.callbacks.c.requests + 1,
                "asked_at": callback.excluded.asked_at,
                "source": callback.excluded.source,
            },
        ),
        "set_callback": _set(
            t.callbacks, "state", "due_at", "attempts", "agent", "reason", "changed_at"
        ),
        "add_attempt": new(t.callback_attempts).on_conflict_do_nothing(),
        "add_state": insert(t.agent_states),
        "add_audit": insert(t.audit),
        "claim": claim.on_conflict_do_update(
            index_elements=["id"], set_={"batch": claim.excluded.batch, "at": claim.excluded.at}
        ),
    }  # fmt: skip


def _set(table: Any, *columns: str) -> Any:
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    return update(table).where(table.c.id == bindparam("row")).values(values)
