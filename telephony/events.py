"""What a PBX told us, typed. Every event names its node first; ids are the PBX's own.

A channel's identity is (node, uniqueid); ``linkedid`` groups the channels of one call.
An offer id is ``''`` where the PBX did not say it.
"""

from __future__ import annotations

from typing import NamedTuple


class RequestMade(NamedTuple):
    """A caller asked for a human. ``arrived`` is the PBX's Unix time in seconds, 0 if it did not say."""

    node: str
    request: str
    channel: str
    uniqueid: str
    linkedid: str
    did: str
    cli: str
    choice: str
    trunk: str
    arrived: float


class Dialing(NamedTuple):
    """A seat is being dialled; ``dest_*`` is the seat's new channel, ``uniqueid`` the caller's.

    Without an offer it is the fallback queue that dials.
    """

    node: str
    uniqueid: str
    offer: str
    dest_uniqueid: str
    dest_channel: str


class Ringing(NamedTuple):
    """The seat's device says it rings."""

    node: str
    uniqueid: str
    offer: str
    dest_uniqueid: str


class DialEnded(NamedTuple):
    """A dialled leg's fate: ``ANSWER``, ``NOANSWER``, ``BUSY``, ``CANCEL``, ``CHANUNAVAIL``, …

    ``elsewhere``: the channel of another seat than the one that was rung, where it was picked up; else empty.
    """

    node: str
    uniqueid: str
    offer: str
    dest_uniqueid: str
    status: str
    elsewhere: str = ""


class Bridged(NamedTuple):
    """A channel entered a bridge: it hears whoever else is in it."""

    node: str
    uniqueid: str
    channel: str
    linkedid: str
    bridge: str


class Unbridged(NamedTuple):
    """A channel left a bridge."""

    node: str
    uniqueid: str
    channel: str
    linkedid: str
    bridge: str


class HangingUp(NamedTuple):
    """A channel's own device asked to end the call: of two legs, the one that hung up first.

    ``unanswered``: it took its call back (SIP: CANCEL) and was told so; no answer can reach it any more.
    """

    node: str
    uniqueid: str
    unanswered: bool = False


class HungUp(NamedTuple):
    """A channel is gone; ``cause`` is the Q.850 number, 0 if unknown."""

    node: str
    uniqueid: str
    channel: str
    linkedid: str
    cause: int
    cause_text: str


class OfferReturned(NamedTuple):
    """The ringing ended without an answer and the caller holds again; ``status`` is DIALSTATUS.

    ``LATE``: the ring came after its time, and nobody was rung.
    """

    node: str
    request: str
    offer: str
    status: str
    cause: int


class TalkEnded(NamedTuple):
    """The agent's side of an answered offer ended while the caller was still there."""

    node: str
    request: str
    offer: str
    cause: int


class RequestEnded(NamedTuple):
    """The caller's channel is ending."""

    node: str
    request: str
    cause: int


class FellBack(NamedTuple):
    """The PBX missed our heartbeat and sent the caller to the fallback queue."""

    node: str
    request: str


class Held(NamedTuple):
    """The caller holds again: back from the fallback, or because the agent's leg died (``rescued``)."""

    node: str
    request: str
    rescued: bool


class Chosen(NamedTuple):
    """The caller pressed 1: they want to be called back instead of waiting."""

    node: str
    request: str


class VoicemailLeft(NamedTuple):
    """The caller spoke a message; ``file`` is its path on the PBX, ``seconds`` its length."""

    node: str
    request: str
    file: str
    seconds: int


class CallbackBegan(NamedTuple):
    """A call that we place has a channel that stands for its caller: before it rings a seat (``offer``), or
    holding, once the customer has answered (``''``)."""

    node: str
    request: str
    channel: str
    uniqueid: str
    linkedid: str
    offer: str


class CustomerAnswered(NamedTuple):
    """A customer, dialled for an agent who waits on the line, answered."""

    node: str
    request: str


class CustomerDialled(NamedTuple):
    """The dialling of a customer is over; ``status`` is DIALSTATUS, ``ANSWER`` after a talk."""

    node: str
    request: str
    status: str


class SeatState(NamedTuple):
    """Whether the PBX can reach a seat; ``detail`` is its word for the seat's state."""

    node: str
    address: str
    reachable: bool
    detail: str


class Renamed(NamedTuple):
    """A channel's name changed (masquerade); its uniqueid did not."""

    node: str
    uniqueid: str
    old: str
    new: str


class Optimized(NamedTuple):
    """Local channels are taken out of a call: ``uniqueid`` now stands where one of ``locals_`` stood."""

    node: str
    locals_: tuple[str, str]
    uniqueid: str
    channel: str


class BootedAgain(NamedTuple):
    """The PBX finished starting while we were connected."""

    node: str


class ShutDown(NamedTuple):
    """The PBX says it is stopping."""

    node: str


PbxEvent = (
    RequestMade
    | Dialing
    | Ringing
    | DialEnded
    | Bridged
    | Unbridged
    | HangingUp
    | HungUp
    | OfferReturned
    | TalkEnded
    | RequestEnded
    | FellBack
    | Held
    | Chosen
    | VoicemailLeft
    | CallbackBegan
    | CustomerAnswered
    | CustomerDialled
    | SeatState
    | Renamed
    | Optimized
    | BootedAgain
    | ShutDown
)
