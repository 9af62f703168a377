"""An event loop of its own world: its clock jumps from one timer to the next, its network is a toy.

Nothing in it touches the kernel's clock or sockets, so a run is a function of its seed. Programs under test
use the ordinary asyncio calls: ``create_server``, ``sock_connect`` and ``create_connection`` lead to the toy
network.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import random
import selectors
import socket
from collections.abc import Callable, Mapping
from typing import Any

from telephony.session import UNSENT_FOR

REFUSED = 111
LET_GO = 0.2
"""Seconds that the kernel takes beyond its limit to give up bytes nobody acknowledges: it looks now and then."""


class Process:
    """A program of the loop that can be stopped in its tracks, as SIGSTOP does.

    What runs in a context of :attr:`WHO` is the program's. On waking it does what libuv does: first every
    timer that came due, then what was ready, then what the network brought.
    """

    WHO: contextvars.ContextVar[Process | None] = contextvars.ContextVar("WHO", default=None)

    def __init__(self, loop: SimLoop) -> None:
        self.frozen = False
        self.context = contextvars.copy_context()
        self.context.run(Process.WHO.set, self)
        self._loop = loop
        self._held: list[tuple[int, float, int, Callable[[], Any]]] = []
        self._count = itertools.count()

    def run(self, call: Callable[..., Any], *given: Any) -> Any:
        """Call something as this program, from outside of it."""
        return self.context.copy().run(call, *given)

    def hold(self, kind: int, when: float, call: Callable[[], Any]) -> None:
        """Keep something for the waking; kinds 0 timers, 1 ready, 2 network."""
        self._held.append((kind, when, next(self._count), call))

    def thaw(self) -> None:
        """Go on."""
        self.frozen = False
        held, self._held = sorted(self._held, key=lambda each: each[:3]), []
        for *_, call in held:
            call()


class _Watched:
    """A callback of a program: held back while the program is stopped, forgotten if cancelled meanwhile."""

    __slots__ = ("call", "given", "handle", "kind", "process")

    def __init__(self, process: Process, kind: int, call: Callable[..., Any], given: tuple[Any, ...]) -> None:
        self.process, self.kind, self.call, self.given = process, kind, call, given
        self.handle: asyncio.Handle

    def __call__(self) -> None:
        process = self.process
        if process.frozen:
            when = self.handle.when() if isinstance(self.handle, asyncio.TimerHandle) else 0.0
            process.hold(self.kind, when, self._again)
        else:
            self.call(*self.given)

    def _again(self) -> None:
        if not self.handle.cancelled():
            loop = self.process._loop
            loop.call_soon(self._late, context=self.handle._context)  # type: ignore[attr-defined]

    def _late(self) -> None:
        if not self.handle.cancelled():
            self.call(*self.given)


class DeadlockError(RuntimeError):
    """Nothing is left that could ever happen."""


class _Nothing(selectors.BaseSelector):
    """A selector that never sees anything; waiting only moves the clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise DeadlockError("no timer is left and somebody still waits")
        if timeout > 0:
            self.now += timeout
        return []


class SimLoop(asyncio.SelectorEventLoop):
    """Virtual time and the toy network; ``rng`` draws latencies and splits."""

    def __init__(self, rng: random.Random) -> None:
        self._nothing = _Nothing()
        self.net = Network(self, rng)
        super().__init__(self._nothing)

    def time(self) -> float:
        return self._nothing.now

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        watched = _watch(0, callback, args, context)
        if watched is None:
            return super().call_at(when, callback, *args, context=context)
        watched.handle = handle = super().call_at(when, watched, context=context)
        return handle

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        watched = _watch(1, callback, args, context)
        if watched is None:
            return super().call_soon(callback, *args, context=context)
        watched.handle = handle = super().call_soon(watched, context=context)
        return handle

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        try:
            await self.net.reach(sock, address[1])
        except BaseException:
            sock.close()
            raise

    async def create_connection(self, protocol_factory: Any, *_: Any, **options: Any) -> Any:
        return self.net.connect(options["sock"], protocol_factory())

    async def create_server(self, protocol_factory: Any, *where: Any, **_: Any) -> Any:
        return self.net.listen(protocol_factory, where[1])


