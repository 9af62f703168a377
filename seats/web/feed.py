"""The live feed: hello → snapshot → numbered deltas, to any number of boards and desks.

Boards share one stream. Each change is built once, encoded once, framed once, and the same bytes go to
every socket; the socket's own send buffer is the bounded queue. A client whose buffer is over the limit
gets nothing more until it has drained, and then a fresh snapshot: never a backlog. Desks get their own
row at once, in a stream of their own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import structlog

from seats.domain.events import Event
from seats.engine.engine import Engine
from seats.web import views
from seats.web.board import Board, Delta, encode

if TYPE_CHECKING:
    from aiohttp import web

VERSION = 1
GOING_AWAY = 1001
COALESCE_S = 0.175
"""Least time between two deltas of the boards' stream, seconds: with the fan-out, 5 a second in 250 ms."""
CLOCK_S = 1.0
"""How often rows that depend on the time are looked at."""
BURST = 40
"""Sockets written to before the loop may do something else (about 0.5 ms): a ring never waits for a board."""
BACKLOG = 256 * 1024
"""Bytes a client may have unsent, beyond its last snapshot, before it counts as lagging."""
DRAINED = 32 * 1024
UNSENT = 128 * 1024
"""Bytes the kernel may hold unsent for one client; older kernels keep megabytes of stale deltas."""

log = structlog.get_logger(__name__)


class Viewer(NamedTuple):
    """Who looks: ``board`` sees everything, ``agent`` (an id or empty) has an own row."""

    board: bool
    agent: str


class Client:
    """One open feed socket."""

    __slots__ = ("_limit", "_transport", "_ws", "lagging", "seq", "session", "viewer")

    def __init__(
        self, ws: web.WebSocketResponse, transport: asyncio.Transport, viewer: Viewer, session: str = ""
    ) -> None:
        self._ws, self._transport = ws, transport
        self.viewer = viewer
        self.session = session
        """Key of the session the socket was opened with."""
        self.seq = 0
        self.lagging = False
        self._limit = BACKLOG
        _bound_kernel_buffer(transport)

    @property
    def open(self) -> bool:
        """Frames can still be written."""
        return not (self._ws.closed or self._transport.is_closing())

    async def close(self, code: int) -> None:
        """Close the socket."""
        await self._ws.close(code=code)

    @property
    def drained(self) -> bool:
        """A lagging client has caught up with what it was sent."""
        return self._transport.get_write_buffer_size() <= DRAINED

    def fits(self) -> bool:
        """Whether one more delta may be written; marks the client as lagging if not."""
        if not self.lagging and self._transport.get_write_buffer_size() > self._limit:
            self.lagging = True
        return not self.lagging

    def write(self, data: bytes) -> None:
        """Write whole frames. Goes around aiohttp's writer: one call instead of one coroutine per frame."""
        self._transport.write(data)

    def restart(self, seq: int, data: bytes) -> None:
        """Write a snapshot: the stream goes on from ``seq``."""
        self.seq = seq
        self.lagging = False
        self._limit = BACKLOG + len(data)
        self._transport.write(data)


