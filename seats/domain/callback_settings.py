"""What a plan says of callbacks: which lost callers get one, who dials them, how often."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from seats.domain.errors import PlanError
from seats.domain.requests import Outcome


class Dial(StrEnum):
    """Who dials a callback."""

    OFF = "off"  # listed only
    MANUAL = "manual"  # an agent takes it: the agent is rung first, then the customer
    AGENT_FIRST = "agent_first"  # the next free agent is rung, then the customer
    CUSTOMER_FIRST = "customer_first"  # the customer is rung, then put at the front of the line


RECOVERABLE = (
    Outcome.ABANDONED,
    Outcome.TIMEOUT,
    Outcome.NO_SEAT,
    Outcome.FAILED,
    Outcome.EXCLUDED_SHORT,
    Outcome.EXCLUDED_CLOSED,
)
"""Outcomes whose callers can be made callbacks."""


class CallbackSettings(NamedTuple):
    """Callbacks of a plan. Durations are seconds unless named otherwise."""

    offer: bool = False
    """Callers who wait may press 1 and be called back instead."""
    recover: tuple[Outcome, ...] = (Outcome.ABANDONED, Outcome.TIMEOUT, Outcome.NO_SEAT, Outcome.FAILED)
    """Callers lost in these ways are listed as callbacks."""
    within_hours: float = 24.0
    """A callback older than this is given up."""
    dial: Dial = Dial.OFF
    max_attempts: int = 3
    """Times the customer is dialled."""
    pause: float = 900.0
    """Between two attempts."""
    ring_customer: int = 30
    """How long the customer's phone rings."""


def check_callbacks(where: str, settings: CallbackSettings) -> None:
    """Raise :class:`PlanError` for a value out of range."""
    for name, value, low, high in (
        ("within_hours", settings.within_hours, 0.1, 720.0),
        ("max_attempts", float(settings.max_attempts), 1.0, 20.0),
        ("pause", settings.pause, 1.0, 86400.0),
        ("ring_customer", float(settings.ring_customer), 5.0, 120.0),
    ):
        if not low <= value <= high:
            raise PlanError(f"{where}.{name}", f"{value:g} is out of range", f"{low:g} to {high:g}")
    for outcome in settings.recover:
        if outcome not in RECOVERABLE:
            raise PlanError(f"{where}.recover", f"{outcome} callers were not lost", ", ".join(RECOVERABLE))
