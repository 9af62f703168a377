"""Browser phones: their credentials, and the SIP WebSocket proxied to the PBX.

No session means no SIP, and nobody registers as somebody else. One page holds an agent's phone: a newer
one takes over, and the older is told so (close code 4409).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import aiohttp
import msgspec
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from seats.domain.agents import Agent, SeatKind
from seats.domain.messages import PhoneClosed, PhoneOpened
from seats.settings import Pbx
from seats.web import keys
from seats.web.errors import ConflictError, UpstreamError
from seats.web.routes import Route, answer, who
from seats.web.sipguard import MAX_FRAME, Guard, SipRefusedError

SUBPROTOCOL = "sip"
REALM = "seats"
SESSION_ENDED = 4401
TAKEN_OVER = 4409
REFUSED = 4403
HEARTBEAT_S = 6.0
"""How often a silent phone is asked for a sign of life; it has half as long to give it."""
CONNECT_S = 5.0
UP = "up"

log = structlog.get_logger(__name__)


class IceServerView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A STUN or TURN server, as browsers take it."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


class PhoneView(msgspec.Struct, frozen=True):
    """What a browser phone needs to register."""

    ws_path: str
    uri: str
    username: str
    password: str
    ice_servers: list[IceServerView]


class Phones:
    """The open phone of each agent."""

    def __init__(self, tell: Callable[[PhoneOpened | PhoneClosed], None]) -> None:
        self._tell = tell
        self._open: dict[str, web.WebSocketResponse] = {}
        self._unreachable: set[str] = set()

    async def take_over(self, agent: str, ws: web.WebSocketResponse) -> None:
        """From now on this socket is the agent's phone; an older one is closed."""
        older = self._open.get(agent)
        self._open[agent] = ws
        self._tell(PhoneOpened(agent))
        if older is not None:
            log.info("phone_taken_over", agent=agent)
            await older.close(code=TAKEN_OVER, message=b"another page holds the phone")

    def release(self, agent: str, ws: web.WebSocketResponse) -> None:
        """The socket is closed."""
        if self._open.get(agent) is ws:
            del self._open[agent]
            self._tell(PhoneClosed(agent, torn=not isinstance(ws.exception(), TimeoutError)))

    def holds(self, agent: str) -> bool:
        """Whether the agent has a phone open."""
        return agent in self._open

    def reached(self, url: str) -> None:
        """The PBX's SIP socket answers."""
        self._unreachable.discard(url)

    def not_reached(self, url: str, error: Exception) -> None:
        """It does not: a warning the first time, quiet while pages go on trying."""
        tell = log.debug if url in self._unreachable else log.warning
        self._unreachable.add(url)
        tell("pbx_sip_socket_unreachable", url=url, error=str(error) or type(error).__name__)

    async def close_all(self) -> None:
        """Close every phone: the service stops."""
        sockets, self._open = list(self._open.values()), {}
        await asyncio.gather(
            *(ws.close(code=WSCloseCode.GOING_AWAY) for ws in sockets), return_exceptions=True
        )


async def show(request: web.Request) -> web.StreamResponse:
    """GET /phone."""
    agent = _browser_agent(request)
    settings = request.app[keys.SETTINGS]
    servers = [
        IceServerView(s.urls, s.username, s.credential.get_secret_value()) for s in settings.phone.ice_servers
    ]
    username = agent.seat.address
    password = request.app[keys.SIP_SECRET](username)
    return answer(PhoneView("/api/v1/phone/ws", f"sip:{username}@{REALM}", username, password, servers))


async def proxy(request: web.Request) -> web.StreamResponse:
    """GET /phone/ws: SIP frames both ways until either side, the session or a newer page ends it."""
    agent = _browser_agent(request)
    upstream = await _connect(request, agent)
    try:
        ws = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=HEARTBEAT_S,
            compress=False,
            max_msg_size=MAX_FRAME,
            timeout=2.0,
        )
        await ws.prepare(request)
        await _serve(request, agent, ws, upstream)
    finally:
        await upstream.close()
    return ws


