"""Whole calls, told once and played on any PBX that speaks AMI: the lab's real one, or the fake.

A story acts through a ``Stage``: the PBX's own AMI, and hands for the callers and agents around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from telephony import commands, events
from telephony.codec import Codec
from telephony.events import PbxEvent
from telephony.session import Session
from telephony.translate import WANTED, RawTranslator

E = TypeVar("E")


class Hands(Protocol):
    """What people do: callers call, agents come to their phones and leave."""

    async def call(self, patience: float, talk: float) -> None:
        """Place a call; gives up unanswered after ``patience``, hangs up after ``talk`` seconds; 0: never."""

    async def come(self, address: str, does: str, after: float, talk: float) -> None:
        """Register a seat that will ``answer`` (``after``, for ``talk`` seconds), ``ignore``, be ``busy``."""

    async def leave(self, address: str) -> None:
        """Unregister a seat."""


class Stage:
    """One story's view: what the PBX told since the story began, and the means to act on it."""

    def __init__(self, session: Session, hands: Hands) -> None:
        self.session, self.hands = session, hands
        self.told: list[PbxEvent] = []
        self._news = asyncio.Event()

    def hear(self, told: list[PbxEvent]) -> None:
        self.told.extend(told)
        self._news.set()

    async def until(self, kind: type[E], within: float = 20.0, **fields: object) -> E:
        """Give the first event of a kind with these fields, when it has come."""
        async with asyncio.timeout(within):
            while True:
                for event in self.told:
                    if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items()):
                        return event
                self._news.clear()
                await self._news.wait()

    async def arrive(self, *, patience: float = 0.0, talk: float = 0.0) -> events.RequestMade:
        await self.hands.call(patience, talk)
        made = await self.until(events.RequestMade)
        await asyncio.sleep(0.3)
        return made

    async def act(self, action: commands.Action) -> None:
        await self.session.call(action)

    async def gone(self, made: events.RequestMade) -> None:
        await self.until(events.HungUp, uniqueid=made.uniqueid)


async def whole_call(stage: Stage) -> None:
    """Arrive, hold, ring, no answer, hold, the next agent answers, talk; the caller hangs up."""
    await stage.hands.come("web001", "ignore", 0, 0)
    await stage.hands.come("web002", "answer", 0.3, 0)
    made = await stage.arrive(talk=0.8)
    await stage.act(commands.ring(made.channel, "a1", 1, "s", "web001"))
    await stage.until(events.OfferReturned, offer="a1")
    await asyncio.sleep(0.3)
    await stage.act(commands.ring(made.channel, "a2", 5, "s", "web002"))
    await stage.gone(made)


async def abandon_waiting(stage: Stage) -> None:
    """The caller gives up while holding."""
    await stage.gone(await stage.arrive(patience=0.8))


async def abandon_ringing(stage: Stage) -> None:
    """The caller gives up while a seat rings."""
    await stage.hands.come("web001", "ignore", 0, 0)
    made = await stage.arrive(patience=1.2)
    await stage.act(commands.ring(made.channel, "b1", 9, "s", "web001"))
    await stage.gone(made)


async def agent_hangs_up(stage: Stage) -> None:
    """Answered at once; the agent ends the talk."""
    await stage.hands.come("web001", "answer", 0.2, 0.8)
    made = await stage.arrive()
    await stage.act(commands.ring(made.channel, "c1", 5, "s", "web001"))
    await stage.gone(made)


async def ended_by_us(stage: Stage) -> None:
    """We hang the agent's leg up in the middle of the talk."""
    await stage.hands.come("web001", "answer", 0.2, 0)
    made = await stage.arrive()
    await stage.act(commands.ring(made.channel, "d1", 5, "s", "web001"))
    leg = await stage.until(events.Dialing)
    await stage.until(events.Bridged, uniqueid=made.uniqueid)
    await asyncio.sleep(0.3)
    await stage.act(commands.hangup(leg.dest_channel))
    await stage.gone(made)


