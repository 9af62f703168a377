"""Events of requests as the core tells them."""

from __future__ import annotations

from seats.domain.agents import Chosen, Machine
from seats.domain.events import (
    AgentChanged,
    CallEnded,
    DispositionSet,
    Event,
    OfferEnded,
    OfferMade,
    OfferRang,
    RequestDecided,
    RequestOpened,
    RingOpened,
)
from seats.domain.requests import Confidence, OfferResult, Origin, Outcome, Why

T0 = 1_580_000_000.0
ORIGIN = Origin("hubei", "mobile_prefix", Confidence.LIKELY)


def opened(
    request: str, at: float = T0, province: str = "hubei", *, reconstructed: bool = False
) -> RequestOpened:
    unique = request.partition(":")[2]
    return RequestOpened(
        at,
        request,
        "pbx1",
        f"PJSIP/trunk-{unique}",
        unique,
        unique,
        "95500",
        "13871234567",
        province,
        ORIGIN._replace(province=province),
        reconstructed,
    )


def decided(
    request: str,
    outcome: Outcome,
    at: float,
    arrived: float = T0,
    *,
    province: str = "hubei",
    agent: str | None = None,
    ring: float = 0.0,
) -> RequestDecided:
    return RequestDecided(at, request, province, arrived, outcome, agent, at - arrived - ring, ring, "told")


WHY = Why(1, "hubei", 12.0, 3, 0.0, 0, 0, 1.0)


def connected_call(request: str, at: float = T0, province: str = "hubei", agent: str = "a1") -> list[Event]:
    """Rings once in vain, is answered 8 s after arrival, talks 60 s."""
    lost, won = f"{request}-1", f"{request}-2"
    return [
        opened(request, at, province),
        RingOpened(at, request, province, 1, province),
        OfferMade(at, lost, request, province, "a9", province, 1, WHY),
        OfferRang(at + 1, lost, request, "a9"),
        OfferEnded(at + 4, lost, request, province, "a9", OfferResult.RONA, ""),
        OfferMade(at + 4, won, request, province, agent, province, 1, WHY),
        OfferRang(at + 5, won, request, agent),
        OfferEnded(at + 8, won, request, province, agent, OfferResult.CONNECTED, ""),
        decided(request, Outcome.CONNECTED, at + 8, at, province=province, agent=agent, ring=3.0),
        DispositionSet(at + 60, request, agent, "claim"),
        CallEnded(at + 68, request, province, agent, 60.0, "caller"),
    ]


def lost_call(
    request: str, outcome: Outcome, at: float = T0, province: str = "hubei", wait: float = 12.0
) -> list[Event]:
    return [opened(request, at, province), decided(request, outcome, at + wait, at, province=province)]


def state(at: float, agent: str, chosen: Chosen, machine: Machine, reason: str = "") -> AgentChanged:
    return AgentChanged(at, agent, chosen, machine, reason, "test", None, None, None, None)