def _watch(kind: int, callback: Any, args: tuple[Any, ...], context: Any) -> _Watched | None:
    who = Process.WHO.get() if context is None else context.get(Process.WHO)
    return None if who is None else _Watched(who, kind, callback, args)


class _Named:
    def __init__(self, port: int) -> None:
        self.port = port

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)


class Listener:
    """What ``create_server`` gives."""

    def __init__(self, net: Network, port: int, factory: Callable[[], asyncio.Protocol]) -> None:
        self.net, self.port, self.factory = net, port, factory
        self.sockets = [_Named(port)]
        self.owner = Process.WHO.get()
        """The program that listens; None: the world."""

    def close(self) -> None:
        self.net.listeners.pop(self.port, None)


class Network:
    """Ports and connections. ``slow`` seconds are added to every way; ``pieces`` cuts the bytes up."""

    def __init__(self, loop: SimLoop, rng: random.Random) -> None:
        self.loop, self.rng = loop, rng
        self.context = contextvars.Context()
        self.listeners: dict[int, Listener] = {}
        self.dark: set[int] = set()
        """Ports whose host is off the network: nobody refuses, nobody answers."""
        self.stalled: dict[int, float] = {}
        """Ports the way to which stands still, and until when: for new connections too."""
        self.lines: list[Line] = []
        self.slow = 0.0
        self.pieces = 0
        self._wanted: dict[int, int] = {}
        self._ports = 20000

    def latency(self) -> float:
        return 0.0002 + 0.0008 * self.rng.random() + self.slow

    async def reach(self, sock: socket.socket, port: int) -> None:
        await asyncio.sleep(self.latency())
        if port in self.dark:
            await asyncio.sleep(120.0)
        if port not in self.listeners:
            raise ConnectionRefusedError(REFUSED, "Connection refused")
        self._wanted[id(sock)] = port

    def listen(self, factory: Callable[[], asyncio.Protocol], port: int) -> Listener:
        if not port:
            self._ports += 1
            port = self._ports
        self.listeners[port] = Listener(self, port, factory)
        return self.listeners[port]

    def connect(self, sock: socket.socket, client: asyncio.Protocol) -> tuple[Line, asyncio.Protocol]:
        port = self._wanted.pop(id(sock))
        sock.close()
        near, far = Line(self, port, client), Line(self, port, client)
        near.owner, near.impatient = Process.WHO.get(), True
        near.stalled_until = far.stalled_until = self.stalled.get(port, 0.0)
        near.peer, far.peer = far, near
        self.lines += [near, far]
        listener = self.listeners.get(port)
        client.connection_made(near)
        if listener is None:
            near.abort()
        else:
            far.owner = listener.owner
            self._accept(listener, far)
        return near, client

    def _accept(self, listener: Listener, far: Line) -> None:
        """Have the other program take the connection; of a stopped one only its kernel does."""
        if far.owner is not None and far.owner.frozen:
            far.owner.hold(2, 0.0, lambda: far._soon(lambda: self._accept(listener, far)))
            return
        if self.listeners.get(far.port) is not listener:
            far.abort()
            return
        far._reach(lambda: setattr(far, "protocol", listener.factory()))
        far._reach(far.protocol.connection_made, far)

    def of(self, port: int) -> list[Line]:
        """The clients' ends of the connections to a port."""
        return [line for line in self.lines[::2] if line.port == port and not line.closed]

    def forget(self, line: Line) -> None:
        if line.closed and line.peer.closed and line in self.lines:
            self.lines.remove(line)
            self.lines.remove(line.peer)


