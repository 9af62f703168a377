"""What a fresh picture of a node means for the core: who is gone, who is new, which seats answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seats.domain.agents import Agent
from seats.domain.messages import (
    CallerGone,
    CallerHeld,
    ChannelChanged,
    Message,
    OfferFound,
    RequestArrived,
    RequestSettled,
    SeatGone,
    SeatReachable,
    TalkFound,
)
from seats.domain.recovery import FALLBACK
from seats.domain.requests import Request, RequestState
from seats.domain.state import State
from seats.engine.intake import Intake, seat_address, uniqueid_of
from seats.engine.stirred import Stirred, stirred
from telephony.link import Channel, Snapshot
from telephony.translate import is_leg_of, offer_of


class Finding(NamedTuple):
    """One message that a snapshot calls for; ``repair`` names the difference, empty if there was none."""

    message: Message
    repair: str
    seen: tuple[str, str | None] = (RequestState.WAITING, None)
    """Of a caller found holding or connected: the state and the offer that the core believed."""


class Ended(NamedTuple):
    """A durable record of a request that has ended: ``v1|arrived|did|cli|channel|ended|cause|talk|by``.

    ``lost``: without its end (``v1|arrived|did|cli|channel`` or, once connected, ``…|answered|by``), and
    its caller is gone.
    """

    key: str
    record: str
    lost: bool = False


def findings(snapshot: Snapshot, state: State, intake: Intake, *, missed_for: float) -> list[Finding]:
    """Compare; the answer brings the core's picture to the PBX's. ``intake`` learns what it missed.

    Of what moved while the picture was taken nothing is found: the next one shows it.
    ``missed_for``: seconds after which what the core wanted done must show in a snapshot.
    """
    intake.heard.clear()
    moved = stirred(snapshot.meanwhile)
    still = snapshot._replace(channels=[c for c in snapshot.channels if not moved.channel(c)])
    gone = _gone(snapshot, state, intake, moved)
    holding = _holding(still, state, intake, missed_for)
    arrived = _arrived(still, state, intake)
    connected = _connected(still, state, intake, missed_for)
    seats = _seats(snapshot, state, intake, missed_for, moved)
    legs = _legs(snapshot, state, intake, connected, moved)
    broken = _broken_unheard(still, state, intake)
    return [*seats, *gone, *holding, *legs, *arrived, *broken, *connected]


def stands(finding: Finding, state: State, intake: Intake) -> bool:
    """Whether a finding is still true, now that the events of the meantime were heard."""
    message = finding.message
    if isinstance(message, SeatGone):
        return message.offer in state.offers
    if isinstance(message, CallerGone | RequestSettled):
        gone = message.request if isinstance(message, CallerGone) else message.arrived.request
        return gone in state.requests
    if isinstance(message, RequestArrived):
        return message.request not in state.requests and not intake.is_over(message.request)
    if isinstance(message, SeatReachable):
        agent = state.agents.get(state.by_address.get(message.address, ""))
        return agent is not None and _differs(message, agent) and intake.heard.get(message.address) is None
    if isinstance(message, CallerHeld | OfferFound | TalkFound):
        request = None if intake.joining.holds(message.request) else state.requests.get(message.request)
        return request is not None and finding.seen == (request.state, request.offer)
    return True


def open_unknown(snapshot: Snapshot, state: State, intake: Intake) -> list[str]:
    """Keys of records without an end, with their caller on the PBX, of which the core has never heard."""
    live = {c.uniqueid for c in snapshot.channels}
    found = []
    for key, record in snapshot.requests.items():
        request = intake.request_id(key)
        heard = request in state.requests or intake.is_over(request)
        if not heard and not has_ended(record) and uniqueid_of(key) in live:
            found.append(key)
    return found


def ended_unheard(snapshot: Snapshot, state: State, intake: Intake) -> list[Ended]:
    """Records of requests that are over and not held by the core: the ledger has them, or must get them."""
    live = {c.uniqueid for c in snapshot.channels}
    return [
        Ended(key, record, not has_ended(record))
        for key, record in snapshot.requests.items()
        if intake.request_id(key) not in state.requests
        and (has_ended(record) or uniqueid_of(key) not in live)
    ]


def settle(ended: Ended, intake: Intake, now: float = 0.0) -> RequestSettled | None:
    """The message that completes the ledger from a durable record; None if the record is no such."""
    fields = ended.record.split("|")
    if ended.lost:
        by = fields[6] if len(fields) > 6 else ""
        fields = [*fields[:5], *_broken_off(answered_since(ended.record), now), by]
    if len(fields) < _FIELDS_AT_THE_END:
        return None
    arrived = intake.reconstruct(ended.key, ended.record, fields[4], "")
    if arrived is None:
        return None
    offer, address = _answered_by(fields, 8)
    return RequestSettled(
        arrived,
        _seconds(fields[5], arrived.arrived_at),
        _seconds(fields[7], 0.0),
        address,
        fields[6],
        ended.lost,
        offer,
    )


def _answered_by(fields: Sequence[str], place: int) -> tuple[str, str]:
    """Offer and seat address of an answer in a record, as ``offer:technology/address``; empty if nobody did."""
    offer, _, device = (fields[place] if len(fields) > place else "").partition(":")
    return offer, device.partition("/")[2]


def _broken_off(answered: float | None, now: float) -> tuple[str, str, str]:
    """End, cause and talk of a call that a dying PBX took along: of the talk no more than is certain."""
    end, talk = (now, 0) if answered is None else (answered + 1, 1)
    return f"{end:.3f}", "the PBX broke", str(talk)


def answered_since(record: str) -> float | None:
    """When the caller of an open record was last connected with an agent, PBX time; None while never."""
    fields = record.split("|")
    return _seconds(fields[5], 0.0) or None if len(fields) == _FIELDS_WHILE_TALKING else None


def has_ended(record: str) -> bool:
    """Whether a durable record is of a request that is over."""
    return record.count("|") >= _FIELDS_AT_THE_END - 1


def _seats(
    snapshot: Snapshot, state: State, intake: Intake, missed_for: float, moved: Stirred
) -> list[Finding]:
    """Only what differs: a picture must not overwrite news that came while it was taken."""
    found = []
    calls = _calls_of_others(snapshot, state, intake)
    busy = moved.seats | {seat_address(c.channel) for c in snapshot.channels if moved.channel(c)}
    for address, agent_id in state.by_address.items():
        if address in busy:
            continue
        agent, lasts = state.agents[agent_id], calls.get(address, -1)
        in_use = lasts >= (_NEW if missed_for and snapshot.node not in agent.engaged else 0)
        reachable = snapshot.seats.get(address, False)
        message = SeatReachable(snapshot.node, address, reachable, "snapshot", in_use)
        if _differs(message, agent):
            found.append(Finding(message, ""))
    return found


def _calls_of_others(snapshot: Snapshot, state: State, intake: Intake) -> dict[str, int]:
    """Seats in calls that are none of ours → seconds that the longest has lasted."""
    calls: dict[str, int] = {}
    for channel in snapshot.channels:
        address = seat_address(channel.channel)
        offer = state.offers.get(intake.legs.get(channel.uniqueid, ""))
        if address and (offer is None or not offer.agent):
            calls[address] = max(calls.get(address, 0), channel.duration)
    return calls


def _differs(message: SeatReachable, agent: Agent) -> bool:
    """Whether a picture shows a seat otherwise than it is known. While ours, its use is known otherwise."""
    if message.reachable != (message.node in agent.nodes):
        return True
    return message.in_use != (message.node in agent.engaged) and (agent.offer is None or not message.in_use)


def _gone(snapshot: Snapshot, state: State, intake: Intake, moved: Stirred) -> list[Finding]:
    """Callers the core holds and the PBX does not. Without a record of the end, the PBX itself broke.

    The list of channels is read before the records: who is in it and has an end there left in between, unless it
    was another channel's end: of one by which the caller came, and which was optimised away.
    """
    live = {c.uniqueid for c in snapshot.channels}
    found = []
    for request in list(state.requests.values()):
        key = request.id.partition(":")[2]
        there = request.uniqueid in live
        if request.node != snapshot.node or not request.uniqueid:
            continue  # an attempt at a callback has no channel until its agent or customer is rung
        left = has_ended(snapshot.requests.get(key, "")) and request.uniqueid == uniqueid_of(key)
        if (there and not left) or moved.request(request):
            continue
        heir = None if there else _heir_of(request, state, snapshot)
        if heir is not None:
            intake.callers[heir.uniqueid] = request.id
            found.append(Finding(ChannelChanged(request.id, heir.uniqueid, heir.channel), ""))
            continue
        message: Message | None = settle(Ended(key, snapshot.requests.get(key, "")), intake)
        if message is None:
            lost = request.state is not RequestState.RELEASING
            message = CallerGone(request.id, "gone at the snapshot", lost)
        found.append(Finding(message, "caller_gone"))
    return found


def _heir_of(request: Request, state: State, snapshot: Snapshot) -> Channel | None:
    """Whoever talks with the request's agent in the same call by now: a masquerade, Locals that went."""
    agent = state.agents.get(request.connected_agent or "")
    if agent is None or request.state is not RequestState.TALKING:
        return None
    call = [c for c in snapshot.channels if c.linkedid == request.linkedid and c.bridge]
    leg = next((c for c in call if seat_address(c.channel) == agent.seat.address), None)
    return next((c for c in call if leg is not None and c is not leg and c.bridge == leg.bridge), None)


