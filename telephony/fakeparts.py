"""What the fake PBX is made of: seats, channels, callers, and the headers that tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from telephony.fakeami import Pairs

STATES = {"0": "Down", "4": "Ring", "5": "Ringing", "6": "Up"}
CAUSES = {
    0: "Unknown",
    3: "No route to destination",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
    44: "Requested channel not available",
    127: "Interworking, unspecified",
}
SIP = {17: "486", 19: "480", 21: "603", 127: "487"}
"""Causes with which the PBX also tells the SIP status, as ``TechCause``."""
DEAD = frozenset({18, 20, 27, 38, 41, 44, 102})
"""Causes of an agent's leg after which the dialplan keeps the caller."""
GOODBYES = {"timeout": 19, "no_seat": 17, "closed": 21, "callback": 19}
TRUNK = "lab_trunk"
MOBILE_TRUNK = "lab_mobile"
UNKNOWN = "<unknown>"
CLICK = 0.001
"""Seconds between two steps of the PBX."""


class Behaviour(NamedTuple):
    """What a seat does when rung: ``does`` is ``answer``, ``ignore`` or ``busy``; times in seconds.

    ``talk`` None leaves the hanging up to the caller; ``dies`` is when the leg breaks down in the talk.
    """

    does: str = "answer"
    after: float = 0.02
    talk: float | None = None
    dies: float | None = None


ANSWERS = Behaviour()


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
    number: str = UNKNOWN
    connected: str = UNKNOWN
    connected_name: str = UNKNOWN
    bridge: str = ""
    application: str = ""
    began: float = 0.0

    def headers(self, prefix: str = "") -> Pairs:
        """Give the headers that every event of a channel carries, in Asterisk's order."""
        return [
            (f"{prefix}Channel", self.name),
            (f"{prefix}ChannelState", self.state),
            (f"{prefix}ChannelStateDesc", STATES[self.state]),
            (f"{prefix}CallerIDNum", self.number),
            (f"{prefix}CallerIDName", UNKNOWN),
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
    noted: bool = False
    """The request is in the journal."""
    waits: set[asyncio.TimerHandle] = field(default_factory=set)


def bridge_headers(bridge: str, count: int) -> Pairs:
    """Give what every event of a bridge tells."""
    return [
        ("BridgeUniqueid", bridge),
        ("BridgeType", "basic"),
        ("BridgeTechnology", "simple_bridge"),
        ("BridgeCreator", UNKNOWN),
        ("BridgeName", UNKNOWN),
        ("BridgeNumChannels", str(count)),
        ("BridgeVideoSourceMode", "none"),
    ]


def cause_headers(cause: int) -> Pairs:
    """Give the cause of an end, as a hang-up tells it."""
    return [("Cause", str(cause)), ("Cause-txt", CAUSES.get(cause, "Unknown")), *sip_headers(cause)]


def sip_headers(cause: int) -> Pairs:
    """Give the SIP status of an end, if the PBX tells it."""
    return [("TechCause", SIP[cause])] if cause in SIP else []
