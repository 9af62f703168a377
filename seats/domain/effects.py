"""What the core wants done on the PBX. The engine carries these out, each with a deadline."""

from __future__ import annotations

from typing import NamedTuple

from seats.domain.agents import Seat


class Ring(NamedTuple):
    """Move the holding caller into ``seats-connect`` and ring the seat for ``timeout`` seconds."""

    offer: str
    request: str
    node: str
    channel: str
    agent: str
    seat: Seat
    timeout: int


class Withdraw(NamedTuple):
    """Bring the caller of an offer back to holding: its time is over or its seat is lost."""

    offer: str
    request: str
    node: str
    channel: str


class Release(NamedTuple):
    """End a request that waited too long or came at closed hours: tell the caller, hang up."""

    request: str
    node: str
    channel: str
    outcome: str


class HangUp(NamedTuple):
    """End the agent's side of a call (the agent pressed hang up, or two answered)."""

    request: str
    node: str
    channel: str


Effect = Ring | Withdraw | Release | HangUp
