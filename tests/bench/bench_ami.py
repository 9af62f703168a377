"""AMI events per second from a socket, ours and plain panoramisk: ``python -m tests.bench.bench_ami``.

A separate process writes recorded bytes of a whole answered call, many times over, to a real socket as fast
as it is read. Both readers run in turn in this process, on uvloop, and do the same work: find the events that
tell something about calls and hand each to a callback. Ours also makes them typed events.

The headline counts this process's processor time, so it is what one core does; ``wall`` is what a clock shows
while the sender, too, wants the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import random
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from panoramisk import Manager

from telephony.codec import parse
from telephony.session import Login, Session
from telephony.translate import WANTED, RawTranslator, translate

CALL = Path(__file__).parent / "call_all_events.ami"
_GREETING = b"Asterisk Call Manager/11.0.0\r\n"
_LAST = "the last of the stream"
_END = f"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: SeatsEnd\r\nRequest: {_LAST}\r\n\r\n".encode()
_WRITE_TIMEOUT = 0.1
"""Seconds for which Asterisk waits on a reader whose buffers are full, by default."""


class Load(NamedTuple):
    """What is sent: ``calls`` times the call, whole or in ``pieces``, at ``rate`` events/s; 0: no limit."""

    call: bytes
    calls: int
    pieces: bool = False
    rate: float = 0.0

    @property
    def events(self) -> int:
        """Give the number of events in the stream, without the closing one."""
        return self.call.count(b"\r\n\r\n") * self.calls


class Result(NamedTuple):
    """One run: events ``told`` and ``expected``, seconds, and ``stalled``, the sender's longest wait."""

    events: int
    wall: float
    cpu: float
    told: int
    expected: int
    stalled: float

    @property
    def rate(self) -> float:
        """Give events per second of this process's processor time."""
        return self.events / self.cpu

    @property
    def lost(self) -> int:
        """Give the number of events that should have been told and were not."""
        return abs(self.expected - self.told)


