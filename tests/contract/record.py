"""Record the stories on the lab's real Asterisk: ``python -m tests.contract.record [STORY …]``.

Bytes are kept as they came on the events connection, after its log-in. ``--bench`` records instead one
answered call with every event that Asterisk can send, for the benchmark.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from telephony import commands
from telephony.lab import BUSY, IGNORES, Behaviour, Call, Callers, LabPbx, SimAgents
from telephony.session import Login, Session
from telephony.translate import RawTranslator
from tests.contract.pbx_stories import STORIES, Stage

RECORDINGS = Path(__file__).parent / "recordings"
BENCH = Path(__file__).parents[1] / "bench" / "call_all_events.ami"
SEATS = ("web001", "web002", "web003")


class LabHands:
    """Callers and agents of the lab: sipp."""

    def __init__(self, pbx: LabPbx, stack: AsyncExitStack) -> None:
        self._pbx, self._stack = pbx, stack
        secrets = {address: pbx.seat_secret(address) for address in SEATS}
        self._agents = SimAgents(pbx.sip_port, {}, secrets)

    async def open(self) -> None:
        await self._stack.enter_async_context(self._agents)

    async def call(self, patience: float, talk: float) -> None:
        call = Call("13800138000", "95500", patience_s=patience, talk_s=talk)
        await self._stack.enter_async_context(Callers(self._pbx.sip_port, [call], rate=10))

    async def come(self, address: str, does: str, after: float, talk: float) -> None:
        answers = Behaviour((after, after), (talk, talk) if talk else None)
        await self._agents.come(address, {"answer": answers, "ignore": IGNORES, "busy": BUSY}[does])

    async def leave(self, address: str) -> None:
        await self._agents.leave(address)


@asynccontextmanager
async def lab(*, all_events: bool = False) -> AsyncIterator[LabPbx]:
    """Give the lab's PBX with its seats, and a service's heartbeat."""
    async with LabPbx([("sip", address) for address in SEATS]) as pbx:
        if all_events:
            await unfilter(pbx)
        session = Session(Login(pbx.ami_host, pbx.ami_port, pbx.username, pbx.secret), events=False)
        await session.connect()
        beating = asyncio.create_task(_beat(session))
        try:
            yield pbx
        finally:
            beating.cancel()
            await session.close()


async def play(pbx: LabPbx, name: str) -> bytes:
    """Play one story on the lab's PBX and give the bytes of the events connection."""
    stream = bytearray()
    login = Login(pbx.ami_host, pbx.ami_port, pbx.username, pbx.secret)
    async with AsyncExitStack() as stack:
        hands = LabHands(pbx, stack)
        await hands.open()
        actions = Session(login, events=False)
        await actions.connect()
        stack.push_async_callback(actions.close)
        stage = Stage(actions, hands)
        session = Tapped(login, decode=RawTranslator("n"), on_events=stage.hear, ping_every=60.0)
        await session.connect()
        stack.push_async_callback(session.close)
        session.tap = stream
        await STORIES[name](stage)
        await asyncio.sleep(0.5)
        session.tap = None
        for address in SEATS:
            await hands.leave(address)
        await asyncio.sleep(0.2)
    return bytes(stream)


class Tapped(Session):
    """A session that also keeps the bytes it receives."""

    tap: bytearray | None = None

    def _received(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap += data
        super()._received(data)


async def _beat(session: Session) -> None:
    while True:
        session.send(commands.set_global("SEATS_HEARTBEAT", str(int(time.time()))))
        await asyncio.sleep(1)


async def unfilter(pbx: LabPbx) -> None:
    """Let this lab's Asterisk send every event, as one does that nobody has tuned."""
    for file in (pbx.home / "etc").glob("manager*.conf"):
        lines = file.read_text().splitlines()
        kept = [line for line in lines if not line.startswith(("disabledevents", "eventfilter"))]
        file.write_text("\n".join(kept).replace("read = ", "read = dialplan,cdr,") + "\n")
    await pbx.restart()


async def record_bench() -> None:
    async with lab(all_events=True) as pbx:
        stream = await play(pbx, "agent_hangs_up")
        BENCH.write_bytes(stream)
        print(f"{BENCH.name}: {len(stream)} bytes, {stream.count(b'Event: ')} events")  # noqa: T201


async def main(names: list[str]) -> None:
    if names == ["--bench"]:
        await record_bench()
        return
    RECORDINGS.mkdir(exist_ok=True)
    async with lab() as pbx:
        print(f"Asterisk {pbx.version}")  # noqa: T201
        for name in names or list(STORIES):
            stream = await play(pbx, name)
            (RECORDINGS / f"{name}.ami").write_bytes(stream)
            print(f"{name}: {len(stream)} bytes")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
