"""Callbacks as they are kept: one open callback for each number. ``seats.domain.callbacks`` has the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class CallbackState(StrEnum):
    """Where a callback is."""

    WAITING = "waiting"
    CALLING = "calling"  # an attempt is on
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"  # all attempts used up


OPEN = (CallbackState.WAITING, CallbackState.CALLING)


class Source(StrEnum):
    """How a callback came to be."""

    CHOSEN = "chosen"  # the caller pressed 1
    OVERFLOW = "overflow"  # the plan gives one to everyone whom nobody answered
    RECOVERED = "recovered"  # the caller was lost


class Result(StrEnum):
    """How one attempt ended."""

    CONNECTED = "connected"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"  # PBX or trunk
    NO_AGENT = "no_agent"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Callback:
    """One open callback. Times are Unix seconds (UTC)."""

    id: str
    number: str
    province: str
    did: str
    node: str
    request: str
    """The request that it came from first."""
    source: Source
    asked_at: float
    """Arrival of the oldest of its requests: its age."""
    due_at: float
    state: CallbackState = CallbackState.WAITING
    attempts: int = 0
    """Times the customer was dialled."""
    call: str = ""
    """The attempt's own request, while one is on."""
    agent: str = ""
    """The agent of the attempt, or of the last one."""
    began_at: float = 0.0
    reached_at: float | None = None
    """When agent and customer heard each other."""
    result: Result | None = None
    """What is known of the attempt's end while its call is being taken down."""
    cancelled: str = ""
    """Why it is to end, while its call is being taken down."""


@dataclass(slots=True)
class Book:
    """All open callbacks."""

    by_id: dict[str, Callback] = field(default_factory=dict)
    by_number: dict[str, str] = field(default_factory=dict)
    """:func:`number_key` → callback."""
    calls: set[str] = field(default_factory=set)
    """Attempts that are on, by their requests."""
    made: int = 0
    """Callbacks and attempts so far in this term."""


def number_key(number: str) -> str:
    """One key for the ways in which a trunk may write a number of China; others as they are."""
    digits = number.lstrip("+")
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 10:
            digits = digits[len(prefix) :]
            break
    return digits.lstrip("0")
