"""One AMI connection over panoramisk's protocol and actions; reading, matching and closing are our own.

Nothing here reconnects: a lost session stays lost, and what was under way fails and is never sent again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from panoramisk.actions import Action as WireAction
from panoramisk.ami_protocol import AMIProtocol

from telephony import commands
from telephony.codec import Codec, Message, parse
from telephony.errors import (
    ActionRefusedError,
    ActionTimeoutError,
    LinkLostError,
    LoginRefusedError,
    NobodyThereError,
    UnreachableError,
)
from telephony.translate import WANTED, text

log = logging.getLogger(__name__)

_SUCCESS = frozenset({"Success", "Goodbye", "Follows"})
_RECEIVE_BUFFER = 64 << 20
_GULP = 16 << 10
"""Bytes of a list that are read at a time: between two gulps the loop turns to calls."""
_DROP_AT_CLOSE = struct.pack("ii", 1, 0)
_SEND_AT_CLOSE = struct.pack("ii", 0, 0)
UNSENT_FOR = 2.5
"""Seconds after which the system gives up bytes that the PBX's host has not acknowledged, and the connection."""


class Reply(NamedTuple):
    """A PBX's answer to one action; ``ok`` False is a refusal, ``message`` its words."""

    ok: bool
    message: str
    headers: Message


class Login(NamedTuple):
    """Where and as whom to log in; ``where`` in errors is ``host:port``."""

    host: str
    port: int
    username: str
    secret: str

    @property
    def where(self) -> str:
        """Give the address as people write it."""
        return f"{self.host}:{self.port}"


class _Pending:
    """An action whose answer is awaited."""

    __slots__ = ("future", "items", "many", "name", "timer")

    def __init__(self, name: str, future: asyncio.Future[Reply], many: bool) -> None:
        self.name, self.future, self.many = name, future, many
        self.items: list[Message] = []
        self.timer: asyncio.TimerHandle | None = None


