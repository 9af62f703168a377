"""Events of the core → rows to insert and columns to set. Pure.

The changes of one group may be applied in the order of :data:`ORDER`, whatever the order of the events:
rows come before what is set in them, and each kind of event sets columns of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seats.domain import events as ev
from seats.domain.callback_book import CallbackState
from seats.domain.requests import Outcome

Row = dict[str, Any]
Changes = dict[str, list[Row]]
"""Name of a statement → its parameter sets. In ``set_…`` statements the row's key is ``row``."""

ORDER = (
    "add_request",
    "add_offer",
    "set_rang",
    "set_offer_ended",
    "set_decided",
    "set_reconstructed",
    "set_call_ended",
    "set_disposition",
    "add_callback",
    "set_callback",
    "add_attempt",
    "add_state",
    "add_audit",
)

SYSTEM = "system"
RECONSTRUCTED = "reconstructed"
"""How the reason of an outcome begins that nobody heard of: the PBX's record told it."""
UNHEARD = "unknown"
"""Who ended a call whose end nobody heard."""


def change(event: ev.Event, out: Changes) -> None:
    """Add one event's changes to ``out``."""
    _WRITERS[type(event)](event, out)


def clean(text: str) -> str:
    """Text that every database takes: no NUL, no lone surrogate."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _clean(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _audit(out: Changes, at: float, actor: str, action: str, subject: str, **detail: Any) -> None:
    tidy = {k: clean(v) if isinstance(v, str) else v for k, v in detail.items()}
    out["add_audit"].append(
        {"at": at, "actor": clean(actor), "action": action, "subject": clean(subject), "detail": tidy}
    )


def _opened(e: ev.RequestOpened, out: Changes) -> None:
    out["add_request"].append(
        {
            "id": clean(e.request),
            "node": clean(e.node),
            "channel": clean(e.channel),
            "uniqueid": clean(e.uniqueid),
            "linkedid": clean(e.linkedid),
            "did": clean(e.did),
            "number": clean(e.number),
            "province": e.province,
            "source": e.origin.source,
            "confidence": str(e.origin.confidence),
            "arrived_at": e.at,
            "reconstructed": e.reconstructed,
            "klass": e.origin.klass,
        }
    )
    _audit(
        out,
        e.at,
        SYSTEM,
        "request_opened",
        f"request/{e.request}",
        province=e.province,
        source=e.origin.source,
        confidence=str(e.origin.confidence),
        did=e.did,
        reconstructed=e.reconstructed,
    )


def _ring_opened(e: ev.RingOpened, out: Changes) -> None:
    _audit(out, e.at, SYSTEM, "ring_opened", f"request/{e.request}", ring=e.ring, pool=e.pool)


def _promoted(e: ev.RequestPromoted, out: Changes) -> None:
    _audit(out, e.at, SYSTEM, "request_promoted", f"request/{e.request}")


def _told(e: ev.CallerTold, out: Changes) -> None:
    said = {"position": e.position, "minutes": e.minutes}
    _audit(out, e.at, SYSTEM, "caller_told", f"request/{e.request}", **said)


def _offer_made(e: ev.OfferMade, out: Changes) -> None:
    out["add_offer"].append(
        {
            "id": e.offer,
            "request": clean(e.request),
            "agent": clean(e.agent),
            "pool": e.pool,
            "ring": e.ring,
            "why": clean(str(e.why)),
            "made_at": e.at,
        }
    )
    _audit(
        out,
        e.at,
        SYSTEM,
        "offer_made",
        f"request/{e.request}",
        offer=e.offer,
        agent=e.agent,
        pool=e.pool,
        ring=e.ring,
        why=str(e.why),
    )


def _rang(e: ev.OfferRang, out: Changes) -> None:
    out["set_rang"].append({"row": e.offer, "rang_at": e.at})
    _audit(out, e.at, SYSTEM, "offer_rang", f"request/{e.request}", offer=e.offer, agent=e.agent)


def _offer_ended(e: ev.OfferEnded, out: Changes) -> None:
    out["set_offer_ended"].append(
        {"row": e.offer, "ended_at": e.at, "result": str(e.result), "detail": clean(e.detail)}
    )
    _audit(
        out,
        e.at,
        SYSTEM,
        "offer_ended",
        f"request/{e.request}",
        offer=e.offer,
        agent=e.agent,
        result=str(e.result),
        detail=e.detail,
    )


def _returned(e: ev.RequestReturned, out: Changes) -> None:
    _audit(out, e.at, SYSTEM, "request_returned", f"request/{e.request}")


def _decided(e: ev.RequestDecided, out: Changes) -> None:
    connected = e.outcome is Outcome.CONNECTED
    if e.reason.startswith(RECONSTRUCTED):
        out["set_reconstructed"].append({"row": clean(e.request), "reconstructed": True})
    out["set_decided"].append(
        {
            "row": clean(e.request),
            "outcome": str(e.outcome),
            "decided_at": e.at,
            "answered_at": e.at if connected else None,
            "ended_at": None if connected else e.at,
            "agent": _clean(e.agent),
            "queue_s": e.queue,
            "ring_s": e.ring,
            "reason": clean(e.reason),
        }
    )
    _audit(
        out,
        e.at,
        SYSTEM,
        "request_decided",
        f"request/{e.request}",
        outcome=str(e.outcome),
        agent=e.agent,
        queue=e.queue,
        ring=e.ring,
        reason=e.reason,
    )


def _call_ended(e: ev.CallEnded, out: Changes) -> None:
    row = {"row": clean(e.request), "ended_at": e.at, "talk_s": e.talk, "ended_by": clean(e.ended_by)}
    if e.ended_by == UNHEARD:
        out["set_reconstructed"].append({"row": row["row"], "reconstructed": True})
    out["set_call_ended"].append(row)
    subject = f"request/{e.request}"
    _audit(out, e.at, SYSTEM, "call_ended", subject, agent=e.agent, talk=e.talk, ended_by=e.ended_by)


def _call_broken(e: ev.CallBroken, out: Changes) -> None:
    subject = f"request/{e.request}"
    detail = {"offer": e.offer, "agent": e.agent, "talk": e.talk, "fault": e.fault}
    _audit(out, e.at, SYSTEM, "call_broken", subject, **detail)


def _closed(e: ev.RequestClosed, out: Changes) -> None:
    _audit(out, e.at, SYSTEM, "request_closed", f"request/{e.request}")


def _voicemail(e: ev.VoicemailLeft, out: Changes) -> None:
    _audit(out, e.at, SYSTEM, "voicemail_left", f"request/{e.request}", file=e.file, length=e.length)


def _callback_asked(e: ev.CallbackAsked, out: Changes) -> None:
    out["add_callback"].append(
        {
            "id": e.callback,
            "number": clean(e.number),
            "province": e.province,
            "did": clean(e.did),
            "node": clean(e.node),
            "request": clean(e.request),
            "source": str(e.source),
            "requests": 1,
            "asked_at": e.asked_at,
            "state": str(CallbackState.WAITING),
            "due_at": e.due_at,
            "attempts": 0,
            "agent": "",
            "reason": "",
            "changed_at": e.at,
        }
    )
    detail = {"callback": e.callback, "source": str(e.source)}
    _audit(out, e.at, SYSTEM, "callback_asked", f"request/{e.request}", **detail)


def _callback_changed(e: ev.CallbackChanged, out: Changes) -> None:
    values = {
        "state": str(e.state),
        "due_at": e.due_at,
        "attempts": e.attempts,
        "agent": clean(e.agent),
        "reason": clean(e.reason),
    }
    out["set_callback"].append({"row": e.callback, "changed_at": e.at, **values})
    _audit(out, e.at, e.reason, "callback_changed", f"callback/{e.callback}", **values)


def _callback_tried(e: ev.CallbackTried, out: Changes) -> None:
    values = {
        "agent": clean(e.agent),
        "agent_first": e.agent_first,
        "began_at": e.began_at,
        "reached_at": e.reached_at,
        "result": str(e.result),
        "talk_s": e.talk,
        "detail": clean(e.detail),
    }
    out["add_attempt"].append({"id": e.call, "callback": e.callback, "ended_at": e.at, **values})
    _audit(out, e.at, SYSTEM, "callback_tried", f"callback/{e.callback}", call=e.call, **values)


def _disposition(e: ev.DispositionSet, out: Changes) -> None:
    out["set_disposition"].append({"row": clean(e.request), "disposition": clean(e.code)})
    _audit(out, e.at, f"agent/{e.agent}", "disposition_set", f"request/{e.request}", code=e.code)


def _agent_changed(e: ev.AgentChanged, out: Changes) -> None:
    chosen, reason = e.reserved or (None, None)
    row = {
        "at": e.at,
        "agent": clean(e.agent),
        "chosen": str(e.chosen),
        "machine": str(e.machine),
        "reason": clean(e.reason),
        "cause": clean(e.cause),
        "request": _clean(e.request),
        "offer": e.offer,
        "wrap_up_until": e.wrap_up_until,
        "reserved": None if chosen is None else str(chosen),
        "reserved_reason": _clean(reason),
    }
    out["add_state"].append(row)
    shown = {k: v for k, v in row.items() if k not in ("at", "agent", "cause") and v not in (None, "")}
    _audit(out, e.at, e.cause, "agent_changed", f"agent/{e.agent}", **shown)


def _agent_added(e: ev.AgentAdded, out: Changes) -> None:
    _audit(
        out,
        e.at,
        SYSTEM,
        "agent_added",
        f"agent/{e.agent}",
        name=e.name,
        province=e.province,
        pools=list(e.pools),
        seat_kind=e.seat_kind,
        seat_address=e.seat_address,
    )


def _agent_removed(e: ev.AgentRemoved, out: Changes) -> None:
    _audit(out, e.at, SYSTEM, "agent_removed", f"agent/{e.agent}")


def _routing_changed(e: ev.RoutingChanged, out: Changes) -> None:
    _audit(out, e.at, e.actor, "routing_live", f"routing/{e.version}")


def _repaired(e: ev.Repaired, out: Changes) -> None:
    kind = "request" if ":" in e.subject else "offer"  # a request's id is node:ID
    _audit(out, e.at, SYSTEM, "repaired", f"{kind}/{e.subject}", repair=e.kind, detail=e.detail)


def _steered(e: ev.ProvinceSteered, out: Changes) -> None:
    _audit(
        out,
        e.at,
        SYSTEM,
        "province_steered",
        f"province/{e.province}",
        level=e.level,
        was=e.was,
        credit=round(e.credit, 3),
        waiting=e.waiting,
        reserve=e.reserve,
    )


def _judged(e: ev.ObjectiveJudged, out: Changes) -> None:
    _audit(
        out,
        e.at,
        SYSTEM,
        "objective_judged",
        f"province/{e.province}",
        feasible=e.feasible,
        missing=e.missing,
        cause=e.cause,
    )


def _break_recalled(e: ev.BreakRecalled, out: Changes) -> None:
    _audit(out, e.at, SYSTEM, "break_recalled", f"agent/{e.agent}", province=e.province)


_WRITERS: dict[type, Callable[[Any, Changes], None]] = {
    ev.RequestOpened: _opened,
    ev.RingOpened: _ring_opened,
    ev.RequestPromoted: _promoted,
    ev.CallerTold: _told,
    ev.OfferMade: _offer_made,
    ev.OfferRang: _rang,
    ev.OfferEnded: _offer_ended,
    ev.RequestReturned: _returned,
    ev.RequestDecided: _decided,
    ev.CallEnded: _call_ended,
    ev.CallBroken: _call_broken,
    ev.RequestClosed: _closed,
    ev.VoicemailLeft: _voicemail,
    ev.CallbackAsked: _callback_asked,
    ev.CallbackChanged: _callback_changed,
    ev.CallbackTried: _callback_tried,
    ev.DispositionSet: _disposition,
    ev.AgentChanged: _agent_changed,
    ev.AgentAdded: _agent_added,
    ev.AgentRemoved: _agent_removed,
    ev.RoutingChanged: _routing_changed,
    ev.ProvinceSteered: _steered,
    ev.ObjectiveJudged: _judged,
    ev.BreakRecalled: _break_recalled,
    ev.Repaired: _repaired,
}
