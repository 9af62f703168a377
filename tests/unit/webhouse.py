"""A small house for the web's tests: a real engine, a store in memory, an application on a real socket."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from seats.domain.agents import Chosen, Seat, SeatKind
from seats.domain.demand import Hour
from seats.domain.messages import (
    AgentConfigured,
    LeaseRenewed,
    LinkUp,
    OfferAnswered,
    RequestArrived,
    SeatReachable,
    StateAsked,
)
from seats.domain.plan import Plan
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Confidence, Origin
from seats.domain.state import State
from seats.domain.tally import Tally
from seats.engine.engine import Engine, LinkView
from seats.settings import Pbx, Settings
from seats.store.callbacks import AttemptRow, CallbackRow
from seats.store.rows import AgentDay, LedgerRow, TimelineRow, User, VersionRow
from seats.web.app import create_app
from seats.web.sessions import Passwords
from tests.unit.coresim import small_plan

NUMBER = "13812345678"
ZONE = ZoneInfo("Asia/Shanghai")


def digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


class FakeStore:
    """The store's doors over dictionaries."""

    def __init__(self) -> None:
        self.people: dict[str, tuple[User, str]] = {}
        self.sessions: dict[str, tuple[str, float]] = {}
        self.ledger: list[LedgerRow] = []
        self.timelines: dict[str, list[TimelineRow]] = {}
        self.plans: list[VersionRow] = []
        self.asked: dict[str, Any] = {}
        self.called_back: list[CallbackRow] = []
        self.attempts: list[AttemptRow] = []
        self.by_hour: list[Hour] = []

    def add(self, login: str, role: str, agent: str | None = None, name: str = "") -> None:
        self.people[login] = (User(login, name or login, role, agent), digest(f"{login}-secret"))

    async def credentials(self, login: str) -> tuple[User, str] | None:
        return self.people.get(login)

    async def add_session(self, key: str, login: str, at: float, expires_at: float) -> None:
        self.sessions[key] = (login, expires_at)

    async def session(self, key: str) -> tuple[User, float] | None:
        found = self.sessions.get(key)
        return (self.people[found[0]][0], found[1]) if found else None

    async def expire_sessions(self, now: float) -> int:
        over = [key for key, (_, expires_at) in self.sessions.items() if expires_at <= now]
        for key in over:
            del self.sessions[key]
        return len(over)

    async def drop_session(self, key: str) -> None:
        self.sessions.pop(key, None)

    async def users(self) -> Sequence[User]:
        return [user for user, _ in self.people.values()]

    async def requests(self, **asked: Any) -> tuple[Sequence[LedgerRow], str | None]:
        self.asked = asked
        return self.ledger[: asked["limit"]], "more" if len(self.ledger) > asked["limit"] else None

    async def request(self, request: str) -> tuple[LedgerRow, Sequence[TimelineRow]] | None:
        rows = [row for row in self.ledger if row.id == request]
        return (rows[0], self.timelines.get(request, [])) if rows else None

    async def callbacks(self, **asked: Any) -> tuple[Sequence[CallbackRow], str | None]:
        self.asked = asked
        return self.called_back, None

    async def callback(self, callback: str) -> tuple[CallbackRow, Sequence[AttemptRow]] | None:
        rows = [row for row in self.called_back if row.id == callback]
        return (rows[0], self.attempts) if rows else None

    async def callback_totals(self, since: float = 0.0) -> dict[tuple[str, str], int]:
        return dict(Counter((row.province, row.state) for row in self.called_back))

    async def oldest_callback(self) -> float | None:
        return min((row.asked_at for row in self.called_back if row.state == "waiting"), default=None)

    async def agent_day(self, agent: str, since: float, until: float) -> AgentDay:
        self.asked = {"agent": agent, "since": since, "until": until}
        return AgentDay(5, 4, 1, 300.0, 60.0, 3000.0, 600.0)

    async def hours(self, since: float, until: float) -> Sequence[Hour]:
        self.asked = {"since": since, "until": until}
        return self.by_hour

    async def versions(self) -> Sequence[VersionRow]:
        return self.plans

    async def save_plan(
        self, plan: Plan, *, at: float, actor: str, comment: str, base: int | None = None
    ) -> int:
        version = len(self.plans) + 2
        self.plans.insert(0, VersionRow(version, at, actor, comment))
        return version


