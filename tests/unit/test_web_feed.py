"""The live feed over real sockets: hello, snapshot, deltas; leases; lagging and hostile clients."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

import pytest

from seats.domain.agents import SeatKind
from seats.domain.messages import CallerGone
from seats.engine.engine import LinkView
from seats.web import feed as feed_module
from seats.web import keys
from seats.web.feed import Client, Viewer, frame
from tests.unit.test_web_board import forget_leases, fresh
from tests.unit.webhouse import Feed, House, Person, start


@pytest.fixture
async def house(aiohttp_client: Any) -> House:
    house = House()
    house.populate()
    house.client = await start(house, aiohttp_client)
    return house


async def person(house: House, login: str) -> Person:
    someone = Person(house.client, house)
    assert (await someone.sign_in(login)).status == 200
    return someone


async def test_hello_then_snapshot(house: House) -> None:
    feed = await (await person(house, "sue")).feed()
    assert feed.hello["version"] == 1
    assert feed.hello["user"] == {"login": "sue", "name": "苏", "role": "supervisor", "agent_id": None}
    assert abs(feed.hello["now"] - time.time()) < 60
    assert feed.data.keys() == {"provinces", "totals", "agents", "waiting", "link", "me"}
    assert len(feed.data["provinces"]) == 35
    assert feed.data["agents"].keys() == {"a1", "a2", "s1"}
    assert feed.data["link"] == {"pbx1": {"state": "up", "reason": ""}}
    assert feed.data["me"] is None


async def test_a_board_follows_a_call_from_request_to_talk(house: House) -> None:
    feed = await (await person(house, "sue")).feed()
    house.call("c1")
    await feed.when(lambda d: d["provinces"]["hubei"]["waiting"] == 1 and "pbx1:c1" in d["waiting"])
    assert feed.data["totals"]["waiting"] == 1
    house.make_ready("s1")
    await feed.when(lambda d: d["agents"]["s1"]["display"] == "offered")
    house.answer("s1")
    await feed.when(lambda d: d["agents"]["s1"]["display"] == "talking" and not d["waiting"])
    assert feed.data["provinces"]["hubei"]["talking"] == 1
    assert feed.data["provinces"]["hubei"]["rate"]["strict"]["today"]["k"] == 1
    house.engine.post(CallerGone("pbx1:c1", "16"))
    await feed.when(lambda d: d["provinces"]["hubei"]["talking"] == 0)
    await feed.settle()
    assert forget_leases({k: v for k, v in feed.data.items() if k != "me"}) == fresh(house.engine)
    assert feed.snapshots == 1


async def test_marks_do_not_pile_up_when_nobody_watches(house: House) -> None:
    board = house.app[keys.HUB].board
    for n in range(20):
        house.call(f"c{n}")
    assert board.dirty
    await asyncio.sleep(0.5)
    assert not board.dirty
    assert (await (await person(house, "sue")).feed()).data["provinces"]["hubei"]["waiting"] == 20


async def test_a_burst_makes_few_deltas(house: House) -> None:
    feed = await (await person(house, "sue")).feed()
    for n in range(200):
        house.call(f"c{n}")
        await asyncio.sleep(0.001)
    await feed.when(lambda d: d["provinces"]["hubei"]["waiting"] == 200)
    assert feed.deltas <= 6


async def test_an_agent_sees_only_the_own_row(house: House) -> None:
    anna = await person(house, "anna")
    feed = await anna.feed()
    assert feed.data["agents"] == feed.data["provinces"] == feed.data["waiting"] == {}
    assert feed.data["totals"] is None
    assert feed.data["me"]["id"] == "a1"
    house.make_ready("s1")  # somebody else
    house.call("c1", "hunan")
    house.make_ready("a1")  # two are idle in Hubei now: its floor lets one go for the caller
    await feed.when(lambda d: d["me"]["display"] == "offered")
    house.engine.links["pbx1"] = LinkView("backoff", "refused")
    house.make_ready("a2")
    await feed.when(lambda d: d["link"]["pbx1"]["state"] == "backoff")
    assert feed.data["agents"] == {} and feed.data["waiting"] == {}


async def test_the_own_row_comes_at_once(house: House) -> None:
    feed = await (await person(house, "anna")).feed()
    house.make_ready("a1")
    await feed.when(lambda d: d["me"]["display"] == "ready")
    house.app[keys.HUB]._task.cancel()  # the boards' tick: the own row does not wait for it
    house.call("c1")
    await feed.when(lambda d: d["me"]["offer"] is not None)
    assert feed.data["me"]["offer"]["number_masked"] == "138****5678"


async def test_a_supervisor_who_is_an_agent_gets_both(house: House) -> None:
    house.store.add("both", "supervisor", "s1")
    feed = await (await person(house, "both")).feed()
    assert feed.data["me"]["id"] == "s1"
    for n in range(5):
        house.call(f"c{n}")
        await asyncio.sleep(0.05)
    house.make_ready("s1")
    await feed.when(lambda d: d["me"]["display"] == "offered" and d["provinces"]["hubei"]["waiting"] == 5)
    assert feed.snapshots == 1


async def test_the_lease_is_renewed_over_the_feed(house: House) -> None:
    feed = await (await person(house, "anna")).feed()
    before = house.engine.now()
    await feed.ws.send_json({"type": "lease", "fault": ""})
    told = await feed.until("lease")
    agent = house.engine.state.agents["a1"]
    assert agent.lease_until == pytest.approx(told["until"], abs=0.01)
    assert 7.9 <= agent.lease_until - before <= 8.5
    await feed.ws.send_json({"type": "lease", "fault": "no_microphone"})
    await feed.when(lambda d: d["me"]["lease_fault"] == "no_microphone")


async def test_another_tab_speaks_neither_for_nor_against_the_seat(house: House) -> None:
    feed = await (await person(house, "anna")).feed()
    await feed.ws.send_json({"type": "lease", "fault": ""})
    await feed.until("lease")
    until = house.engine.state.agents["a1"].lease_until
    await feed.ws.send_json({"type": "lease", "fault": "other_tab"})
    await feed.until("lease")
    agent = house.engine.state.agents["a1"]
    assert (agent.lease_until, agent.lease_fault) == (until, "")


async def test_closing_the_feed_changes_nothing_at_once(house: House) -> None:
    feed = await (await person(house, "anna")).feed()
    house.make_ready("a1")
    await feed.ws.close()
    await asyncio.sleep(0.1)
    assert house.engine.state.agents["a1"].chosen == "ready"
    assert house.app[keys.HUB].clients == 0


async def test_ping_is_answered(house: House) -> None:
    feed = await (await person(house, "sue")).feed()
    await feed.ws.send_json({"type": "ping"})
    assert abs((await feed.until("pong"))["now"] - time.time()) < 60


async def test_signing_out_closes_the_feed(house: House) -> None:
    sue = await person(house, "sue")
    feed, other = await sue.feed(), await (await person(house, "sue")).feed()
    assert (await sue.call("DELETE", "/session")).status == 204
    assert (await feed.until("closed"))["code"] == 4401
    await other.ws.send_json({"type": "ping"})
    assert (await other.until("pong"))["type"] == "pong"


async def test_a_session_ended_elsewhere_closes_the_feed(house: House) -> None:
    feed = await (await person(house, "sue")).feed()
    house.store.sessions.clear()
    await house.app[keys.SESSIONS].recheck()
    assert (await feed.until("closed"))["code"] == 4401


@pytest.mark.parametrize(
    "said",
    [
        "nonsense",
        "[]",
        '{"type":"drop table"}',
        '{"type":"lease","fault":"<script>"}',
        "{" * 3000,
        "x" * 5000,
    ],
)
async def test_what_is_not_understood_closes_the_feed(house: House, said: str) -> None:
    feed = await (await person(house, "anna")).feed()
    await feed.ws.send_str(said)
    assert (await feed.until("closed"))["code"] in (1008, 1009)


async def test_a_page_that_floods_is_closed(house: House) -> None:
    feed = await (await person(house, "sue")).feed()
    for _ in range(60):
        await feed.ws.send_json({"type": "ping"})
    assert (await feed.until("closed"))["code"] == 1008


async def test_names_stay_text(house: House) -> None:
    name = "<img src=x onerror=alert(1)>\u2028\"'"
    house.agent("x1", "hubei", SeatKind.SIP, "sip9", name)
    feed = await (await person(house, "sue")).feed()
    assert feed.data["agents"]["x1"]["name"] == name


class StuckTransport:
    """A transport whose other side does not read."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.backlog = 0

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.backlog += len(data)

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> Any:
        return None


