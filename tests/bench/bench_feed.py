"""How many boards one process serves, and how late they hear: real sockets, clients in their own process.

``python -m tests.bench.bench_feed [--clients 2000] [--seconds 20]``. Callers arrive and leave at random
moments, some 50 changes a second, which the hub gathers into 5 deltas a second at most. Each change carries
its time; for every client and delta the age of the *oldest* change in it is measured when the client has
received it whole. The last line is JSON: ``cores`` is CPU seconds of the server process per second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import re
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import Any
from zoneinfo import ZoneInfo

import uvloop
from aiohttp import web

from seats.domain.agents import Seat, SeatKind
from seats.domain.messages import AgentConfigured, CallerGone, LinkUp, RequestArrived
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Confidence, Origin
from seats.domain.state import State
from seats.domain.tally import Tally
from seats.engine.engine import Engine, LinkView
from seats.settings import Settings
from seats.web import keys
from seats.web.app import create_app
from seats.web.sessions import Passwords, key_of
from tests.unit.coresim import small_plan
from tests.unit.webhouse import FakeStore

AGENTS = 200
CHANGES_PER_S = 50.0
WAITING = 30
WARM_UP_S = 3.0
CONNECTING = 50
PROVINCE_CODES = [p.code for p in PROVINCES]
_ARRIVED = re.compile(rb'"arrived_at":([0-9.]+)')


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--ping", type=float, default=0.0, help="each client pings every so many seconds")
    options = parser.parse_args()
    _raise_limit(options.clients)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    clients = context.Process(target=_clients, args=(theirs, options.clients, options.seconds, options.ping))
    clients.start()
    try:
        cpu = uvloop.run(_serve(ours, options.seconds))
        found = ours.recv()
    finally:
        clients.join(20)
        if clients.is_alive():
            clients.terminate()
    _say(
        "deltas/s {deltas_per_s:.1f}, frames {frames}, bytes a delta {bytes_per_delta:.0f}, "
        "p50 {p50_ms:.0f} ms, max {max_ms:.0f} ms, fan-out p50 {fan_out_p50_ms:.0f} ms, "
        "clients' process {client_cores:.2f} cores",
        **found,
    )
    result = {"clients": found["clients"], "p99_ms": round(found["p99_ms"], 1), "cores": round(cpu, 3)}
    sys.stdout.write(json.dumps(result) + "\n")


def _say(text: str, **values: Any) -> None:
    sys.stderr.write(text.format(**values) + "\n")


# --- the server's process -------------------------------------------------------------------------


async def _serve(pipe: Connection, seconds: float) -> float:
    engine, app, token = _application()
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    await app[keys.SESSIONS]._store.add_session(*token)  # type: ignore[arg-type]
    pipe.send(port)
    load = asyncio.create_task(_load(engine))
    while not await asyncio.to_thread(pipe.poll, 0.2):
        pass
    assert pipe.recv() == "started"
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    used = (time.process_time() - cpu) / (time.monotonic() - wall)
    pipe.send("stop")
    while not await asyncio.to_thread(pipe.poll, 0.2):
        pass
    load.cancel()
    lag = app[keys.HUB].snapshots_for_lag
    if lag:
        _say("{lag} snapshots for lagging clients", lag=lag)
    await runner.cleanup()
    return used


def _application() -> tuple[Engine, web.Application, tuple[str, str, float, float]]:
    engine = Engine(
        State(small_plan(max_wait=3600.0)), Tally([*PROVINCE_CODES, UNKNOWN], ZoneInfo("Asia/Shanghai"))
    )
    engine.links["pbx1"] = LinkView("up", "")
    store = FakeStore()
    store.add("sue", "supervisor")
    app = create_app(
        engine=engine,
        store=store,  # type: ignore[arg-type]
        settings=Settings(),
        passwords=Passwords(str, lambda a, b: a == b),
        metrics_text=lambda _: (lambda: b"", "text/plain"),
        ready=lambda: (True, {}),
        sip_secret=str,
    )
    return engine, app, (key_of(TOKEN), "sue", 0.0, time.time() + 3600)


TOKEN = "t" * 43
PING = b"\x81\x8f\x00\x00\x00\x00" + b'{"type":"ping"}'


async def _load(engine: Engine) -> None:
    """Callers come and go; the house is otherwise as a live one: agents, a plan, 35 provinces."""
    rng = random.Random(1)
    engine.post(LinkUp("pbx1"))
    for n in range(AGENTS):
        province = rng.choice(PROVINCE_CODES)
        seat = Seat(SeatKind.SIP, f"sip{n:04}")
        engine.post(AgentConfigured(f"a{n}", f"座席{n}", province, ("nation",), seat))
    waiting: list[str] = []
    for n in range(10**9):
        await asyncio.sleep(rng.expovariate(CHANGES_PER_S))
        if len(waiting) >= WAITING:
            engine.post(CallerGone(waiting.pop(rng.randrange(len(waiting))), "gone"))
        else:
            origin = Origin(rng.choice(PROVINCE_CODES), "area_code", Confidence.LIKELY)
            request, at = f"pbx1:{n}", time.time()
            engine.post(
                RequestArrived(
                    request, "pbx1", f"PJSIP/t-{n}", str(n), str(n), "95500", "13812345678", origin, at
                )
            )
            waiting.append(request)


# --- the clients' process -------------------------------------------------------------------------


class _Board(asyncio.Protocol):
    """A board that reads frames and notes when each delta was there whole."""

    def __init__(self, book: _Book, port: int) -> None:
        self.book, self.port = book, port
        self.buffer = bytearray()
        self.upgraded = False
        self.live = asyncio.get_running_loop().create_future()
        self.seq = -1

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(
            f"GET /api/v1/feed HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Origin: http://127.0.0.1:{self.port}\r\nCookie: seats_session={TOKEN}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.upgraded:
            head, found, rest = bytes(self.buffer).partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.upgraded, self.buffer = True, bytearray(rest)
        while (whole := _frame(self.buffer)) is not None:
            opcode, payload = whole
            if opcode == 9:
                self.transport.write(b"\x8a\x80\x00\x00\x00\x00")
            elif opcode == 1:
                self.hear(payload)

    def hear(self, payload: bytes) -> None:
        if payload.startswith(b'{"type":"delta","seq":'):
            seq = int(payload[22 : payload.index(b",", 22)])
            assert seq == self.seq + 1, (seq, self.seq)
            self.seq = seq
            self.book.heard(seq, payload)
        elif payload.startswith(b'{"type":"snapshot"'):
            self.seq = json.loads(payload)["seq"]
            if not self.live.done():
                self.live.set_result(None)

    def ping(self, every: float) -> None:
        """Say that the page is alive, and again later."""
        if not self.book.stopping:
            self.transport.write(PING)
            asyncio.get_running_loop().call_later(every, self.ping, every)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.book.stopping:
            self.book.lost += 1


def _frame(buffer: bytearray) -> tuple[int, bytes] | None:
    if len(buffer) < 2:
        return None
    size, start = buffer[1], 2
    if size == 126:
        size, start = int.from_bytes(buffer[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(buffer[2:10], "big"), 10
    if len(buffer) < start + size or (start > 2 and len(buffer) < start):
        return None
    opcode, payload = buffer[0] & 15, bytes(buffer[start : start + size])
    del buffer[: start + size]
    return opcode, payload


class _Book:
    """Ages of what was heard. A delta's oldest change is looked up once; all clients hear the same bytes."""

    def __init__(self) -> None:
        self.oldest: dict[int, float | None] = {}
        self.news: set[float] = set()
        self.ages: list[float] = []
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self.bytes = 0
        self.lost = 0
        self.measuring = self.stopping = False

    def heard(self, seq: int, payload: bytes) -> None:
        now = time.time()
        if seq not in self.oldest:
            self.oldest[seq] = self._oldest(payload)
        if not self.measuring:
            return
        self.first.setdefault(seq, now)
        self.last[seq] = now
        self.bytes += len(payload)
        oldest = self.oldest[seq]
        if oldest is not None:
            self.ages.append(now - oldest)

    def _oldest(self, payload: bytes) -> float | None:
        """The earliest arrival that no delta before this one told of."""
        fresh = {float(at) for at in _ARRIVED.findall(payload)} - self.news
        self.news |= fresh
        return min(fresh, default=None)

    def figures(self, clients: int, seconds: float, cpu: float) -> dict[str, Any]:
        ages = sorted(self.ages)
        fans = sorted(self.last[seq] - self.first[seq] for seq in self.first)

        def at(values: list[float], share: float) -> float:
            return 1000 * values[min(len(values) - 1, int(share * len(values)))]

        return {
            "clients": clients - self.lost,
            "p50_ms": at(ages, 0.5),
            "p99_ms": at(ages, 0.99),
            "max_ms": 1000 * ages[-1],
            "frames": len(ages),
            "deltas_per_s": len(self.first) / seconds,
            "bytes_per_delta": self.bytes / max(1, len(self.first)) / clients,
            "fan_out_p50_ms": at(fans, 0.5),
            "client_cores": cpu / seconds,
        }


def _clients(pipe: Connection, count: int, seconds: float, ping: float) -> None:
    uvloop.run(_watch(pipe, count, seconds, ping))


async def _watch(pipe: Connection, count: int, seconds: float, ping: float) -> None:
    port = await asyncio.to_thread(pipe.recv)
    loop, book = asyncio.get_running_loop(), _Book()
    boards: list[_Board] = []
    for begin in range(0, count, CONNECTING):
        batch = [
            (await loop.create_connection(lambda: _Board(book, port), "127.0.0.1", port))[1]
            for _ in range(begin, min(count, begin + CONNECTING))
        ]
        await asyncio.gather(*(board.live for board in batch))
        boards += batch
    for number, board in enumerate(boards):
        if ping:
            loop.call_later(ping * number / count, board.ping, ping)
    await asyncio.sleep(WARM_UP_S)
    book.measuring = True
    cpu = time.process_time()
    pipe.send("started")
    await asyncio.to_thread(pipe.recv)
    book.measuring, book.stopping = False, True
    pipe.send(book.figures(count, seconds, time.process_time() - cpu))
    await asyncio.sleep(0.3)
    for board in boards:
        board.transport.abort()


def _raise_limit(clients: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + 200
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


if __name__ == "__main__":
    main()
