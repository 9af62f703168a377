"""Bugs planted from outside, to show that the simulation would find the like of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from seats.domain import reducer, routing
from seats.domain.messages import RequestArrived
from seats.domain.request_rules import arrived, open_request
from seats.domain.state import Turn
from seats.engine import node
from seats.engine.intake import Intake
from seats.engine.node import Node
from seats.engine.outbox import Outbox
from telephony import commands
from telephony.events import HungUp, RequestMade
from telephony.fakeastdb import AstDb
from telephony.fakepbx import FakePbx
from telephony.link import Link, LinkState
from tests.simulation.ledger import Ledger, Writer
from tests.simulation.world import World


def lost_event(world: World) -> Any:
    """One in fifty events about a channel's beginning or end is dropped on its way to the core."""
    read = Intake.read

    def forgetful(self: Intake, events: Any) -> Any:
        return read(
            self, [e for e in events if not isinstance(e, HungUp | RequestMade) or world.rng.random() > 0.02]
        )

    return patch.object(Intake, "read", forgetful)


def double_offer(world: World) -> Any:
    """One in fifty agents stays in the line of the idle when an offer is made."""
    leave = routing.leave_idle

    def sticky(agent: Any) -> None:
        if world.rng.random() > 0.02:
            leave(agent)

    return patch.object(routing, "leave_idle", sticky)


def stale_effect(world: World) -> Any:
    """What was not answered when a connection was lost is kept and sent again once the link is up, as
    panoramisk does.
    """
    carry, send = Outbox.carry, Link.send
    last: list[Any] = []

    def noted(self: Link, *given: Any) -> Any:
        future = send(self, *given)
        last[:] = [future]
        return future

    def stubborn(self: Outbox, effect: Any) -> None:
        last.clear()
        carry(self, effect)
        for reply in last:
            reply.add_done_callback(lambda done: keep(self, effect, done))

    def keep(self: Outbox, effect: Any, done: Any) -> None:
        if not done.cancelled() and done.exception() is not None:
            again(self, effect)

    def again(self: Outbox, effect: Any) -> None:
        link = self._senders[effect.node]
        if world.problem or link.state is LinkState.CLOSED:  # type: ignore[attr-defined]
            return
        if link.up:  # type: ignore[attr-defined]
            carry(self, effect)
        else:
            world.loop.call_later(0.1, again, self, effect)

    stack = contextlib.ExitStack()
    stack.enter_context(patch.object(Link, "send", noted))
    stack.enter_context(patch.object(Outbox, "carry", stubborn))
    return stack


def old_belief(world: World) -> Any:
    """A service that was away for a while goes on acting on what it believed before."""
    return patch.object(Link, "leave_if_stale", lambda self: False)


def late_ring(world: World) -> Any:
    """The PBX carries a ring out however late it comes."""
    connect = FakePbx._connect

    def obedient(self: FakePbx, caller: Any, exten: str) -> None:
        connect(self, caller, "-".join(exten.split("-")[:5]))

    return patch.object(FakePbx, "_connect", obedient)


def early_trim(world: World) -> Any:
    """The PBX's record of a request is dropped before the ledger holds its end."""
    settle = Node._settle_records

    async def hasty(self: Node) -> None:
        for ended in self._ended:
            self.link.send(commands.db_delete(f"seats/{ended.key}"))
        self._ended = []
        await settle(self)

    return patch.object(Node, "_settle_records", hasty)


def twice_counted(world: World) -> Any:
    """An arrival told twice is counted twice."""

    def naive(turn: Turn, message: RequestArrived) -> None:
        if message.request in turn.state.requests:
            open_request(turn, turn.state.requests[message.request], message.reconstructed)
        else:
            arrived(turn, message)

    return patch.dict(reducer._HANDLERS, {RequestArrived: naive})


def lost_group(world: World) -> Any:
    """What the ledger cannot take while it is locked is given up."""
    write = Writer._write

    def forgetful(self: Writer) -> None:
        if self.ledger.locked_until > self._now():
            self._queue.clear()
        write(self)

    return patch.object(Writer, "_write", forgetful)


def unread_spool(world: World) -> Any:
    """What the last life of the service left on its disk is not written to the ledger."""

    def forgetful(self: Ledger) -> int:
        self.spooled.clear()
        return 0

    return patch.object(Ledger, "replay", forgetful)


def unread_journal(world: World) -> Any:
    """What a killed PBX had in its journal only is not taken over by anybody."""
    stack = contextlib.ExitStack()
    stack.enter_context(patch.object(AstDb, "take_over", lambda self: None))
    stack.enter_context(patch.object(AstDb, "line", lambda self, page, index: ""))
    return stack


def old_term(world: World) -> Any:
    """Every life of the service believes that it is the first."""
    begin = World._begin_life

    async def again(self: World) -> None:
        self.epoch = 0
        await begin(self)

    return patch.object(World, "_begin_life", again)


def prisoner(world: World) -> Any:
    """An agent whose call ended unheard is not freed by the picture that shows it."""
    return patch.object(node, "findings", lambda *given, **more: [])


PLANTS: dict[str, Callable[[World], Any]] = {
    plant.__name__: plant
    for plant in (
        lost_event,
        double_offer,
        stale_effect,
        old_belief,
        late_ring,
        early_trim,
        twice_counted,
        lost_group,
        unread_spool,
        unread_journal,
        old_term,
        prisoner,
    )
}


@contextlib.contextmanager
def planted(name: str, world: World) -> Iterator[None]:
    """The bug is there during the block; no name, no bug."""
    with PLANTS[name](world) if name else contextlib.nullcontext():
        yield
