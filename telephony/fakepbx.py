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

from telephony.fakeactions import HANDLERS
from telephony.fakeami import Action, AmiServer, Connection, Pairs
from telephony.fakeastdb import AstDb
from telephony.fakeparts import (
    ANSWERS,
    CLICK,
    GOODBYES,
    MOBILE_TRUNK,
    TRUNK,
    Behaviour,
    Caller,
    Channel,
    Seat,
    bridge_headers,
    cause_headers,
    sip_headers,
)

BUILT_IN = {"ASTDBDIR": "/var/lib/asterisk/astdb"}
"""Variables that every PBX has."""
NOTED_AFTER = 0.01
"""Seconds after which a request is in the journal that a service with a fresh heartbeat had no ring for."""

__all__ = ["Behaviour", "Caller", "Channel", "FakePbx", "Seat"]


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
        self.lacks: set[str] = set()
        """Contexts that an older pack does not have."""
        self.globals: dict[str, str] = dict(BUILT_IN)
        self.records = AstDb(self.clock)
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
        behaves: Behaviour | Callable[[str], Behaviour] = ANSWERS,
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
        channel = self._channel(TRUNK, "", "seats-inbound", did, "4")
        channel.number = cli
        arrived = self.clock()
        caller = Caller(channel, channel.uniqueid, did, cli, arrived, talk)
        first = not self._live
        self.callers[caller.request] = self._live[channel.name] = caller
        record = f"v1|{arrived:.3f}|{did}|{cli}|{channel.name}"
        at_once = "SEATS_TURNED" not in self.globals or not self._heard(1)
        if "SEATS_TURNED" not in self.globals:
            self.globals["SEATS_TURNED"] = str(int(arrived))
            self.records.take_over()
        if at_once:
            self._note(caller, record)
        self.records.put(caller.request, record)
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
            self._event("DeviceStateChange", [("Device", f"PJSIP/{TRUNK}"), ("State", "INUSE")])
        if patience is not None:
            asyncio.get_running_loop().call_later(patience, self._lose_patience, caller)
        self._hold(caller)
        if not at_once:  # no ring waits for a file
            self._later(caller, NOTED_AFTER, lambda: self._note(caller, record))
        return caller

    def _note(self, caller: Caller, record: str) -> None:
        caller.noted = True
        self.records.note(caller.request, record)

    def caller_hangs_up(self, caller: Caller) -> None:
        """Let the caller hang up, whatever they hear."""
        if caller.ended_at is None:
            cause = 16 if caller.answered_at is not None else 127
            self._event(
                "HangupRequest", [*caller.channel.headers(), ("Cause", str(cause)), *sip_headers(cause)]
            )
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
        """End at once: calls, globals and what is not on the disk yet are lost without a word.

        Give the callers who were cut off.
        """
        await self.ami.close()
        lost = list(self._live.values())
        for caller in lost:
            self._stop_waiting(caller)
            self._stop_talking(caller)
            self._no_leg(caller)
            caller.ended_at, caller.ended_by, caller.hears = self.clock(), "crash", ""
        self._live.clear()
        self.globals = dict(BUILT_IN)
        self.records.crash()
        for seat in self.seats.values():
            seat.state = "NOT_INUSE" if seat.registered else "UNAVAILABLE"
        return lost

    async def boot(self) -> None:
        """Start again at the same port, with the records that reached the disk, registrations and members.

        The other records come with the first caller.
        """
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
            self._later(caller, CLICK, lambda: self._ring(caller, leg, seat, behaviour, 15.0))
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

    def _heard(self, within: int = 3) -> bool:
        beat = self.globals.get("SEATS_HEARTBEAT", "")
        return beat.isdigit() and int(self.clock()) - int(beat) <= within

    def _connect(self, caller: Caller, exten: str) -> None:
        """Dial the seat, as the extension ``o-<offer>-<timeout>-<kind>-<address>[-<good until>]`` says."""
        self._stand(caller, "seats-connect", exten, "Dial")
        caller.fallen_back = False
        _, offer, timeout, _, address, good_until = (exten.split("-", 5) + [""] * 6)[:6]
        caller.offer, caller.hears = offer, "ringing"
        caller.offers.append(offer)
        if good_until and int(self.clock()) > int(good_until):
            self._later(caller, CLICK, lambda: self._returned(caller, "LATE", 0))
            return
        seat = self.seats.get(address)
        engaged = seat is not None and self._engaged(seat)
        caller.seat = seat
        if seat is None or not seat.registered:
            self._later(caller, CLICK, lambda: self._returned(caller, "CHANUNAVAIL", 3))
            return
        endpoint = MOBILE_TRUNK if seat.mobile else address
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
        self._later(caller, CLICK, lambda: self._ring(caller, leg, seat, behaviour, float(timeout)))

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
        self._event("BridgeCreate", bridge_headers(bridge, 0))
        for count, channel in enumerate((leg, caller.channel), 1):
            channel.bridge = bridge
            self._event("BridgeEnter", [*bridge_headers(bridge, count), *channel.headers()])
        caller.hears, caller.talks_since = "agent", self.clock()
        caller.answered_at = caller.answered_at or caller.talks_since
        if caller.seat is not None:
            caller.winners.append(caller.seat.address)
            caller.by = f"{caller.offer}:PJSIP/{caller.seat.address}"
        answered = f"{int(self.clock())}|{caller.by}"
        self.records.put(caller.request, f"{self.records.opened(caller.request)}|{answered}")
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
        self._event("HangupRequest", [*leg.headers(), ("Cause", "17"), *sip_headers(17)])
        self._dial(caller, leg, "DialEnd", [("DialStatus", "BUSY")])
        self._event("Hangup", [*leg.headers(), *cause_headers(17)])
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
        self._later(caller, 2.0, lambda: self._let_go(caller, GOODBYES[outcome]))

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
        ended = f"{caller.ended_at:.3f}|{cause}|{caller.talked:.3f}|{caller.by or caller.offer}"
        self.records.put(caller.request, f"{self.records.opened(caller.request)}|{ended}")
        place = channel.context, channel.exten
        channel.context, channel.exten = "seats-end", "s"
        self._user(caller, "SeatsEnd", [("Cause", str(cause))])
        channel.context, channel.exten = place
        del self._live[channel.name]
        self._event("Hangup", [*channel.headers(), *cause_headers(cause)])
        if not self._live:
            self._event("DeviceStateChange", [("Device", f"PJSIP/{TRUNK}"), ("State", "UNAVAILABLE")])

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
            self._event("BridgeLeave", [*bridge_headers(bridge, count), *channel.headers()])
        self._event("BridgeDestroy", bridge_headers(bridge, 0))

    def _leg_gone(self, leg: Channel, seat: Seat, cause: int) -> None:
        self._event("Hangup", [*leg.headers(), *cause_headers(cause)])
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
        handler = HANDLERS.get(action["action"].lower())
        if handler is None:
            connection.refuse(action, "Invalid/unknown command: Use Action: ListCommands")
        else:
            handler(self, connection, action)
