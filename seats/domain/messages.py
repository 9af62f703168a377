"""What the core is told. ``step`` takes these one at a time; nothing else changes its state."""

from __future__ import annotations

from typing import NamedTuple

from seats.domain.agents import Chosen, Seat
from seats.domain.plan import Plan
from seats.domain.requests import Origin, Outcome


class RequestArrived(NamedTuple):
    """A caller asked for a human on a PBX. ``arrived_at`` is the PBX's time of it (Unix seconds)."""

    request: str
    node: str
    channel: str
    uniqueid: str
    linkedid: str
    did: str
    number: str
    origin: Origin
    arrived_at: float
    reconstructed: bool = False


class OfferRinging(NamedTuple):
    """The agent's device rings; ``leg`` is its channel on the PBX."""

    offer: str
    leg: str = ""


class OfferAnswered(NamedTuple):
    """Agent and caller hear each other. ``request`` and the seat's ``address`` tell who, should the offer be

    unknown: a connection that was given up may still deliver what was sent on it. ``at``: since when (Unix
    seconds), None: now.
    """

    offer: str
    request: str = ""
    address: str = ""
    at: float | None = None


class OfferMissed(NamedTuple):
    """The ringing ended without an answer. ``status`` is the PBX's word for it (DIALSTATUS)."""

    offer: str
    status: str


class OfferReturned(NamedTuple):
    """The caller of an unanswered offer is holding again and can be offered to someone else.

    ``status`` is the PBX's DIALSTATUS: ``NOANSWER``, ``BUSY``, ``CHANUNAVAIL``, ``CONGESTION``, ``CANCEL``.
    """

    offer: str
    status: str


class OfferRefused(NamedTuple):
    """The effect ``Ring`` could not be carried out (PBX refused, deadline passed)."""

    offer: str
    detail: str


class CallerGone(NamedTuple):
    """The caller's channel is gone. ``lost`` says that the PBX broke, not that the caller left.

    ``dialled``: the last offer of which a leg came into being, ``""`` if there was none, None if that is not
    known. Of any other offer to this caller no seat was rung, and none will be.
    """

    request: str
    cause: str
    lost: bool = False
    dialled: str | None = None


class Hanging(NamedTuple):
    """One side of a connected call hung up; ``by`` is ``caller`` or ``agent``. The legs go next."""

    request: str
    by: str


class SeatGone(NamedTuple):
    """The agent's leg of an offer is gone; the seat is physically free again.

    ``fault`` says that the leg died (no media, no transport) instead of being hung up.
    """

    offer: str
    fault: str = ""


class CallerHeld(NamedTuple):
    """The caller holds again and hears music: the agent's leg died, or news of something was missed."""

    request: str


class CallbackChosen(NamedTuple):
    """The caller pressed 1: they want to be called back instead of waiting."""

    request: str


class CallbackBegan(NamedTuple):
    """The channel of an attempt exists: it rings the agent, or the customer has answered and holds."""

    request: str
    channel: str
    uniqueid: str
    linkedid: str


class CallbackAnswered(NamedTuple):
    """The customer, dialled for an agent who waits on the line, answered."""

    request: str


class CallbackDialled(NamedTuple):
    """The dialling of a customer is over; ``status`` is the PBX's DIALSTATUS, ``ANSWER`` after a talk."""

    request: str
    status: str


class CallbackRefused(NamedTuple):
    """The PBX would not begin a callback's call."""

    request: str
    detail: str


class CallbackCancelAsked(NamedTuple):
    """A supervisor cancels a callback."""

    callback: str
    actor: str


class CallbackTakeAsked(NamedTuple):
    """An agent, or a supervisor for them, takes a callback."""

    callback: str
    agent: str
    actor: str


class CallbackRecalled(NamedTuple):
    """A callback that the ledger knows as open: taken up again after a restart."""

    callback: str
    number: str
    province: str
    did: str
    node: str
    request: str
    source: str
    asked_at: float
    due_at: float
    attempts: int
    agent: str
    calling: bool


class VoicemailSpoken(NamedTuple):
    """The caller left a message; ``file`` is its path on the PBX, ``length`` in seconds."""

    request: str
    file: str
    length: float


class RequestRecalled(NamedTuple):
    """A request that the ledger knows as not over: taken up again after a restart, counted already.

    ``offer``, ``agent`` and ``answered_at`` say who was connected; all empty while it was waiting.
    """

    request: str
    node: str
    channel: str
    uniqueid: str
    linkedid: str
    did: str
    number: str
    origin: Origin
    arrived_at: float
    offer: str
    agent: str
    answered_at: float | None
    outcome: Outcome | None = None
    """Set when the caller was told to leave and may not have left yet."""
    open_offers: tuple[tuple[str, str], ...] = ()
    """Offer and agent of each of its offers that has no end."""