async def withdrawn(stage: Stage) -> None:
    """A ringing offer is withdrawn; then the caller is let go."""
    await stage.hands.come("web001", "ignore", 0, 0)
    made = await stage.arrive()
    await stage.act(commands.ring(made.channel, "e1", 9, "s", "web001"))
    await stage.until(events.Ringing, offer="e1")
    await asyncio.sleep(0.3)
    await stage.act(commands.hold(made.channel))
    leg = await stage.until(events.Dialing)
    await stage.until(events.HungUp, uniqueid=leg.dest_uniqueid)
    await asyncio.sleep(0.3)
    await stage.act(commands.goodbye(made.channel, "timeout"))
    await stage.gone(made)


async def busy_and_away(stage: Stage) -> None:
    """One seat is busy, another is not registered; then the caller is let go."""
    await stage.hands.come("web001", "busy", 0, 0)
    await stage.hands.come("web002", "ignore", 0, 0)
    await stage.hands.leave("web002")
    made = await stage.arrive()
    await stage.act(commands.ring(made.channel, "f1", 9, "s", "web001"))
    await stage.until(events.OfferReturned, offer="f1")
    await asyncio.sleep(0.3)
    await stage.act(commands.ring(made.channel, "f2", 9, "s", "web002"))
    await stage.until(events.OfferReturned, offer="f2")
    await asyncio.sleep(0.3)
    await stage.act(commands.goodbye(made.channel, "no_seat"))
    await stage.gone(made)


async def registrations(stage: Stage) -> None:
    """A seat comes, leaves, and comes again."""
    await stage.hands.come("web003", "ignore", 0, 0)
    await stage.until(events.SeatState, address="web003", reachable=True)
    await stage.hands.leave("web003")
    await stage.until(events.SeatState, address="web003", reachable=False)
    count = len(stage.told)
    await stage.hands.come("web003", "ignore", 0, 0)
    async with asyncio.timeout(20):
        while len(stage.told) == count:  # noqa: ASYNC110  # the same event as the first: only its place tells
            await asyncio.sleep(0.02)


STORIES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    story.__name__: story
    for story in (
        whole_call,
        abandon_waiting,
        abandon_ringing,
        agent_hangs_up,
        ended_by_us,
        withdrawn,
        busy_and_away,
        registrations,
    )
}


class Heard(NamedTuple):
    """What one story sounded like on the events connection: the bytes, cut into wanted events."""

    raw: list[bytes]
    events: list[PbxEvent]


def listen(stream: bytes) -> Heard:
    """Read a recorded stream."""
    raw: list[bytes] = []
    codec = Codec(WANTED, raw.append)
    codec.greeting = "recorded after the greeting"
    codec.feed(stream)
    read = RawTranslator("n")
    told = [event for part in raw if (event := read(part)) is not None]
    return Heard(raw, told)


def threads(told: list[PbxEvent]) -> dict[str, list[tuple[Any, ...]]]:
    """Sort events by whose they are, ids replaced by ``caller``, ``leg1``, …

    Asterisk promises order within a channel, not between channels: so stories are compared per channel.
    """
    names: dict[str, str] = {}
    found: dict[str, list[tuple[Any, ...]]] = {}
    for event in told:
        if isinstance(event, events.RequestMade):
            names |= {event.uniqueid: "caller", event.channel: "caller"}
        elif isinstance(event, events.Dialing):
            leg = f"leg{sum(name.startswith('leg') for name in set(names.values())) + 1}"
            names |= {event.dest_uniqueid: leg, event.dest_channel: leg}
        thread = found.setdefault(_whose(event, names), [])
        plain = _plain(event, names)
        if not thread or thread[-1] != plain:
            thread.append(plain)
    found.pop("lab_trunk", None)
    found.pop("the PBX's", None)
    return found


def _whose(event: PbxEvent, names: dict[str, str]) -> str:
    if isinstance(event, events.SeatState):
        return event.address
    for part in ("dest_uniqueid", "uniqueid", "request"):
        if hasattr(event, part):
            return names.get(getattr(event, part), "?")
    return "the PBX's"


def _plain(event: PbxEvent, names: dict[str, str]) -> tuple[Any, ...]:
    values = event._asdict()
    for gone in ("node", "bridge", "arrived", "cause_text"):
        values.pop(gone, None)
    return (type(event).__name__, *(names.get(value, value) for value in values.values()))
