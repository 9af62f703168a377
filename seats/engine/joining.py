"""Calls that were just put together, of which the PBX may yet say that the caller had taken them back.

Where a caller's CANCEL comes as the answer is about to go out, the call is over on the wire. The PBX, already on
its way, puts the two together all the same, for some milliseconds, and tells of the CANCEL just before or after.
"""

from __future__ import annotations

from collections.abc import Callable

from seats.domain.messages import Message, OfferAnswered, OfferFound, SeatGone
from telephony.events import HangingUp, HungUp, PbxEvent

TOGETHER = 0.05
"""Seconds after which an answer stands: the CANCEL, were there one, would have been told."""


class Joining:
    """Holds an answer back, and the end of its leg, until it is known whether it reached the caller."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._held: dict[str, list[Message]] = {}
        """Caller's uniqueid → the answer, and what followed."""
        self._since: dict[str, float] = {}

    def hold(self, uniqueid: str, answer: OfferAnswered | OfferFound) -> None:
        """The caller's channel was put together with the agent's, as of now."""
        self._since[uniqueid] = self._now()
        self._held[uniqueid] = [answer._replace(at=self._now())]

    def follow(self, event: PbxEvent, told: list[Message]) -> list[Message]:
        """What is to be told now that an event has come which amounts to ``told``."""
        uniqueid = getattr(event, "uniqueid", "")
        if uniqueid in self._held and isinstance(event, HangingUp | HungUp):
            held = self._release(uniqueid)
            taken_back = isinstance(event, HangingUp) and event.unanswered
            return [*(held[1:] if taken_back else held), *told]
        for caller, held in self._held.items():
            if any(_concerns(message, held[0]) for message in told):
                if not all(isinstance(message, SeatGone) for message in told):
                    return [*self._release(caller), *told]
                held.extend(told)  # it may be gone because the caller is
                return []
        return told

    def due(self) -> list[Message]:
        """Answers that stand by now."""
        now = self._now()
        standing = [caller for caller, since in self._since.items() if now >= since + TOGETHER - _CLOCK]
        return [message for caller in standing for message in self._release(caller)]

    def all(self) -> list[Message]:
        """Everything that is held back: no more will be heard."""
        return [message for caller in list(self._held) for message in self._release(caller)]

    def wait(self) -> float | None:
        """Seconds until the next answer stands; None if there is none."""
        since = next(iter(self._since.values()), None)
        return None if since is None else max(0.0, since + TOGETHER - self._now())

    def holds(self, request: str) -> bool:
        """Whether this request's answer is held back."""
        return any(getattr(held[0], "request", "") == request for held in self._held.values())

    def _release(self, uniqueid: str) -> list[Message]:
        del self._since[uniqueid]
        return self._held.pop(uniqueid)


def _concerns(message: Message, answer: Message) -> bool:
    """Whether two messages are of one offer or request."""
    same = (getattr(message, name, "") or None for name in ("offer", "request"))
    return any(value == getattr(answer, name) for value, name in zip(same, ("offer", "request"), strict=True))


_CLOCK = 1e-6
"""Seconds by which a timer may come early."""
