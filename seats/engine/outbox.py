"""Carries the core's effects to the PBX, and tells the core when one could not be carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from seats.domain.agents import SeatKind
from seats.domain.effects import (
    CallAgent,
    CallCustomer,
    Effect,
    HangUp,
    PassOn,
    Release,
    Ring,
    Tell,
    Withdraw,
)
from seats.domain.messages import CallbackRefused, Message, OfferRefused, OfferReturned
from seats.domain.requests import Outcome
from telephony import commands
from telephony.commands import Action
from telephony.errors import TelephonyError
from telephony.session import Reply

log = structlog.get_logger(__name__)

_KINDS = {SeatKind.BROWSER: "s", SeatKind.SIP: "s", SeatKind.MOBILE: "m"}


class Sender(Protocol):
    """The part of a link that the outbox needs."""

    @property
    def good_until(self) -> int:
        """The last second of the node's clock in which a ring sent now may begin; 0: at any time."""

    def send(self, action: Action) -> asyncio.Future[Reply]:
        """Write the action now; the future has the reply, or fails by its deadline."""


class Outbox:
    """One for all nodes; an effect names its node."""

    def __init__(self, senders: Mapping[str, Sender], post: Callable[[Message], None]) -> None:
        self._senders = senders
        self._post = post

    def carry(self, effect: Effect) -> None:
        """Send the effect's action at once; its failure comes back as a message."""
        sender = self._senders.get(effect.node)
        if sender is None:
            self._failed(effect, f"no node {effect.node}")
            return
        try:
            reply = sender.send(action_of(effect, sender.good_until))
        except TelephonyError as error:
            self._failed(effect, str(error))
            return
        reply.add_done_callback(lambda done: self._replied(effect, done))

    def _replied(self, effect: Effect, done: asyncio.Future[Reply]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if (
            error is not None
        ):  # nobody can say whether it was done: the offer's guard and the next snapshot decide
            log.warning("effect_unsure", effect=type(effect).__name__, node=effect.node, error=str(error))
        elif not done.result().ok:
            self._failed(effect, done.result().message)
        elif isinstance(effect, Withdraw):
            self._post(OfferReturned(effect.offer, "CANCEL"))

    def _failed(self, effect: Effect, detail: str) -> None:
        log.info("effect_refused", effect=type(effect).__name__, node=effect.node, error=detail)
        if isinstance(effect, Ring | CallAgent):
            self._post(OfferRefused(effect.offer, detail))
        elif isinstance(effect, CallCustomer):
            self._post(CallbackRefused(effect.request, detail))


def action_of(effect: Effect, good_until: int) -> Action:
    """The AMI action of an effect; a ring begins up to ``good_until`` by the node's clock (0: at any time).

    Raises BadValueError for what must not reach a PBX.
    """
    if isinstance(effect, Ring):
        return _ring(effect, good_until)
    if isinstance(effect, CallAgent):
        return _call_agent(effect, good_until)
    return _ACTIONS[type(effect)](effect)


def _ring(e: Ring, good_until: int) -> Action:
    return commands.ring(e.channel, e.offer, e.timeout, _KINDS[e.seat.kind], e.seat.address, good_until)


def _call_agent(e: CallAgent, good_until: int) -> Action:
    seat, kind = e.seat.address, _KINDS[e.seat.kind]
    request, ring_customer = _named(e.request), e.ring_customer
    return commands.call_agent(request, e.offer, e.timeout, kind, seat, e.number, ring_customer, good_until)


def _named(request: str) -> str:
    """The request as its node names it."""
    return request.partition(":")[2]


def _said(outcome: str) -> str:
    """What the caller is told of an outcome."""
    return "closed" if outcome == Outcome.EXCLUDED_CLOSED else outcome


_ACTIONS: dict[type, Callable[[Any], Action]] = {
    Withdraw: lambda e: commands.hold(e.channel),
    Release: lambda e: commands.goodbye(e.channel, _said(e.outcome)),
    Tell: lambda e: commands.tell(e.channel, e.position, e.minutes),
    PassOn: lambda e: commands.overflow(e.channel, e.way, e.argument, _said(e.outcome)),
    CallCustomer: lambda e: commands.call_customer(_named(e.request), e.number, e.timeout),
    HangUp: lambda e: commands.hangup(e.channel, e.cause),
}
