"""A core with people, driven by hand on a clock of its own: for rules told as little stories."""

from __future__ import annotations

from seats.domain.agents import Chosen, Seat, SeatKind
from seats.domain.effects import Ring
from seats.domain.events import OfferEnded, RequestDecided
from seats.domain.messages import (
    AgentConfigured,
    CallerGone,
    LinkUp,
    Message,
    OfferAnswered,
    OfferMissed,
    OfferReturned,
    OfferRinging,
    RequestArrived,
    SeatGone,
    SeatReachable,
    StateAsked,
    Tick,
)
from seats.domain.reducer import step
from seats.domain.requests import Confidence, OfferResult, Origin, Outcome
from seats.domain.state import State
from tests.unit.coresim import T0, small_plan


class Desk:
    """A core with people, driven by hand on a clock of its own."""

    def __init__(self, **plan: object) -> None:
        self.state = State(small_plan(**plan))
        self.now = T0
        self.rings: list[Ring] = []
        self.effects: list[object] = []
        self.events: list[object] = []
        self.tell(LinkUp("n1"))

    def tell(self, message: Message) -> None:
        events, effects = step(self.state, message, self.now)
        self.events += events
        self.effects += effects
        self.rings += [e for e in effects if isinstance(e, Ring)]

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.state.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.tell(Tick())
        self.now = end

    def hire(
        self, name: str, *pools: str, kind: SeatKind = SeatKind.SIP, ready: bool = True, **skills: int
    ) -> None:
        seat = Seat(kind, f"seat_{name}")
        self.tell(AgentConfigured(name, name, pools[0], pools, seat, tuple(skills.items())))
        self.tell(SeatReachable("n1", f"seat_{name}", True, "NOT_INUSE"))
        if ready:
            self.tell(StateAsked(name, Chosen.READY, "", "test"))

    def call(
        self, name: str, province: str, number: str = "138", did: str = "95500", klass: str = ""
    ) -> None:
        arrival = self.arrival(name, province, number)
        self.tell(arrival._replace(did=did, origin=arrival.origin._replace(klass=klass)))

    def arrival(self, name: str, province: str, number: str = "138") -> RequestArrived:
        origin = Origin(province, "area_code", Confidence.CERTAIN)
        return RequestArrived(name, "n1", f"PJSIP/{name}", name, name, "95500", number, origin, self.now)

    def rung(self) -> list[tuple[str, str]]:
        return [(r.request, r.agent) for r in self.rings]

    def answer(self, offer: str) -> None:
        self.tell(OfferRinging(offer))
        self.tell(OfferAnswered(offer))

    def miss(self, offer: str, status: str = "NOANSWER") -> None:
        self.tell(OfferMissed(offer, status))
        self.tell(SeatGone(offer))
        self.tell(OfferReturned(offer, status))

    def outcomes(self) -> dict[str, Outcome]:
        return {e.request: e.outcome for e in self.events if isinstance(e, RequestDecided)}

    def results(self) -> list[OfferResult]:
        return [e.result for e in self.events if isinstance(e, OfferEnded)]

    def serve(self, request: str, seconds: float = 30.0) -> None:
        """The agent who is rung answers, and the caller hangs up after this talk."""
        offer = next(r.offer for r in reversed(self.rings) if r.request == request)
        self.answer(offer)
        self.wait(seconds)
        self.tell(CallerGone(request, ""))
        self.tell(SeatGone(offer))

    def leave(self, request: str) -> None:
        """The caller hangs up without having talked."""
        offer = self.state.requests[request].offer
        self.tell(CallerGone(request, ""))
        if offer is not None:
            self.tell(SeatGone(offer))

    def lose(self, province: str, callers: int) -> None:
        """So many callers of the province come and leave at once."""
        for n in range(callers):
            self.call(f"lost-{province}-{n}", province, "")
            self.leave(f"lost-{province}-{n}")

    def level(self, province: str) -> int:
        return self.state.level(province)
