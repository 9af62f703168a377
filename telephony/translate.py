"""AMI headers → typed events. Pure; missing or odd headers never raise.

Messages are plain dicts, header names as sent; a repeated header comes as a list, of which the first counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from telephony.codec import parse
from telephony.events import (
    BootedAgain,
    Bridged,
    CallbackBegan,
    Chosen,
    CustomerAnswered,
    CustomerDialled,
    DialEnded,
    Dialing,
    FellBack,
    HangingUp,
    Held,
    HungUp,
    OfferReturned,
    Optimized,
    PbxEvent,
    Renamed,
    RequestEnded,
    RequestMade,
    Ringing,
    SeatState,
    ShutDown,
    TalkEnded,
    Unbridged,
    VoicemailLeft,
)

Headers = Mapping[str, str | list[str]]
"""One AMI message: header name → value, or values if the header came more than once."""

_CONNECT = "seats-connect"
_FALLBACK = "seats-fallback"
_SEAT_TECH = "PJSIP/"
_UNREACHABLE_DEVICE = frozenset({"UNAVAILABLE", "INVALID"})
_DEVICE_IN_USE = frozenset({"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"})
_UNANSWERED = "4"
"""Channel state Ring: of an incoming call that has no answer yet."""
_INTERWORKING, _TERMINATED = "127", "487"
"""Of a call that its caller took back: SIP's status, and how Asterisk translates it if it knows no other cause."""
_SHAPES = 1000
"""Most kinds of events to learn the places of headers for; a PBX sends a few dozen."""
_OFFER_LETTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyz")


def translate(node: str, headers: Headers) -> PbxEvent | None:
    """Give the typed event these headers tell of, or None if they tell nothing we use."""
    maker = _maker(headers)
    if maker is None:
        return None
    return maker.make(node, *[text(headers, name) for name in (*maker.needs, *maker.maybe)])


def offer_of(context: str, exten: str) -> str:
    """Give the offer id of seats-connect's extension ``o-<offer>-<timeout>-<kind>-<address>…``, or ``''``."""
    if context != _CONNECT or not exten.startswith("o-"):
        return ""
    offer = exten[2:].partition("-")[0]
    return offer if _OFFER_LETTERS.issuperset(offer) else ""


def seat_reachable(state: str) -> bool:
    """Tell from a device state whether the PBX can reach the seat; busy or ringing counts as reachable."""
    return bool(state) and state.upper() not in _UNREACHABLE_DEVICE


def seat_in_use(state: str) -> bool:
    """Tell from a device state whether the seat rings or talks, whoever called it."""
    return state.upper() in _DEVICE_IN_USE


def text(headers: Headers, name: str) -> str:
    """Give a header's value, the first of several, or ``''``."""
    value = headers.get(name)
    if isinstance(value, str):
        return value
    first = value[0] if isinstance(value, list) and value else ""
    return first if isinstance(first, str) else ""


def number(value: str) -> int:
    """Give a small non-negative whole number, or 0."""
    value = value.strip()
    return int(value) if len(value) <= 9 and value.isascii() and value.isdigit() else 0


def seconds(value: str) -> float:
    """Give finite, non-negative seconds, or 0."""
    try:
        found = float(value)
    except ValueError:
        return 0.0
    return found if math.isfinite(found) and found > 0 else 0.0


class RawTranslator:
    """``translate`` of one node's events from their bytes, several times faster than by way of a dict.

    Asterisk writes the headers of an event in a fixed order: where the needed ones stand is learned from the
    first of its kind, checked on each that follows, and learned again when it does not fit.
    """

    __slots__ = ("_node", "_shapes")

    def __init__(self, node: str) -> None:
        self._node = node
        self._shapes: dict[tuple[str, int], _Shape] = {}

    def __call__(self, raw: bytes) -> PbxEvent | None:
        """Give what ``translate`` gives for this one whole event."""
        lines = raw.decode("utf-8", "replace").split("\r\n")
        shape = self._shapes.get((lines[0], len(lines)))
        if shape is None:
            return self._learn(raw, lines)
        make, kind_at, kind, places, maybe = shape
        if lines[kind_at] != kind:
            return self._learn(raw, lines)
        values = []
        for at, size, prefix in places:
            line = lines[at]
            if line[:size] != prefix:
                return self._learn(raw, lines)
            values.append(line[size:])
        for prefix in maybe:
            values.append(
                next((line[len(prefix) :] for line in reversed(lines) if line.startswith(prefix)), "")
            )
        return make(self._node, *values)

    def _learn(self, raw: bytes, lines: list[str]) -> PbxEvent | None:
        headers = parse(raw)
        maker = _maker(headers)
        if maker is not None:
            places = tuple(_find(lines, f"{name}: ") for name in maker.needs)
            kind_at = _find(lines, "UserEvent: ")[0] if lines[0] == "Event: UserEvent" else 0
            if all(size for _, size, _ in places) and len(self._shapes) < _SHAPES:
                maybe = tuple(f"{name}: " for name in maker.maybe)
                self._shapes[lines[0], len(lines)] = _Shape(
                    maker.make, kind_at, lines[kind_at], places, maybe
                )
        return translate(self._node, headers)


