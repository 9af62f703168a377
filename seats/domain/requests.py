"""Requests for a human, their offers and their outcomes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from seats.domain.deadlines import Deadline
    from seats.domain.effects import PassOn, Release
    from seats.domain.lines import Place

from seats.domain.expected import Guess
from seats.domain.native import mypyc_attr
from seats.domain.record import Record


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


@mypyc_attr(acyclic=True)
class Why(Record):
    """Why this agent for this request. Durations in seconds."""

    __slots__ = ("among", "credit", "idle", "level", "pool", "priority", "ring", "skipped", "waited")
    _fields = ("ring", "pool", "idle", "among", "waited", "priority", "level", "credit", "skipped")

    def __init__(
        self,
        ring: int,
        pool: str,
        idle: float,
        among: int,
        waited: float,
        priority: int,
        level: int,
        credit: float,
        skipped: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self.ring = ring
        """From 0."""
        self.pool = pool
        self.idle = idle
        """How long the agent had been idle; the longest among ``among`` idle agents of the pool who may."""
        self.among = among
        self.waited = waited
        self.priority = priority
        """The request's rank: 0 ordinary, smaller goes first."""
        self.level = level
        """Steering level of the province."""
        self.credit = credit
        """Losses the province could still take."""
        self.skipped = skipped
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


NOBODY: Final[frozenset[str]] = frozenset()
"""One for all: an empty set for each request would take more room than the rest of it."""


class Request:
    """One caller asking for a human once. Times are Unix seconds (UTC)."""

    __slots__ = (
        "aged",
        "agent_first",
        "answered_at",
        "arrived_at",
        "bound",
        "callback",
        "channel",
        "connected_agent",
        "decided_at",
        "did",
        "ended_at",
        "excluded",
        "farewell",
        "front",
        "guess",
        "hung_by",
        "id",
        "klass",
        "let_go_at",
        "linkedid",
        "longest",
        "needs",
        "node",
        "number",
        "offer",
        "offers_made",
        "origin",
        "outcome",
        "parting",
        "place",
        "prefer",
        "prefer_until",
        "priority",
        "province",
        "rank_at",
        "rescues",
        "rings_open",
        "rings_seen",
        "seq",
        "state",
        "talked",
        "tell_at",
        "told",
        "uniqueid",
        "wait_token",
        "waiting_since",
    )

    def __init__(  # noqa: PLR0915 - one statement for each field
        self,
        request_id: str,
        node: str,
        channel: str,
        uniqueid: str,
        linkedid: str,
        did: str,
        number: str,
        province: str,
        origin: Origin,
        arrived_at: float,
        seq: int,
    ) -> None:
        # what a decision reads and writes comes first: side by side, it takes less time to fetch
        self.id = request_id
        self.node = node
        self.excluded = NOBODY
        """Agents who missed it."""
        self.prefer = ""
        """Agent who alone may take the request until ``prefer_until``."""
        self.needs: tuple[Need, ...] = ()
        self.front = 0
        """Put before others, whatever class and province: rescued, returned, waited beyond the bound."""
        self.province = province
        self.place: Place | None = None
        """Where it stands in the waiting lines."""
        self.wait_token = 0
        """Changes whenever the request joins or leaves the waiting lines; 0 while it is in none."""
        self.callback = ""
        """The callback that this is an attempt of; empty for callers. It is in no figure of requests."""
        self.guess: Guess | None = None
        """Expected wait at the arrival, until an offer shows how right it was."""
        self.arrived_at = arrived_at
        self.waiting_since = arrived_at
        self.priority = 0
        """Smaller is served first (``rank``); 0 is an ordinary caller."""
        self.channel = channel
        self.state: RequestState = RequestState.WAITING
        self.offer: str | None = None
        self.offers_made = 0
        self.prefer_until = 0.0
        self.seq = seq
        self.rank_at = arrived_at
        """Place in line: the arrival, or an earlier one of a caller who left and soon came back."""
        self.rings_open = 0
        self.rings_seen = 0
        """Rings whose opening was announced; a returning request re-enters them without a word."""
        self.aged = False
        """Stands in the province's line by arrival (``Ages``), waiting or not."""
        self.uniqueid = uniqueid
        self.linkedid = linkedid
        self.did = did
        self.number = number
        self.origin = origin
        self.klass = origin.klass
        """Priority class of the caller, for example the green channel; empty for everybody."""
        self.outcome: Outcome | None = None
        self.decided_at: float | None = None
        self.connected_agent: str | None = None
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.longest: Deadline | None = None
        self.bound: Deadline | None = None
        """When the longest wait is over, and the wait after which nobody goes before."""
        self.hung_by = ""
        self.talked = 0.0
        """Seconds of talk before the call broke."""
        self.rescues = 0
        self.agent_first = False
        """Of such an attempt: the agent is rung, then the customer. It has no caller's channel of its own."""
        self.tell_at = 0.0
        """When the caller is next told the place in line."""
        self.told = 0
        """Minutes of wait that the caller was told last; 0: none."""
        self.farewell: Release | PassOn | None = None
        """What the PBX was told when the caller was let go, for telling it again."""
        self.let_go_at: float | None = None
        """When the caller was told to leave; a call that broke was decided long before."""
        self.parting: Outcome | None = None
        """While the caller is asked to choose: the outcome if they choose nothing."""


@mypyc_attr(acyclic=True)
class Offer:
    """One attempt to ring one agent for one request."""

    __slots__ = (
        "address",
        "agent",
        "answered_at",
        "deadline",
        "id",
        "leg",
        "made_at",
        "pool",
        "rang_at",
        "request",
        "result",
        "ring",
        "seat_free",
        "withdrawn",
    )

    def __init__(
        self, offer_id: str, request: str, agent: str, pool: str, ring: int, made_at: float, deadline: float
    ) -> None:
        self.id = offer_id
        self.request = request
        self.agent = agent
        self.pool = pool
        self.ring = ring
        self.made_at = made_at
        self.deadline = deadline
        self.rang_at: float | None = None
        self.answered_at: float | None = None
        self.result: OfferResult | None = None
        self.leg = ""
        """The agent's channel on the PBX, once known."""
        self.seat_free = False
        """The agent's leg is gone (or never came to be)."""
        self.withdrawn = ""
        """Why the system took the offer back; empty when it did not."""
        self.address = ""
        """The seat, where it was found ringing and its agent is believed to be on another call; else empty."""