class _Protocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no type hints
    """panoramisk's protocol with bytes and loss handed to the session instead."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.session._protocol = self

    def data_received(self, data: bytes) -> None:
        self.session._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.session._lost(f"connection closed ({exc or 'by the PBX'})")

    def close(self) -> None:
        self.closed = True
        self.transport.abort()


class Session:
    """One logged-in AMI connection.

    ``on_events`` is called synchronously with the wanted events of each chunk, in order, as ``decode`` makes
    them of their bytes: dicts of headers unless told otherwise. ``wanted`` None keeps every event.
    ``on_lost`` is called once, if the connection ends otherwise than by ``close``.
    Times are seconds: a ping goes out every ``ping_every`` and must show life within ``ping_within``.
    """

    def __init__(
        self,
        login: Login,
        *,
        events: bool = True,
        wanted: Iterable[str] | None = WANTED,
        decode: Callable[[bytes], Any] = parse,
        on_events: Callable[[list[Any]], None] | None = None,
        on_lost: Callable[[LinkLostError], None] | None = None,
        ping_every: float = 2.0,
        ping_within: float = 3.0,
    ) -> None:
        self.login = login
        self.rtt = 0.0
        self.error: LinkLostError | None = None
        self._events = events
        self._socket: socket.socket | None = None
        self._on_events = on_events
        self._on_lost = on_lost
        self._ping_every, self._ping_within = ping_every, ping_within
        self._codec = Codec(wanted if events else (), decode)
        self._pending: dict[str, _Pending] = {}
        self._prefix = f"seats-{secrets.token_hex(3)}-"
        self._next_id = 0
        self._protocol: _Protocol | None = None
        self._greeted: asyncio.Future[None] | None = None
        self._pinger: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._silent_pings = 0

    @property
    def connected(self) -> bool:
        """Tell whether actions can be written."""
        return self._protocol is not None and self.error is None

    @property
    def pending(self) -> int:
        """Give the number of actions whose answer is awaited."""
        return len(self._pending)

    @property
    def seen(self) -> int:
        """Give the number of messages received, wanted or not."""
        return self._codec.seen

    async def connect(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109  # a deadline per step
        """Connect and log in, each within ``timeout``; raises the errors of ``open`` and ``log_in``."""
        await self.open(timeout)
        await self.log_in(timeout)

    async def open(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Connect and wait for the greeting.

        Raises UnreachableError; nothing is left open then.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._open()
        except TimeoutError:
            self._abandon()
            raise UnreachableError(f"no AMI greeting within {timeout:g} s", self.login.where) from None
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that cannot be one
            self._abandon()
            kind = NobodyThereError if isinstance(error, ConnectionRefusedError) else UnreachableError
            raise kind(_why(error), self.login.where) from None
        except BaseException:
            self._abandon()
            raise

    async def log_in(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Log in on the open connection.

        Raises LoginRefusedError, ActionTimeoutError or LinkLostError; nothing is left open then.
        """
        action: commands.Action = {
            "Action": "Login",
            "Username": self.login.username,
            "Secret": self.login.secret,
            "Events": "on" if self._events else "off",
        }
        try:
            reply = await self._submit(action, timeout, many=False).future
        except BaseException:
            self._abandon()
            raise
        if not reply.ok:
            self._abandon()
            raise LoginRefusedError(
                reply.message or "log-in refused", self.login.where, "a user and secret of manager.conf"
            )
        self._pinger = asyncio.get_running_loop().call_later(self._ping_every, self._ping)

    def send(self, action: commands.Action, timeout: float = 2.0) -> asyncio.Future[Reply]:
        """Write an action in this very call and give the future of its reply, refused or not.

        The future fails with ActionTimeoutError after ``timeout`` seconds, or with LinkLostError; an
        ill-formed action raises BadValueError here.
        """
        return self._submit(action, timeout, many=False).future

    async def call(self, action: commands.Action, *, timeout: float = 2.0) -> Reply:  # noqa: ASYNC109
        """Send an action and give its reply; a refusal raises ActionRefusedError."""
        return self._accepted(action, await self.send(action, timeout))

    async def call_list(self, action: commands.Action, *, timeout: float = 5.0) -> list[Message]:  # noqa: ASYNC109
        """Send a list action and give its items; empty if the PBX answers without a list.

        Raises ActionRefusedError, ActionTimeoutError or, cut off in the middle, LinkLostError.
        """
        pending = self._submit(action, timeout, many=True)
        self._accepted(action, await pending.future)
        return pending.items

    def read_in_gulps(self) -> None:
        """From here on read long lists little by little, while the PBX waits with the rest."""
        if self.connected and self._socket is not None:
            _size(self._socket, _GULP)

    def lose(self, why: str) -> None:
        """Give the connection up as if it had broken: what is under way fails, ``on_lost`` is called."""
        self._lost(why)

    async def close(self) -> None:
        """Log off and close; pending actions fail with LinkLostError, ``on_lost`` is not called.

        What is pending, and has not reached the PBX's host, never will.
        """
        self._on_lost = None
        in_order = self.connected and not self._pending
        if in_order and self._protocol is not None:
            _set_linger(self._protocol.transport.get_extra_info("socket"), _SEND_AT_CLOSE)
            self._protocol.transport.write(b"Action: Logoff\r\n\r\n")
        self._lost("closed by us", in_order=in_order)

    def _accepted(self, action: commands.Action, reply: Reply) -> Reply:
        if not reply.ok:
            raise ActionRefusedError(reply.message, f"{self.login.where} {action['Action']}")
        return reply

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        sock = self._socket = await _connect_socket(loop, self.login)
        self._greeted = loop.create_future()
        await loop.create_connection(lambda: _Protocol(self), sock=sock)
        await self._greeted

    def _submit(self, action: commands.Action, timeout: float, *, many: bool) -> _Pending:
        commands.check(action)
        self._next_id += 1
        action_id = f"{self._prefix}{self._next_id}"
        wire = WireAction({**action, "ActionID": action_id})
        loop = asyncio.get_running_loop()
        pending = _Pending(str(action["Action"]), wire.future, many)
        pending.future.add_done_callback(_retrieve)
        if self._protocol is None or self.error is not None:
            pending.future.set_exception(self.error or LinkLostError("not connected", self.login.where))
            return pending
        self._pending[action_id] = pending
        if many:
            self._codec.lists.add(action_id)
        pending.timer = loop.call_later(timeout, self._expire, action_id)
        pending.future.add_done_callback(lambda _: self._forget(action_id))
        self._protocol.transport.write(str(wire).encode())
        return pending

    def _forget(self, action_id: str) -> _Pending | None:
        pending = self._pending.pop(action_id, None)
        if pending is not None:
            self._codec.lists.discard(action_id)
            if pending.timer is not None:
                pending.timer.cancel()
        return pending

    def _expire(self, action_id: str) -> None:
        pending = self._pending.get(action_id)
        if pending is None:
            return
        self._forget(action_id)
        if not pending.future.done():
            pending.future.set_exception(
                ActionTimeoutError("no answer in time", f"{self.login.where} {pending.name}")
            )

    def _received(self, data: bytes) -> None:
        if self.error is not None:
            return
        self._heard_at = asyncio.get_running_loop().time()
        try:
            events = self._codec.feed(data)
        except LinkLostError as error:
            self._lost(error.what)
            return
        if self._greeted is not None and self._codec.greeting and not self._greeted.done():
            self._greeted.set_result(None)
        if self._codec.answers:
            answers, self._codec.answers = self._codec.answers, []
            for message in answers:
                self._answer(message)
        if events and self._on_events is not None:
            try:
                self._on_events(events)
            except Exception:
                log.exception("%s: the events' receiver failed", self.login.where)

    def _answer(self, message: Message) -> None:
        action_id = text(message, "ActionID")
        pending = self._pending.get(action_id)
        if pending is None:
            log.debug("%s: an answer nobody waits for, to %s", self.login.where, action_id)
        elif "Response" in message:
            self._first_answer(action_id, pending, message)
        elif pending.many:
            self._list_item(action_id, pending, message)

    def _first_answer(self, action_id: str, pending: _Pending, message: Message) -> None:
        reply = Reply(text(message, "Response") in _SUCCESS, text(message, "Message"), message)
        if reply.ok and pending.many and _starts_list(message):
            return
        self._finish(action_id, pending, reply)

    def _list_item(self, action_id: str, pending: _Pending, message: Message) -> None:
        mark = text(message, "EventList").lower()
        if mark in ("complete", "cancelled", "canceled"):
            self._finish(action_id, pending, Reply(mark == "complete", f"list {mark}", message))
        else:
            pending.items.append(message)

    def _finish(self, action_id: str, pending: _Pending, reply: Reply) -> None:
        self._forget(action_id)
        if not pending.future.done():
            pending.future.set_result(reply)

    def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        future = self.send(commands.ping(), self._ping_within)
        future.add_done_callback(lambda done: self._pinged(done, sent_at))

    def _pinged(self, done: asyncio.Future[Reply], sent_at: float) -> None:
        if self.error is not None:
            return
        loop = asyncio.get_running_loop()
        if done.cancelled() or done.exception() is not None:
            self._silent_pings += 1
            if self._heard_at <= sent_at or self._silent_pings >= 3:
                self._lost(f"no sign of life within {self._ping_within:g} s of a ping")
                return
        else:
            self._silent_pings = 0
            self.rtt = loop.time() - sent_at
        self._pinger = loop.call_later(self._ping_every, self._ping)

    def _lost(self, why: str, *, in_order: bool = False) -> None:
        if self.error is not None:
            return
        self.error = LinkLostError(why, self.login.where)
        if self._pinger is not None:
            self._pinger.cancel()
        if self._protocol is not None:
            self._protocol.transport.close() if in_order else self._protocol.close()
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(UnreachableError(why, self.login.where))
        for action_id in list(self._pending):
            pending = self._forget(action_id)
            if pending is not None and not pending.future.done():
                pending.future.set_exception(LinkLostError(why, f"{self.login.where} {pending.name}"))
        if self._on_lost is not None:
            try:
                self._on_lost(self.error)
            except Exception:
                log.exception("%s: the loss's receiver failed", self.login.where)

    def _abandon(self) -> None:
        """Close what a failed ``connect`` opened, telling nobody."""
        self._on_lost = None
        self._lost("log-in failed")
        if self._greeted is not None and self._greeted.done() and not self._greeted.cancelled():
            self._greeted.exception()