def _maker(headers: Headers) -> _Maker | None:
    name = headers.get("Event")
    if name == "UserEvent":
        return _USER_MAKERS.get(text(headers, "UserEvent"))
    return _MAKERS.get(name) if isinstance(name, str) else None


def _find(lines: list[str], prefix: str) -> tuple[int, int, str]:
    """Give where a header stands, its prefix's length and the prefix; length 0 if it is missing."""
    for at, line in enumerate(lines):
        if line.startswith(prefix):
            return at, len(prefix), prefix
    return 0, 0, ""


def _request_made(
    node: str,
    request: str,
    channel: str,
    uniqueid: str,
    linkedid: str,
    did: str,
    cli: str,
    choice: str,
    trunk: str,
    arrived: str,
) -> PbxEvent | None:
    if not request or not channel:
        return None
    linkedid = linkedid or uniqueid
    return RequestMade(node, request, channel, uniqueid, linkedid, did, cli, choice, trunk, seconds(arrived))


def _offer_returned(node: str, request: str, offer: str, status: str, cause: str) -> PbxEvent | None:
    return OfferReturned(node, request, offer, status, number(cause)) if request else None


def _talk_ended(node: str, request: str, offer: str, cause: str) -> PbxEvent | None:
    return TalkEnded(node, request, offer, number(cause)) if request else None


def _request_ended(node: str, request: str, cause: str) -> PbxEvent | None:
    return RequestEnded(node, request, number(cause)) if request else None


def _fell_back(node: str, request: str) -> PbxEvent | None:
    return FellBack(node, request) if request else None


def _held(node: str, request: str, name: str) -> PbxEvent | None:
    return Held(node, request, name == "SeatsRescue") if request else None


def _chosen(node: str, request: str) -> PbxEvent | None:
    return Chosen(node, request) if request else None


def _voicemail(node: str, request: str, file: str, spoken: str) -> PbxEvent | None:
    return VoicemailLeft(node, request, file, number(spoken)) if request and file else None


def _callback(
    node: str, request: str, channel: str, uniqueid: str, linkedid: str, offer: str
) -> PbxEvent | None:
    return CallbackBegan(node, request, channel, uniqueid, linkedid, offer) if request and channel else None


def _customer_answered(node: str, request: str) -> PbxEvent | None:
    return CustomerAnswered(node, request) if request else None


def _customer_dialled(node: str, request: str, status: str) -> PbxEvent | None:
    return CustomerDialled(node, request, status) if request else None


def _dialing(
    node: str, uniqueid: str, context: str, exten: str, dest: str, dest_channel: str
) -> PbxEvent | None:
    offer = offer_of(context, exten)
    ours = offer or context == _FALLBACK
    return Dialing(node, uniqueid, offer, dest, dest_channel) if ours and dest else None


def _ringing(node: str, uniqueid: str, context: str, exten: str, dest: str, status: str) -> PbxEvent | None:
    offer = offer_of(context, exten)
    return Ringing(node, uniqueid, offer, dest) if offer and dest and status == "RINGING" else None


def _dial_ended(
    node: str, uniqueid: str, context: str, exten: str, dest: str, status: str, dest_channel: str
) -> PbxEvent | None:
    # A withdrawn offer's caller already stands in seats-hold by now: no offer id, but the leg is known.
    offer = offer_of(context, exten)
    there = not offer or is_leg_of(exten, dest_channel)
    return DialEnded(node, uniqueid, offer, dest, status, "" if there else dest_channel) if dest else None


def is_leg_of(exten: str, channel: str) -> bool:
    """Whether a channel is of the seat that ``o-<offer>-<timeout>-<kind>-<address>…`` rings; a mobile's may be any."""
    kind, address = [*exten.split("-"), "", ""][3:5]
    return kind != "s" or not channel or channel.rpartition("-")[0] == f"PJSIP/{address}"


def _bridged(node: str, uniqueid: str, channel: str, linkedid: str, bridge: str) -> PbxEvent | None:
    return Bridged(node, uniqueid, channel, linkedid, bridge) if uniqueid else None


