"""The feed's WebSocket: who may see what, and what a page may say."""

from __future__ import annotations

from typing import Literal

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from seats.web import keys, lease
from seats.web.api_session import user_view
from seats.web.errors import BadInputError, UnavailableError
from seats.web.feed import Client, Viewer, hello
from seats.web.routes import Role, Route, role_of, who
from seats.web.sessions import SignedIn

SESSION_ENDED = 4401
HEARTBEAT_S = 20.0
MAX_MESSAGE = 4096
MESSAGES_PER_S = 10
"""A page may say this much; one that says more is closed."""
BURST = 40


class Said(msgspec.Struct, frozen=True):
    """What a page says: it is alive, or it can (or cannot) answer."""

    type: Literal["ping", "lease"]
    fault: str = ""


_decode = msgspec.json.Decoder(Said).decode


class Meter:
    """A token bucket."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst, self._left, self._at = per_s, burst, burst, 0.0

    def take(self, now: float) -> bool:
        """Whether one more is allowed."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s) - 1
        self._at = now
        return self._left >= 0


async def feed(request: web.Request) -> web.StreamResponse:
    """GET /feed: the live stream, until either side closes it or the session ends."""
    signed_in = who(request)
    hub, engine = request.app[keys.HUB], request.app[keys.ENGINE]
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=MAX_MESSAGE, timeout=2.0)
    await ws.prepare(request)
    transport = request.transport
    if transport is None:
        raise UnavailableError("the connection is gone")
    client = Client(ws, transport, viewer_of(signed_in), signed_in.key)
    forget = request.app[keys.SESSIONS].watch(
        signed_in, lambda: ws.close(code=SESSION_ENDED, message=b"signed out")
    )
    try:
        await ws.send_str(hello(engine.now(), user_view(signed_in)).decode())
        await hub.join(client)
        await _listen(request, ws, signed_in.user.agent_id or "")
    finally:
        forget()
        hub.leave(client)
    return ws


def viewer_of(signed_in: SignedIn) -> Viewer:
    """Supervisors see the board, agents only themselves."""
    return Viewer(role_of(signed_in) >= Role.SUPERVISOR, signed_in.user.agent_id or "")


async def _listen(request: web.Request, ws: web.WebSocketResponse, agent: str) -> None:
    engine, hub = request.app[keys.ENGINE], request.app[keys.HUB]
    meter = Meter(MESSAGES_PER_S, BURST)
    async for message in ws:
        if message.type is not WSMsgType.TEXT or not meter.take(engine.now()):
            await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many messages")
            return
        try:
            said = _decode(message.data)
            if said.type == "ping":
                await ws.send_str(f'{{"type":"pong","now":{engine.now():.3f}}}')
            elif agent:
                until = lease.renew(engine, hub, agent, said.fault)
                await ws.send_str(f'{{"type":"lease","until":{until:.3f}}}')
        except (msgspec.DecodeError, BadInputError):
            await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not understood")
            return


ROUTES = (
    Route(
        "GET",
        "/feed",
        feed,
        "Live feed (WebSocket): hello, snapshot, numbered deltas",
        status=101,
        websocket=True,
    ),
)
