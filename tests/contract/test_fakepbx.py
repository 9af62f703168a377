"""The fake PBX tells the same stories as the recordings of the real one."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from functools import cache

import pytest

from telephony import commands
from telephony.codec import parse
from telephony.events import DialEnded, Dialing, FellBack, Held, OfferReturned
from telephony.fakepbx import Behaviour, FakePbx
from telephony.link import Link, LinkState, NodeSettings, Snapshot
from telephony.session import Login, Session
from telephony.translate import RawTranslator
from tests.contract.pbx_stories import STORIES, Stage, listen, threads
from tests.contract.record import RECORDINGS, SEATS, Tapped
from tests.contract.test_translate_recordings import EXPECTED, calls_only
from tests.contract.virtual_time import run


class FakeHands:
    """Callers and agents of the fake."""

    def __init__(self, pbx: FakePbx) -> None:
        self.pbx = pbx

    async def call(self, patience: float, talk: float) -> None:
        self.pbx.arrive(patience=patience or None, talk=talk or None)

    async def come(self, address: str, does: str, after: float, talk: float) -> None:
        seat = self.pbx.seats[address]
        seat.behaves = lambda offer: Behaviour(does, after, talk or None)
        self.pbx.register(address)

    async def leave(self, address: str) -> None:
        self.pbx.register(address, registered=False)


@pytest.fixture
async def pbx() -> AsyncIterator[FakePbx]:
    async with FakePbx(heartbeat=False) as made:
        for address in SEATS:
            made.add_seat(address, registered=False)
        yield made


async def play(name: str) -> bytes:
    async with FakePbx(heartbeat=False) as pbx:
        for address in SEATS:
            pbx.add_seat(address, registered=False)
        login = Login("127.0.0.1", pbx.port, "seats", "secret")
        actions = Session(login, events=False)
        await actions.connect()
        stage = Stage(actions, FakeHands(pbx))
        session = Tapped(login, decode=RawTranslator("n"), on_events=stage.hear)
        await session.connect()
        session.tap = stream = bytearray()
        await STORIES[name](stage)
        await asyncio.sleep(0.05)
        await session.close()
        await actions.close()
    return bytes(stream)


@cache
def played(name: str) -> bytes:
    return run(asyncio.wait_for(play(name), 60.0))


def recorded(name: str) -> bytes:
    return (RECORDINGS / f"{name}.ami").read_bytes()


def shape(raw: bytes) -> tuple[str, ...]:
    """Give an event's name and its headers' names in order."""
    message = parse(raw)
    return (str(message["Event"]), str(message.get("UserEvent")), *message)


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_fake_tells_the_same_story_as_the_real_one(name: str) -> None:
    assert calls_only(threads(listen(played(name)).events)) == EXPECTED[name]
    assert calls_only(threads(listen(recorded(name)).events)) == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_fakes_events_have_the_real_ones_headers(name: str) -> None:
    fake, real = listen(played(name)).raw, listen(recorded(name)).raw
    assert set(map(shape, fake)) - set(map(shape, real)) == set()


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_fake_sends_as_many_events_of_each_name_wanted_or_not(name: str) -> None:
    fake, real = (Counter(re.findall(rb"Event: (\w+)", stream)) for stream in (played(name), recorded(name)))
    # How often a device's state is told depends on what is still under way when the story begins and ends.
    for counts in (fake, real):
        del counts[b"DeviceStateChange"], counts[b"PeerStatus"], counts[b"ContactStatus"]
    assert fake == real


@pytest.mark.parametrize("name", ["whole_call", "agent_hangs_up"])
def test_the_fakes_seat_states_are_the_real_ones(name: str) -> None:
    fake, real = threads(listen(played(name)).events), threads(listen(recorded(name)).events)
    for address in ("web001", "web002"):
        reachable = [state for state in real.get(address, []) if state[2]]
        assert [state for state in fake.get(address, []) if state[2]] == reachable


def test_a_story_can_run_on_virtual_time() -> None:
    async def an_hour_later() -> bytes:
        await asyncio.sleep(3600)
        return await play("withdrawn")

    assert run(an_hour_later())


def settings(pbx: FakePbx, **options: float) -> NodeSettings:
    return NodeSettings("n", "127.0.0.1", pbx.port, "seats", "secret", backoff_s=0.01, **options)


class Up:
    """A link to the fake, up."""

    def __init__(self, pbx: FakePbx, **options: float) -> None:
        self.told: list[object] = []
        self.snapshots: list[Snapshot] = []
        self.states: list[LinkState] = []
        self.link = Link(
            settings(pbx, **options),
            self.told.extend,
            lambda state, reason: self.states.append(state),
            self.snapshots.append,
        )

    async def __aenter__(self) -> Up:
        self.task = asyncio.create_task(self.link.run())
        await self.wait(lambda: self.link.up)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.close()
        await self.task

    def made(self) -> list[str]:
        """Requests told of, in order; those told twice stand twice."""
        return [event.request for event in self.told if hasattr(event, "did")]

    async def wait(self, condition: object, within: float = 20.0) -> None:
        assert callable(condition)
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110  # any condition
                await asyncio.sleep(0.005)


async def test_a_link_sees_channels_seats_and_records(pbx: FakePbx) -> None:
    pbx.register("web001")
    caller = pbx.arrive()
    async with Up(pbx) as up:
        (taken,) = up.snapshots
        assert [(c.uniqueid, c.context) for c in taken.channels] == [(caller.request, "seats-hold")]
        assert taken.seats == {"web001": True, "web002": False, "web003": False}
        assert taken.requests[caller.request].startswith("v1|")
        reply = await up.link.call(commands.device_state("web001"))
        assert reply.headers["Value"] == "NOT_INUSE"


async def test_a_settled_record_can_be_forgotten(pbx: FakePbx) -> None:
    async with Up(pbx) as up:
        caller = pbx.arrive()
        await up.wait(lambda: bool(up.told))
        pbx.caller_hangs_up(caller)
        assert (await up.link.refresh()).requests[caller.request].count("|") > 4
        await up.link.call(commands.db_delete(f"seats/{caller.request}"))
        assert (await up.link.refresh()).requests == {}


async def test_a_mobile_is_rung_through_its_trunk(pbx: FakePbx) -> None:
    pbx.add_seat("13900139000", Behaviour("answer", 0.01))
    async with Up(pbx) as up:
        assert "13900139000" not in up.snapshots[0].seats
        caller = pbx.arrive()
        await up.link.call(commands.ring(caller.channel.name, "a", 5, "m", "13900139000"))
        await up.wait(lambda: any(isinstance(event, DialEnded) for event in up.told))
        (dialing,) = [event for event in up.told if isinstance(event, Dialing)]
        assert dialing.dest_channel.startswith("PJSIP/lab_mobile-")


async def test_a_holding_caller_hears_what_the_service_has_told(pbx: FakePbx) -> None:
    pbx.add_seat("web001", lambda offer: Behaviour("ignore", 0.0, None))
    caller = pbx.arrive()
    async with Up(pbx) as up:
        assert (await up.link.call(commands.tell(caller.channel.name, 3, 2))).ok
        await up.link.call(commands.ring(caller.channel.name, "o1", 20, "s", "web001"))
        await up.wait(lambda: caller.hears == "ringing")
        assert (await up.link.call(commands.tell(caller.channel.name, 1, 0))).ok
        assert caller.heard == ["3-2"], "nothing is said into the ringing"


async def test_a_ring_that_comes_after_its_time_rings_nobody(pbx: FakePbx) -> None:
    seat = pbx.add_seat("web001", Behaviour("answer", 0.01))
    caller = pbx.arrive()
    async with Up(pbx) as up:
        late = commands.ring(caller.channel.name, "a", 5, "s", "web001", int(pbx.clock()) - 1)
        await up.link.call(late)
        await up.wait(lambda: any(isinstance(event, OfferReturned) for event in up.told))
        (back,) = [event for event in up.told if isinstance(event, OfferReturned)]
        assert (back.offer, back.status, seat.rings) == ("a", "LATE", 0)
        assert caller.hears == "music"
        await up.link.call(commands.ring(caller.channel.name, "b", 5, "s", "web001", up.link.good_until))
        await up.wait(lambda: caller.hears == "agent")


async def test_calls_go_on_while_the_link_is_cut(pbx: FakePbx) -> None:
    pbx.seats["web001"].behaves = lambda offer: Behaviour("answer", 0.05)
    pbx.register("web001")
    async with Up(pbx) as up:
        caller = pbx.arrive()
        await up.link.send(commands.ring(caller.channel.name, "a", 5, "s", "web001"))
        pbx.drop()
        await up.wait(lambda: up.link.stats.connects == 2 and caller.answered_at)
        assert caller.hears == "agent"
        await up.link.refresh()
        assert {c.bridge for c in up.snapshots[-1].channels} == {caller.channel.bridge}


async def test_a_half_open_link_is_noticed_and_mended(pbx: FakePbx) -> None:
    async with Up(pbx, ping_s=0.02, ping_within_s=0.05, connect_s=0.1) as up:
        pbx.faults.deaf = True
        await up.wait(lambda: not up.link.up)
        pbx.faults.deaf = False
        await up.wait(lambda: up.link.stats.connects == 2)


async def test_pieces_of_bytes_change_nothing(pbx: FakePbx) -> None:
    async with Up(pbx) as up:
        pbx.faults.pieces = 7
        callers = [pbx.arrive(cli=f"1380013{n:04}") for n in range(20)]
        await up.wait(lambda: len(up.made()) == 20)
        assert up.made() == [caller.request for caller in callers]


async def test_duplicates_and_disorder_can_be_had(pbx: FakePbx) -> None:
    async with Up(pbx) as up:
        pbx.faults.duplicate = pbx.faults.reorder = 0.5
        callers = [pbx.arrive() for _ in range(30)]
        order = [caller.request for caller in callers]
        await up.wait(lambda: set(up.made()) == set(order))
        assert up.made() != order
        assert len(up.told) > len(order)


async def test_a_silent_service_sends_callers_to_the_fallback_and_back() -> None:
    now = [1_700_000_000.0]
    async with FakePbx(clock=lambda: now[0]) as pbx, Up(pbx, heartbeat_s=0) as up:
        await up.link.call(commands.set_global("SEATS_HEARTBEAT", str(int(now[0]))))
        caller = pbx.arrive()
        assert caller.channel.context == "seats-hold"
        now[0] += 5
        await up.wait(lambda: caller.fallen_back)
        assert caller.channel.context == "seats-fallback"
        await up.link.call(commands.set_global("SEATS_HEARTBEAT", str(int(now[0]))))
        await up.wait(lambda: Held("n", caller.request, False) in up.told)
        assert FellBack("n", caller.request) in up.told
        assert caller.channel.context == "seats-hold"


async def test_what_the_real_one_refuses_the_fake_refuses(pbx: FakePbx) -> None:
    async with Up(pbx) as up:
        for action in (
            commands.ring("PJSIP/nobody-1", "a", 5, "s", "web001"),
            commands.hangup("PJSIP/nobody-1"),
            commands.tell("PJSIP/nobody-1", 1, 0),
            {"Action": "Nonsense"},
        ):
            assert not (await up.link.send(action)).ok


async def test_a_wrong_secret_is_refused(pbx: FakePbx) -> None:
    pbx.ami.secret = "another"
    link = Link(settings(pbx), lambda told: None)
    task = asyncio.create_task(link.run())
    async with asyncio.timeout(20):
        while link.state is not LinkState.REFUSED:  # noqa: ASYNC110  # no event of its own
            await asyncio.sleep(0.005)
    await link.close()
    await task