def _legs(
    snapshot: Snapshot, state: State, intake: Intake, connected: list[Finding], moved: Stirred
) -> list[Finding]:
    """Legs that are gone; of a caller who talks with another seat by now, the old one ends no call."""
    live = {c.uniqueid: c for c in snapshot.channels}
    elsewhere = {f.message.request for f in connected if isinstance(f.message, OfferFound)}
    found = []
    for leg, offer in list(intake.legs.items()):
        known = state.offers.get(offer)
        if leg in live or leg in moved.ids or offer in moved.ids:
            continue
        if known is None or known.request in elsewhere:
            del intake.legs[leg]
            continue
        request = state.requests.get(known.request)
        if request is not None and moved.request(request):
            continue
        caller = live.get(request.uniqueid) if request is not None else None
        if request is not None and caller is not None and _is_rescued(request, caller):
            seen = (request.state, request.offer)
            found.append(Finding(CallerHeld(request.id), "caller_holding", seen))
        else:
            found.append(Finding(SeatGone(offer), "leg_gone"))
    return found


def _is_rescued(request: Request, caller: Channel) -> bool:
    """The agent's leg is gone and the caller holds: it died, or the caller would be gone too."""
    return request.state is RequestState.TALKING and caller.context in _HOLDS and not caller.bridge


