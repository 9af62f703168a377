"""What the core says happened. Everything outside reads these; nothing calls back.

All times are Unix seconds (UTC); all durations are seconds.
"""

from __future__ import annotations

from typing import NamedTuple

from seats.domain.agents import Chosen, Machine
from seats.domain.callback_book import CallbackState, Result, Source
from seats.domain.native import mypyc_attr
from seats.domain.record import Record
from seats.domain.requests import OfferResult, Origin, Outcome, Why


class RequestOpened(NamedTuple):
    """A caller asked for a human. Counted before anything can lose it."""

    at: float
    request: str
    node: str
    channel: str
    uniqueid: str
    linkedid: str
    did: str
    number: str
    province: str
    origin: Origin
    reconstructed: bool = False


@mypyc_attr(acyclic=True)
class RingOpened(Record):
    """One more ring of the province's route is open to this request."""

    __slots__ = ("at", "pool", "province", "request", "ring")
    _fields = ("at", "request", "province", "ring", "pool")

    def __init__(self, at: float, request: str, province: str, ring: int, pool: str) -> None:
        self.at = at
        self.request = request
        self.province = province
        self.ring = ring
        self.pool = pool


class RequestPromoted(NamedTuple):
    """The request has waited as long as anybody should: it goes before all who came later."""

    at: float
    request: str
    province: str


class CallerTold(NamedTuple):
    """A waiting caller hears the place in line (0: too far back to tell) and minutes of wait (0: unknown)."""

    at: float
    request: str
    province: str
    position: int
    minutes: int


@mypyc_attr(acyclic=True)
class OfferMade(Record):
    """An agent is being rung for a request; ``why`` explains the choice."""

    __slots__ = ("agent", "at", "offer", "pool", "province", "request", "ring", "why")
    _fields = ("at", "offer", "request", "province", "agent", "pool", "ring", "why")

    def __init__(
        self, at: float, offer: str, request: str, province: str, agent: str, pool: str, ring: int, why: Why
    ) -> None:
        self.at = at
        self.offer = offer
        self.request = request
        self.province = province
        self.agent = agent
        self.pool = pool
        self.ring = ring
        self.why = why


class OfferRang(NamedTuple):
    """The agent's device reported that it rings."""

    at: float
    offer: str
    request: str
    agent: str


class OfferEnded(NamedTuple):
    """The offer is over."""

    at: float
    offer: str
    request: str
    province: str
    agent: str
    result: OfferResult
    detail: str


class RequestReturned(NamedTuple):
    """The request waits again, at the front, after an offer came to nothing."""

    at: float
    request: str
    province: str


class RequestDecided(NamedTuple):
    """The one outcome of a request. ``queue`` + ``ring`` is the wait that service levels count."""

    at: float
    request: str
    province: str
    arrived_at: float
    outcome: Outcome
    agent: str | None
    queue: float
    ring: float
    reason: str


class CallEnded(NamedTuple):
    """A connected call is over. ``ended_by`` is ``caller``, ``agent``, ``seat`` (it died) or ``system``."""

    at: float
    request: str
    province: str
    agent: str
    talk: float
    ended_by: str


class CallBroken(NamedTuple):
    """The agent's leg of a connected call died; the caller is kept and offered again, first of all."""

    at: float
    request: str
    offer: str
    province: str
    agent: str
    talk: float
    fault: str


class RequestClosed(NamedTuple):
    """Nothing more can happen to the request: its caller's channel is gone."""

    at: float
    request: str


class VoicemailLeft(NamedTuple):
    """The caller left a message; ``file`` is its path on the PBX, ``length`` in seconds."""

    at: float
    request: str
    file: str
    length: float


class CallbackAsked(NamedTuple):
    """A callback is opened for a request's caller, or the request joins the one open for the number."""

    at: float
    callback: str
    request: str
    province: str
    number: str
    did: str
    node: str
    source: Source
    asked_at: float
    due_at: float


class CallbackChanged(NamedTuple):
    """A callback's state, whole, after a change. ``reason`` says who or what changed it."""

    at: float
    callback: str
    province: str
    state: CallbackState
    due_at: float
    attempts: int
    agent: str
    reason: str


class CallbackTried(NamedTuple):
    """One attempt is over. ``call`` is its id; ``reached_at`` is when agent and customer heard each other."""

    at: float
    callback: str
    call: str
    province: str
    agent: str
    agent_first: bool
    began_at: float
    reached_at: float | None
    result: Result
    talk: float
    detail: str


@mypyc_attr(acyclic=True)
class AgentChanged(Record):
    """An agent's state, whole, after a change. ``cause`` says who or what changed it."""

    __slots__ = (
        "agent",
        "at",
        "cause",
        "chosen",
        "machine",
        "offer",
        "reason",
        "request",
        "reserved",
        "wrap_up_until",
    )
    _fields = (
        "at",
        "agent",
        "chosen",
        "machine",
        "reason",
        "cause",
        "request",
        "offer",
        "wrap_up_until",
        "reserved",
    )

    def __init__(
        self,
        at: float,
        agent: str,
        chosen: Chosen,
        machine: Machine,
        reason: str,
        cause: str,
        request: str | None,
        offer: str | None,
        wrap_up_until: float | None,
        reserved: tuple[Chosen, str] | None,
    ) -> None:
        self.at = at
        self.agent = agent
        self.chosen = chosen
        self.machine = machine
        self.reason = reason
        self.cause = cause
        self.request = request
        self.offer = offer
        self.wrap_up_until = wrap_up_until
        self.reserved = reserved


class AgentAdded(NamedTuple):
    """An agent became known to the core, or its pools, name or seat changed."""

    at: float
    agent: str
    name: str
    province: str
    pools: tuple[str, ...]
    seat_kind: str
    seat_address: str


class AgentRemoved(NamedTuple):
    """An agent is no longer known to the core."""

    at: float
    agent: str


class DispositionSet(NamedTuple):
    """What the call was about, as the agent said."""

    at: float
    request: str
    agent: str
    code: str


class RoutingChanged(NamedTuple):
    """A routing version went live."""

    at: float
    version: int
    actor: str


class ProvinceSteered(NamedTuple):
    """More, or less, is done for a province's objective: see ``steering``.

    ``credit`` is the losses it can still take; ``waiting`` its callers in line; ``reserve`` the idle agents
    kept for it.
    """

    at: float
    province: str
    level: int
    was: int
    credit: float
    waiting: int
    reserve: int


class ObjectiveJudged(NamedTuple):
    """An objective went out of reach (``missing`` agents; ``cause`` is agents or skills) or came back."""

    at: float
    province: str
    feasible: bool
    missing: int
    cause: str


class BreakRecalled(NamedTuple):
    """An agent on an interruptible break is asked back, for a province about to break its objective."""

    at: float
    province: str
    agent: str


class Repaired(NamedTuple):
    """Our picture and the PBX's differed and were brought together."""

    at: float
    kind: str
    subject: str
    detail: str


Event = (
    RequestOpened
    | RingOpened
    | RequestPromoted
    | CallerTold
    | OfferMade
    | OfferRang
    | OfferEnded
    | RequestReturned
    | RequestDecided
    | CallEnded
    | CallBroken
    | RequestClosed
    | VoicemailLeft
    | CallbackAsked
    | CallbackChanged
    | CallbackTried
    | AgentChanged
    | AgentAdded
    | AgentRemoved
    | DispositionSet
    | RoutingChanged
    | ProvinceSteered
    | ObjectiveJudged
    | BreakRecalled
    | Repaired
)
