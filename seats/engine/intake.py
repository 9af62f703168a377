"""What a PBX says, in the core's words: which channel is which caller, which leg is which offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from seats.domain.messages import (
    CallbackAnswered,
    CallbackBegan,
    CallbackChosen,
    CallbackDialled,
    CallerGone,
    CallerHeld,
    ChannelChanged,
    Hanging,
    LegRenamed,
    Message,
    OfferAnswered,
    OfferFound,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    OfferRinging,
    RequestArrived,
    RequestSettled,
    SeatGone,
    SeatReachable,
    VoicemailSpoken,
)
from seats.domain.recovery import FALLBACK
from seats.domain.requests import Origin
from seats.engine.joining import Joining
from telephony import events as pbx
from telephony.translate import seat_in_use

Resolve = Callable[[str, str, str, str], Origin]
"""(caller's number, dialled number, choice in the IVR, trunk) → province with source and confidence."""


class Intake:
    """Turns one node's events into messages; remembers only which channel belongs to what."""

    def __init__(self, node: str, resolve: Resolve, now: Callable[[], float]) -> None:
        self._node = node
        self._resolve = resolve
        self._now = now
        self.callers: dict[str, str] = {}
        """Caller's uniqueid → request."""
        self.legs: dict[str, str] = {}
        """Agent leg's uniqueid → offer."""
        self._over: dict[str, None] = {}
        """The latest requests that have ended: news of their beginning may still be under way."""
        self._leg_channels: dict[str, str] = {}
        """Agent leg's uniqueid → channel, until it rings."""
        self._dialled: dict[str, str] = {}
        """Caller's uniqueid → offer being dialled."""
        self._answered: dict[str, OfferAnswered | OfferFound] = {}
        """Caller's uniqueid → who answered; the bridge comes next."""
        self._taken_back: set[str] = set()
        """Uniqueids of callers who gave up before an answer reached them; a bridge may yet come."""
        self._whole: set[str] = set()
        """Uniqueids of callers of whom all was heard, from the request on."""
        self.joining = Joining(now)
        """Answers that may turn out to have come too late."""
        self._attempts: set[str] = set()
        """Uniqueids of the callers' side of calls that we place: nobody there takes a call back."""
        self._seats: dict[str, str] = {}
        """Agent leg's uniqueid → address of its seat."""
        self._masked: dict[str, str] = {}
        """Name → uniqueid of the channel that had it, in the middle of a masquerade."""
        self.fallen: set[str] = set()
        """Uniqueids of callers whom the PBX serves from its fallback queue."""
        self._bridges: dict[str, dict[str, str]] = {}
        """Bridges of such callers: bridge → uniqueid → channel."""
        self._strangers: dict[str, tuple[str, str]] = {}
        """Channels in a bridge that are neither caller nor leg: uniqueid → (bridge, channel)."""
        self.heard: dict[str, bool] = {}
        """Seats whose device was heard of since the last picture: in use or not."""

    def request_id(self, pbx_request: str) -> str:
        """Our id of a PBX's request."""
        return f"{self._node}:{pbx_request}"

    def read(self, events: Iterable[pbx.PbxEvent]) -> list[Message]:
        """The messages that these events, in their order, amount to."""
        messages: list[Message] = []
        for event in events:
            reader = _READERS.get(type(event))
            if reader is None:
                continue
            told = self._began(event) if type(event) is pbx.RequestMade else []
            message = reader(self, event)
            if isinstance(message, RequestArrived) and self.is_over(message.request):
                message = None
            if message is not None:
                told.append(message)
                if type(message) is Hanging and message.by == "agent":
                    # the phone has said BYE: the agent is free, a moment before the PBX has cleared the leg
                    told.append(SeatGone(self.legs[event.uniqueid]))  # type: ignore[union-attr]
            messages += self.joining.follow(event, told)
        return messages

    def reconstruct(self, key: str, record: str, channel: str, linkedid: str) -> RequestArrived | None:
        """A request from the PBX's durable record ``v1|arrived|did|cli|channel…``; None if it is no such."""
        fields = record.split("|")
        if len(fields) < 5 or fields[0] != "v1":
            return None
        try:
            arrived = float(fields[1])
        except ValueError:
            arrived = self._now()
        uniqueid = uniqueid_of(key)
        made = pbx.RequestMade(
            self._node, key, channel, uniqueid, linkedid, fields[2], fields[3], "", "", arrived
        )
        return self.request_made(made)._replace(reconstructed=True)

    def forget(self, message: Message) -> None:
        """A caller or a leg is known to be gone, though no event said so."""
        if isinstance(message, SeatGone):
            self.legs = {leg: offer for leg, offer in self.legs.items() if offer != message.offer}
        elif isinstance(message, CallerGone):
            self.callers = {leg: known for leg, known in self.callers.items() if known != message.request}
            self._end(message.request)
        elif isinstance(message, RequestSettled):
            self.callers.pop(message.arrived.uniqueid, None)
            self._end(message.arrived.request)

    def miss(self) -> None:
        """From here on events are not heard for a while."""
        self._whole.clear()

    def is_over(self, request: str) -> bool:
        """Whether the end of this request was heard: an older picture may still show it."""
        return request in self._over

    def _end(self, request: str) -> None:
        self._over[request] = None
        while len(self._over) > _OVER_KEPT:
            del self._over[next(iter(self._over))]

    def request_made(self, e: pbx.RequestMade) -> RequestArrived:
        """A caller asks for a human."""
        request = self.request_id(e.request)
        self.callers[e.uniqueid] = request
        now = self._now()
        # the PBX's clock is believed only when it is near ours; a wrong one must not spoil every wait
        arrived = e.arrived if e.arrived and abs(now - e.arrived) < _MAX_CLOCK_GAP else now
        return RequestArrived(
            request,
            self._node,
            e.channel,
            e.uniqueid,
            e.linkedid,
            e.did,
            e.cli,
            self._resolve(e.cli, e.did, e.choice, e.trunk),
            min(arrived, now),
        )

    def _began(self, e: pbx.RequestMade) -> list[Message]:
        """A caller is heard from now on; of one who was sent back to ask anew, the request before is over."""
        self._whole.add(e.uniqueid)
        before = self.callers.get(e.uniqueid)
        if before is None or before == self.request_id(e.request):
            return []
        self._end(before)
        return [CallerGone(before, "asks again")]

    def renamed(self, e: pbx.Renamed) -> Message | None:
        """Another name for the same channel, or, in a masquerade, another channel under the same name.

        Then three names change: ours gets a mark, the other takes the name, ours becomes a zombie.
        """
        if e.new == f"{e.old}<MASQ>":
            self._masked[e.old] = e.uniqueid
            return None
        before = self._masked.pop(e.new, None)
        if before is not None:
            for known in (self.callers, self.legs, self._dialled):
                if before in known:
                    known[e.uniqueid] = known.pop(before)
        request = self.callers.get(e.uniqueid)
        if request is not None:
            return ChannelChanged(request, e.uniqueid, e.new)
        offer = self.legs.get(e.uniqueid)
        return LegRenamed(offer, e.new) if offer is not None else None

    def optimized(self, e: pbx.Optimized) -> Message | None:
        """The caller came by way of Local channels, which go; who stood behind them stays.

        Either side may be the one that moves: when it is the agent's leg, the caller stands where it moves to.
        """
        uniqueid, channel = e.uniqueid, e.channel
        if uniqueid in self.legs:
            to = {self._strangers[local][0] for local in e.locals_ if local in self._strangers}
            there = ((u, c) for u, (bridge, c) in self._strangers.items() if bridge in to)
            uniqueid, channel = next((x for x in there if x[0] not in e.locals_), ("", ""))
        local = next((each for each in e.locals_ if each in self.callers), None)
        if local is None or not uniqueid:
            return None
        request = self.callers[uniqueid] = self.callers.pop(local)
        if local in self._dialled:
            self._dialled[uniqueid] = self._dialled.pop(local)
        return ChannelChanged(request, uniqueid, channel)

    def dialing(self, e: pbx.Dialing) -> Message | None:
        """The agent's leg came into being."""
        if not e.offer:
            request = self.callers.get(e.uniqueid)
            return self.found(request, e.dest_uniqueid, e.dest_channel, answered=False) if request else None
        self.legs[e.dest_uniqueid] = e.offer
        self._leg_channels[e.dest_uniqueid] = e.dest_channel
        self._seats[e.dest_uniqueid] = seat_address(e.dest_channel)
        self._dialled[e.uniqueid] = e.offer
        return None

    def ringing(self, e: pbx.Ringing) -> Message:
        """The agent's device rings."""
        return OfferRinging(e.offer, self._leg_channels.pop(e.dest_uniqueid, ""))

    def dial_ended(self, e: pbx.DialEnded) -> Message | None:
        """The dialling is over: answered, or why not."""
        offer = e.offer or self.legs.get(e.dest_uniqueid, "")
        if not offer:
            return None
        if offer.startswith(FALLBACK):  # answered: the bridge tells; else the queue keeps the caller
            return None if e.status == "ANSWER" else OfferReturned(offer, e.status)
        if e.status != "ANSWER":
            return OfferMissed(offer, e.status)
        request = self.callers.get(e.uniqueid)
        answer: OfferAnswered | OfferFound
        if e.elsewhere and request is not None and e.uniqueid not in self._attempts:
            answer = self.found(request, e.dest_uniqueid, e.elsewhere, answered=True)
        else:
            answer = OfferAnswered(offer, address=self._seats.get(e.dest_uniqueid, ""))
        self._answered[e.uniqueid] = answer
        return None

    def bridged(self, e: pbx.Bridged) -> Message | None:
        """The caller entered the bridge with the agent who answered: now they hear each other."""
        answered = self._answered.pop(e.uniqueid, None)
        if e.uniqueid in self._taken_back:
            return None  # the PBX was already connecting: the caller's phone never knew
        if e.uniqueid not in self.callers and e.uniqueid not in self.legs:
            self._strangers[e.uniqueid] = (e.bridge, e.channel)
        if answered is not None:
            request = self.callers.get(e.uniqueid, "")
            return self._joined(e.uniqueid, answered._replace(request=request))
        return self._bridged_in_fallback(e) if self.fallen else None

    def _joined(self, caller: str, answer: OfferAnswered | OfferFound) -> Message | None:
        if caller in self._attempts:
            return answer
        self.joining.hold(caller, answer)
        return None

    def _bridged_in_fallback(self, e: pbx.Bridged) -> Message | None:
        """The fallback queue connected a caller to one of its members: nobody told us of an offer."""
        members = self._bridges.setdefault(e.bridge, {})
        members[e.uniqueid] = e.channel
        caller = next((u for u in members if u in self.fallen), None)
        peer = next((u for u in members if u not in self.callers), None)
        if caller is None or peer is None or caller not in self.callers:
            return None
        del self._bridges[e.bridge]
        return self._joined(caller, self.found(self.callers[caller], peer, members[peer], answered=True))

    def found(
        self, request: str, leg: str, channel: str, *, answered: bool, at: float | None = None
    ) -> OfferFound:
        """A seat's leg that belongs to a request by an offer we do not know, or do not know any more."""
        offer = self.legs.setdefault(leg, f"{FALLBACK}{self._node}-{leg}")
        return OfferFound(request, offer, seat_address(channel), answered, channel, at)

    def fell_back(self, e: pbx.FellBack) -> Message | None:
        """The PBX missed our heartbeat and serves the caller from its own queue."""
        self.fallen.add(uniqueid_of(e.request))
        return None

    def held(self, e: pbx.Held) -> Message | None:
        """The caller holds again."""
        self.fallen.discard(uniqueid_of(e.request))
        return CallerHeld(self.request_id(e.request)) if e.rescued else None

    def hang_up_asked(self, e: pbx.HangingUp) -> Message | None:
        """A device asked to end its call: note which side was first."""
        request = self.callers.get(e.uniqueid)
        if request is not None:
            if e.unanswered:
                self._taken_back.add(e.uniqueid)
            return Hanging(request, "caller")
        offer = self.legs.get(e.uniqueid)
        for caller, dialled in self._dialled.items() if offer else ():
            if dialled == offer and caller in self.callers:
                return Hanging(self.callers[caller], "agent")
        return None

    def hung_up(self, e: pbx.HungUp) -> Message | None:
        """A channel is gone."""
        offer = self.legs.pop(e.uniqueid, None)
        self._strangers.pop(e.uniqueid, None)
        self._leg_channels.pop(e.uniqueid, None)
        self._seats.pop(e.uniqueid, None)
        if offer is not None:
            return SeatGone(offer, (e.cause_text or str(e.cause)) if e.cause in SEAT_FAULTS else "")
        request = self.callers.pop(e.uniqueid, None)
        self._answered.pop(e.uniqueid, None)
        dialled = self._dialled.pop(e.uniqueid, "")
        whole = e.uniqueid in self._whole
        self._whole.discard(e.uniqueid)
        self._taken_back.discard(e.uniqueid)
        self._attempts.discard(e.uniqueid)
        self.fallen.discard(e.uniqueid)
        if request is None:
            return None
        self._end(request)
        return CallerGone(request, e.cause_text or f"cause {e.cause}", dialled=dialled if whole else None)

    def returned(self, e: pbx.OfferReturned) -> Message:
        """The caller holds again. A ring that reached the PBX too late was none, and the way is not good."""
        return OfferRefused(e.offer, "late") if e.status == LATE else OfferReturned(e.offer, e.status)

    def chosen(self, e: pbx.Chosen) -> Message:
        """The caller wants to be called back."""
        return CallbackChosen(self.request_id(e.request))

    def callback_began(self, e: pbx.CallbackBegan) -> Message:
        """A call that we placed has a channel; an agent rung for it before has another, on its way out."""
        request = self.request_id(e.request)
        self.callers = {leg: known for leg, known in self.callers.items() if known != request}
        self.callers[e.uniqueid] = request
        self._attempts.add(e.uniqueid)
        return CallbackBegan(request, e.channel, e.uniqueid, e.linkedid)

    def customer_answered(self, e: pbx.CustomerAnswered) -> Message:
        """The customer of a callback is there."""
        return CallbackAnswered(self.request_id(e.request))

    def customer_dialled(self, e: pbx.CustomerDialled) -> Message:
        """The customer of a callback was dialled, and it is over."""
        return CallbackDialled(self.request_id(e.request), e.status)

    def voicemail(self, e: pbx.VoicemailLeft) -> Message:
        """The caller left a message."""
        return VoicemailSpoken(self.request_id(e.request), e.file, float(e.seconds))

    def seat_state(self, e: pbx.SeatState) -> Message:
        """A seat's registration came or went, or a call of its device."""
        self.heard[e.address] = in_use = seat_in_use(e.detail)
        return SeatReachable(self._node, e.address, e.reachable, e.detail, in_use)


def uniqueid_of(pbx_request: str) -> str:
    """The caller's channel of a PBX's request: ``<epoch>.<n>``, or ``<epoch>.<n>.<k>`` for its k-th."""
    return ".".join(pbx_request.split(".")[:2])


def seat_address(channel: str) -> str:
    """The seat of a leg's channel ``PJSIP/<address>-<number>``; empty if it is none."""
    technology, _, rest = channel.partition("/")
    return rest.rpartition("-")[0] if technology == "PJSIP" else ""


SEAT_FAULTS = frozenset({18, 20, 27, 38, 41, 44, 102})
"""Q.850 causes of a leg that died instead of being hung up: no media, no transport, no answer to our own
requests. The dialplan pack's ``seats-connect`` has the same list."""

LATE = "LATE"
"""What ``seats-connect`` says of a ring that reached it after its time."""

_OVER_KEPT = 1000
_MAX_CLOCK_GAP = 3600.0
"""Seconds by which a PBX's clock may differ from ours before it is disbelieved."""

_READERS: dict[type, Callable[[Intake, object], Message | None]] = {
    pbx.RequestMade: Intake.request_made,  # type: ignore[dict-item]  # the key says the event's type
    pbx.Dialing: Intake.dialing,  # type: ignore[dict-item]
    pbx.Ringing: Intake.ringing,  # type: ignore[dict-item]
    pbx.DialEnded: Intake.dial_ended,  # type: ignore[dict-item]
    pbx.Bridged: Intake.bridged,  # type: ignore[dict-item]
    pbx.HangingUp: Intake.hang_up_asked,  # type: ignore[dict-item]
    pbx.HungUp: Intake.hung_up,  # type: ignore[dict-item]
    pbx.OfferReturned: Intake.returned,  # type: ignore[dict-item]
    pbx.FellBack: Intake.fell_back,  # type: ignore[dict-item]
    pbx.Held: Intake.held,  # type: ignore[dict-item]
    pbx.Chosen: Intake.chosen,  # type: ignore[dict-item]
    pbx.VoicemailLeft: Intake.voicemail,  # type: ignore[dict-item]
    pbx.CallbackBegan: Intake.callback_began,  # type: ignore[dict-item]
    pbx.CustomerAnswered: Intake.customer_answered,  # type: ignore[dict-item]
    pbx.CustomerDialled: Intake.customer_dialled,  # type: ignore[dict-item]
    pbx.Renamed: Intake.renamed,  # type: ignore[dict-item]
    pbx.Optimized: Intake.optimized,  # type: ignore[dict-item]
    pbx.SeatState: Intake.seat_state,  # type: ignore[dict-item]
}