def _arrived(snapshot: Snapshot, state: State, intake: Intake) -> list[Finding]:
    """Callers on the PBX of whom the core has never heard, in order of arrival."""
    live = {c.uniqueid: c for c in snapshot.channels}
    found: list[RequestArrived] = []
    for key, record in snapshot.requests.items():
        request = intake.request_id(key)
        channel = live.get(uniqueid_of(key))
        if channel is None or has_ended(record) or channel.context == OVERFLOW:
            continue  # in overflow: let go of already, and not to be pulled out of it
        if request in state.requests:
            intake.callers[channel.uniqueid] = request
            continue
        arrived = intake.reconstruct(key, record, channel.channel, channel.linkedid)
        if arrived is not None:
            found.append(arrived)
    return [Finding(message, "caller_found") for message in sorted(found, key=lambda m: m.arrived_at)]


def _broken_unheard(snapshot: Snapshot, state: State, intake: Intake) -> list[Finding]:
    """Callers who hold whom an agent has answered, as the record says, and of whose talk the core never heard."""
    live = {c.uniqueid: c for c in snapshot.channels}
    found = []
    for key, record in snapshot.requests.items():
        at, channel = answered_since(record), live.get(uniqueid_of(key))
        if at is None or channel is None or channel.bridge or channel.context not in _HOLDS:
            continue
        request = state.requests.get(intake.request_id(key))
        if request is None or request.outcome is None:
            offer, address = _answered_by(record.split("|"), 6)
            talk = TalkFound(intake.request_id(key), address, at, offer)
            found.append(Finding(talk, "answer_found"))
    return found


def _holding(snapshot: Snapshot, state: State, intake: Intake, missed_for: float) -> list[Finding]:
    """Callers who hold although the core has believed otherwise for a while: the news was missed."""
    found = []
    requests = {r.uniqueid: r for r in state.requests.values() if r.node == snapshot.node}
    calls = _calls(snapshot)
    for channel in snapshot.channels:
        if channel.context == "seats-fallback":
            intake.fallen.add(channel.uniqueid)
        request = requests.get(channel.uniqueid)
        if request is None or channel.bridge or channel.context not in _HOLDS:
            continue
        if (request.offer or "").startswith(FALLBACK) and _leg_of(channel, calls) is not None:
            continue  # holding, and rung by the fallback queue
        if _is_missed(request, state, missed_for):
            message = CallerHeld(request.id)
            found.append(Finding(message, "caller_holding", (request.state, request.offer)))
    return found