class Hub:
    """All feed sockets of the process, and the loop that serves the boards among them."""

    def __init__(self, engine: Engine, *, coalesce: float = COALESCE_S) -> None:
        self._engine = engine
        self._coalesce = coalesce
        self.board = Board(engine)
        self.seq = 0
        self.snapshots_for_lag = 0
        self._boards: set[Client] = set()
        self._desks: dict[str, set[Client]] = {}
        self._clients: set[Client] = set()
        self._wake = asyncio.Event()
        self._mine: set[str] = set()
        self._snapshot = b""
        self._links_told = b""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow the engine and serve."""
        self._unsubscribe = self._engine.subscribe(self.on_events)
        self.board.touch_all()
        self._task = asyncio.create_task(self._run(), name="feed hub")

    async def stop(self) -> None:
        """Follow no more."""
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def clients(self) -> int:
        """Open sockets."""
        return len(self._clients)

    async def join(self, client: Client) -> None:
        """Send the snapshot and every change from then on."""
        if client.viewer.board:
            await self.refresh()
        if not client.open:
            return
        self._catch_up(client)
        self._clients.add(client)
        if client.viewer.board:
            self._boards.add(client)
        if client.viewer.agent:
            self._desks.setdefault(client.viewer.agent, set()).add(client)

    def leave(self, client: Client) -> None:
        """The socket is closed."""
        self._clients.discard(client)
        self._boards.discard(client)
        desks = self._desks.get(client.viewer.agent)
        if desks is not None:
            desks.discard(client)
            if not desks:
                del self._desks[client.viewer.agent]

    async def close_all(self) -> None:
        """Close every socket: the service stops, the pages will come back."""
        going = (client.close(GOING_AWAY) for client in tuple(self._clients))
        await asyncio.gather(*going, return_exceptions=True)

    def desks_of(self, agent: str, *, but: str) -> int:
        """Open desks of an agent that belong to other sessions than ``but``."""
        return sum(client.session != but for client in self._desks.get(agent, ()))

    # --- events in --------------------------------------------------------------------------------

    def on_events(self, events: Sequence[Event]) -> None:
        """Take the events of one step: mark rows, nothing more (this runs in the core's loop)."""
        agents = self.board.note(events)
        self._wake.set()
        if self._desks:
            for agent in agents & self._desks.keys():
                self._mine_soon(agent)

    def touch_agent(self, agent: str) -> None:
        """The agent's row may have changed without an event."""
        self.board.touch_agent(agent)
        self._wake.set()
        if agent in self._desks:
            self._mine_soon(agent)

    def _mine_soon(self, agent: str) -> None:
        if not self._mine:
            asyncio.get_running_loop().call_soon(self._send_mine)
        self._mine.add(agent)

    def _send_mine(self) -> None:
        mine, self._mine = self._mine, set()
        for agent in mine:
            row = self._me(agent)
            for client in self._desks.get(agent, ()):
                if client.open and client.fits():
                    self._own(client, b'{"me":%b}' % row)

    # --- deltas out -------------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        clock = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOCK_S):
                    await self._wake.wait()
            self._wake.clear()
            began = loop.time()
            if began - clock >= CLOCK_S:
                clock = began
                self.board.touch_clock()
            try:
                await self._flush()
            except Exception:
                log.exception("feed: a delta could not be sent")
            if self.board.dirty:
                self._wake.set()
            await asyncio.sleep(max(0.0, began + self._coalesce - loop.time()))

    async def _flush(self) -> None:
        delta = self._collect()  # with nobody watching too: marks must not pile up
        if self._boards and not delta.empty:
            await self._fan_out(delta)
        await self._link_to_desks()
        for client in [c for c in self._clients if c.lagging and c.open and c.drained]:
            self.snapshots_for_lag += 1
            self._catch_up(client)

    def _collect(self) -> Delta:
        delta = self.board.collect()
        if not delta.empty:
            self.seq += 1
            self._snapshot = b""
        return delta

    async def _fan_out(self, delta: Delta) -> None:
        seq, tail = self.seq, _tail(delta, self._engine.now())
        shared = frame(b'{"type":"delta","seq":%d%b' % (seq, tail))
        for number, client in enumerate(tuple(self._boards), 1):
            if client.open and client.fits():
                if client.viewer.agent:
                    self._number(client, tail)
                elif client.seq < seq:
                    client.seq = seq
                    client.write(shared)
            if not number % BURST:
                await asyncio.sleep(0)

    async def _link_to_desks(self) -> None:
        links = self._links()
        if links == self._links_told:
            return
        self._links_told = links
        desks = [c for clients in self._desks.values() for c in clients if not c.viewer.board]
        for number, client in enumerate(desks, 1):
            if client.open and client.fits():
                self._own(client, b'{"link":%b}' % links)
            if not number % BURST:
                await asyncio.sleep(0)

    def _own(self, client: Client, changed: bytes) -> None:
        self._number(client, b',"now":%.3f,"set":%b,"del":{}}' % (self._engine.now(), changed))

    def _number(self, client: Client, tail: bytes) -> None:
        client.seq += 1
        client.write(frame(b'{"type":"delta","seq":%d%b' % (client.seq, tail)))

    # --- snapshots --------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Bring the board up to date when nobody watches it (else it is, to within one delta)."""
        while not self._boards and self.board.dirty:
            self._collect()
            await asyncio.sleep(0)

    def _catch_up(self, client: Client) -> None:
        viewer = client.viewer
        data = self._board_data() if viewer.board else self._desk_data()
        me = self._me(viewer.agent) if viewer.agent else b"null"
        seq = client.seq + 1 if viewer.agent else self.seq
        head = b'{"type":"snapshot","seq":%d,"now":%.3f,"data":{' % (seq, self._engine.now())
        client.restart(seq, frame(b'%b%b,"me":%b}}' % (head, data, me)))

    def _board_data(self) -> bytes:
        if not self._snapshot:
            self._snapshot = self.board.snapshot()
        return self._snapshot

    def _desk_data(self) -> bytes:
        return b'"provinces":{},"totals":null,"agents":{},"waiting":{},"link":%b' % self._links()

    def _links(self) -> bytes:
        return encode({n: views.LinkRow(str(v.state), v.reason) for n, v in self._engine.links.items()})

    def _me(self, agent: str) -> bytes:
        state = self._engine.state
        found = state.agents.get(agent)
        return encode(views.agent_row(state, found)) if found else b"null"


def hello(now: float, user: msgspec.Struct) -> bytes:
    """The first message of every feed."""
    return encode({"type": "hello", "version": VERSION, "now": now, "user": user})


def frame(payload: bytes) -> bytes:
    """One unmasked WebSocket text frame (RFC 6455 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


def _tail(delta: Delta, now: float) -> bytes:
    changed: dict[str, object] = dict(delta.rows)
    if delta.totals is not None:
        changed["totals"] = delta.totals
    return b',"now":%.3f,"set":%b,"del":%b}' % (now, encode(changed), encode(delta.gone))


def _bound_kernel_buffer(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