async def _serve(
    request: web.Request,
    agent: Agent,
    ws: web.WebSocketResponse,
    upstream: aiohttp.ClientWebSocketResponse,
) -> None:
    phones = request.app[keys.PHONES]
    forget = request.app[keys.SESSIONS].watch(
        who(request), lambda: ws.close(code=SESSION_ENDED, message=b"signed out")
    )
    down = asyncio.create_task(_down(upstream, ws))
    try:
        await phones.take_over(agent.id, ws)
        await _up(ws, upstream, Guard(agent.seat.address), agent.id)
    finally:
        forget()
        phones.release(agent.id, ws)
        down.cancel()
        with suppress(asyncio.CancelledError):
            await down


async def _up(
    ws: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse, guard: Guard, agent: str
) -> None:
    """Browser → PBX, each frame checked."""
    async for message in ws:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        try:
            guard.check(message.data)
            await _pass_on(message, upstream)
        except SipRefusedError as error:
            log.warning("sip_refused", agent=agent, reason=str(error))
            await ws.close(code=REFUSED, message=str(error).encode()[:100])
        except (ConnectionError, RuntimeError):
            await ws.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"PBX gone")


async def _down(upstream: aiohttp.ClientWebSocketResponse, ws: web.WebSocketResponse) -> None:
    """PBX → browser; when the PBX goes the browser is told to try again."""
    with suppress(ConnectionError, RuntimeError):
        async for message in upstream:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await _pass_on(message, ws)
    await ws.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"PBX gone")


async def _pass_on(
    message: aiohttp.WSMessage, to: web.WebSocketResponse | aiohttp.ClientWebSocketResponse
) -> None:
    if message.type is WSMsgType.TEXT:
        await to.send_str(message.data)
    else:
        await to.send_bytes(message.data)


async def _connect(request: web.Request, agent: Agent) -> aiohttp.ClientWebSocketResponse:
    """The PBX's SIP socket. Raise :class:`UpstreamError`."""
    url, phones = _ws_url(request, agent), request.app[keys.PHONES]
    try:
        async with asyncio.timeout(CONNECT_S):
            upstream = await request.app[keys.HTTP].ws_connect(
                url,
                protocols=(SUBPROTOCOL,),
                max_msg_size=MAX_FRAME,
                compress=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        phones.not_reached(url, error)
        raise UpstreamError("the PBX's SIP socket does not answer", headers={"Retry-After": "2"}) from error
    phones.reached(url)
    return upstream


def _ws_url(request: web.Request, agent: Agent) -> str:
    """The socket of a node that holds the seat already, else of one whose link is up, else of the first."""
    links = request.app[keys.ENGINE].links

    def rank(node: Pbx) -> tuple[bool, bool]:
        link = links.get(node.name)
        return node.name not in agent.nodes, link is None or str(link.state) != UP

    return min(request.app[keys.SETTINGS].pbx, key=rank).ws_url


def _browser_agent(request: web.Request) -> Agent:
    """The agent of the session, at a browser seat. Raise :class:`ConflictError`."""
    agents: Mapping[str, Agent] = request.app[keys.ENGINE].state.agents
    agent = agents.get(who(request).user.agent_id or "")
    if agent is None or agent.seat.kind is not SeatKind.BROWSER:
        raise ConflictError("no browser seat belongs to this person", allowed="agents with a browser seat")
    return agent


ROUTES = (
    Route("GET", "/phone", show, "What the browser phone needs", answer=PhoneView, errors=(409,)),
    Route(
        "GET",
        "/phone/ws",
        proxy,
        "SIP over WebSocket, proxied to the PBX (subprotocol sip)",
        status=101,
        errors=(409, 502),
        websocket=True,
    ),
)
