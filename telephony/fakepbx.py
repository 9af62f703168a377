"""A PBX for tests: speaks AMI over TCP and plays callers, seats, ringing and talk.

Held to recordings of the real one (tests/contract): the same events, in the same order per channel, with
the headers that ``translate`` reads. All waiting is done by ``loop.call_later``, all time by ``clock``.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from telephony.fakeami import Action, AmiServer, Connection, Pairs

_STATES = {"0": "Down", "4": "Ring", "5": "Ringing", "6": "Up"}
_CAUSES = {
    0: "Unknown",
    3: "No route to destination",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
    44: "Requested channel not available",
    127: "Interworking, unspecified",
}
_SIP = {17: "486", 19: "480", 21: "603", 127: "487"}
"""Causes with which the PBX also tells the SIP status, as ``TechCause``."""
_DEAD = frozenset({18, 20, 27, 38, 41, 44, 102})
"""Causes of an agent's leg after which the dialplan keeps the caller."""
_GOODBYES = {"timeout": 19, "no_seat": 17, "closed": 21, "callback": 19}
_TRUNK = "lab_trunk"
_MOBILE_TRUNK = "lab_mobile"
_UNKNOWN = "<unknown>"
_CLICK = 0.001
"""Seconds between two steps of the PBX."""


class Behaviour(NamedTuple):
    """What a seat does when rung: ``does`` is ``answer``, ``ignore`` or ``busy``; times in seconds.

    ``talk`` None leaves the hanging up to the caller; ``dies`` is when the leg breaks down in the talk.
    """

    does: str = "answer"
    after: float = 0.02
    talk: float | None = None
    dies: float | None = None


_ANSWERS = Behaviour()


@dataclass(slots=True)
class Seat:
    """A seat's device; ``behaves`` is asked with the offer's id at each ring.

    An address of digits is a mobile: rung through the trunk ``lab_mobile``, without a state of its own.
    """

    address: str
    behaves: Callable[[str], Behaviour]
    registered: bool = True
    state: str = "NOT_INUSE"
    rings: int = 0

    @property
    def mobile(self) -> bool:
        """Tell whether this is a mobile."""
        return self.address.lstrip("+").isdigit()


@dataclass(slots=True, eq=False)
class Channel:
    """One channel of the fake."""

    name: str
    uniqueid: str
    linkedid: str
    context: str
    exten: str
    state: str
    number: str = _UNKNOWN
    connected: str = _UNKNOWN
    connected_name: str = _UNKNOWN
    bridge: str = ""
    application: str = ""
    began: float = 0.0

    def headers(self, prefix: str = "") -> Pairs:
        """Give the headers that every event of a channel carries, in Asterisk's order."""
        return [
            (f"{prefix}Channel", self.name),
            (f"{prefix}ChannelState", self.state),
            (f"{prefix}ChannelStateDesc", _STATES[self.state]),
            (f"{prefix}CallerIDNum", self.number),
            (f"{prefix}CallerIDName", _UNKNOWN),
            (f"{prefix}ConnectedLineNum", self.connected),
            (f"{prefix}ConnectedLineName", self.connected_name),
            (f"{prefix}Language", "en"),
            (f"{prefix}AccountCode", ""),
            (f"{prefix}Context", self.context),
            (f"{prefix}Exten", self.exten),
            (f"{prefix}Priority", "1"),
            (f"{prefix}Uniqueid", self.uniqueid),
            (f"{prefix}Linkedid", self.linkedid),
        ]