def _is_missed(request: Request, state: State, missed_for: float) -> bool:
    """Whether the core has believed for too long that a caller is not holding who is."""
    since = _believed_since(request, state)
    return since is not None and state.now - since >= missed_for


def _believed_since(request: Request, state: State) -> float | None:
    """Since when the core has believed that the caller is not holding; None if it believes they are."""
    offer = state.offers.get(request.offer or "")
    if request.state is RequestState.OFFERED and offer is not None:
        return offer.made_at
    if request.state is RequestState.TALKING:
        return request.answered_at
    if request.state is RequestState.DONE:
        return request.ended_at
    return request.let_go_at if request.state is RequestState.RELEASING else None


def _connected(snapshot: Snapshot, state: State, intake: Intake, missed_for: float) -> list[Finding]:
    """Seats that ring for, or talk to, a caller by an offer the core does not hold."""
    found = []
    calls = _calls(snapshot)
    for caller in snapshot.channels:
        request = intake.callers.get(caller.uniqueid)
        leg = _leg_of(caller, calls) if request else None
        if request is None or leg is None or caller.context == OVERFLOW:
            continue  # whom the overflow dials is no seat of ours
        answered = bool(caller.bridge) and caller.bridge == leg.bridge
        known = state.offers.get(intake.legs.get(leg.uniqueid, ""))
        believed = state.requests.get(request)
        if known is not None and believed is not None and not known.agent and _is_free(leg, state):
            again = OfferFound(request, known.id, seat_address(leg.channel), answered, leg.uniqueid)
            found.append(Finding(again, "", (believed.state, believed.offer)))
            continue
        if known is not None and not (answered and known.result is None):
            continue
        offer = _offer_of(caller, leg)
        if _is_just_over(state.requests.get(request), state, missed_for) or (
            not offer and not answered and caller.context != "seats-fallback"
        ):
            continue
        if offer:
            intake.legs[leg.uniqueid] = offer
        held = state.offers.get(offer)
        unheard = answered and held is not None and held.result is None
        if held is not None and held.leg and not unheard:
            continue
        at = answered_since(snapshot.requests.get(request.partition(":")[2], ""))
        message = intake.found(request, leg.uniqueid, leg.channel, answered=answered, at=at)
        repair = "offer_found" if held is None else "answer_found" if unheard else ""
        seated = caller.exten.split("-")[4:5] if offer else []
        if seated:  # a mobile's leg does not tell
            message = message._replace(address=seated[0])
        seen: tuple[str, str | None] = (RequestState.WAITING, None)
        if believed and (answered or offer or not _is_missed(believed, state, missed_for)):
            seen = (believed.state, believed.offer)
        found.append(Finding(message, repair, seen))
    return found


def _is_free(leg: Channel, state: State) -> bool:
    """Whether the agent whose seat that is was believed busy otherwise, and is no more."""
    agent = state.agents.get(state.by_address.get(seat_address(leg.channel), ""))
    return agent is not None and agent.offer is None


def _is_just_over(request: Request | None, state: State, missed_for: float) -> bool:
    """Whether the end of a call was heard so lately that the picture may be older."""
    if request is None or request.state is not RequestState.DONE:
        return False
    return not _is_missed(request, state, missed_for)


def _calls(snapshot: Snapshot) -> dict[str, list[Channel]]:
    """The channels of each call, in their order."""
    calls: dict[str, list[Channel]] = {}
    for channel in snapshot.channels:
        calls.setdefault(channel.linkedid, []).append(channel)
    return calls


def _leg_of(caller: Channel, calls: dict[str, list[Channel]]) -> Channel | None:
    call = calls.get(caller.linkedid, ())
    legs = [c for c in call if c.uniqueid != caller.uniqueid and seat_address(c.channel)]
    together = [c for c in legs if caller.bridge and c.bridge == caller.bridge]
    return next(iter(together or legs), None)


def _offer_of(caller: Channel, leg: Channel) -> str:
    """Our offer by which a leg rings or talks; none where another seat picked up what rang."""
    offer = offer_of(caller.context, caller.exten)
    return offer if offer and is_leg_of(caller.exten, leg.channel) else ""


def _seconds(field: str, default: float) -> float:
    try:
        return float(field)
    except ValueError:
        return default


_NEW = 2
"""Seconds of a channel's life in which news of whose it is may still be under way."""
_FIELDS_AT_THE_END = 8
_FIELDS_WHILE_TALKING = 7
OVERFLOW = "seats-overflow"
_HOLDS = ("seats-hold", "seats-fallback")
