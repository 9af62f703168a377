"""Bugs planted from outside, to show that the simulation would find the like of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from seats.domain import routing
from seats.engine.intake import Intake
from seats.engine.outbox import Outbox
from telephony.events import HungUp, RequestMade
from telephony.session import Session
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

    def sticky(state: Any, agent: Any) -> None:
        if world.rng.random() > 0.02:
            leave(state, agent)

    return patch.object(routing, "leave_idle", sticky)


def stale_effect(world: World) -> Any:
    """What was not answered when a connection was lost is sent again on the next one."""
    carry = Outbox.carry

    def stubborn(self: Outbox, effect: Any) -> None:
        carry(self, effect)
        reply = list(last)[-1] if last else None
        if reply is not None:
            reply.add_done_callback(lambda done: again(self, effect, done))

    def again(self: Outbox, effect: Any, done: Any) -> None:
        if world.problem or done.cancelled() or done.exception() is None:
            return
        world.loop.call_later(1.0, carry, self, effect)

    last: list[Any] = []
    send = Session.send

    def noted(self: Session, *given: Any) -> Any:
        future = send(self, *given)
        last[:] = [future]
        return future

    stack = contextlib.ExitStack()
    stack.enter_context(patch.object(Session, "send", noted))
    stack.enter_context(patch.object(Outbox, "carry", stubborn))
    return stack


PLANTS: dict[str, Callable[[World], Any]] = {
    plant.__name__: plant for plant in (lost_event, double_offer, stale_effect)
}


@contextlib.contextmanager
def planted(name: str, world: World) -> Iterator[None]:
    """The bug is there during the block; no name, no bug."""
    with PLANTS[name](world) if name else contextlib.nullcontext():
        yield
