"""The sign of life that a PBX has from us, and how long we may act on what we believe because of it.

The dialplan serves its callers itself once ``SEATS_HEARTBEAT`` is more than three seconds old. Whoever was
frozen, or cut off, for longer does not know who talks to whom by now: a caller moved then may be torn out of
a conversation. So what moves calls goes out only while the PBX has just acknowledged a beat. Nor does it know
who has gone deaf: news and answers come by two connections, so the one that brings the news is pinged as often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from telephony import commands
from telephony.session import Reply

log = logging.getLogger(__name__)

STALE_AFTER = 2.5
"""Seconds after the last acknowledged beat was sent from which on the PBX may be serving callers itself."""

AGREE_WITHIN = 1.5
"""Seconds by which two clocks may differ and still be called the same: ``EPOCH`` has whole seconds."""

Send = Callable[[commands.Action], "asyncio.Future[Reply]"]


class Heartbeat:
    """Beats in the PBX's own time. ``alive`` False holds the beat back; ``clock`` gives Unix seconds."""

    def __init__(self, name: str, alive: Callable[[], bool], clock: Callable[[], float]) -> None:
        self.skew = 0.0
        """Seconds by which the PBX's clock is ahead of ours; 0 while the two agree."""
        self._name, self._alive, self._clock = name, alive, clock
        self._heard_at = 0.0
        self._listened_at = 0.0

    @property
    def age(self) -> float:
        """Seconds since the last beat, or ping for news, that the PBX acknowledged; one held back on purpose
        counts.
        """
        return asyncio.get_running_loop().time() - min(self._heard_at, self._listened_at)

    @property
    def stale(self) -> bool:
        """Whether the PBX may have given us up, or its news no longer reaches us."""
        return self.left <= 0

    @property
    def left(self) -> float:
        """Seconds until it is stale, unless something is acknowledged before."""
        return STALE_AFTER - self.age

    @property
    def pbx_time(self) -> float:
        """Unix seconds as the PBX's clock has them, as far as is known."""
        return self._clock() + self.skew

    def agree(self, epoch: str) -> None:
        """The PBX's variable ``EPOCH`` reads so; empty: unknown."""
        skew = int(epoch) + 0.5 - self._clock() if epoch.isascii() and epoch.isdigit() else 0.0
        skew = skew if abs(skew) > AGREE_WITHIN else 0.0
        if skew and not self.skew:
            log.warning("%s: its clock differs from ours by %+.0f s", self._name, skew)
        self.skew = skew

    def heard(self) -> None:
        """The PBX has just been pictured: what we believe is true now."""
        self._heard_at = self._listened_at = asyncio.get_running_loop().time()

    def listen(self, send: Send) -> None:
        """Ping by the connection that brings the news: up to the answer, all of them have come."""
        now = asyncio.get_running_loop().time()
        send(commands.ping()).add_done_callback(lambda done: self._answered(done, now))

    def _answered(self, done: asyncio.Future[Reply], sent_at: float) -> None:
        if not done.cancelled() and done.exception() is None:
            self._listened_at = max(self._listened_at, sent_at)

    def beat(self, send: Send) -> None:
        """Send one, unless held back."""
        now = asyncio.get_running_loop().time()
        try:
            alive = self._alive()
        except Exception:
            log.exception("%s: cannot tell whether the service lives", self._name)
            return
        if not alive:
            self._heard_at = now
            return
        value = str(int(self.pbx_time))
        send(commands.set_global("SEATS_HEARTBEAT", value)).add_done_callback(
            lambda done: self._acknowledged(done, now)
        )

    def _acknowledged(self, done: asyncio.Future[Reply], sent_at: float) -> None:
        if not done.cancelled() and done.exception() is None and done.result().ok:
            self._heard_at = max(self._heard_at, sent_at)
