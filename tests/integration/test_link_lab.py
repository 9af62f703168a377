"""A link to the lab's real Asterisk, with the account of the dialplan pack: the least rights suffice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from telephony import commands
from telephony.events import HungUp, PbxEvent, RequestMade
from telephony.lab import Call, Callers, LabPbx
from telephony.link import Link, LinkState, NodeSettings, Snapshot

pytestmark = [pytest.mark.pbx, pytest.mark.aside]


class Watch:
    """A link and what it told."""

    def __init__(self, pbx: LabPbx, secret: str = "") -> None:
        self.told: list[PbxEvent] = []
        self.states: list[LinkState] = []
        self.snapshots: list[Snapshot] = []
        node = NodeSettings(
            "lab",
            pbx.ami_host,
            pbx.ami_port,
            pbx.username,
            secret or pbx.secret,
            ping_s=0.1,
            ping_within_s=0.3,
            connect_s=2.0,
            backoff_s=0.05,
            backoff_most_s=0.2,
        )
        self.link = Link(node, self.told.extend, self._state, self.snapshots.append)

    def _state(self, state: LinkState, reason: str) -> None:
        self.states.append(state)

    async def until(self, condition: Callable[[], object], within: float = 30.0) -> None:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110  # any condition
                await asyncio.sleep(0.01)

    async def first(self, kind: type[PbxEvent]) -> PbxEvent:
        await self.until(lambda: any(isinstance(event, kind) for event in self.told))
        return next(event for event in self.told if isinstance(event, kind))


@asynccontextmanager
async def linked(pbx: LabPbx, *, secret: str = "", up: bool = True) -> AsyncIterator[Watch]:
    watch = Watch(pbx, secret)
    task = asyncio.create_task(watch.link.run())
    try:
        if up:
            await watch.until(lambda: watch.link.up)
        yield watch
    finally:
        await watch.link.close()
        await task


@pytest.fixture
async def pbx() -> AsyncIterator[LabPbx]:
    async with LabPbx([("sip", "web001"), ("sip", "web002")]) as made:
        yield made


async def test_comes_up_with_an_empty_picture_and_a_heartbeat(pbx: LabPbx) -> None:
    async with linked(pbx) as watch:
        (taken,) = watch.snapshots
        assert (taken.channels, taken.requests) == ([], {})
        assert {address: taken.seats[address] for address in ("web001", "web002")} == {
            "web001": False,
            "web002": False,
        }
        beat = await watch.link.call(commands.get_global("SEATS_HEARTBEAT"))
        assert abs(int(str(beat.headers["Value"])) - time.time()) < 30
        await watch.until(lambda: 0 < watch.link.lag < 0.5)


async def test_a_wrong_secret_is_refused(pbx: LabPbx) -> None:
    async with linked(pbx, secret="wrong", up=False) as watch:
        await watch.until(lambda: watch.link.state is LinkState.REFUSED)
        assert "Authentication failed" in watch.link.reason


async def test_a_caller_before_the_link_is_in_the_picture(pbx: LabPbx) -> None:
    async with linked(pbx) as first, Callers(pbx.sip_port, [Call("13800138000", "95500")], rate=10):
        made = await first.first(RequestMade)
        assert isinstance(made, RequestMade)
        async with linked(pbx) as second:
            (taken,) = second.snapshots
            assert [channel.uniqueid for channel in taken.channels] == [made.uniqueid]
            assert taken.channels[0].context.startswith("seats-")
            assert taken.requests[made.request].split("|")[2:4] == ["95500", "13800138000"]
            await second.link.call(commands.hangup(made.channel))
            assert isinstance(await second.first(HungUp), HungUp)
            assert (await second.link.refresh()).requests[made.request].count("|") > 4
            await second.link.call(commands.db_delete(f"seats/{made.request}"))
            assert made.request not in (await second.link.refresh()).requests


async def test_fallback_members_can_be_kept_in_step(pbx: LabPbx) -> None:
    async with linked(pbx) as watch:
        call, queue = watch.link.call, "seats-fallback"
        assert (await call(commands.queue_add(queue, "PJSIP/web001", name="张伟", paused=True))).ok
        assert (await call(commands.queue_pause(queue, "PJSIP/web001", False))).ok
        members = await watch.link.call_list(commands.queue_status(queue))
        assert [m["Name"] for m in members if m["Event"] == "QueueMember"] == ["张伟"]
        assert (await call(commands.queue_remove(queue, "PJSIP/web001"))).ok


async def test_more_than_the_least_rights_is_refused(pbx: LabPbx) -> None:
    async with linked(pbx) as watch:
        for action in ("Command", "Originate", "Reload", "GetConfig", "DBDel"):
            reply = await watch.link.send({"Action": action, "Command": "core show version", "Filename": "x"})
            assert (reply.ok, reply.message) == (False, "Permission denied")


async def test_a_frozen_pbx_is_noticed_and_comes_back(pbx: LabPbx) -> None:
    async with linked(pbx) as watch:
        pbx.freeze()
        try:
            await watch.until(lambda: not watch.link.up)
        finally:
            pbx.thaw()
        await watch.until(lambda: watch.link.stats.connects == 2)


async def test_a_killed_pbx_comes_back(pbx: LabPbx) -> None:
    async with linked(pbx) as watch:
        await pbx.kill()
        await watch.until(lambda: not watch.link.up)
        await pbx.start()
        await watch.until(lambda: watch.link.up)
        assert watch.link.stats.connects >= 2
        assert len(watch.snapshots) >= 2
