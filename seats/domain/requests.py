"""Requests for a human, their offers and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


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
    ``override``, ``none``.
    """

    province: str
    source: str
    confidence: Confidence


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
    priority: int = 0
    """Smaller is served first; 0 is an ordinary caller, negative is put at the front."""
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
    why: str
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
