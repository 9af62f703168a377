"""What must hold of the core after every message, whatever the message was (design: invariants I1 to I7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from seats.domain.agents import Agent, Chosen, Machine
from seats.domain.effects import Effect, Ring
from seats.domain.events import (
    AgentAdded,
    AgentChanged,
    AgentRemoved,
    Event,
    OfferEnded,
    OfferMade,
    RequestClosed,
    RequestDecided,
    RequestOpened,
)
from seats.domain.messages import (
    Message,
    OfferFound,
    OfferMissed,
    OfferRefused,
    OfferReturned,
    OfferRinging,
    SeatGone,
)
from seats.domain.requests import Offer, OfferResult, Request, RequestState
from seats.domain.routing import is_routable, may_take
from seats.domain.state import State

OF_AN_OFFER = (OfferRinging, OfferMissed, OfferReturned, OfferRefused, SeatGone)
"""News that names nothing but an offer: without that offer it means nothing."""


class Said(NamedTuple):
    """An agent's state as the events told it."""

    chosen: Chosen
    machine: Machine
    reason: str
    offer: str | None
    request: str | None
    reserved: tuple[Chosen, str] | None


def fingerprint(state: State) -> str:
    """All of the state that a message may change, but for the time."""
    lists = {name: (b.idle_count, b.staffed) for name, b in sorted(state.boards.items()) if b.staffed}
    parts = (state.plan.version, state.agents, state.requests, state.offers, state.callbacks.by_id)
    return repr((*parts, sorted(state.links), lists, state.steers, state.reserves))