class Line(asyncio.Transport):
    """One end of a connection. What is written reaches the other end in order, later, perhaps in pieces."""

    def __init__(self, net: Network, port: int, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.net, self.port, self.protocol = net, port, protocol
        self.peer: Line = self
        self.owner: Process | None = None
        """The program at this end; None: the world."""
        self.impatient = False
        """What is not acknowledged in time ends the connection (TCP_USER_TIMEOUT)."""
        self.closed = False
        self.dead = False
        """Half-open: what is written goes nowhere, an end is not heard of."""
        self.stalled_until = 0.0
        self._sent = bytearray()
        self._flushing = False
        self._ending = False
        self._since = 0.0
        """Since when something is under way."""

    def write(self, data: Any) -> None:
        if self.closed or self.dead:
            return
        self._sent += data
        if not self._flushing:
            self._flushing = True
            self._since = self.net.loop.time()
            self._later(self.net.latency(), self._flush)

    def _later(self, delay: float, then: Callable[[], Any]) -> None:
        self.net.loop.call_later(delay, then, context=self.net.context)

    def _soon(self, then: Callable[[], Any]) -> None:
        self.net.loop.call_soon(then, context=self.net.context)

    def _reach(self, call: Callable[..., Any], *given: Any) -> None:
        """Call the protocol at this end, as whoever it belongs to."""
        if self.owner is not None:
            self.owner.run(call, *given)
        else:
            self.net.context.copy().run(call, *given)

    def _flush(self) -> None:
        owner = self.peer.owner
        if owner is not None and owner.frozen:
            owner.hold(2, 0.0, lambda: self._soon(self._flush))
            return
        self._flushing = False
        if self.dead or self.peer.closed:
            self._sent.clear()
            return
        wait = self.stalled_until - self.net.loop.time()
        if wait > 0:
            self._flushing = True
            left = self._since + UNSENT_FOR + LET_GO - self.net.loop.time()
            if not self.impatient or self.closed or wait < left:
                self._later(wait, self._flush)
            elif left > 0:
                self._later(left, self._flush)
            else:
                self._time_out()
            return
        if self.net.pieces:
            size = self.net.rng.randint(1, self.net.pieces)
            data = bytes(self._sent[:size])
            del self._sent[:size]
        else:
            data = bytes(self._sent)
            self._sent.clear()
        if self._sent:
            self._flushing = True
            self._soon(self._flush)
        if data:
            self.peer._reach(self.peer.protocol.data_received, data)
        if self._ending and not self._sent:
            self.peer._lose()

    def close(self) -> None:
        """Say what is left, then end."""
        if self.closed:
            return
        self.closed = self._ending = True
        self._soon(self._told)
        if not self._flushing:
            self._flushing = True
            self._later(self.net.latency(), self._flush)

    def _time_out(self) -> None:
        """The kernel of the program at this end gives the connection up (TCP_USER_TIMEOUT)."""
        self._flushing = False
        self._sent.clear()
        self.dead = True
        self._lose()

    def abort(self) -> None:
        """End at once, with a reset: what is under way may or may not arrive, what stands still does not.

        What the kernel of a stopped program has, that program will read.
        """
        if self.closed:
            return
        stalled = self.stalled_until > self.net.loop.time()
        there = self.peer.owner is not None and self.peer.owner.frozen and not stalled
        if stalled or (not there and self.net.rng.random() < 0.5):
            self._sent.clear()
        self.close()

    def cut(self) -> None:
        """The network ends the connection, for both sides."""
        for end in (self, self.peer):
            end._sent.clear()
            end._lose()

    def half_open(self) -> None:
        """Neither side hears from the other any more, nor of its end."""
        self.dead = self.peer.dead = True

    def stall(self, seconds: float) -> None:
        """Both ways stand still for a while."""
        for end in (self, self.peer):
            end.stalled_until = max(end.stalled_until, self.net.loop.time() + seconds)

    def _lose(self) -> None:
        if not self.closed:
            self.closed = True
            self._soon(self._told)

    def _told(self) -> None:
        if self.owner is not None and self.owner.frozen:
            self.owner.hold(2, 0.0, lambda: self._soon(self._told))
            return
        self._reach(self.protocol.connection_lost, None)
        if self.dead and not self.peer.closed:  # the other side learns much later, by its own time-out
            self._later(30.0, self.peer._lose)
        self.net.forget(self)

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default