def _unbridged(node: str, uniqueid: str, channel: str, linkedid: str, bridge: str) -> PbxEvent | None:
    return Unbridged(node, uniqueid, channel, linkedid, bridge) if uniqueid else None


def _hung_up(
    node: str, uniqueid: str, channel: str, linkedid: str, cause: str, cause_text: str
) -> PbxEvent | None:
    return HungUp(node, uniqueid, channel, linkedid, number(cause), cause_text) if uniqueid else None


def _hanging_up(node: str, uniqueid: str, state: str, cause: str, sip: str) -> PbxEvent | None:
    # The PBX sets a channel up before the answer goes out: where a CANCEL comes between, only SIP's word tells.
    unanswered = state == _UNANSWERED or cause == _INTERWORKING or sip == _TERMINATED
    return HangingUp(node, uniqueid, unanswered) if uniqueid else None


def _device_state(node: str, device: str, state: str) -> PbxEvent | None:
    address = device.removeprefix(_SEAT_TECH)
    if not state or not address or address == device:
        return None
    return SeatState(node, address, seat_reachable(state), state)


def _renamed(node: str, uniqueid: str, old: str, new: str) -> PbxEvent | None:
    return Renamed(node, uniqueid, old, new) if uniqueid and new else None


def _optimized(node: str, one: str, two: str, uniqueid: str, channel: str) -> PbxEvent | None:
    return Optimized(node, (one, two), uniqueid, channel) if uniqueid and channel else None


_Make = Callable[..., PbxEvent | None]


class _Shape(NamedTuple):
    """Where a kind of event, told by its line ``kind``, keeps the headers it is made of."""

    make: _Make
    kind_at: int
    kind: str
    places: tuple[tuple[int, int, str], ...]
    maybe: tuple[str, ...]


class _Maker(NamedTuple):
    """Which headers an event is made of, and of their values, missing ones ``''``, the event.

    ``maybe``: headers that often are not there, after the needed ones.
    """

    make: _Make
    needs: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()


_ENDS = ("Uniqueid", "Context", "Exten", "DestUniqueid")
_BRIDGE = ("Uniqueid", "Channel", "Linkedid", "BridgeUniqueid")

_USER_MAKERS = {
    "SeatsRequest": _Maker(
        _request_made,
        ("Request", "Channel", "Uniqueid", "Linkedid", "Did", "Cli", "Choice", "Trunk", "Arrived"),
    ),
    "SeatsReturn": _Maker(_offer_returned, ("Request", "Offer", "Status", "Cause")),
    "SeatsTalkEnd": _Maker(_talk_ended, ("Request", "Offer", "Cause")),
    "SeatsEnd": _Maker(_request_ended, ("Request", "Cause")),
    "SeatsFallback": _Maker(_fell_back, ("Request",)),
    "SeatsHeld": _Maker(_held, ("Request", "UserEvent")),
    "SeatsCallback": _Maker(_callback, ("Request", "Channel", "Uniqueid", "Linkedid", "Offer")),
    "SeatsReached": _Maker(_customer_answered, ("Request",)),
    "SeatsDialled": _Maker(_customer_dialled, ("Request", "Status")),
    "SeatsChoice": _Maker(_chosen, ("Request",)),
    "SeatsVoicemail": _Maker(_voicemail, ("Request", "File", "Seconds")),
    "SeatsRescue": _Maker(_held, ("Request", "UserEvent")),
}

_MAKERS = {
    "DialBegin": _Maker(_dialing, (*_ENDS, "DestChannel")),
    "DialState": _Maker(_ringing, (*_ENDS, "DialStatus")),
    "DialEnd": _Maker(_dial_ended, (*_ENDS, "DialStatus", "DestChannel")),
    "BridgeEnter": _Maker(_bridged, _BRIDGE),
    "BridgeLeave": _Maker(_unbridged, _BRIDGE),
    "HangupRequest": _Maker(_hanging_up, ("Uniqueid", "ChannelState", "Cause"), ("TechCause",)),
    "Hangup": _Maker(_hung_up, ("Uniqueid", "Channel", "Linkedid", "Cause", "Cause-txt")),
    "DeviceStateChange": _Maker(_device_state, ("Device", "State")),
    "Rename": _Maker(_renamed, ("Uniqueid", "Channel", "Newname")),
    "LocalOptimizationBegin": _Maker(
        _optimized,
        ("LocalOneUniqueid", "LocalTwoUniqueid", "SourceUniqueid", "SourceChannel"),
    ),
    "FullyBooted": _Maker(BootedAgain),
    "Shutdown": _Maker(ShutDown),
}

WANTED = frozenset(_MAKERS) | {"UserEvent"}
"""Names of the AMI events that can tell us something; all others need not be parsed."""
