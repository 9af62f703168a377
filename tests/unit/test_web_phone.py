"""The browser phone: its credentials, and SIP proxied to a PBX that is played by a small server here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from seats.domain.messages import PhoneClosed, PhoneOpened
from seats.settings import IceServer, Pbx, Phone, Settings
from seats.web import keys
from tests.unit.test_web_sipguard import sip
from tests.unit.webhouse import House, Person, start

OK = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


class FakePbx:
    """A SIP WebSocket that answers each request with 200 and remembers what came."""

    def __init__(self) -> None:
        self.seen: list[str | bytes] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.server: TestServer

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(protocols=("sip",))
        await ws.prepare(request)
        assert ws.ws_protocol == "sip"
        self.sockets.append(ws)
        async for message in ws:
            self.seen.append(message.data)
            if isinstance(message.data, bytes):
                await ws.send_bytes(OK.encode())
            elif message.data.strip():
                await ws.send_str(OK)
        return ws


@pytest.fixture
async def pbx(aiohttp_server: Any) -> FakePbx:
    fake = FakePbx()
    app = web.Application()
    app.router.add_get("/ws", fake.socket)
    fake.server = await aiohttp_server(app)
    return fake


@pytest.fixture
async def house(pbx: FakePbx, aiohttp_client: Any) -> House:
    ice = IceServer(urls=("turn:turn.example.com",), username="u", credential="c")
    settings = Settings(
        pbx=(Pbx(name="pbx1", ws_url=str(pbx.server.make_url("/ws"))),), phone=Phone(ice_servers=(ice,))
    )
    house = House(settings)
    house.populate()
    house.client = await start(house, aiohttp_client)
    return house


async def person(house: House, login: str) -> Person:
    someone = Person(house.client, house)
    assert (await someone.sign_in(login)).status == 200
    return someone


async def phone(someone: Person) -> aiohttp.ClientWebSocketResponse:
    return await someone.client.ws_connect(
        "/api/v1/phone/ws", protocols=("sip",), headers={"Cookie": f"seats_session={someone.token}"}
    )


async def closed(ws: aiohttp.ClientWebSocketResponse) -> int:
    while (message := await ws.receive(3)).type is not aiohttp.WSMsgType.CLOSE:
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
    return int(message.data)


def listen(house: House) -> list[Any]:
    """What the core is told of phones, from now on."""
    told: list[Any] = []
    phones, tell = house.app[keys.PHONES], house.engine.post
    phones._tell = lambda message: (told.append(message), tell(message))[1]
    return told


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)


async def test_credentials_of_the_own_seat(house: House) -> None:
    told = await (await person(house, "anna")).get("/phone")
    assert told == {
        "ws_path": "/api/v1/phone/ws",
        "uri": "sip:web001@seats",
        "username": "web001",
        "password": "sip-web001",
        "ice_servers": [{"urls": ["turn:turn.example.com"], "username": "u", "credential": "c"}],
    }


@pytest.mark.parametrize("login", ["sip", "sue", "adam"])
async def test_only_browser_seats_have_one(house: House, login: str) -> None:
    someone = await person(house, login)
    await someone.get("/phone", 409)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await phone(someone)
    assert refused.value.status == 409


async def test_no_session_no_sip(house: House, pbx: FakePbx) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await phone(Person(house.client, house))
    assert refused.value.status == 401
    assert not pbx.sockets


async def test_frames_go_both_ways(house: House, pbx: FakePbx) -> None:
    ws = await phone(await person(house, "anna"))
    assert ws.protocol == "sip"
    await ws.send_str(sip())
    assert await ws.receive_str() == OK
    await ws.send_bytes(sip("OPTIONS").encode())
    assert await ws.receive_bytes() == OK.encode()
    await pbx.sockets[0].send_str("INVITE sip:x@y SIP/2.0\r\n\r\n")
    assert (await ws.receive_str()).startswith("INVITE")
    assert pbx.seen == [sip(), sip("OPTIONS").encode()]
    assert house.app[keys.PHONES].holds("a1")
    await ws.close()
    await asyncio.sleep(0.1)
    assert pbx.sockets[0].closed and not house.app[keys.PHONES].holds("a1")


@pytest.mark.parametrize(
    "frame", [sip(user="web002"), sip(to="<sip:web002@seats>"), sip() + sip(user="web002")]
)
async def test_nobody_registers_as_somebody_else(house: House, pbx: FakePbx, frame: str) -> None:
    ws = await phone(await person(house, "anna"))
    await ws.send_str(frame)
    assert await closed(ws) == 4403
    assert pbx.seen == []


async def test_a_newer_desk_takes_over(house: House, pbx: FakePbx) -> None:
    older = await phone(await person(house, "anna"))
    newer = await phone(await person(house, "anna"))
    assert await closed(older) == 4409
    await newer.send_str(sip())
    assert await newer.receive_str() == OK
    await asyncio.sleep(0.1)
    assert house.app[keys.PHONES].holds("a1")
    assert [s.closed for s in pbx.sockets] == [True, False]


async def test_the_core_hears_of_a_phone_that_comes_and_is_torn_away(house: House) -> None:
    told = listen(house)
    ws = await phone(await person(house, "anna"))
    await ws.send_str(sip())
    await ws.receive_str()
    assert told == [PhoneOpened("a1")]
    assert ws._response.connection is not None and ws._response.connection.transport is not None
    ws._response.connection.transport.abort()  # as the kernel does it for a process that was killed
    await until(lambda: told[1:])
    assert told[1:] == [PhoneClosed("a1", torn=True)]


async def test_the_core_is_told_when_a_phone_gives_no_sign_of_life(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seats.web.phone.HEARTBEAT_S", 0.2)
    told, anna = listen(house), await person(house, "anna")
    cookie = {"Cookie": f"seats_session={anna.token}"}
    ws = await anna.client.ws_connect("/api/v1/phone/ws", protocols=("sip",), headers=cookie, autoping=False)
    await until(lambda: told[1:])
    assert told == [PhoneOpened("a1"), PhoneClosed("a1", torn=False)]
    await ws.close()


async def test_a_phone_that_is_taken_over_or_closed_with_the_service_is_not_gone(house: House) -> None:
    told = listen(house)
    older = await phone(await person(house, "anna"))
    newer = await phone(await person(house, "anna"))
    assert await closed(older) == 4409
    await house.app[keys.PHONES].close_all()
    assert await closed(newer) == 1001
    await asyncio.sleep(0.1)
    assert told == [PhoneOpened("a1"), PhoneOpened("a1")]


async def test_two_agents_do_not_disturb_each_other(house: House) -> None:
    first, second = await phone(await person(house, "anna")), await phone(await person(house, "bert"))
    await first.send_str(sip())
    assert await first.receive_str() == OK
    await second.send_str(sip(user="web002", to="<sip:web002@seats>"))
    assert await second.receive_str() == OK


async def test_signing_out_closes_the_phone(house: House) -> None:
    anna = await person(house, "anna")
    ws = await phone(anna)
    assert (await anna.call("DELETE", "/session")).status == 204
    assert await closed(ws) == 4401


async def test_an_expired_session_closes_the_phone(house: House) -> None:
    ws = await phone(await person(house, "anna"))
    house.store.sessions.clear()
    await house.app[keys.SESSIONS].recheck()
    assert await closed(ws) == 4401


async def test_when_the_pbx_goes_the_page_is_told(house: House, pbx: FakePbx) -> None:
    ws = await phone(await person(house, "anna"))
    await ws.send_str(sip())
    await ws.receive_str()
    await pbx.sockets[0].close()
    assert await closed(ws) == 1013


async def test_no_pbx_no_socket(aiohttp_client: Any, unused_tcp_port: int) -> None:
    house = House(Settings(pbx=(Pbx(ws_url=f"http://127.0.0.1:{unused_tcp_port}/ws"),)))
    house.populate()
    house.client = await start(house, aiohttp_client)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await phone(await person(house, "anna"))
    assert refused.value.status == 502


async def test_a_huge_frame_closes_the_phone(house: House, pbx: FakePbx) -> None:
    ws = await phone(await person(house, "anna"))
    await ws.send_str("x" * 70_000)
    assert await closed(ws) == 1009
    assert pbx.seen == []