@dataclass(slots=True, eq=False)
class Caller:
    """A caller and what became of them; times are the clock's, None until it happened."""

    channel: Channel
    request: str
    did: str
    cli: str
    arrived_at: float
    talk: float | None
    by: str = ""
    """The last offer that was answered and its seat, as the record tells."""
    hears: str = "music"
    """``music``, ``ringing``, ``agent``, ``goodbye``; ``''`` once gone: never silence before."""
    heard: list[str] = field(default_factory=list)
    """What was told about the place in line and the wait, ``<place>-<minutes>``."""
    offer: str = ""
    leg: Channel | None = None
    seat: Seat | None = None
    answered_at: float | None = None
    """When the first agent answered."""
    talks_since: float | None = None
    talked: float = 0.0
    """Seconds of talk that are over."""
    ended_at: float | None = None
    ended_by: str = ""
    fallen_back: bool = False
    offers: list[str] = field(default_factory=list)
    rescues: int = 0
    winners: list[str] = field(default_factory=list)
    """Addresses of the seats that answered."""
    waits: set[asyncio.TimerHandle] = field(default_factory=set)


class FakePbx:
    """A PBX with seats and callers; ``async with`` it, then point a ``Link`` at ``port``.

    ``clock`` gives Unix seconds. ``heartbeat`` False never falls back, whatever the service does.
    """

    def __init__(
        self,
        *,
        username: str = "seats",
        secret: str = "secret",  # noqa: S107  # a fake one
        clock: Callable[[], float] = time.time,
        heartbeat: bool = True,
        seed: int = 0,
    ) -> None:
        self.ami = AmiServer(username, secret, self._act, seed)
        self.faults = self.ami.faults
        self.clock = clock
        self.heartbeat = heartbeat
        self.version = "22.0.0"
        self.pack = True
        """The dialplan pack and its queue are there."""
        self.globals: dict[str, str] = {}
        self.records: dict[str, str] = {}
        self.members: dict[str, bool] = {}
        """Fallback queue: interface → paused."""
        self.seats: dict[str, Seat] = {}
        self.callers: dict[str, Caller] = {}
        """By request, also those that are gone."""
        self.actions: list[Action] = []
        self._live: dict[str, Caller] = {}
        self._ids = itertools.count()
        self._names = itertools.count()

    @property
    def port(self) -> int:
        """Give the AMI port."""
        return self.ami.port

    async def __aenter__(self) -> FakePbx:
        """Listen."""
        await self.ami.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        await self.close()

    async def close(self) -> None:
        """End all connections and all that was to come."""
        for caller in self.callers.values():
            self._stop_waiting(caller)
        await self.ami.close()

    # the world ---------------------------------------------------------------------------------

    def add_seat(
        self,
        address: str,
        behaves: Behaviour | Callable[[str], Behaviour] = _ANSWERS,
        *,
        registered: bool = True,
    ) -> Seat:
        """Add a seat's device, registered unless told otherwise."""
        ask = behaves if callable(behaves) else lambda offer, fixed=behaves: fixed
        seat = self.seats[address] = Seat(address, ask, registered=False, state="UNAVAILABLE")
        if registered:
            self.register(address)
        return seat

    def register(self, address: str, registered: bool = True) -> None:
        """Let a seat's registration come or go."""
        seat = self.seats[address]
        if seat.registered == registered:
            return
        seat.registered = registered
        if seat.mobile:
            return
        status = "Reachable" if registered else "Unreachable"
        peer = [("ChannelType", "PJSIP"), ("Peer", f"PJSIP/{address}"), ("PeerStatus", status)]
        self.ami.event("PeerStatus", "system,all", peer)
        self._device(seat, "NOT_INUSE" if registered else "UNAVAILABLE")
        contact = [
            ("URI", f"sip:{address}@127.0.0.1"),
            ("ContactStatus", "NonQualified" if registered else "Removed"),
            ("AOR", address),
            ("EndpointName", address),
            ("RoundtripUsec", "0"),
        ]
        self.ami.event("ContactStatus", "system,all", contact)

    def arrive(
        self,
        did: str = "95500",
        cli: str = "13800138000",
        *,
        choice: str = "",
        trunk: str = "",
        patience: float | None = None,
        talk: float | None = None,
    ) -> Caller:
        """Let a caller ask for a human, who gives up after ``patience``, hangs up after ``talk`` seconds."""
        channel = self._channel(_TRUNK, "", "seats-inbound", did, "4")
        channel.number = cli
        arrived = self.clock()
        caller = Caller(channel, channel.uniqueid, did, cli, arrived, talk)
        first = not self._live
        self.callers[caller.request] = self._live[channel.name] = caller
        self.records[caller.request] = f"v1|{arrived:.3f}|{did}|{cli}|{channel.name}"
        self._event("Newchannel", channel.headers())
        channel.context, channel.exten = "seats-ask", "s"
        asked = [
            ("Did", did),
            ("Cli", cli),
            ("Arrived", f"{arrived:.3f}"),
            ("Choice", choice),
            ("Trunk", trunk),
        ]
        self._user(caller, "SeatsRequest", asked)
        if first:
            self._event("DeviceStateChange", [("Device", f"PJSIP/{_TRUNK}"), ("State", "INUSE")])
        if patience is not None:
            asyncio.get_running_loop().call_later(patience, self._lose_patience, caller)
        self._hold(caller)
        return caller

    def caller_hangs_up(self, caller: Caller) -> None:
        """Let the caller hang up, whatever they hear."""
        if caller.ended_at is None:
            cause = 16 if caller.answered_at is not None else 127
            self._event("HangupRequest", [*caller.channel.headers(), ("Cause", str(cause)), *_sip(cause)])
            self._end(caller, cause, "caller")

    def agent_hangs_up(self, caller: Caller) -> None:
        """Let the agent who talks with this caller hang up."""
        if caller.leg is not None and caller.leg.bridge:
            self._event("HangupRequest", [*caller.leg.headers(), ("Cause", "16")])
            self._talk_ends(caller, 16, "agent")

    def seat_dies(self, caller: Caller, cause: int = 44) -> None:
        """Let the leg of the agent who talks with this caller break down; the caller holds again."""
        leg, seat = caller.leg, caller.seat
        if leg is None or seat is None or not leg.bridge:
            return
        if caller.offer.startswith("fallback"):
            self._talk_ends(caller, cause, "seat")
            return
        caller.rescues += 1
        self._stop_waiting(caller)
        self._unbridge(caller, (leg, caller.channel))
        self._leg_gone(leg, seat, cause)
        self._no_leg(caller)
        self._user(caller, "SeatsRescue", [])
        self._hold(caller)

    def drop(self) -> None:
        """Cut all AMI connections; the calls go on."""
        self.ami.drop()

    async def crash(self) -> list[Caller]:
        """End at once: calls and globals are lost without a word; give the callers who were cut off."""
        await self.ami.close()
        lost = list(self._live.values())
        for caller in lost:
            self._stop_waiting(caller)
            self._stop_talking(caller)
            self._no_leg(caller)
            caller.ended_at, caller.ended_by, caller.hears = self.clock(), "crash", ""
        self._live.clear()
        self.globals.clear()
        for seat in self.seats.values():
            seat.state = "NOT_INUSE" if seat.registered else "UNAVAILABLE"
        return lost

    async def boot(self) -> None:
        """Start again at the same port, with the records, the registrations and the queue's members."""
        await self.ami.start(self.port)

    @property
    def waiting(self) -> list[Caller]:
        """Give the callers who hold."""
        return [caller for caller in self._live.values() if caller.hears == "music"]

    # the dialplan ------------------------------------------------------------------------------

    def _hold(self, caller: Caller) -> None:
        self._stand(caller, "seats-hold", "s", "Wait")
        caller.hears = "music"
        self._check_heartbeat(caller)

    def _check_heartbeat(self, caller: Caller) -> None:
        alive = not self.heartbeat or self._heard()
        if caller.fallen_back and alive:
            caller.fallen_back = False
            self._user(caller, "SeatsHeld", [])
            self._stand(caller, "seats-hold", "s", "Wait")
        elif not caller.fallen_back and not alive:
            caller.fallen_back = True
            self._stand(caller, "seats-fallback", "s", "Queue")
            self._user(caller, "SeatsFallback", [])
        elif caller.fallen_back and self._ring_member(caller):
            return
        self._later(caller, 1.0, lambda: self._check_heartbeat(caller))

    def _ring_member(self, caller: Caller) -> bool:
        """Ring a free member of the fallback queue; False if there is none."""
        seat = next(filter(None, map(self._free_member, self.members)), None)
        if seat is None:
            return False
        caller.offer, caller.hears, caller.seat = "fallback", "ringing", seat
        leg = caller.leg = self._channel(seat.address, caller.channel.linkedid, "seats-none", "s", "0")
        self._event("Newchannel", leg.headers())
        self._dial(caller, leg, "DialBegin", [("DialString", seat.address)])
        seat.rings += 1
        behaviour = seat.behaves("fallback")
        if behaviour.does == "busy":
            self._later(caller, behaviour.after, lambda: self._member_lost(caller, leg, seat, "BUSY", 17))
        else:
            self._later(caller, _CLICK, lambda: self._ring(caller, leg, seat, behaviour, 15.0))
        return True

    def _free_member(self, interface: str) -> Seat | None:
        seat = self.seats.get(interface.removeprefix("PJSIP/"))
        if seat is None or self.members[interface] or seat.state != "NOT_INUSE" or self._engaged(seat):
            return None
        return seat

    def _member_lost(self, caller: Caller, leg: Channel, seat: Seat, status: str, cause: int) -> None:
        """The fallback queue's member did not answer: wait in the queue again."""
        self._dial(caller, leg, "DialEnd", [("DialStatus", status)])
        self._leg_gone(leg, seat, cause)
        self._no_leg(caller)
        self._stop_waiting(caller)
        caller.hears = "music"
        self._later(caller, 1.0, lambda: self._check_heartbeat(caller))

    def _engaged(self, seat: Seat) -> bool:
        """Tell whether a leg of the seat exists."""
        return any(caller.seat is seat and caller.leg for caller in self._live.values())

    def _heard(self) -> bool:
        beat = self.globals.get("SEATS_HEARTBEAT", "")
        return beat.isdigit() and int(self.clock()) - int(beat) <= 3

    def _connect(self, caller: Caller, exten: str) -> None:
        """Dial the seat, as the extension ``o-<offer>-<timeout>-<kind>-<address>[-<good until>]`` says."""
        self._stand(caller, "seats-connect", exten, "Dial")
        caller.fallen_back = False
        _, offer, timeout, _, address, good_until = (exten.split("-", 5) + [""] * 6)[:6]
        caller.offer, caller.hears = offer, "ringing"
        caller.offers.append(offer)
        if good_until and int(self.clock()) > int(good_until):
            self._later(caller, _CLICK, lambda: self._returned(caller, "LATE", 0))
            return
        seat = self.seats.get(address)
        engaged = seat is not None and self._engaged(seat)
        caller.seat = seat
        if seat is None or not seat.registered:
            self._later(caller, _CLICK, lambda: self._returned(caller, "CHANUNAVAIL", 3))
            return
        endpoint = _MOBILE_TRUNK if seat.mobile else address
        leg = caller.leg = self._channel(endpoint, caller.channel.linkedid, "seats-none", "s", "0")
        self._event("Newchannel", leg.headers())
        leg.exten = leg.number = exten
        leg.connected = leg.connected_name = f"{caller.cli[:3]}****{caller.cli[-4:]}"
        presentation = [("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")]
        self._event("NewCallerid", [*leg.headers(), *presentation])
        self._event("NewConnectedLine", leg.headers())
        leg.context, leg.exten = "seats-leg", "s"
        self._dial(
            caller, leg, "DialBegin", [("DialString", f"{address}@{endpoint}" if seat.mobile else address)]
        )
        leg.context, leg.exten = "seats-none", exten
        seat.rings += 1
        behaviour = Behaviour("busy") if engaged else seat.behaves(offer)
        if behaviour.does == "busy":
            self._later(caller, behaviour.after, lambda: self._busy(caller, leg))
            return
        self._later(caller, _CLICK, lambda: self._ring(caller, leg, seat, behaviour, float(timeout)))

    def _ring(self, caller: Caller, leg: Channel, seat: Seat, behaviour: Behaviour, timeout: float) -> None:
        leg.state = "5"
        self._event("Newstate", leg.headers())
        self._device(seat, "BUSY")
        self._dial(caller, leg, "DialState", [("DialStatus", "RINGING")])
        self._later(caller, timeout, lambda: self._no_answer(caller, leg, seat))
        if behaviour.does == "answer":
            self._later(caller, behaviour.after, lambda: self._answer(caller, leg, behaviour))

    def _answer(self, caller: Caller, leg: Channel, behaviour: Behaviour) -> None:
        self._stop_waiting(caller)
        leg.state, leg.exten = "6", ""
        self._event("Newstate", leg.headers())
        self._dial(caller, leg, "DialEnd", [("DialStatus", "ANSWER")])
        caller.channel.state = "6"
        self._event("Newstate", caller.channel.headers())
        bridge = str(uuid.UUID(int=self.ami.rng.getrandbits(128)))
        self._event("BridgeCreate", _bridge(bridge, 0))
        for count, channel in enumerate((leg, caller.channel), 1):
            channel.bridge = bridge
            self._event("BridgeEnter", [*_bridge(bridge, count), *channel.headers()])
        caller.hears, caller.talks_since = "agent", self.clock()
        caller.answered_at = caller.answered_at or caller.talks_since
        if caller.seat is not None:
            caller.winners.append(caller.seat.address)
            caller.by = f"{caller.offer}:PJSIP/{caller.seat.address}"
        record = self.records.get(caller.request, "v1||||").split("|")[:5]
        self.records[caller.request] = "|".join([*record, f"{int(self.clock())}", caller.by])
        if behaviour.dies is not None:
            self._later(caller, behaviour.dies, lambda: self.seat_dies(caller))
        if behaviour.talk is not None:
            self._later(caller, behaviour.talk, lambda: self.agent_hangs_up(caller))
        if caller.talk is not None:
            self._later(caller, caller.talk, lambda: self.caller_hangs_up(caller))

    def _no_answer(self, caller: Caller, leg: Channel, seat: Seat) -> None:
        if caller.fallen_back:
            self._member_lost(caller, leg, seat, "NOANSWER", 0)
            return
        self._dial(caller, leg, "DialEnd", [("DialStatus", "NOANSWER")])
        self._returned(caller, "NOANSWER", 0)
        self._leg_gone(leg, seat, 0)

    def _busy(self, caller: Caller, leg: Channel) -> None:
        self._event("HangupRequest", [*leg.headers(), ("Cause", "17"), *_sip(17)])
        self._dial(caller, leg, "DialEnd", [("DialStatus", "BUSY")])
        self._event("Hangup", [*leg.headers(), *_cause(17)])
        self._returned(caller, "BUSY", 17)

    def _returned(self, caller: Caller, status: str, cause: int) -> None:
        self._user(
            caller, "SeatsReturn", [("Offer", caller.offer), ("Status", status), ("Cause", str(cause))]
        )
        self._no_leg(caller)
        self._hold(caller)

    def _withdraw(self, caller: Caller, cause: int) -> None:
        """End the dialling or the talk of a caller who goes elsewhere."""
        leg, seat = caller.leg, caller.seat
        if leg is not None and seat is not None:
            if leg.bridge:
                self._unbridge(caller, (caller.channel, leg))
            else:
                self._dial(caller, leg, "DialEnd", [("DialStatus", "CANCEL")])
            self._leg_gone(leg, seat, cause)
        self._no_leg(caller)

    def _talk_ends(self, caller: Caller, cause: int, by: str) -> None:
        leg, seat = caller.leg, caller.seat
        assert leg is not None and seat is not None  # noqa: S101  # a bridged leg has a seat
        self._unbridge(caller, (leg, caller.channel))
        self._user(caller, "SeatsTalkEnd", [("Offer", caller.offer), ("Cause", str(cause))])
        self._event("SoftHangupRequest", [*caller.channel.headers(), ("Cause", "16")])
        self._leg_gone(leg, seat, cause)
        self._no_leg(caller)
        self._gone(caller, cause, by)

    def _goodbye(self, caller: Caller, outcome: str, context: str = "seats-goodbye") -> None:
        """Let a caller go; whatever the overflow would do is over as soon."""
        self._stand(caller, context, outcome, "Wait")
        caller.hears = "goodbye"
        self._later(caller, 2.0, lambda: self._let_go(caller, _GOODBYES[outcome]))

    def _let_go(self, caller: Caller, cause: int) -> None:
        self._event("SoftHangupRequest", [*caller.channel.headers(), ("Cause", "16")])
        self._gone(caller, cause, "system")

    def _end(self, caller: Caller, cause: int, by: str) -> None:
        """End a caller's call from their side."""
        self._stop_waiting(caller)
        self._withdraw(caller, cause)
        self._event("SoftHangupRequest", [*caller.channel.headers(), ("Cause", "16")])
        self._gone(caller, cause, by)

    def _gone(self, caller: Caller, cause: int, by: str) -> None:
        self._stop_waiting(caller)
        channel = caller.channel
        caller.ended_at, caller.ended_by, caller.hears = self.clock(), by, ""
        self._stop_talking(caller)
        record = "|".join(self.records.get(caller.request, "v1||||").split("|")[:5])
        ended = f"{caller.ended_at:.3f}|{cause}|{caller.talked:.3f}|{caller.by or caller.offer}"
        self.records[caller.request] = f"{record}|{ended}"
        place = channel.context, channel.exten
        channel.context, channel.exten = "seats-end", "s"
        self._user(caller, "SeatsEnd", [("Cause", str(cause))])
        channel.context, channel.exten = place
        del self._live[channel.name]
        self._event("Hangup", [*channel.headers(), *_cause(cause)])
        if not self._live:
            self._event("DeviceStateChange", [("Device", f"PJSIP/{_TRUNK}"), ("State", "UNAVAILABLE")])

    def _lose_patience(self, caller: Caller) -> None:
        if caller.answered_at is None:
            self.caller_hangs_up(caller)

    # parts -------------------------------------------------------------------------------------

    def _channel(self, endpoint: str, linkedid: str, context: str, exten: str, state: str) -> Channel:
        uniqueid = f"{int(self.clock())}.{next(self._ids)}"
        name = f"PJSIP/{endpoint}-{next(self._names):08x}"
        return Channel(name, uniqueid, linkedid or uniqueid, context, exten, state, began=self.clock())

    def _stand(self, caller: Caller, context: str, exten: str, application: str) -> None:
        self._stop_waiting(caller)
        channel = caller.channel
        channel.context, channel.exten, channel.application = context, exten, application

    def _stop_talking(self, caller: Caller) -> None:
        if caller.talks_since is not None:
            caller.talked += self.clock() - caller.talks_since
            caller.talks_since = None

    def _unbridge(self, caller: Caller, order: tuple[Channel, Channel]) -> None:
        self._stop_talking(caller)
        bridge = caller.channel.bridge
        for count, channel in ((1, order[0]), (0, order[1])):
            channel.bridge = ""
            self._event("BridgeLeave", [*_bridge(bridge, count), *channel.headers()])
        self._event("BridgeDestroy", _bridge(bridge, 0))

    def _leg_gone(self, leg: Channel, seat: Seat, cause: int) -> None:
        self._event("Hangup", [*leg.headers(), *_cause(cause)])
        self._device(seat, "NOT_INUSE" if seat.registered else "UNAVAILABLE")

    def _no_leg(self, caller: Caller) -> None:
        caller.leg = caller.seat = None

    def _device(self, seat: Seat, state: str) -> None:
        if seat.state != state:
            seat.state = state
            if seat.mobile:
                return
            self._event("DeviceStateChange", [("Device", f"PJSIP/{seat.address}"), ("State", state)])

    def _later(self, caller: Caller, delay: float, then: Callable[[], None]) -> None:
        caller.waits.add(asyncio.get_running_loop().call_later(delay, then))

    def _stop_waiting(self, caller: Caller) -> None:
        for handle in caller.waits:
            handle.cancel()
        caller.waits.clear()

    def _dial(self, caller: Caller, leg: Channel, event: str, more: Pairs) -> None:
        self._event(event, [*caller.channel.headers(), *leg.headers("Dest"), *more])

    def _user(self, caller: Caller, name: str, more: Pairs) -> None:
        headers = [*caller.channel.headers(), ("UserEvent", name), ("Request", caller.request), *more]
        self.ami.event("UserEvent", "user,all", headers)

    def _event(self, name: str, headers: Pairs) -> None:
        self.ami.event(name, "call,all", headers)

    # actions -----------------------------------------------------------------------------------

    def _act(self, connection: Connection, action: Action) -> None:
        self.actions.append(action)
        handler = _HANDLERS.get(action["action"].lower())
        if handler is None:
            connection.refuse(action, "Invalid/unknown command: Use Action: ListCommands")
        else:
            handler(self, connection, action)

    def _setvar(self, connection: Connection, action: Action) -> None:
        name = action["variable"]
        if name.startswith("DB_DELETE(seats/"):
            self.records.pop(name.removeprefix("DB_DELETE(seats/").rstrip(")"), None)
        elif "channel" not in action:
            self.globals[name] = action.get("value", "")
        elif (caller := self._live.get(action["channel"])) is None:
            connection.refuse(action, "No such channel")
            return
        elif name == "SEATS_TELL" and caller.hears == "music":
            caller.heard.append(action.get("value", ""))
        connection.reply(action, [("Message", "Variable Set")])

    def _getvar(self, connection: Connection, action: Action) -> None:
        name = action["variable"]
        value = str(int(self.clock())) if name == "EPOCH" else self.globals.get(name, "")
        if name.startswith("DEVICE_STATE(PJSIP/"):
            seat = self.seats.get(name.removeprefix("DEVICE_STATE(PJSIP/").rstrip(")"))
            value = seat.state if seat else "INVALID"
        connection.reply(action, [("Variable", name), ("Value", value)])

    def _redirect(self, connection: Connection, action: Action) -> None:
        caller = self._live.get(action.get("channel", ""))
        if caller is None:
            connection.refuse(action, f"Channel does not exist: {action.get('channel', '')}")
            return
        context, exten = action["context"], action["exten"]
        connection.reply(action, [("Message", "Redirect successful")])
        self._stop_waiting(caller)
        caller.channel.context, caller.channel.exten = context, exten
        self._withdraw(caller, 16)
        if context == "seats-connect":
            self._connect(caller, exten)
        elif context == "seats-overflow":
            self._goodbye(caller, "timeout", context)
        elif context == "seats-goodbye" and exten in _GOODBYES:
            self._goodbye(caller, exten)
        else:
            self._hold(caller)

    def _hangup(self, connection: Connection, action: Action) -> None:
        name, cause = action.get("channel", ""), int(action.get("cause", "16"))
        for caller in list(self._live.values()):
            if name == caller.channel.name:
                connection.reply(action, [("Message", "Channel Hungup")])
                self._end(caller, cause, "system")
                return
            if caller.leg is not None and name == caller.leg.name:
                connection.reply(action, [("Message", "Channel Hungup")])
                self._hang_leg_up(caller, caller.leg, cause)
                return
        connection.refuse(action, "No such channel")

    def _hang_leg_up(self, caller: Caller, leg: Channel, cause: int) -> None:
        if leg.bridge and cause in _DEAD:
            self.seat_dies(caller, cause)
        elif leg.bridge:
            self._talk_ends(caller, cause, "system")
        elif caller.seat is not None:
            self._stop_waiting(caller)
            self._dial(caller, leg, "DialEnd", [("DialStatus", "CHANUNAVAIL")])
            self._leg_gone(leg, caller.seat, cause)
            self._returned(caller, "CHANUNAVAIL", cause)

    def _show_channels(self, connection: Connection, action: Action) -> None:
        channels = [c for caller in self._live.values() for c in (caller.channel, caller.leg) if c]
        items = [[*channel.headers(), *self._shown(channel)] for channel in channels]
        connection.listing(action, "CoreShowChannel", items, "CoreShowChannelsComplete")

    def _shown(self, channel: Channel) -> Pairs:
        minutes, seconds = divmod(int(self.clock() - channel.began), 60)
        return [
            ("Application", channel.application or "AppDial"),
            ("ApplicationData", ""),
            ("Duration", f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"),
            ("BridgeId", channel.bridge),
        ]

    def _device_states(self, connection: Connection, action: Action) -> None:
        seats = [seat for seat in self.seats.values() if not seat.mobile]
        items = [[("Device", f"PJSIP/{seat.address}"), ("State", seat.state)] for seat in seats]
        connection.listing(action, "DeviceStateChange", items, "DeviceStateListComplete")

    def _db_tree(self, connection: Connection, action: Action) -> None:
        if not self.records:
            connection.refuse(action, "Database entry not found")
            return
        items = [[("Key", f"/seats/{key}"), ("Val", value)] for key, value in self.records.items()]
        connection.listing(action, "DBGetTreeResponse", items, "DBGetTreeComplete")

    def _core_settings(self, connection: Connection, action: Action) -> None:
        connection.reply(action, [("AsteriskVersion", self.version)])

    def _show_dialplan(self, connection: Connection, action: Action) -> None:
        if self.pack:
            connection.listing(action, "ListDialplan", [], "ShowDialPlanComplete")
        else:
            connection.refuse(action, f"Did not find context {action.get('context', '')}")

    def _queue_status(self, connection: Connection, action: Action) -> None:
        queue = action.get("queue", "")
        items = [
            [("Queue", queue), ("Name", name), ("Location", name), ("Paused", str(int(paused)))]
            for name, paused in self.members.items()
        ]
        if self.pack:
            items.insert(0, [("Event", "QueueParams"), ("Queue", queue)])
        connection.listing(action, "QueueMember", items, "QueueStatusComplete")

    def _member(self, connection: Connection, action: Action) -> None:
        interface, paused = action["interface"], action.get("paused") == "true"
        if action["action"].lower() == "queueremove":
            if self.members.pop(interface, None) is None:
                connection.refuse(action, "Unable to remove interface: Not there")
                return
        else:
            self.members[interface] = paused
        connection.reply(action, [("Message", "Done")])


_HANDLERS: dict[str, Callable[[FakePbx, Connection, Action], None]] = {
    "coresettings": FakePbx._core_settings,
    "showdialplan": FakePbx._show_dialplan,
    "setvar": FakePbx._setvar,
    "getvar": FakePbx._getvar,
    "redirect": FakePbx._redirect,
    "hangup": FakePbx._hangup,
    "coreshowchannels": FakePbx._show_channels,
    "devicestatelist": FakePbx._device_states,
    "dbgettree": FakePbx._db_tree,
    "queuestatus": FakePbx._queue_status,
    "queueadd": FakePbx._member,
    "queueremove": FakePbx._member,
    "queuepause": FakePbx._member,
}


def _bridge(bridge: str, count: int) -> Pairs:
    return [
        ("BridgeUniqueid", bridge),
        ("BridgeType", "basic"),
        ("BridgeTechnology", "simple_bridge"),
        ("BridgeCreator", _UNKNOWN),
        ("BridgeName", _UNKNOWN),
        ("BridgeNumChannels", str(count)),
        ("BridgeVideoSourceMode", "none"),
    ]


def _cause(cause: int) -> Pairs:
    return [("Cause", str(cause)), ("Cause-txt", _CAUSES.get(cause, "Unknown")), *_sip(cause)]


def _sip(cause: int) -> Pairs:
    return [("TechCause", _SIP[cause])] if cause in _SIP else []
