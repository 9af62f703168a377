"""One PBX node as the engine sees it: its link, what its events mean, and its regular reconciliation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from seats.domain.events import Repaired
from seats.domain.messages import LinkDown, LinkUp, NodeLost
from seats.engine.engine import Engine, LinkView
from seats.engine.intake import Intake, Resolve
from seats.engine.mirror import QUEUE, Mirror
from seats.engine.reconcile import Ended, Finding, ended_unheard, findings, open_unknown, settle, stands
from telephony import commands
from telephony.errors import TelephonyError
from telephony.events import PbxEvent
from telephony.inspect import version_of
from telephony.link import Link, LinkState, NodeSettings, Snapshot
from telephony.translate import text

log = structlog.get_logger(__name__)

RECONCILE_EVERY = 5.0
"""Seconds between two looks at the whole of a node."""

LATE_NEWS = 0.1
"""Seconds for events that were on their way when a picture was taken: what they tell is no repair."""

MISSED_FOR = 5.0
"""Seconds after which an action on an up link must show in a snapshot, however slow the way."""

LEDGER_WITHIN = 1.0
"""Seconds that a picture waits for the ledger, which may be away."""

Closed = Callable[[Sequence[str]], Awaitable[set[str]]]
"""Which of these requests the ledger holds as over, once all that was said is written."""


class Node:
    """Keeps one node linked, the engine's picture of it true, and its records no longer than needed."""

    def __init__(self, settings: NodeSettings, engine: Engine, resolve: Resolve, closed: Closed) -> None:
        self.name = settings.name
        self._engine = engine
        self._closed = closed
        self._intake = Intake(settings.name, resolve, engine.now)
        self._was_up = False
        self._known = False
        """The node was seen alive in this term: what it held then is lost when it dies."""
        self._found: list[Finding] = []
        self._ended: list[Ended] = []
        self._orphans: set[str] = set()
        """Open records without a caller at the last snapshot."""
        self._wake = asyncio.Event()
        self._joining: asyncio.TimerHandle | None = None
        self.link = Link(
            settings,
            self._on_events,
            self._on_state,
            self._on_snapshot,
            review=self._without_ended,
            alive=lambda: engine.leader,
        )
        self._mirror = Mirror(engine.state, self.link.send)
        engine.subscribe(self._mirror.sink)
        engine.before_tick.append(self._wake_up)
        engine.links[self.name] = LinkView(self.link.state, self.link.reason)

    async def run(self) -> None:
        """Until cancelled or closed."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._reconcile_regularly())
            await self.link.run()
            watch.cancel()

    async def close(self) -> None:
        """Take the link down."""
        await self.link.close()
        if self._joining is not None:
            self._joining.cancel()

    def _on_events(self, events: list[PbxEvent]) -> None:
        for message in self._intake.read(events):
            self._engine.post(message)
        self._await_answers()

    def _await_answers(self) -> None:
        """Have answers that are held back told when they stand."""
        wait = self._intake.joining.wait()
        if wait is not None and self._joining is None:
            self._joining = asyncio.get_running_loop().call_later(wait, self._answers_stand)

    def _answers_stand(self) -> None:
        self._joining = None
        for message in self._intake.joining.due():
            self._engine.post(message)
        self._await_answers()

    def _on_state(self, state: LinkState, reason: str) -> None:
        self._engine.links[self.name] = LinkView(state, reason)
        up = state is LinkState.UP
        if up and not self._was_up:
            log.info("link_up", node=self.name)
            self._engine.post(LinkUp(self.name))
            self._known = True
            self._wake.set()
        elif not up:
            self._down(reason)
        if state is LinkState.BACKOFF and self.link.nobody_there and self._known:
            self._known = False
            self._engine.post(NodeLost(self.name))
        self._was_up = up

    def _down(self, reason: str) -> None:
        if self._was_up:
            self._was_up = False
            log.warning("link_down", node=self.name, reason=reason)
            self._mirror.stop()
            self._intake.miss()
            for message in self._intake.joining.all():
                self._engine.post(message)
            self._engine.post(LinkDown(self.name))

    def _wake_up(self) -> None:
        """After an absence of our own nothing is decided about this node's callers before a new picture."""
        if self.link.leave_if_stale():
            self._down("we were away")

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        """At link-up the PBX's picture goes before everything; later, events go on beside it."""
        missed_for = MISSED_FOR if self._was_up else 0.0
        self._found = findings(snapshot, self._engine.state, self._intake, missed_for=missed_for)
        ended = ended_unheard(snapshot, self._engine.state, self._intake)
        orphans = {e.key for e in ended if e.lost}
        # events come another way than lists: a record may be seen before its caller is
        self._ended = [e for e in ended if not e.lost or e.key in self._orphans]
        self._orphans = orphans
        if not self._was_up:
            self._apply()

    async def _without_ended(self, snapshot: Snapshot) -> Snapshot:
        """Without open records of what the ledger holds as over: their callers were handed to somebody else."""
        unknown = open_unknown(snapshot, self._engine.state, self._intake)
        try:
            async with asyncio.timeout(LEDGER_WITHIN):
                over = (
                    await self._closed([self._intake.request_id(key) for key in unknown]) if unknown else ()
                )
        except Exception as error:  # whatever the ledger suffers from: the picture is taken without it
            log.warning("ledger_not_asked", node=self.name, requests=len(unknown), error=repr(error))
            return snapshot
        ended = [key for key in unknown if self._intake.request_id(key) in over]
        kept = {key: record for key, record in snapshot.requests.items() if key not in ended}
        return snapshot._replace(requests=kept)

    def _apply(self) -> None:
        found, self._found = self._found, []
        for finding in found:
            if not stands(finding, self._engine.state, self._intake):
                continue
            if finding.repair:
                self._note(finding)
            self._intake.forget(finding.message)
            self._engine.post(finding.message)

    def _note(self, finding: Finding) -> None:
        message = finding.message
        subject = str(getattr(message, "request", "") or getattr(message, "offer", "") or self.name)
        log.info("repaired", node=self.name, kind=finding.repair, subject=subject)
        self._engine.announce(Repaired(self._engine.now(), finding.repair, subject, self.name))

    async def _reconcile_regularly(self) -> None:
        while True:
            await self._wake.wait()  # the first round right at the link-up
            self._wake.clear()
            try:
                await self._look_at_version()
                await self._start_mirror()
                while self.link.up:
                    await self._settle_records()
                    await asyncio.sleep(RECONCILE_EVERY)
                    if self.link.up:
                        await self.link.refresh()
                        await asyncio.sleep(LATE_NEWS)
                        self._apply()
            except TelephonyError as error:
                log.warning("reconcile_failed", node=self.name, error=str(error))
                if self.link.up:
                    await asyncio.sleep(1.0)
                    self._wake.set()

    async def _look_at_version(self) -> None:
        """A PBX that was away at the start, or was exchanged since, has not been looked at yet."""
        if trouble := (await version_of(self.link.call)).trouble:
            log.error("pbx_unsupported", node=self.name, version=trouble)

    async def _start_mirror(self) -> None:
        found = {}
        for item in await self.link.call_list(commands.queue_status(QUEUE)):
            if text(item, "Event") == "QueueMember":
                found[text(item, "Location") or text(item, "StateInterface")] = text(item, "Paused") == "1"
        self._mirror.start(found)

    async def _settle_records(self) -> None:
        """Complete the ledger from the PBX's records, and drop those that the ledger has."""
        ended, self._ended = self._ended, []
        ids = {self._intake.request_id(e.key): e for e in ended}
        if not ids:
            return
        known = await self._closed(list(ids))
        for request, each in ids.items():
            if request in known:
                self.link.journal.pop(each.key, None)
                self.link.send(commands.db_delete(f"seats/{each.key}"))
            elif request not in self._engine.state.requests:
                self._complete(each)

    def _complete(self, ended: Ended) -> None:
        message = settle(ended, self._intake, self._engine.now())
        if message is None:
            log.warning("record_unreadable", node=self.name, key=ended.key)
            return
        self._note(Finding(message, "request_settled"))
        self._intake.forget(message)
        self._engine.post(message)