class Checks:
    """Follows the events and compares the state with them."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.opened: Counter[str] = Counter()
        self.decided: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.closed: list[str] = []
        self.said: dict[str, Said] = {}
        self.requests: dict[str, RequestState] = {}
        self.rebuilding = False
        """Between a start and the last request that the ledger remembers, counts cannot be right."""

    def another_term(self, state: State) -> None:
        """A new state begins; what was counted stays counted."""
        self.state = state
        self.said.clear()
        self.requests.clear()

    def after(
        self, message: Message, events: Sequence[Event], effects: Sequence[Effect], before: str
    ) -> None:
        """One step is over."""
        if isinstance(message, OfferFound):
            self.ended.pop(message.offer, None)  # the PBX itself says that it goes on
        self._count(events)
        self.late_news_changes_nothing(message, events, before)
        if not self.rebuilding:
            self.one_outcome_each()
        self.one_offer_an_agent()
        self.one_winner()
        self.every_change_has_its_event(message, events, effects)
        self.nobody_waits_beside_an_idle_agent()
        self.the_lists_are_right()
        for effect in effects:
            if isinstance(effect, Ring):
                assert effect.request in self.state.requests, "nobody is rung for a caller who is gone"

    def _count(self, events: Sequence[Event]) -> None:
        self.closed = [e.request for e in events if isinstance(e, RequestClosed)]
        for event in events:
            if isinstance(event, RequestOpened):
                self.opened[event.request] += 1
            elif isinstance(event, RequestDecided):
                self.decided[event.request] += 1

            elif isinstance(event, OfferEnded):
                self.ended[event.offer] += 1

    def late_news_changes_nothing(self, message: Message, events: Sequence[Event], before: str) -> None:
        """I6, and the same for offers that are over: nothing is left to hear of them."""
        if isinstance(message, OF_AN_OFFER) and repr(message.offer) not in before:
            assert not events, f"I6: {message} said {events}"
            assert fingerprint(self.state) == before, f"I6: {message} changed something"

    def one_outcome_each(self) -> None:
        """I1 and I4: none twice, and those without one are exactly those in progress."""
        assert all(n == 1 for n in self.opened.values()), "opened twice"
        assert all(n == 1 for n in self.decided.values()), "I1: decided twice"
        assert self.decided.keys() <= self.opened.keys(), "decided but never opened"
        open_now = {r.id for r in self.state.requests.values() if r.outcome is None and not r.callback}
        assert open_now == self.opened.keys() - self.decided.keys(), "I4"

    def one_offer_an_agent(self) -> None:
        """I2: at most one live offer or call, and agent and offer name each other."""
        offers = self.state.offers.values()
        live = Counter(o.agent for o in offers if o.agent and (o.result is None or self._talks_by(o)))
        assert all(n == 1 for n in live.values()), f"I2: {live}"
        for agent in self.state.agents.values():
            if agent.machine in (Machine.OFFERED, Machine.TALKING):
                offer = self.state.offers.get(agent.offer or "")
                assert offer is not None, f"I2: {agent.id} is {agent.machine} by no offer"
                assert (offer.agent, offer.request) == (agent.id, agent.request), "I2"

    def _talks_by(self, offer: Offer) -> bool:
        found = self.state.requests.get(offer.request)
        return found is not None and found.state is RequestState.TALKING and found.offer == offer.id

    def one_winner(self) -> None:
        """I3: whoever talks does so by one answered offer, and its agent is the one noted."""
        assert all(n == 1 for n in self.ended.values()), f"I3: an offer ended twice: {self.ended}"
        for request in self.state.requests.values():
            offers = [o for o in self.state.offers.values() if o.request == request.id]
            won = [o for o in offers if o.result is OfferResult.CONNECTED and not o.seat_free]
            assert len(won) <= 1 or request.rescues, f"I3: {won}"
            if request.state is RequestState.TALKING:
                assert request.outcome is not None, "I1: they talk, and it counts as nothing"
                current = self.state.offers.get(request.offer or "")
                assert current is None or current.agent in ("", request.connected_agent), "I3"
            if request.state is RequestState.OFFERED:
                assert request.offer in self.state.offers, "offered without an offer"

    def every_change_has_its_event(
        self, message: Message, events: Sequence[Event], effects: Sequence[Effect]
    ) -> None:
        """I5: the events of the turn tell each agent's new state, and name each request that changed."""
        for event in events:
            if isinstance(event, AgentChanged):
                self.said[event.agent] = Said(
                    event.chosen, event.machine, event.reason, event.offer, event.request, event.reserved
                )
            elif isinstance(event, OfferMade):
                said = self.said[event.agent]
                self.said[event.agent] = said._replace(
                    machine=Machine.OFFERED, offer=event.offer, request=event.request
                )
            elif isinstance(event, AgentRemoved):
                self.said.pop(event.agent, None)
        added = {e.agent for e in events if isinstance(e, AgentAdded)}
        for agent in self.state.agents.values():
            assert agent.id in self.said or agent.id in added
            said, shown = _plain(self.said[agent.id]), _plain(_shown(agent))
            assert said == shown, f"I5: {message} left {agent.id} untold: {said}, is {shown}"
        named = {getattr(e, "request", getattr(e, "call", None)) for e in events}
        named |= {e.request for e in effects}  # asked to choose: the outcome comes with the choice
        named |= {getattr(e, "callback", None) for e in events}
        if isinstance(message, OfferFound):
            named.add(message.request)  # whoever compares picture and state says ``Repaired`` of it
        for request in self.state.requests.values():
            was = self.requests.get(request.id, request.state)
            told = request.id in named or request.callback in named
            # of an attempt to call back, the end is told when its call is down (``CallbackTried``)
            told = told or (bool(request.callback) and request.state is RequestState.DONE)
            assert was is request.state or told, f"I5: {message} took {request.id} from {was} untold"
        self.requests = {r.id: r.state for r in self.state.requests.values()}

    def nobody_waits_beside_an_idle_agent(self) -> None:
        """I7: at the end of a step nobody waits for whom somebody is there."""
        idle = [a for a in self.state.agents.values() if is_routable(a)]
        for request in self.state.requests.values():
            if request.state is RequestState.WAITING:
                for agent in idle:
                    assert not self._meet(agent, request), f"I7: {agent.id} idle, {request.id} waits"

    def _meet(self, agent: Agent, request: Request) -> bool:
        waited = self.state.now - request.arrived_at
        rings = self.state.plan.routes[request.province].rings
        due = {r.pool for n, r in enumerate(rings) if n < request.rings_open or r.after < waited - 0.05}
        return bool(due & set(agent.pools)) and may_take(self.state, agent, request)

    def the_lists_are_right(self) -> None:
        """Counts and lists that routing trusts are those of the agents and requests themselves."""
        state = self.state
        for name, board in state.boards.items():
            members = [a for a in state.agents.values() if name in a.pools]
            assert board.idle_count == sum(is_routable(a) for a in members), f"idle count of {name}"
            assert board.staffed == sum(a.staffed for a in members), f"staffed count of {name}"
        waiting = {
            r.id for r in state.requests.values() if r.state is RequestState.WAITING and not r.callback
        }
        assert {r for rows in state.waiting.values() for r in rows} == waiting, "the line of a province"
        for province, rows in state.waiting.items():
            oldest, first = (
                state.ages[province].oldest(),
                min((r.arrived_at for r in rows.values()), default=None),
            )
            assert (oldest.arrived_at if oldest else None) == first, f"the first to have come from {province}"


def _plain(said: Said) -> Said:
    """The offer of a call that is over is of no interest while the agent wraps up."""
    return said._replace(offer=None) if said.machine is Machine.WRAP_UP else said


def _shown(agent: Agent) -> Said:
    return Said(agent.chosen, agent.machine, agent.reason, agent.offer, agent.request, agent.reserved)