class ChannelChanged(NamedTuple):
    """The caller of a request goes on in another channel, or in the same under another name."""

    request: str
    uniqueid: str
    channel: str


class LegRenamed(NamedTuple):
    """The agent's leg of an offer has another name."""

    offer: str
    channel: str


class OfferFound(NamedTuple):
    """The PBX is ringing a seat for a request, or has connected them, and we did not hear of it.

    ``at``: when they were connected, by the PBX's record; None if it does not say.
    """

    request: str
    offer: str
    address: str
    answered: bool
    leg: str = ""
    at: float | None = None


class TalkFound(NamedTuple):
    """The caller holds, but the PBX's record says that an agent answered ``at``: that talk broke unheard."""

    request: str
    address: str
    at: float
    offer: str = ""
    """The offer that was answered, as the record names it."""


class RequestSettled(NamedTuple):
    """A request began and ended, or only ended, while nobody listened; the PBX's record tells how.

    ``talk`` is seconds, 0 when no human was reached; ``address`` is the seat that answered, if known.
    """

    arrived: RequestArrived
    ended_at: float
    talk: float
    address: str
    cause: str
    lost: bool = False
    """The PBX broke under the request: its record was never closed."""
    offer: str = ""
    """The offer that was answered, as the record names it; a ring of the fallback has a name of its own there."""


class SeatReachable(NamedTuple):
    """A node gained or lost a reachable registration of a seat, or a call of the seat's began or ended there.

    ``in_use``: the seat rings or talks, by our offer or not.
    """

    node: str
    address: str
    reachable: bool
    detail: str
    in_use: bool = False


class LeaseRenewed(NamedTuple):
    """The desk proved that it can answer, or said why it cannot (``fault`` not empty)."""

    agent: str
    until: float
    fault: str


class PhoneOpened(NamedTuple):
    """A browser phone connected anew; it is still to register. What rang in the one before is unheard."""

    agent: str


class PhoneClosed(NamedTuple):
    """An agent's browser phone is not connected any more, and no newer one is.

    ``torn``: the connection ended (the browser or its machine died, a reload, the network said so); else it
    was given up because nothing came over it.
    """

    agent: str
    torn: bool


class StateAsked(NamedTuple):
    """The person, or a supervisor for them, asks for a state."""

    agent: str
    chosen: Chosen
    reason: str
    actor: str


class WrapUpEnded(NamedTuple):
    """The agent finished wrap-up early, with what the call was about."""

    agent: str
    disposition: str


class DispositionGiven(NamedTuple):
    """The agent said what the call was about, still talking or in wrap-up."""

    agent: str
    code: str


class HangUpAsked(NamedTuple):
    """The agent, or a supervisor for them, ends the call in progress."""

    agent: str


class LegLost(NamedTuple):
    """The desk says that the sound of the call in progress is not with it any more (a reload, a new tab)."""

    agent: str


class AgentConfigured(NamedTuple):
    """An agent is added or changed by an admin."""

    agent: str
    name: str
    province: str
    pools: tuple[str, ...]
    seat: Seat
    skills: tuple[tuple[str, int], ...] = ()
    """(skill, level), level 0 to 10."""


class AgentDropped(NamedTuple):
    """An agent is removed by an admin."""

    agent: str


class PlanChanged(NamedTuple):
    """A routing version goes live."""

    plan: Plan
    actor: str


class LinkUp(NamedTuple):
    """A node answers again; its snapshot follows as ordinary messages."""

    node: str


class LinkDown(NamedTuple):
    """A node is out of reach: nothing can be rung there."""

    node: str


class NodeLost(NamedTuple):
    """A node died: none of its calls exists any more."""

    node: str


class Tick(NamedTuple):
    """Time passed; due deadlines are handled."""


Message = (
    RequestArrived
    | OfferRinging
    | OfferAnswered
    | OfferMissed
    | OfferReturned
    | OfferRefused
    | CallerGone
    | Hanging
    | SeatGone
    | CallerHeld
    | CallbackChosen
    | VoicemailSpoken
    | CallbackBegan
    | CallbackAnswered
    | CallbackDialled
    | CallbackRefused
    | CallbackCancelAsked
    | CallbackTakeAsked
    | CallbackRecalled
    | RequestRecalled
    | ChannelChanged
    | LegRenamed
    | OfferFound
    | TalkFound
    | RequestSettled
    | SeatReachable
    | LeaseRenewed
    | PhoneOpened
    | PhoneClosed
    | StateAsked
    | WrapUpEnded
    | DispositionGiven
    | HangUpAsked
    | LegLost
    | AgentConfigured
    | AgentDropped
    | PlanChanged
    | LinkUp
    | LinkDown
    | NodeLost
    | Tick
)
