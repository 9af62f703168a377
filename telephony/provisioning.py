"""Asterisk configuration made from settings: seats for PJSIP, the service's AMI account."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from telephony.errors import BadValueError

_ADDRESS = re.compile(r"[A-Za-z0-9_]{1,32}")
_USERNAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_SECRET = re.compile(r"[!-:<-~]{8,128}")
_ADDRESS_RULE = "1 to 32 of A-Z a-z 0-9 _"
_VISIBLE = "8 to 128 visible ASCII characters but ;"
_OPTION = re.compile(r"[a-z0-9_]{1,40}")
_VALUE = re.compile(r"[ -:<-~]{1,200}")
_SECTIONS = {"browser": "seats-browser", "sip": "seats-sip"}

LOOPBACK = "127.0.0.1/255.255.255.255"
AMI_READ = "call,user,agent,reporting,system"
"""What the service hears: ``system`` here brings events only (ContactStatus, FullyBooted, Shutdown)."""
AMI_WRITE = "call,agent,reporting"
"""What the service may do; never ``system``, ``command`` or ``config``."""
AMI_PLACES_CALLS = "originate"
"""Also needed where the plan calls people back: only the calls that the service places want it."""
AMI_UNHEARD = (
    "VarSet|New|TestEvent|MusicOnHold|RTCP|ChannelTalking|LocalBridge|Cdr|CEL"
    "|Bridge[CDM]|SoftHangup|Queue[CM]|Agent"
)
"""Beginnings of the names of events that the account does not get: half of what a call makes, and each one
would be written, and wake the service, by itself."""
AMI_TORN = "[[:cntrl:]]{3}[^[:cntrl:]]"
"""What an event looks like that line ends in a caller's number tore in two: what follows them could be forged."""


class PjsipSeat(NamedTuple):
    """One seat of the PBX: ``kind`` is ``browser`` or ``sip``, ``address`` its endpoint name."""

    kind: str
    address: str
    secret: str


def seat_secret(master: str, address: str) -> str:
    """SIP password of a seat: 24 hex digits of HMAC-SHA256(master, address). Raises BadValueError."""
    if not master:
        raise _bad("master secret", "is empty", "any text, best 32 or more random characters")
    _check(_ADDRESS, "seat address", address, _ADDRESS_RULE)
    return hmac.new(master.encode(), address.encode(), hashlib.sha256).hexdigest()[:24]


def render_pjsip(
    seats: Iterable[PjsipSeat | tuple[str, str, str]],
    *,
    options: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Text of ``pjsip_seats_list.conf``: endpoint, auth and AOR of every seat.

    The sections build on the templates of ``pjsip_seats.conf``. ``options`` adds or overrides
    settings by section type (``endpoint``, ``auth``, ``aor``). Raises BadValueError.
    """
    extra = {kind: _options(kind, chosen) for kind, chosen in (options or {}).items()}
    seen: set[str] = set()
    parts = ["; Written by the service: do not edit."]
    for seat in map(PjsipSeat._make, seats):
        _check_seat(seat, seen)
        seen.add(seat.address)
        parts.append(_seat_sections(seat, lambda kind: extra.get(kind, "")))
    return "\n\n".join(parts) + "\n"


def render_manager(username: str, secret: str, *, permit: str = LOOPBACK, calls: bool = False) -> str:
    """Text of the service's account for manager.conf; ``calls``: it may place calls. Raises BadValueError."""
    write = f"{AMI_WRITE},{AMI_PLACES_CALLS}" if calls else AMI_WRITE
    _check(_USERNAME, "AMI username", username, "1 to 32 of A-Z a-z 0-9 _ . -")
    _check(_SECRET, "AMI secret", secret, _VISIBLE, shown=False)
    _check(_VALUE, "AMI permit", permit, "an address or network, such as 10.0.0.5/255.255.255.255")
    return (
        f"[{username}]\n"
        f"secret = {secret}\n"
        "deny = 0.0.0.0/0.0.0.0\n"
        f"permit = {permit}\n"
        f"read = {AMI_READ}\n"
        f"write = {write}\n"
        "writetimeout = 5000\n"
        f"eventfilter = !^Event: ({AMI_UNHEARD})\n"
        f"eventfilter = !{AMI_TORN}\n"
    )


def _seat_sections(seat: PjsipSeat, extra: Callable[[str], str]) -> str:
    template, address = _SECTIONS[seat.kind], seat.address
    return (
        f"[{address}]({template})\nauth = {address}\naors = {address}\n{extra('endpoint')}"
        f"[{address}](seats-auth)\nusername = {address}\npassword = {seat.secret}\n{extra('auth')}"
        f"[{address}]({template}-aor)\n{extra('aor')}"
    ).rstrip("\n")


def _check_seat(seat: PjsipSeat, seen: set[str]) -> None:
    if seat.kind not in _SECTIONS:
        raise _bad(f"seat {seat.address!r}", f"kind {seat.kind!r}", ", ".join(sorted(_SECTIONS)))
    _check(_ADDRESS, "seat address", seat.address, _ADDRESS_RULE)
    _check(_SECRET, f"secret of seat {seat.address}", seat.secret, _VISIBLE, shown=False)
    if seat.address in seen:
        raise _bad(f"seat {seat.address}", "is listed twice", "each address once")


def _options(kind: str, options: Mapping[str, str]) -> str:
    if kind not in {"endpoint", "auth", "aor"}:
        raise _bad("pjsip options", f"section type {kind!r}", "endpoint, auth, aor")
    for name, value in options.items():
        _check(_OPTION, f"pjsip option of {kind}", name, "1 to 40 of a-z 0-9 _")
        _check(_VALUE, f"pjsip option {name}", value, "1 to 200 printable ASCII characters but ;")
    return "".join(f"{name} = {value}\n" for name, value in options.items())


def _check(pattern: re.Pattern[str], where: str, value: str, allowed: str, *, shown: bool = True) -> None:
    if not pattern.fullmatch(value):
        raise _bad(where, repr(value) if shown else "is not allowed", allowed)


def _bad(where: str, what: str, allowed: str) -> BadValueError:
    return BadValueError(where=where, what=what, allowed=allowed)
