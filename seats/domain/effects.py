"""What the core wants done on the PBX. The engine carries these out, each with a deadline."""

from __future__ import annotations

from typing import NamedTuple

from seats.domain.agents import Seat

DEAD = 44
"""Q.850 "requested channel not available": what the PBX itself gives a leg without sound."""


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
    """End a channel: the caller's when the agent hangs up, the agent's leg when the seat is dead.

    ``cause`` is the Q.850 number; a leg ended with :data:`DEAD` is one whose caller the PBX keeps.
    """

    request: str
    node: str
    channel: str
    cause: int = 16


Effect = Ring | Withdraw | Release | HangUp
