"""The one clock of the engine: Unix seconds that never jump."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Wall time at the start plus monotonic time since: timers are safe from clock changes."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def now(self) -> float:
        """Unix seconds (UTC)."""
        return self._monotonic() + self._offset

    def monotonic(self, at: float) -> float:
        """The monotonic time of a moment given in Unix seconds."""
        return at - self._offset
