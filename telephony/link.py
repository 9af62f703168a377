"""The supervisor of one PBX node: sessions for events, for actions and for looks, up or down together.

Asterisk answers the actions of a session one after the other: a ring must not stand behind a long list.

A link is up only with a snapshot taken: events that come meanwhile are kept back and told after it, in order.
Later snapshots keep nothing back, for an agent who becomes free must not wait for one: they name what was told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from telephony import commands, journal, snapshot
from telephony.codec import Message, parse
from telephony.errors import ActionError, LinkLostError, LoginRefusedError, NobodyThereError, TelephonyError
from telephony.events import BootedAgain, PbxEvent
from telephony.heartbeat import Heartbeat
from telephony.session import Login, Reply, Session
from telephony.snapshot import Channel, Snapshot
from telephony.translate import WANTED, RawTranslator, seconds, text

__all__ = ["Channel", "Link", "LinkState", "LinkStats", "NodeSettings", "Snapshot"]

log = logging.getLogger(__name__)

_LONG_ENOUGH = 5.0
_MOVES = frozenset({"Redirect", "Hangup"})
"""Actions that change a call: never sent on an old belief."""


class LinkState(StrEnum):
    """Where a link is; only ``UP`` carries calls."""

    CONNECTING = "connecting"
    LOGGING_IN = "logging_in"
    SNAPSHOT = "snapshot"
    UP = "up"
    BACKOFF = "backoff"
    REFUSED = "refused"
    CLOSED = "closed"


class NodeSettings(NamedTuple):
    """One PBX node; all times in seconds. ``heartbeat_s`` 0 sends none.

    ``connect_s`` is for each step; Asterisk takes a second to refuse a log-in.
    """

    name: str
    host: str
    port: int
    username: str
    secret: str
    heartbeat_s: float = 1.0
    connect_s: float = 5.0
    ping_s: float = 2.0
    ping_within_s: float = 3.0
    backoff_s: float = 0.2
    backoff_most_s: float = 10.0
    backoff_refused_s: float = 60.0


@dataclass(slots=True)
class LinkStats:
    """What a link has counted since it was made."""

    connects: int = 0
    """Times the link came up."""
    losses: int = 0
    """Times an up link was lost."""
    attempts_failed: int = 0
    """Attempts that did not come up."""
    actions_sent: int = 0
    actions_failed: int = 0
    """Actions refused, without an answer in time, or cut off."""
    events: int = 0
    """Typed events told."""

    @property
    def reconnects(self) -> int:
        """Give how often the link came up again."""
        return max(0, self.connects - 1)


class Link:
    """Keeps one node connected until ``close``.

    ``on_snapshot`` is called with each new picture of the node, the first before any event;
    ``on_events`` with the typed events of each received chunk, in order; ``on_state`` on every change of
    state, with a reason. All are synchronous; what they raise is logged and kills nothing.
    ``review`` may change a picture before it is told.
    ``alive`` False holds back the heartbeat: the PBX then sends its callers to the fallback.
    ``rng`` gives numbers in [0, 1); ``clock`` Unix seconds.
    """

    def __init__(
        self,
        node: NodeSettings,
        on_events: Callable[[list[PbxEvent]], None],
        on_state: Callable[[LinkState, str], None] | None = None,
        on_snapshot: Callable[[Snapshot], None] | None = None,
        *,
        review: Callable[[Snapshot], Awaitable[Snapshot]] | None = None,
        alive: Callable[[], bool] = lambda: True,
        rng: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.node = node
        self.state = LinkState.CLOSED
        self.reason = "not started"
        self.stats = LinkStats()
        self.nobody_there = False
        """The last attempt found the host alive and no PBX running on it."""
        self._on_events, self._on_state, self._on_snapshot = on_events, on_state, on_snapshot
        self._review, self._rng, self._clock = review, rng, clock
        self._heart = Heartbeat(node.name, alive, clock)
        self.journal: dict[str, str] = {}
        """Requests that every snapshot has besides the PBX's records; whoever has dealt with one takes it out."""
        self._events: Session | None = None
        self._actions: Session | None = None
        self._looks: Session | None = None
        """Asks for the lists."""
        self._kept: list[PbxEvent] | None = None
        self._meanwhile: list[PbxEvent] | None = None
        """What was told since a snapshot of the up link was begun."""
        self._lost: asyncio.Future[LinkLostError] | None = None
        self._refreshing = asyncio.Lock()
        self._tasks: set[asyncio.Task[object]] = set()
        self._task: asyncio.Task[object] | None = None
        self._closing = False
        self._failures = 0
        self._warned = False
        self._lag = self._lag_at = 0.0
        self._turn = 0
        self._translate = RawTranslator(node.name)

    @property
    def up(self) -> bool:
        """Tell whether calls can be handled."""
        return self.state is LinkState.UP

    @property
    def lag(self) -> float:
        """Give how late events reach us, in seconds: by their timestamps if lately, else by a ping's way."""
        if self._clock() - self._lag_at < 10.0:
            return self._lag
        return self._events.rtt if self._events is not None else 0.0

    @property
    def good_until(self) -> int:
        """Give the last second of the PBX's clock in which a ring sent now may begin; 0: it may at any time."""
        return int(self._heart.pbx_time) + commands.RING_WITHIN if self.node.heartbeat_s > 0 else 0

    async def run(self) -> None:
        """Connect, and connect again after every loss, until ``close``."""
        self._task = asyncio.current_task()
        try:
            while not self._closing:
                pause = await self._once()
                await asyncio.sleep(pause)
        except asyncio.CancelledError:
            if not self._closing or self._task is None:
                raise
            self._task.uncancel()
        finally:
            self._task = None
            await self._drop()
            self._enter(LinkState.CLOSED, "closed")

    async def close(self) -> None:
        """End ``run``, wherever it stands, and wait for it."""
        self._closing = True
        task = self._task
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])

    def send(self, action: commands.Action, timeout: float = 2.0) -> asyncio.Future[Reply]:
        """Write an action in this very call; see ``Session.send``. With no connection the future fails.

        What moves a call is not sent, and the link is left, if the PBX has not heard from us lately.
        """
        if self._actions is not None and action["Action"] in _MOVES:
            self.leave_if_stale()
        if self._actions is not None:
            future = self._actions.send(action, timeout)
        else:
            commands.check(action)
            future = asyncio.get_running_loop().create_future()
            future.set_exception(LinkLostError(f"link is {self.state}", self.node.name))
            future.exception()
        self.stats.actions_sent += 1
        future.add_done_callback(self._count)
        return future

    async def call(self, action: commands.Action, *, timeout: float = 2.0) -> Reply:  # noqa: ASYNC109
        """Send an action and give its reply; see ``Session.call``."""
        self.stats.actions_sent += 1
        with self._counting():
            return await self._session().call(action, timeout=timeout)

    async def call_list(self, action: commands.Action, *, timeout: float = 5.0) -> list[Message]:  # noqa: ASYNC109
        """Send a list action and give its items; see ``Session.call_list``."""
        self.stats.actions_sent += 1
        if self._looks is None:
            raise LinkLostError(f"link is {self.state}", self.node.name)
        with self._counting():
            return await self._looks.call_list(action, timeout=timeout)

    async def refresh(self) -> Snapshot:
        """Take a snapshot now and give it, also to ``on_snapshot``; it names the events told meanwhile.

        Raises LinkLostError unless the link is up, and the errors of ``call_list``.
        """
        async with self._refreshing:
            if not self.up:
                raise LinkLostError(f"link is {self.state}", self.node.name)
            told = self._meanwhile = []
            try:
                await self._agree(self._session())
                return await self._picture(self.call_list, told)
            finally:
                if self._meanwhile is told:
                    self._meanwhile = None

    def leave_if_stale(self) -> bool:
        """Leave an up link that was out of touch for too long, to picture the PBX anew; tell whether it was.

        The change of state follows in the next turn of the loop.
        """
        if not (self.node.heartbeat_s > 0 and self.up and self._heart.stale):
            return False
        for session in (self._events, self._actions, self._looks):
            if session is not None:
                session.lose(f"no heartbeat acknowledged for {self._heart.age:.1f} s")
        return True

    async def _once(self) -> float:
        """Live through one connection; give the seconds to wait before the next."""
        loop = asyncio.get_running_loop()
        self._lost = loop.create_future()
        try:
            await self._come_up()
        except LoginRefusedError as error:
            return self._failed(LinkState.REFUSED, error, self.node.backoff_refused_s)
        except TelephonyError as error:
            return self._failed(LinkState.BACKOFF, error, self._backoff())
        up_at = loop.time()
        lost = await self._lost
        if loop.time() - up_at >= _LONG_ENOUGH:
            self._failures = 0
        self.stats.losses += 1
        await self._drop()
        log.warning("%s: link lost: %s", self.node.name, lost)
        self._enter(LinkState.BACKOFF, str(lost))
        return self._backoff()

    async def _come_up(self) -> None:
        """Connect both sessions, take the snapshot, tell what came meanwhile."""
        node = self.node
        self._kept = []
        try:
            self._enter(LinkState.CONNECTING, f"{node.host}:{node.port}")
            self._events = self._make(events=True)
            await self._events.open(node.connect_s)
            self._enter(LinkState.LOGGING_IN, f"as {node.username}")
            await self._events.log_in(node.connect_s)
            actions, looks = self._make(), self._make()
            await actions.connect(node.connect_s)
            self._actions = actions
            await looks.connect(node.connect_s)
            self._looks = looks
            self._enter(LinkState.SNAPSHOT, "logged in")
            await self._agree(actions)
            self.journal = await journal.read(looks.call)
            await self._picture(looks.call_list, ())
            # Every log-in is greeted with FullyBooted; the snapshot already follows it.
            self._kept = [event for event in self._kept if not isinstance(event, BootedAgain)]
            self._replay()
            # Looking at a picture takes its time: up to the answer, the news of that time is told as well.
            await self._events.call(commands.ping(), timeout=node.connect_s)
        except BaseException:
            self._kept = None
            await self._drop()
            raise
        looks.read_in_gulps()  # calls wait for no picture any more
        self.stats.connects += 1
        self._warned = self.nobody_there = False
        if node.heartbeat_s > 0:
            self._heart.heard()
            self._heart.beat(self.send)
        self._enter(LinkState.UP, "snapshot taken")
        if node.heartbeat_s > 0:
            self._spawn(self._keep_beating())
            self._spawn(self._leave_in_time())

    def _make(self, *, events: bool = False) -> Session:
        node = self.node
        return Session(
            Login(node.host, node.port, node.username, node.secret),
            events=events,
            wanted=WANTED if events else (),
            decode=self._decode,
            on_events=self._received if events else None,
            on_lost=self._session_lost,
            ping_every=node.ping_s,
            ping_within=node.ping_within_s,
        )

    async def _drop(self) -> None:
        """Close the sessions; what is under way fails."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        sessions = [s for s in (self._events, self._actions, self._looks) if s is not None]
        self._events = self._actions = self._looks = None
        for session in sessions:
            await session.close()

    def _session_lost(self, error: LinkLostError) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)

    def _session(self) -> Session:
        if self._actions is None:
            raise LinkLostError(f"link is {self.state}", self.node.name)
        return self._actions

    def _decode(self, raw: bytes) -> PbxEvent | None:
        """Translate one event; one in 64 also tells how late it is, if the PBX stamps events."""
        self._turn = self._turn + 1 & 63
        if self._turn == 1:
            self._measure(raw)
        return self._translate(raw)

    def _measure(self, raw: bytes) -> None:
        sent_at = seconds(text(parse(raw), "Timestamp"))
        if sent_at:
            self._lag_at = self._clock()
            self._lag = max(0.0, self._lag_at - sent_at)

    def _received(self, events: list[PbxEvent]) -> None:
        self.leave_if_stale()  # news of a time we slept through would be taken for news of now
        if self._events is None or not self._events.connected:
            return
        if self._kept is not None:
            self._kept.extend(events)
        else:
            self._tell(events)
        if self.up and any(isinstance(event, BootedAgain) for event in events):
            self._spawn(self._refresh_quietly())

    async def _refresh_quietly(self) -> None:
        try:
            await self.refresh()
        except TelephonyError as error:
            log.warning("%s: no snapshot after the PBX booted: %s", self.node.name, error)

    def _replay(self) -> None:
        kept, self._kept = self._kept, None
        if kept:
            self._tell(kept)

    def _tell(self, events: list[PbxEvent]) -> None:
        self.stats.events += len(events)
        if self._meanwhile is not None:
            self._meanwhile += events
        self._guard("events", lambda: self._on_events(events))

    async def _picture(self, call_list: snapshot.CallList, told: Sequence[PbxEvent]) -> Snapshot:
        """Take a snapshot, have it reviewed, and tell it; ``told``: events that grow in number meanwhile."""
        session = self._actions
        taken = await snapshot.take(self.node.name, call_list)
        taken = taken._replace(requests=self.journal | taken.requests)
        if self._review is not None:
            try:
                taken = await self._review(taken)
            except Exception:
                log.exception("%s: the snapshot was not reviewed", self.node.name)
            if self._actions is not session:
                raise LinkLostError("lost while the snapshot was reviewed", self.node.name)
        taken = taken._replace(meanwhile=tuple(told))
        on_snapshot = self._on_snapshot
        if on_snapshot is not None:
            self._guard("snapshot", lambda: on_snapshot(taken))
        return taken

    def _enter(self, state: LinkState, reason: str) -> None:
        self.state, self.reason = state, reason
        log.debug("%s: %s: %s", self.node.name, state, reason)
        on_state = self._on_state
        if on_state is not None:
            self._guard("state", lambda: on_state(state, reason))

    def _guard(self, what: str, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception:
            log.exception("%s: the %s' receiver failed", self.node.name, what)

    def _failed(self, state: LinkState, error: TelephonyError, delay: float) -> float:
        self.stats.attempts_failed += 1
        self.nobody_there = isinstance(error, NobodyThereError)
        log.log(
            logging.DEBUG if self._warned else logging.WARNING,
            "%s: no link, trying again in %.1f s: %s",
            self.node.name,
            delay,
            error,
        )
        self._warned = True
        self._enter(state, str(error))
        return delay

    def _backoff(self) -> float:
        """Give the next pause: doubling up to the most, its upper half by chance so that nodes spread."""
        pause = min(self.node.backoff_most_s, self.node.backoff_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return pause * (0.5 + 0.5 * self._rng())

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_beating(self) -> None:
        """Tell the PBX that the service lives; without this it sends callers to the fallback."""
        while True:
            await asyncio.sleep(self.node.heartbeat_s)
            self.leave_if_stale()
            if self._actions is not None and self._events is not None:
                self._heart.beat(self.send)
                self._heart.listen(self._events.send)

    async def _leave_in_time(self) -> None:
        """Leave in the moment of growing stale, before the PBX serves its callers itself: what is still on its
        way to it is dropped then, and cannot meet a call that the fallback connected.
        """
        while not self.leave_if_stale():  # noqa: ASYNC110  # every acknowledgement moves the moment on
            await asyncio.sleep(max(self._heart.left, 0.001))

    async def _agree(self, session: Session) -> None:
        """Learn the PBX's clock, in which it reads our heartbeat."""
        if self.node.heartbeat_s > 0:
            reply = await session.call(commands.get_global("EPOCH"))
            self._heart.agree(text(reply.headers, "Value"))

    def _count(self, done: asyncio.Future[Reply]) -> None:
        if not done.cancelled() and (done.exception() is not None or not done.result().ok):
            self.stats.actions_failed += 1

    @contextlib.contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except (ActionError, LinkLostError):
            self.stats.actions_failed += 1
            raise