class OpenSocket:
    closed = False


def told(data: bytes) -> dict[str, Any]:
    payload = data[data.index(b"{") :]
    found: dict[str, Any] = json.loads(payload)
    return found


async def test_a_lagging_board_gets_a_fresh_snapshot_instead_of_a_backlog(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BACKLOG", 20_000)
    hub = house.app[keys.HUB]
    transport = StuckTransport()
    client = Client(OpenSocket(), transport, Viewer(True, ""))  # type: ignore[arg-type]
    await hub.join(client)
    for n in range(60):
        house.call(f"c{n}")
        await hub._flush()
    most = transport.backlog
    assert client.lagging
    for n in range(60, 120):
        house.call(f"c{n}")
        await hub._flush()
    assert transport.backlog == most  # nothing more was queued
    transport.backlog = 0
    await hub._flush()
    last = told(transport.written[-1])
    assert last["type"] == "snapshot" and last["seq"] == hub.seq
    assert last["data"]["provinces"]["hubei"]["waiting"] == 120
    assert hub.snapshots_for_lag == 1
    house.call("c120")
    await hub._flush()
    assert told(transport.written[-1])["seq"] == hub.seq == last["seq"] + 1
    hub.leave(client)


async def test_a_page_that_stops_reading_is_brought_up_to_date_when_it_reads_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BACKLOG", 20_000)
    sue = await person(house, "sue")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", sue.client.port))
    raw.setblocking(False)
    raw.send(
        b"GET /api/v1/feed HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Cookie: seats_session=" + sue.token.encode() + b"\r\n\r\n"
    )
    hub, n = house.app[keys.HUB], 0
    async with asyncio.timeout(20):
        while not any(client.lagging for client in hub._clients):
            house.call(f"c{n}")
            n += 1
            await hub._flush()
            await asyncio.sleep(0.001)
        page = Feed(None)  # type: ignore[arg-type]
        heard = (await read(raw)).partition(b"\r\n\r\n")[2]
        while not (page.snapshots == 2 and page.data["provinces"]["hubei"]["waiting"] == n):
            heard += await read(raw)
            heard = hear(page, heard)
    assert hub.snapshots_for_lag == 1
    raw.close()


async def read(raw: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(raw, 65536)


def hear(page: Feed, heard: bytes) -> bytes:
    """Take the whole frames; the rest."""
    while len(heard) > 10:
        short = heard[1]
        start = 2 if short < 126 else 4 if short == 126 else 10
        size = short if short < 126 else int.from_bytes(heard[2:start], "big")
        if len(heard) < start + size:
            break
        page.take(json.loads(heard[start : start + size]))
        heard = heard[start + size :]
    return heard


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frames_are_rfc_6455(size: int) -> None:
    data = frame(b"x" * size)
    assert data[0] == 0x81
    header = 2 if size < 126 else 4 if size < 65536 else 10
    assert len(data) == header + size
    if header == 4:
        assert int.from_bytes(data[2:4], "big") == size
    if header == 10:
        assert int.from_bytes(data[2:10], "big") == size
