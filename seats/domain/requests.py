"""Requests for a human, their offers and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from seats.domain.effects import PassOn, Release

from seats.domain.expected import Guess


class Outcome(StrEnum):
    """How a request ended; exactly one per request (design: the words)."""

    CONNECTED = "connected"
    ABANDONED = "abandoned"
    TIMEOUT = "timeout"
    NO_SEAT = "no_seat"
    FAILED = "failed"
    CALLBACK = "callback"
    EXCLUDED_SHORT = "excluded_short"
    EXCLUDED_CLOSED = "excluded_closed"


class RequestState(StrEnum):
    """Where an open request is; ``DONE`` once the call itself is over."""

    WAITING = "waiting"
    OFFERED = "offered"
    DIALLING = "dialling"  # a customer who is called back: the phone rings
    UNSURE = "unsure"  # the PBX did not find the caller: looked at again in a moment
    TALKING = "talking"
    RESCUING = "rescuing"  # the agent's leg died: the caller is on the way back to holding
    RELEASING = "releasing"  # told to leave (timeout, closed): the PBX has not hung up yet
    DONE = "done"


class OfferResult(StrEnum):
    """How one offer ended."""

    CONNECTED = "connected"
    RONA = "rona"  # rang, nobody answered
    REJECTED = "rejected"  # the agent declined
    CALLER_GONE = "caller_gone"
    SEAT_FAILED = "seat_failed"  # the seat's device could not be reached or broke
    WITHDRAWN = "withdrawn"  # ended by the system or overtaken by events


class Confidence(StrEnum):
    """How sure the resolved province is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    NONE = "none"


class Origin(NamedTuple):
    """Province of a caller, with where it was learned.

    ``source`` is one of ``trunk``, ``ivr``, ``customer``, ``area_code``, ``mobile_prefix``,
    ``override``, ``none``. ``klass`` is the caller's priority class from the customer list, or empty.
    """

    province: str
    source: str
    confidence: Confidence
    klass: str = ""


class Need(NamedTuple):
    """A skill a request asks for, at least at ``level``, until ``until`` seconds of waiting (None: for ever).

    With ``until`` 0 it is only preferred: among idle agents those who have it come first.
    """

    skill: str
    level: int
    until: float | None


class Why(NamedTuple):
    """Why this agent for this request. Durations in seconds."""

    ring: int
    """From 0."""
    pool: str
    idle: float
    """How long the agent had been idle; the longest among ``among`` idle agents of the pool who may."""
    among: int
    waited: float
    priority: int
    """The request's rank: 0 ordinary, smaller goes first."""
    level: int
    """Steering level of the province."""
    credit: float
    """Losses the province could still take."""
    skipped: tuple[tuple[str, int], ...] = ()
    """What spoke against those passed over, and how often."""

    def __str__(self) -> str:
        text = (
            f"ring {self.ring + 1} {self.pool}; idle {self.idle:.1f} s, longest of {self.among}; "
            f"waited {self.waited:.1f} s"
        )
        if self.priority or self.level:
            text += f"; priority {self.priority}, level {self.level}, budget {self.credit:.1f}"
        if self.skipped:
            text += "; passed over: " + ", ".join(f"{n} {reason}" for reason, n in self.skipped)
        return text


@dataclass(slots=True)
class Request:
    """One caller asking for a human once. Times are Unix seconds (UTC)."""

    id: str
    node: str
    channel: str
    uniqueid: str
    linkedid: str
    did: str
    number: str
    province: str
    origin: Origin
    arrived_at: float
    seq: int = 0
    rank_at: float = 0.0
    """Place in line: the arrival, or an earlier one of a caller who left and soon came back."""
    klass: str = ""
    """Priority class of the caller, for example the green channel; empty for everybody."""
    needs: tuple[Need, ...] = ()
    guess: Guess | None = None
    """Expected wait at the arrival, until an offer shows how right it was."""
    front: int = 0
    """Put before others, whatever class and province: rescued, returned, waited beyond the bound."""
    priority: int = 0
    """Smaller is served first (``rank``); 0 is an ordinary caller."""
    state: RequestState = RequestState.WAITING
    waiting_since: float = 0.0
    rings_open: int = 0
    rings_seen: int = 0
    """Rings whose opening was announced; a returning request re-enters them without a word."""
    offer: str | None = None
    offers_made: int = 0
    excluded: set[str] = field(default_factory=set)
    outcome: Outcome | None = None
    decided_at: float | None = None
    connected_agent: str | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    wait_token: int = 0
    """Changes whenever the request joins or leaves the waiting lists."""
    hung_by: str = ""
    talked: float = 0.0
    """Seconds of talk before the call broke."""
    rescues: int = 0
    prefer: str = ""
    """Agent who alone may take the request until ``prefer_until``."""
    prefer_until: float = 0.0
    callback: str = ""
    """The callback that this is an attempt of; empty for callers. It is in no figure of requests."""
    agent_first: bool = False
    """Of such an attempt: the agent is rung, then the customer. It has no caller's channel of its own."""
    tell_at: float = 0.0
    """When the caller is next told the place in line."""
    told: int = 0
    """Minutes of wait that the caller was told last; 0: none."""
    farewell: Release | PassOn | None = None
    """What the PBX was told when the caller was let go, for telling it again."""
    let_go_at: float | None = None
    """When the caller was told to leave; a call that broke was decided long before."""
    parting: Outcome | None = None
    """While the caller is asked to choose: the outcome if they choose nothing."""


@dataclass(slots=True)
class Offer:
    """One attempt to ring one agent for one request."""

    id: str
    request: str
    agent: str
    pool: str
    ring: int
    made_at: float
    deadline: float
    rang_at: float | None = None
    answered_at: float | None = None
    result: OfferResult | None = None
    leg: str = ""
    """The agent's channel on the PBX, once known."""
    seat_free: bool = False
    """The agent's leg is gone (or never came to be)."""
    withdrawn: str = ""
    """Why the system took the offer back; empty when it did not."""
    address: str = ""
    """The seat, where it was found ringing and its agent is believed to be on another call; else empty."""