class House:
    """Engine, store and application together."""

    def __init__(self, settings: Settings | None = None, static: Path | None = None) -> None:
        codes = [p.code for p in PROVINCES] + [UNKNOWN]
        self.engine = Engine(State(small_plan()), Tally(codes, ZONE))
        self.engine.links["pbx1"] = LinkView("up", "")
        self.store = FakeStore()
        self.settings = settings or Settings()
        self.ready: tuple[bool, dict[str, Any]] = (True, {})
        self.app = create_app(
            engine=self.engine,
            store=self.store,
            settings=self.settings,
            passwords=Passwords(digest, lambda stored, given: stored == digest(given)),
            metrics_text=lambda _: (lambda: b"seats_leader 1\n", "text/plain; version=0.0.4; charset=utf-8"),
            ready=lambda: self.ready,
            sip_secret=lambda address: f"sip-{address}",
            static=static or Path("/nonexistent"),
        )
        self.client: TestClient[web.Request, web.Application]

    def populate(self) -> None:
        """Three agents (a1 and a2 in browsers, s1 on SIP), a supervisor and an admin."""
        self.engine.post(LinkUp("pbx1"))
        self.agent("a1", "hubei", SeatKind.BROWSER, "web001")
        self.agent("a2", "hunan", SeatKind.BROWSER, "web002")
        self.agent("s1", "hubei", SeatKind.SIP, "sip001")
        self.store.add("anna", "agent", "a1", "安娜")
        self.store.add("bert", "agent", "a2")
        self.store.add("sip", "agent", "s1")
        self.store.add("sue", "supervisor", name="苏")
        self.store.add("adam", "admin")

    def agent(self, agent: str, province: str, kind: SeatKind, address: str, name: str = "") -> None:
        pools = (province, "nation")
        self.engine.post(AgentConfigured(agent, name or agent.upper(), province, pools, Seat(kind, address)))

    def make_ready(self, agent: str) -> None:
        seat = self.engine.state.agents[agent].seat
        self.engine.post(SeatReachable("pbx1", seat.address, True, "registered"))
        if seat.kind is SeatKind.BROWSER:
            self.engine.post(LeaseRenewed(agent, self.engine.now() + 60, ""))
        self.engine.post(StateAsked(agent, Chosen.READY, "", "test"))

    def call(self, request: str, province: str = "hubei", number: str = NUMBER) -> None:
        origin = Origin(province, "trunk", Confidence.CERTAIN)
        channel = f"PJSIP/trunk-{request}"
        at = self.engine.now()
        self.engine.post(
            RequestArrived(f"pbx1:{request}", "pbx1", channel, request, request, "4001", number, origin, at)
        )

    def answer(self, agent: str) -> None:
        offer = self.engine.state.agents[agent].offer
        assert offer is not None
        self.engine.post(OfferAnswered(offer))


class Person:
    """A signed-in browser: its cookies and CSRF token."""

    def __init__(self, client: TestClient[web.Request, web.Application], house: House) -> None:
        self.client, self.house = client, house
        self.csrf = ""
        self.token = ""

    async def sign_in(self, login: str, password: str | None = None) -> aiohttp.ClientResponse:
        body = {"login": login, "password": f"{login}-secret" if password is None else password}
        reply = await self.client.post("/api/v1/session", json=body)
        if reply.status == 200:
            self.csrf = (await reply.json())["csrf"]
            self.token = reply.cookies["seats_session"].value
            self.client.session.cookie_jar.clear()
        return reply

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> aiohttp.ClientResponse:
        sent = {"Cookie": f"seats_session={self.token}", "X-CSRF-Token": self.csrf, **(headers or {})}
        if body is not None:
            more["json"] = body
        return await self.client.request(method, f"/api/v1{path}", headers=sent, **more)

    async def get(self, path: str, status: int = 200) -> Any:
        reply = await self.call("GET", path)
        assert reply.status == status, await reply.text()
        return await reply.json()

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        reply = await self.call("POST", path, {} if body is None else body)
        assert reply.status == status, await reply.text()
        return await reply.json()

    async def feed(self) -> Feed:
        ws = await self.client.ws_connect("/api/v1/feed", headers={"Cookie": f"seats_session={self.token}"})
        feed = Feed(ws)
        await feed.until("snapshot")
        return feed


class Feed:
    """A page's copy of the live feed."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.hello: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.seq = -1
        self.snapshots = 0
        self.deltas = 0

    async def one(self, wait: float = 20.0) -> dict[str, Any]:
        """Take the next message."""
        message = await self.ws.receive(wait)
        if message.type is not aiohttp.WSMsgType.TEXT:
            close = message.type is aiohttp.WSMsgType.CLOSE
            return {"type": "closed", "code": message.data if close else self.ws.close_code}
        told: dict[str, Any] = json.loads(message.data)
        self.take(told)
        return told

    def take(self, told: dict[str, Any]) -> None:
        if told["type"] == "hello":
            self.hello = told
        elif told["type"] == "snapshot":
            self.seq, self.data = told["seq"], told["data"]
            self.snapshots += 1
        elif told["type"] == "delta":
            assert told["seq"] == self.seq + 1
            self.seq = told["seq"]
            self.deltas += 1
            apply_delta(self.data, told)

    async def until(self, kind: str) -> dict[str, Any]:
        while (told := await self.one())["type"] not in (kind, "closed"):
            pass
        return told

    async def settle(self, quiet: float = 0.35) -> None:
        """Take messages until none come for a while (the clock's own deltas may still)."""
        while True:
            try:
                await self.one(quiet)
            except TimeoutError:
                return

    async def when(self, holds: Any, wait: float = 20.0) -> None:
        """Take messages until the copy is as it should be."""
        async with asyncio.timeout(wait):
            while not holds(self.data):
                await self.one()


def apply_delta(data: dict[str, Any], told: dict[str, Any]) -> None:
    """What a page does with a delta."""
    for section, rows in told["set"].items():
        if section in ("totals", "me"):
            data[section] = rows
        else:
            data[section].update(rows)
    for section, gone in told["del"].items():
        for key in gone:
            data[section].pop(key, None)


async def start(house: House, client_for: Any) -> TestClient[web.Request, web.Application]:
    """The house on a socket of its own."""
    client: TestClient[web.Request, web.Application] = await client_for(TestServer(house.app))
    return client


def node_settings(ws_url: str) -> Settings:
    return Settings(pbx=(Pbx(ws_url=ws_url),))
