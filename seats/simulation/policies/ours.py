"""Our own policy: the very core that the service runs, told by the floor what a PBX would tell it."""

from __future__ import annotations

from seats.domain.agents import Chosen, Seat, SeatKind
from seats.domain.effects import Effect, Release, Ring, Withdraw
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
from seats.domain.requests import Confidence, Origin
from seats.domain.state import State
from seats.simulation.floor import NEVER, Agent, Call, Floor

T0 = 1_600_000_000.0
"""Unix time of the simulated day's start."""


class Ours:
    """``seats.domain`` as it is; an agent's wrap-up is the core's own, so ``free`` tells it nothing."""

    name = "ours"
    keeps_wrap_up = True

    def begin(self, floor: Floor) -> None:
        """A new core with the scenario's plan."""
        self.floor = floor
        self.state = State(floor.plan)
        self.calls: dict[str, Call] = {}
        self.offers: dict[str, str] = {}
        """Request → the offer in progress or answered."""
        self.hired: set[int] = set()
        self._say(LinkUp("n1"))

    def agent_on(self, agent: Agent) -> None:
        """The agent signs in and is ready."""
        if agent.n not in self.hired:
            self.hired.add(agent.n)
            crew = agent.crew
            seat = Seat(SeatKind.SIP, f"s{agent.n}")
            self._say(AgentConfigured(_id(agent), _id(agent), crew.home, crew.pools, seat))
            self._say(SeatReachable("n1", seat.address, True, "NOT_INUSE"))
        self._say(StateAsked(_id(agent), Chosen.READY, "", "shift"))

    def agent_off(self, agent: Agent) -> None:
        """The agent's shift ends, after the call if there is one."""
        self._say(StateAsked(_id(agent), Chosen.SIGNED_OUT, "shift", "shift"))

    def came(self, call: Call) -> None:
        """The PBX holds a caller."""
        request = f"n1:{call.caller.n}"
        self.calls[request] = call
        origin = Origin(call.caller.province, "area_code", Confidence.CERTAIN)
        self._say(
            RequestArrived(
                request,
                "n1",
                f"PJSIP/t-{call.caller.n}",
                request,
                request,
                "95500",
                f"138{call.caller.n:08d}",
                origin,
                T0 + call.caller.at,
            )
        )

    def left(self, call: Call) -> None:
        """The caller hung up, or was let go; a ringing leg ends with it."""
        request = f"n1:{call.caller.n}"
        offer = self.offers.pop(request, None)
        self.calls.pop(request, None)
        self._say(CallerGone(request, "16"))
        if offer is not None:
            self._say(SeatGone(offer))

    def answered(self, call: Call) -> None:
        """Caller and agent hear each other."""
        offer = self.offers[f"n1:{call.caller.n}"]
        self._say(OfferRinging(offer, f"leg-{offer}"))
        self._say(OfferAnswered(offer))

    def missed(self, call: Call, agent: Agent) -> None:
        """The ringing ran out; the caller holds again."""
        offer = self.offers.pop(f"n1:{call.caller.n}")
        self._say(OfferMissed(offer, "NOANSWER"))
        self._say(SeatGone(offer))
        self._say(OfferReturned(offer, "NOANSWER"))
        core = self.state.agents[_id(agent)]
        if core.resting:  # a real agent comes back with a click, after a while
            self._say(StateAsked(_id(agent), Chosen.READY, "", "back"))

    def ended(self, call: Call, agent: Agent) -> None:
        """The caller hung up after the talk; the core begins the wrap-up."""
        request = f"n1:{call.caller.n}"
        self.calls.pop(request, None)
        offer = self.offers.pop(request)
        self._say(CallerGone(request, "16"))
        self._say(SeatGone(offer))

    def free(self, agent: Agent) -> None:
        """The core was told already."""

    def due(self) -> float:
        """The core's next deadline."""
        deadline = self.state.next_deadline()
        return NEVER if deadline is None else deadline - T0

    def wake(self) -> None:
        """Let the core's deadlines come."""
        self._say(Tick())

    def _say(self, message: Message) -> None:
        _, effects = step(self.state, message, T0 + self.floor.now)
        for effect in effects:
            self._obey(effect)

    def _obey(self, effect: Effect) -> None:
        if isinstance(effect, Ring):
            self.offers[effect.request] = effect.offer
            self.floor.ring(self.calls[effect.request], self.floor.agents[int(effect.agent[1:])])
        elif isinstance(effect, Release):
            self.floor.dismiss(self.calls[effect.request])
        elif isinstance(effect, Withdraw):
            raise RuntimeError(f"offer {effect.offer}: the core gave up on a floor that tells it everything")


def _id(agent: Agent) -> str:
    return f"a{agent.n}"
