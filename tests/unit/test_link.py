"""The supervisor: up only with a snapshot, back after every loss, gone after close."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from telephony import commands, heartbeat
from telephony.errors import ActionRefusedError, LinkLostError
from telephony.events import BootedAgain, HungUp, PbxEvent
from telephony.link import Link, LinkState, NodeSettings, Snapshot
from tests.unit.ami_server import Peer, Server, ami_server, until


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with ami_server() as made:
        made.reply = Pbx().reply
        yield made


class Pbx:
    """Answers as a PBX with one channel and one seat; may hold a list back."""

    def __init__(self) -> None:
        self.hold: asyncio.Event | None = None
        self.before_list: Any = None
        self.refuse = ""
        self.epoch = ""
        self.work: list[asyncio.Task[None]] = []

    def reply(self, action: dict[str, str], peer: Peer) -> None:
        name = action["Action"]
        if name == self.refuse:
            peer.answer(action, "Message: Permission denied", response="Error")
        elif name == "CoreShowChannels":
            self.work.append(asyncio.ensure_future(self.channels(action, peer)))
        elif name == "DeviceStateList":
            self.listing(
                action, peer, ("Event: DeviceStateChange", "Device: PJSIP/web001", "State: NOT_INUSE")
            )
        elif name == "DBGetTree":
            peer.answer(action, "Message: Database entry not found", response="Error")
        elif action.get("Variable") == "EPOCH":
            peer.answer(action, "Variable: EPOCH", f"Value: {self.epoch}")
        elif name == "Login" and action["Events"] == "on":
            peer.answer(action)
            peer.say("Event: FullyBooted", "Status: Fully Booted")
        elif name != "Logoff":
            peer.answer(action)

    async def channels(self, action: dict[str, str], peer: Peer) -> None:
        if self.before_list:
            self.before_list()
        if self.hold:
            await self.hold.wait()
        self.listing(action, peer, ("Event: CoreShowChannel", "Uniqueid: 1", "Channel: PJSIP/trunk-1"))

    def listing(self, action: dict[str, str], peer: Peer, *items: tuple[str, ...]) -> None:
        peer.answer(action, "EventList: start")
        for item in items:
            peer.say(item[0], f"ActionID: {action['ActionID']}", *item[1:])
        peer.say("Event: ListComplete", f"ActionID: {action['ActionID']}", "EventList: Complete")


class Watch:
    """A link with everything it told, in order."""

    def __init__(self, server: Server, **options: Any) -> None:
        settings = {"heartbeat_s": 0.0, "connect_s": 1.0, "backoff_s": 0.01, "backoff_refused_s": 30.0}
        settings |= {key: options.pop(key) for key in list(options) if key in NodeSettings._fields}
        node = NodeSettings("n", "127.0.0.1", server.port, "seats", "secret", **settings)
        self.told: list[Any] = []
        self.states: list[LinkState] = []
        self.link = Link(node, self.events, self.state, self.snapshot, rng=lambda: 0.0, **options)

    def events(self, events: list[PbxEvent]) -> None:
        self.told.extend(events)

    def state(self, state: LinkState, reason: str) -> None:
        assert reason
        self.states.append(state)

    def snapshot(self, taken: Snapshot) -> None:
        self.told.append(taken)

    @property
    def snapshots(self) -> list[Snapshot]:
        return [told for told in self.told if isinstance(told, Snapshot)]

    @property
    def causes(self) -> list[Any]:
        return [told.cause if isinstance(told, HungUp) else type(told).__name__ for told in self.told]


@asynccontextmanager
async def running(server: Server, *, up: bool = True, **options: Any) -> AsyncIterator[Watch]:
    watch = Watch(server, **options)
    task = asyncio.create_task(watch.link.run())
    try:
        if up:
            await until(lambda: watch.link.up)
        yield watch
    finally:
        await watch.link.close()
        await asyncio.wait_for(task, 20)


def hangup(server: Server, cause: int) -> None:
    events = next(peer for peer in reversed(server.peers) if peer.got and peer.got[0]["Events"] == "on")
    events.say("Event: Hangup", "Uniqueid: 1", f"Cause: {cause}")


async def test_comes_up_with_its_sessions_and_a_snapshot(server: Server) -> None:
    async with running(server) as watch:
        assert [peer.got[0]["Events"] for peer in server.peers] == ["on", "off", "off"]
        assert watch.states == [LinkState.CONNECTING, LinkState.LOGGING_IN, LinkState.SNAPSHOT, LinkState.UP]
        (taken,) = watch.snapshots
        assert [channel.channel for channel in taken.channels] == ["PJSIP/trunk-1"]
        assert taken.seats == {"web001": True}
        assert watch.link.stats.connects == 1
    assert watch.states[-1] is LinkState.CLOSED


async def test_what_moves_a_call_never_stands_behind_a_list(server: Server) -> None:
    async with running(server) as watch:
        await watch.link.send({"Action": "Redirect", "Channel": "PJSIP/trunk-1"})
        await watch.link.refresh()
        _, actions, looks = ({action["Action"] for action in peer.got} for peer in server.peers)
        assert "Redirect" in actions
        assert looks == {"Login", "Getvar", "CoreShowChannels", "DeviceStateList", "DBGetTree"}
        assert not actions & (looks - {"Login"})


async def test_a_list_that_comes_in_many_gulps_is_whole(server: Server) -> None:
    def reply(action: dict[str, str], peer: Peer) -> None:
        if action["Action"] == "DeviceStateList":
            items = [
                ("Event: DeviceStateChange", f"Device: PJSIP/s{n:05d}", "State: NOT_INUSE")
                for n in range(5000)
            ]
            pbx.listing(action, peer, *items)
        else:
            pbx.reply(action, peer)

    pbx = Pbx()
    server.reply = reply
    async with running(server) as watch:
        taken = await watch.link.refresh()
        assert len(taken.seats) == 5000
        assert watch.link.up


async def test_events_during_the_snapshot_come_after_it_in_order(server: Server) -> None:
    pbx = Pbx()
    pbx.hold = asyncio.Event()
    server.reply = pbx.reply
    async with running(server, up=False) as watch:
        await until(lambda: watch.link.state is LinkState.SNAPSHOT)
        for cause in range(1, 6):
            hangup(server, cause)
        await asyncio.sleep(0.05)
        assert watch.told == []
        pbx.hold.set()
        await until(lambda: watch.link.up)
        hangup(server, 6)
        await until(lambda: len(watch.told) == 7)
        assert watch.causes == ["Snapshot", 1, 2, 3, 4, 5, 6]


async def test_comes_back_after_a_loss_with_a_new_snapshot(server: Server) -> None:
    async with running(server) as watch:
        server.peers[0].writer.transport.abort()
        await until(lambda: watch.link.stats.connects == 2)
        assert watch.link.stats.losses == watch.link.stats.reconnects == 1
        assert len(watch.snapshots) == 2
        assert LinkState.BACKOFF in watch.states
        hangup(server, 9)
        await until(lambda: watch.causes[-1] == 9)


async def test_losing_the_actions_session_ends_the_events_session_too(server: Server) -> None:
    async with running(server) as watch:
        server.peers[1].writer.transport.abort()
        await until(lambda: watch.link.stats.connects == 2)
        await until(server.peers[0].reader.at_eof)


async def test_a_half_open_link_is_left(server: Server) -> None:
    async with running(server, ping_s=0.02, ping_within_s=0.05) as watch:
        answer, server.reply = server.reply, lambda action, peer: None
        await until(lambda: watch.link.state is LinkState.BACKOFF)
        assert "no sign of life" in watch.link.reason
        server.reply = answer
        await until(lambda: watch.link.stats.connects == 2)


async def test_what_is_under_way_at_a_loss_fails_and_is_not_sent_again(server: Server) -> None:
    async with running(server) as watch:
        answer, server.reply = server.reply, lambda action, peer: peer.writer.transport.abort()
        future = watch.link.send(commands.hangup("PJSIP/x-1"))
        with pytest.raises(LinkLostError):
            await future
        server.reply = answer
        await until(lambda: watch.link.stats.connects == 2)
        sent = [action["Action"] for peer in server.peers[2:] for action in peer.got]
        assert "Hangup" not in sent
        assert watch.link.stats.actions_failed >= 1


async def test_without_a_connection_actions_fail_at_once(server: Server) -> None:
    link = Watch(server).link
    with pytest.raises(LinkLostError):
        await link.send(commands.ping())
    with pytest.raises(LinkLostError):
        await link.call(commands.ping())
    await asyncio.sleep(0)
    assert link.stats.actions_failed == 2


async def test_refused_credentials_wait_longest(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "telephony.link")
    pbx = Pbx()
    pbx.refuse = "Login"
    server.reply = pbx.reply
    async with running(server, up=False, backoff_refused_s=0.1) as watch:
        await until(lambda: watch.states.count(LinkState.REFUSED) == 3)
        assert "Permission denied" in watch.link.reason
        assert not server.peers[0].got[1:]
    tries = [record.levelno for record in caplog.records if "trying again" in record.message]
    assert tries[:3] == [logging.WARNING, logging.DEBUG, logging.DEBUG]


async def test_a_missing_right_keeps_the_link_down_and_says_so(server: Server) -> None:
    pbx = Pbx()
    pbx.refuse = "CoreShowChannels"
    server.reply = pbx.reply
    async with running(server, up=False) as watch:
        await until(lambda: watch.link.state is LinkState.BACKOFF)
        assert "CoreShowChannels" in watch.link.reason
        assert "Permission denied" in watch.link.reason


async def test_backoff_doubles_up_to_the_most_and_jitters(server: Server) -> None:
    watch = Watch(server, backoff_s=1.0, backoff_most_s=5.0)
    pauses = [watch.link._backoff() for _ in range(5)]
    assert pauses == [0.5, 1.0, 2.0, 2.5, 2.5]
    watch.link._rng = lambda: 1.0
    assert watch.link._backoff() == 5.0


async def test_close_during_backoff_closes(server: Server) -> None:
    pbx = Pbx()
    pbx.refuse = "Login"
    server.reply = pbx.reply
    async with running(server, up=False, backoff_refused_s=0.05) as watch:
        await until(lambda: watch.link.state is LinkState.REFUSED)
        await watch.link.close()
        count = len(server.peers)
        assert watch.link.state is LinkState.CLOSED
        await asyncio.sleep(0.1)
        assert len(server.peers) == count


@pytest.mark.parametrize("state", [LinkState.LOGGING_IN, LinkState.SNAPSHOT])
async def test_close_on_the_way_up_closes(server: Server, state: LinkState) -> None:
    server.reply = (lambda action, peer: None) if state is LinkState.LOGGING_IN else server.reply
    if state is LinkState.SNAPSHOT:
        pbx = Pbx()
        pbx.hold = asyncio.Event()
        server.reply = pbx.reply
    async with running(server, up=False) as watch:
        await until(lambda: watch.link.state is state)
        await asyncio.wait_for(watch.link.close(), 20)
        assert watch.link.state is LinkState.CLOSED
        await until(lambda: all(peer.writer.is_closing() for peer in server.peers))


async def test_close_before_run_means_never(server: Server) -> None:
    link = Watch(server).link
    await link.close()
    await link.run()
    assert server.peers == []


async def test_the_heartbeat_is_sent_while_the_service_lives(server: Server) -> None:
    lives = [True]
    async with running(server, heartbeat_s=0.02, alive=lambda: lives[0], clock=lambda: 1700000000.9) as watch:
        beats = lambda: [a for a in server.peers[1].got if a["Action"] == "Setvar"]  # noqa: E731
        await until(lambda: len(beats()) >= 3)
        assert beats()[0]["Variable"] == "SEATS_HEARTBEAT"
        assert beats()[0]["Value"] == "1700000000"
        lives[0] = False
        await asyncio.sleep(0.03)
        count = len(beats())
        await asyncio.sleep(0.1)
        assert len(beats()) == count
        assert watch.link.up


async def test_the_heartbeat_is_in_the_pbxs_own_time(server: Server) -> None:
    pbx = Pbx()
    pbx.epoch = "1700000100"
    server.reply = pbx.reply
    async with running(server, heartbeat_s=0.02, clock=lambda: 1700000000.9):
        beats = lambda: [a for a in server.peers[1].got if a["Action"] == "Setvar"]  # noqa: E731
        await until(lambda: len(beats()) >= 1)
        assert beats()[0]["Value"] == "1700000100"


async def test_after_an_absence_of_our_own_nothing_is_moved_before_a_new_picture(server: Server) -> None:
    async with running(server, heartbeat_s=0.05, backoff_s=0.01) as watch:
        await until(lambda: watch.link.stats.actions_sent > 2)
        watch.link._heart._heard_at -= 3.0  # as if the process had been stopped for so long
        late = watch.link.send(commands.hold("PJSIP/trunk-1"))
        with pytest.raises(LinkLostError, match="no heartbeat acknowledged for 3"):
            await late
        await until(lambda: len(watch.snapshots) == 2 and watch.link.up)
        assert (await watch.link.send(commands.hold("PJSIP/trunk-1"))).ok
        moved = [a for peer in server.peers for a in peer.got if a["Action"] == "Redirect"]
        assert len(moved) == 1, "what was refused is not sent later"


async def test_a_link_is_left_in_time_not_with_the_next_beat(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "STALE_AFTER", 0.05)
    async with running(server, heartbeat_s=60.0, backoff_s=0.01, up=False) as watch:
        await until(lambda: watch.link.stats.losses == 1)


async def test_a_ring_is_good_until_a_second_of_the_pbxs_clock(server: Server) -> None:
    pbx = Pbx()
    pbx.epoch = "1700000100"
    server.reply = pbx.reply
    async with running(server, heartbeat_s=0.02, clock=lambda: 1700000000.9) as watch:
        assert watch.link.good_until == 1700000100 + commands.RING_WITHIN
    async with running(server, heartbeat_s=0.0) as watch:
        assert watch.link.good_until == 0, "its clock is not known"


async def test_a_pbx_that_acknowledges_no_heartbeat_is_left(server: Server) -> None:
    pbx = Pbx()
    server.reply = lambda action, peer: None if action["Action"] == "Setvar" else pbx.reply(action, peer)
    async with running(server, heartbeat_s=0.05) as watch:
        watch.link._heart._heard_at -= 3.0
        await until(lambda: watch.link.stats.losses == 1)
        await until(lambda: watch.link.up)


async def test_a_link_that_brings_no_news_is_left_though_its_beats_are_acknowledged(server: Server) -> None:
    pbx, deaf = Pbx(), False

    def reply(action: dict[str, str], peer: Peer) -> None:
        if not (deaf and action["Action"] == "Ping" and peer is server.peers[0]):
            pbx.reply(action, peer)

    server.reply = reply
    async with running(server, heartbeat_s=0.05, ping_s=60.0) as watch:
        deaf = True
        watch.link._heart._listened_at -= 3.0  # as if it had been so for as long
        with pytest.raises(LinkLostError, match="no heartbeat acknowledged for 3"):
            await watch.link.send(commands.hold("PJSIP/trunk-1"))
        await until(lambda: len(watch.snapshots) == 2 and watch.link.up)


async def test_the_connection_that_brings_the_news_is_pinged_with_every_beat(server: Server) -> None:
    async with running(server, heartbeat_s=0.02, ping_s=60.0) as watch:
        began = watch.link._heart._listened_at
        await until(lambda: watch.link._heart._listened_at > began)
        assert any(a["Action"] == "Ping" for a in server.peers[0].got)


async def test_a_failing_receiver_kills_nothing(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    watch = Watch(server)
    link = Link(watch.link.node, fail, fail, fail)
    task = asyncio.create_task(link.run())
    await until(lambda: link.up)
    hangup(server, 1)
    await until(lambda: link.stats.events == 1)
    assert (await link.call(commands.ping())).ok
    await link.close()
    await task
    for what in ("events'", "state'", "snapshot'"):
        assert f"the {what} receiver failed" in caplog.text


async def test_a_pbx_that_boots_while_connected_is_pictured_again(server: Server) -> None:
    async with running(server) as watch:
        server.peers[0].say("Event: FullyBooted", "Status: Fully Booted")
        await until(lambda: len(watch.snapshots) == 2)
        assert BootedAgain("n") in watch.told


async def test_events_during_a_refresh_are_told_at_once_and_named_in_it(server: Server) -> None:
    pbx = Pbx()
    server.reply = pbx.reply
    async with running(server) as watch:
        pbx.hold = asyncio.Event()
        first = asyncio.create_task(watch.link.refresh())
        second = asyncio.create_task(watch.link.refresh())
        await asyncio.sleep(0.02)
        hangup(server, 1)
        await until(lambda: watch.causes == ["Snapshot", 1])
        pbx.hold.set()
        one, two = await asyncio.gather(first, second)
        assert watch.causes == ["Snapshot", 1, "Snapshot", "Snapshot"]
        assert [getattr(event, "uniqueid", "") for event in one.meanwhile] == ["1"]
        assert two.meanwhile == ()


async def test_a_picture_whose_review_outlives_the_link_is_given_up(server: Server) -> None:
    pbx = Pbx()
    server.reply = pbx.reply
    reviewing, go_on = asyncio.Event(), asyncio.Event()
    slow = False

    async def review(taken: Snapshot) -> Snapshot:
        if slow:
            reviewing.set()
            await go_on.wait()
        return taken

    async with running(server, review=review) as watch:
        slow = True
        refresh = asyncio.create_task(watch.link.refresh())
        await reviewing.wait()
        slow = False
        pbx.hold = asyncio.Event()
        server.peers[-1].writer.close()
        await until(lambda: watch.states.count(LinkState.SNAPSHOT) == 2)
        go_on.set()
        with pytest.raises(LinkLostError):
            await refresh
        pbx.hold.set()
        await until(lambda: watch.link.up)
        assert len(watch.snapshots) == 2


async def test_a_refresh_before_the_link_is_up_is_refused(server: Server) -> None:
    pbx = Pbx()
    pbx.hold = asyncio.Event()
    server.reply = pbx.reply
    async with running(server, up=False) as watch:
        await until(lambda: watch.link.state is LinkState.SNAPSHOT)
        hangup(server, 1)
        await asyncio.sleep(0.02)
        with pytest.raises(LinkLostError):
            await watch.link.refresh()
        pbx.hold.set()
        await until(lambda: watch.causes == ["Snapshot", 1])


async def test_a_refused_refresh_still_tells_the_events(server: Server) -> None:
    pbx = Pbx()
    server.reply = pbx.reply
    async with running(server) as watch:
        pbx.refuse = "CoreShowChannels"
        with pytest.raises(ActionRefusedError):
            await watch.link.refresh()
        hangup(server, 1)
        await until(lambda: watch.causes == ["Snapshot", 1])


async def test_lag_is_read_from_the_events_time(server: Server) -> None:
    async with running(server, clock=lambda: 1700000000.5, ping_s=0.01) as watch:
        await until(lambda: watch.link.lag > 0)
        assert watch.link.lag < 0.5
        for _ in range(64):
            server.peers[0].say("Event: Hangup", "Timestamp: 1700000000.25", "Uniqueid: 1", "Cause: 1")
        await until(lambda: len(watch.told) == 65)
        assert watch.link.lag == 0.25


async def test_news_that_comes_while_the_picture_is_looked_at_is_told_before_anything_is_done(
    server: Server,
) -> None:
    """A PBX without a service goes on ringing seats from its fallback queue."""
    async with running(server, up=False) as watch:
        told = watch.told

        def state(state: LinkState, reason: str) -> None:
            told.append(state)

        def look(taken: Snapshot) -> None:
            told.append(taken)
            server.peers[0].say("Event: Hangup", "Uniqueid: 9", "Cause: 16", "Cause-txt: x")

        watch.link._on_state, watch.link._on_snapshot = state, look
        await until(lambda: HungUp in map(type, told) and LinkState.UP in told)
        assert told.index(LinkState.UP) > [type(each) for each in told].index(HungUp)
