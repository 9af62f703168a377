"""The server side of AMI for the fake PBX: connections over real TCP, and faults to be survived."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Pairs = list[tuple[str, str]]
"""Headers in the order they are written."""
Action = dict[str, str]
"""A received action: header name in lower case → value."""
Handle = Callable[["Connection", Action], None]

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
_IDENTITY = frozenset({"Uniqueid", "DestUniqueid", "Device"})
"""Headers that say whose an event is: those of one channel keep their order."""


@dataclass(slots=True)
class Faults:
    """What goes wrong on the wire; may be changed at any time."""

    deaf: bool = False
    """Half-open: connections stay, but nothing is heard or said any more."""
    pieces: int = 0
    """Above 0: everything is sent in pieces of 1 to this many bytes."""
    duplicate: float = 0.0
    """Share of events sent twice."""
    reorder: float = 0.0
    """Share of events sent up to 20 ms late, but before the next one of the same channel."""


class AmiServer:
    """Listens on 127.0.0.1; ``handle`` answers the actions of those who logged in."""

    def __init__(self, username: str, secret: str, handle: Handle, seed: int = 0) -> None:
        self.username, self.secret = username, secret
        self.handle = handle
        self.faults = Faults()
        self.rng = random.Random(seed)  # noqa: S311  # faults are to be repeatable, not secret
        self.connections: list[Connection] = []
        self.port = 0
        self._listener: asyncio.Server | None = None
        self._held: list[tuple[frozenset[str], bytes]] = []

    async def start(self, port: int = 0) -> int:
        """Listen, on a free port unless told, and give the port."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), "127.0.0.1", port)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self.port

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.drop()

    def drop(self) -> None:
        """Cut all connections, as a crash would."""
        for connection in list(self.connections):
            connection.transport.abort()
        self._held.clear()

    def event(self, name: str, privilege: str, headers: Pairs) -> None:
        """Send an event to everyone who logged in for events."""
        data = encode([("Event", name), ("Privilege", privilege), *headers])
        if self.faults.reorder or self._held:
            whose = frozenset(value for header, value in headers if header in _IDENTITY)
            self._release(whose)
            if self.rng.random() < self.faults.reorder:
                self._held.append((whose, data))
                asyncio.get_running_loop().call_later(0.02, self._release, whose)
                return
        twice = self.faults.duplicate and self.rng.random() < self.faults.duplicate
        self._broadcast(data * 2 if twice else data)

    def _release(self, whose: frozenset[str]) -> None:
        """Send what was held back of these channels."""
        for held in [held for held in self._held if not held[0].isdisjoint(whose) or held[0] == whose]:
            self._held.remove(held)
            self._broadcast(held[1])

    def _broadcast(self, data: bytes) -> None:
        for connection in self.connections:
            if connection.wants_events:
                connection.say(data)


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, server: AmiServer) -> None:
        self.server = server
        self.transport: asyncio.Transport = asyncio.Transport()
        self.logged_in = False
        self.wants_events = False
        self._rest = b""
        self._queue: deque[bytes] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # TCP
        self.transport = transport
        self.server.connections.append(self)
        self.say(GREETING)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self.server.connections.remove(self)
        self._queue.clear()

    def data_received(self, data: bytes) -> None:
        """Take actions in; a bare LF ends a line too, as in Asterisk."""
        if self.server.faults.deaf:
            return
        *actions, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for action in actions:
            self._act(action.decode("utf-8", "replace"))

    def reply(self, action: Action, headers: Pairs | None = None, *, response: str = "Success") -> None:
        """Answer an action."""
        action_id = [("ActionID", action["actionid"])] if "actionid" in action else []
        self.say(encode([("Response", response), *action_id, *(headers or [])]))

    def refuse(self, action: Action, message: str) -> None:
        """Answer an action with an error."""
        self.reply(action, [("Message", message)], response="Error")

    def listing(self, action: Action, event: str, items: Iterable[Pairs], complete: str) -> None:
        """Answer an action with a list; an item may begin with an ``Event`` of its own."""
        action_id = [("ActionID", action["actionid"])] if "actionid" in action else []
        self.reply(action, [("EventList", "start"), ("Message", "Result will follow")])
        count = 0
        for count, item in enumerate(items, 1):  # noqa: B007  # the last count is the length
            name, rest = (item[0][1], item[1:]) if item[0][0] == "Event" else (event, item)
            self.say(encode([("Event", name), *action_id, *rest]))
        end = [("EventList", "Complete"), ("ListItems", str(count))]
        self.say(encode([("Event", complete), *action_id, *end]))

    def say(self, data: bytes) -> None:
        """Write to the client, as the faults allow."""
        if self.server.faults.deaf:
            return
        if not self.server.faults.pieces and not self._queue:
            self.transport.write(data)
            return
        started = bool(self._queue)
        at = 0
        while at < len(data):
            size = self.server.rng.randint(1, self.server.faults.pieces or len(data))
            self._queue.append(data[at : at + size])
            at += size
        if not started:
            self._flush()

    def _flush(self) -> None:
        if self._queue:
            self.transport.write(self._queue[0])
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        if self._queue:
            self._queue.popleft()
            self._flush()

    def _act(self, block: str) -> None:
        lines = [line.partition(":") for line in block.split("\n")]
        action = {name.strip().lower(): value.strip() for name, colon, value in lines if colon}
        name = action.get("action", "").lower()
        if name == "login":
            self._log_in(action)
        elif name == "logoff":
            self.reply(action, [("Message", "Thanks for all the fish.")], response="Goodbye")
            self.transport.close()
        elif not self.logged_in:
            self.refuse(action, "Permission denied")
        elif name == "ping":
            self.reply(action, [("Ping", "Pong")])
        else:
            self.server.handle(self, action)

    def _log_in(self, action: Action) -> None:
        given = (action.get("username"), action.get("secret"))
        if given != (self.server.username, self.server.secret):
            self.refuse(action, "Authentication failed")
            self.transport.close()
            return
        self.logged_in = True
        self.wants_events = action.get("events", "on").lower() != "off"
        self.reply(action, [("Message", "Authentication accepted")])
        if self.wants_events:
            self.say(
                encode([("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted")])
            )


def encode(pairs: Pairs) -> bytes:
    """Write one message."""
    return ("".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n").encode()