def _why(error: Exception) -> str:
    """The system's own words for a failed connection, without Python's around them."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else str(error)


def _starts_list(message: Message) -> bool:
    return text(message, "EventList").lower() == "start" or "will follow" in text(message, "Message").lower()


def _retrieve(future: asyncio.Future[Reply]) -> None:
    """Mark a failure as seen: an action may be sent without anyone waiting for its reply."""
    if not future.cancelled():
        future.exception()


async def _connect_socket(loop: asyncio.AbstractEventLoop, login: Login) -> socket.socket:
    """Connect to the first address that answers, with a receive buffer that outlasts a stall of the loop.

    Raises OSError. A PBX cuts off a reader whose buffers stay full for 100 ms.
    """
    failure: OSError = OSError("no address")
    for family, address in await _addresses(loop, login):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            _size(sock, _RECEIVE_BUFFER)
            await loop.sock_connect(sock, address)
            _keep_nothing(sock)
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


async def _addresses(
    loop: asyncio.AbstractEventLoop, login: Login
) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """Resolve the host; a literal address needs no resolver and no thread."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, login.host)
        except OSError:
            continue
        return [(family, (login.host, login.port))]
    found = await loop.getaddrinfo(login.host, login.port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def _keep_nothing(sock: socket.socket) -> None:
    """Have the system drop what the PBX's host has not got once we give the connection up, or are killed.

    Else it would go on sending: an action from before an absence would be carried out in the midst of later
    ones. Nor does it send for longer than we believe what we know.
    """
    _set_linger(sock, _DROP_AT_CLOSE)
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option, int(UNSENT_FOR * 1000))


def _set_linger(sock: socket.socket | None, how: bytes) -> None:
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)


def _size(sock: socket.socket, buffer: int) -> None:
    forced = getattr(socket, "SO_RCVBUFFORCE", 33)
    for option in (forced, socket.SO_RCVBUF):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, buffer)
        except (PermissionError, OSError) as error:
            log.debug("receive buffer: %s", error)
        else:
            return
