"""Keeps the PBX's own fallback queue in step: were we to die, it rings the same agents.

Members are the agents who are signed in; paused are those whom we would not ring either. Ringing and talking
agents stay unpaused (the queue has ``ringinuse=no``), so an ordinary call costs two actions: wrap-up's start
and end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from seats.domain.agents import Agent, Chosen, Machine, SeatKind
from seats.domain.events import AgentAdded, AgentChanged, AgentRemoved, Event
from seats.domain.state import State
from telephony import commands
from telephony.commands import Action

QUEUE = "seats-fallback"


class Member(NamedTuple):
    """An agent in the fallback queue."""

    interface: str
    paused: bool


def member_of(agent: Agent) -> Member | None:
    """How an agent should stand in the queue; None: not at all. Mobiles are not rung in fallback."""
    if agent.chosen is Chosen.SIGNED_OUT or agent.seat.kind is SeatKind.MOBILE:
        return None
    free = agent.machine in (Machine.IDLE, Machine.OFFERED, Machine.TALKING)
    return Member(f"PJSIP/{agent.seat.address}", not (free and agent.chosen is Chosen.READY))


def difference(wanted: Iterable[Member], found: dict[str, bool]) -> list[Action]:
    """The actions that turn the members found (interface → paused) into those wanted."""
    actions = []
    keep = set()
    for member in wanted:
        keep.add(member.interface)
        if member.interface not in found:
            actions.append(commands.queue_add(QUEUE, member.interface, paused=member.paused))
        elif found[member.interface] != member.paused:
            actions.append(commands.queue_pause(QUEUE, member.interface, member.paused))
    actions += [commands.queue_remove(QUEUE, interface) for interface in found if interface not in keep]
    return actions


class Mirror:
    """The fallback queue of one node, as we believe it to be."""

    def __init__(self, state: State, send: Callable[[Action], object]) -> None:
        self._state = state
        self._send = send
        self._known: dict[str, bool] | None = None
        """Interface → paused; None while the node is away."""

    def start(self, found: dict[str, bool]) -> None:
        """The node is back with these members: bring them in step."""
        self._known = found
        wanted = [m for a in self._state.agents.values() if (m := member_of(a)) is not None]
        self._apply(difference(wanted, found))
        self._known = {m.interface: m.paused for m in wanted}

    def stop(self) -> None:
        """The node is away."""
        self._known = None

    def sink(self, events: Iterable[Event]) -> None:
        """Follow the agents."""
        if self._known is None:
            return
        for event in events:
            if isinstance(event, AgentChanged):
                self._follow(self._state.agents.get(event.agent))
            elif isinstance(event, AgentAdded | AgentRemoved):
                self.start(self._known)

    def _follow(self, agent: Agent | None) -> None:
        if agent is None or self._known is None:
            return
        interface = f"PJSIP/{agent.seat.address}"
        member = member_of(agent)
        known = self._known
        if member is None:
            if known.pop(interface, None) is not None:
                self._apply([commands.queue_remove(QUEUE, interface)])
        elif known.get(interface) != member.paused:
            found = {interface: known[interface]} if interface in known else {}
            known[interface] = member.paused
            self._apply(difference([member], found))

    def _apply(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self._send(action)
