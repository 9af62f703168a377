"""What the core wants done on the PBX. The engine carries these out, each with a deadline."""

from __future__ import annotations

from typing import NamedTuple

from seats.domain.agents import Seat
from seats.domain.native import mypyc_attr
from seats.domain.record import Record

DEAD = 44
"""Q.850 "requested channel not available": what the PBX itself gives a leg without sound."""


@mypyc_attr(acyclic=True)
class Ring(Record):
    """Move the holding caller into ``seats-connect`` and ring the seat for ``timeout`` seconds."""

    __slots__ = ("agent", "channel", "node", "offer", "request", "seat", "timeout")
    _fields = ("offer", "request", "node", "channel", "agent", "seat", "timeout")

    def __init__(
        self, offer: str, request: str, node: str, channel: str, agent: str, seat: Seat, timeout: int
    ) -> None:
        self.offer = offer
        self.request = request
        self.node = node
        self.channel = channel
        self.agent = agent
        self.seat = seat
        self.timeout = timeout


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


class PassOn(NamedTuple):
    """End a caller's wait otherwise than by an announcement (``seats.domain.overflow``).

    ``way``: ``callback`` (asks the caller to press 1), ``voicemail``, ``message`` (``argument``: the file),
    ``number`` (``argument``: the number). ``outcome`` tells what is announced if nothing comes of it.
    """

    request: str
    node: str
    channel: str
    way: str
    argument: str
    outcome: str


class Tell(NamedTuple):
    """Let a holding caller hear the place in line and the minutes of wait (0: not said). Nobody is moved."""

    request: str
    node: str
    channel: str
    position: int
    minutes: int


class CallAgent(NamedTuple):
    """Ring an agent for a callback for ``timeout`` seconds; once answered, dial the customer's ``number``.

    The offer's id makes the call's own ids, so that it can never be placed twice.
    """

    offer: str
    request: str
    node: str
    agent: str
    seat: Seat
    timeout: int
    number: str
    ring_customer: int


class CallCustomer(NamedTuple):
    """Dial a customer for ``timeout`` seconds; who answers holds, as a caller does."""

    request: str
    node: str
    number: str
    timeout: int


class HangUp(NamedTuple):
    """End a channel: the caller's when the agent hangs up, the agent's leg when the seat is dead.

    ``cause`` is the Q.850 number; a leg ended with :data:`DEAD` is one whose caller the PBX keeps.
    """

    request: str
    node: str
    channel: str
    cause: int = 16


Effect = Ring | Withdraw | Release | PassOn | Tell | CallAgent | CallCustomer | HangUp
