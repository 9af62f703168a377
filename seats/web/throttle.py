"""Slowing down guesses: after a few failures each further one costs twice the wait. Bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple


class Limits(NamedTuple):
    """``free`` failures cost nothing; then 1 s, 2 s, 4 s … up to ``longest`` seconds."""

    free: int
    longest: float


class _Failures(NamedTuple):
    number: int
    until: float


class Throttle:
    """Failures by key. Keys not seen for a long time, or too many keys, are forgotten oldest first."""

    def __init__(self, limits: Limits, *, keys: int = 10_000) -> None:
        self._limits, self._keys = limits, keys
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until this key may try again; 0 when it may."""
        found = self._failures.get(key)
        return max(0.0, found.until - now) if found else 0.0

    def fail(self, key: str, now: float) -> None:
        """Count a failure, or an attempt that is not known to be good yet."""
        found = self._failures.pop(key, _Failures(0, 0.0))
        count = 1 if now - found.until > 2 * self._limits.longest and found.until else found.number + 1
        over = count - self._limits.free
        wait = min(self._limits.longest, 2.0 ** min(over - 1, 30)) if over > 0 else 0.0
        self._failures[key] = _Failures(count, now + wait)
        while len(self._failures) > self._keys:
            self._failures.popitem(last=False)

    def forgive(self, key: str) -> None:
        """The key proved to be good."""
        self._failures.pop(key, None)

    def __len__(self) -> int:
        return len(self._failures)