def serve(listener: socket.socket, load: Load, report: Any) -> None:
    """Play the PBX in a process of its own: greet, accept the log-in, wait for Ping, then send everything."""
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(_GREETING)
    _answer(sock, b"Message: Authentication accepted\r\n")
    _answer(sock, b"Ping: Pong\r\n")
    longest = 0.0
    per_write = max(1, 65536 // len(load.call)) if not load.rate else 1
    chunk, count = load.call * per_write, load.call.count(b"\r\n\r\n") * per_write
    rng = random.Random(7)
    began, sent = time.perf_counter(), 0
    for _ in range(load.calls // per_write):
        for piece in _cut(chunk, rng) if load.pieces else (chunk,):
            at = time.perf_counter()
            sock.sendall(piece)
            longest = max(longest, time.perf_counter() - at)
        sent += count
        if load.rate:
            time.sleep(max(0.0, began + sent / load.rate - time.perf_counter()))
    sock.sendall(load.call * (load.calls % per_write) + _END)
    report.send(longest)
    sock.settimeout(5)
    try:
        while sock.recv(65536):
            pass
    except OSError:
        pass


def _answer(sock: socket.socket, line: bytes) -> None:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += sock.recv(65536)
    action_id = next((part for part in data.split(b"\r\n") if part.lower().startswith(b"actionid:")), b"X: y")
    sock.sendall(b"Response: Success\r\n" + action_id + b"\r\n" + line + b"\r\n")


def _cut(data: bytes, rng: random.Random) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        size = rng.randint(1, 3000)
        pieces.append(data[at : at + size])
        at += size
    return pieces


async def ours(port: int, done: asyncio.Future[None], told: list[int], stall: float) -> Callable[[], Any]:
    """Read with our session; give the function that closes it."""
    pending = [stall]

    def receive(events: list[Any]) -> None:
        told[0] += len(events)
        if getattr(events[-1], "request", "") == _LAST and not done.done():
            done.set_result(None)
        if pending and pending[0] and told[0] > 500:
            time.sleep(pending.pop())  # the stall under test

    session = Session(
        Login("127.0.0.1", port, "a", "b"),
        decode=RawTranslator("n"),
        on_events=receive,
        ping_every=3600.0,
    )
    await session.connect()
    session.send({"Action": "Ping"})
    return session.close


async def panoramisk(
    port: int, done: asyncio.Future[None], told: list[int], stall: float
) -> Callable[[], Any]:
    """Read with plain panoramisk, one callback per name; give the function that closes it."""
    manager = Manager(
        host="127.0.0.1", port=port, username="a", secret="b", ping_delay=3600, reconnect_timeout=3600
    )

    def receive(_: Manager, event: Any) -> None:
        told[0] += 1
        if event.request == _LAST and not done.done():
            done.set_result(None)

    for name in WANTED:
        manager.register_event(name, receive)
    await manager.connect()
    while not manager.authenticated:  # noqa: ASYNC110  # its own log-in, which it tells nobody of
        await asyncio.sleep(0.01)
    manager.send_action({"Action": "Ping"})

    async def close() -> None:
        manager.connection_lost = lambda exc: None  # else it reconnects for ever
        manager.close()

    return close


Reader = Callable[[int, "asyncio.Future[None]", list[int], float], Awaitable[Callable[[], Any]]]


async def _read(reader: Reader, port: int, told: list[int], stall: float) -> tuple[float, float]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    wall, cpu = time.perf_counter(), time.process_time()
    close = await reader(port, done, told, stall)
    await asyncio.wait_for(done, 300)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await close()
    await asyncio.sleep(0.05)
    return wall, cpu


def measure(
    reader: Reader, load: Load, expected_per_call: int, *, uv: bool = True, stall: float = 0.0
) -> Result:
    """Run one reader on one load."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    told = [0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = context.Process(target=serve, args=(listener, load, there), daemon=True)
        sender.start()
        factory = uvloop.new_event_loop if uv else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            wall, cpu = runner.run(_read(reader, listener.getsockname()[1], told, stall))
        stalled = here.recv() if here.poll(5) else 0.0
        sender.join(10)
    return Result(load.events, wall, cpu, told[0], expected_per_call * load.calls + 1, stalled)


def peak_memory(reader: Reader, load: Load, expected_per_call: int) -> float:
    """Megabytes that a process of its own needs at most for one run, above what it had before."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def work() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        measure(reader, load, expected_per_call)
        there.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

    process = context.Process(target=work)
    process.start()
    kilobytes: int = here.recv()
    process.join()
    return round(kilobytes / 1024, 1)


def wanted_of(call: bytes) -> tuple[int, int]:
    """Count the events of the call that have a wanted name, and those that make a typed event."""
    messages = [parse(part) for part in call.split(b"\r\n\r\n")[:-1]]
    named = [message for message in messages if message["Event"] in WANTED]
    return len(named), sum(translate("n", message) is not None for message in named)


def tuned(call: bytes) -> bytes:
    """Give the call as a PBX with our manager_seats.conf sends it."""
    off = (b"VarSet", b"Newexten", b"TestEvent", b"MusicOnHold", b"RTCP", b"HangupHandler")
    parts = [
        part
        for part in call.split(b"\r\n\r\n")[:-1]
        if not part.startswith(tuple(b"Event: " + o for o in off))
    ]
    return b"".join(part + b"\r\n\r\n" for part in parts)


def best(runs: list[Result]) -> Result:
    """Give the median run by rate."""
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


def main() -> None:
    """Measure, print a table, and as the last line JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="only the last line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=3000, help="calls in each of our streams")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    call = _only_events(CALL.read_bytes())
    named, typed = wanted_of(call)
    lean = tuned(call)
    whole = Load(call, options.calls)
    rows: list[tuple[str, Result]] = []
    theirs, our = [], []
    for _ in range(options.rounds):
        our.append(measure(ours, whole, typed))
        theirs.append(measure(panoramisk, Load(call, max(1, options.calls // 12)), named))
    rows += [("ours", best(our)), ("panoramisk", best(theirs))]
    rows.append(("ours, asyncio's own loop", measure(ours, whole, typed, uv=False)))
    rows.append(("ours, random pieces", measure(ours, Load(call, options.calls // 4, pieces=True), typed)))
    lean_load = Load(lean, options.calls * 2)
    rows.append(("ours, events tuned on the PBX", measure(ours, lean_load, typed)))
    for rate in (10_000, 50_000, 200_000):
        slow = Load(call, rate * 2 // call.count(b"\r\n\r\n"), rate=rate)
        rows.append((f"ours, 500 ms stall at {rate:,}/s", measure(ours, slow, typed, stall=0.5)))
    lost = sum(result.lost for _, result in rows) + sum(result.lost for result in (*our, *theirs))
    if not options.json:
        _table(call, named, rows)
    same = Load(call, max(1, options.calls // 12))
    memory = {"ours": peak_memory(ours, same, typed), "panoramisk": peak_memory(panoramisk, same, named)}
    rates = {"ours": round(rows[0][1].rate), "panoramisk": round(rows[1][1].rate)}
    stalls = {name: round(result.stalled * 1000) for name, result in rows if "stall" in name}
    print(
        json.dumps(
            {
                "events_per_s": rates,
                "lost": lost,
                "ratio": round(rates["ours"] / rates["panoramisk"], 1),
                "peak_memory_mb": memory,
                "wall_events_per_s": {name: round(r.events / r.wall) for name, r in rows[:2]},
                "cut_off_by_stall": any(stall >= _WRITE_TIMEOUT * 1000 for stall in stalls.values()),
                "sender_waited_ms": stalls,
            }
        )
    )


def _only_events(stream: bytes) -> bytes:
    parts = stream.split(b"\r\n\r\n")[:-1]
    return b"".join(part + b"\r\n\r\n" for part in parts if part.startswith(b"Event: "))


def _table(call: bytes, named: int, rows: list[tuple[str, Result]]) -> None:
    count = call.count(b"\r\n\r\n")
    print(f"one call: {count} events, {len(call):,} bytes, {named} events of wanted names")
    print(f"{'':34}{'events':>10}{'/s of cpu':>12}{'/s of wall':>12}{'lost':>6}{'sender waited':>15}")
    for name, r in rows:
        waited = f"{r.stalled * 1000:.0f} ms" if "stall" in name else ""
        print(f"{name:34}{r.events:10,}{r.rate:12,.0f}{r.events / r.wall:12,.0f}{r.lost:6}{waited:>15}")


if __name__ == "__main__":
    main()
