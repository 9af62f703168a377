"""An event loop whose clock jumps over idle time: seconds of waiting cost nothing, order stays."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """A selector that looks for what is really there, and otherwise lets the clock jump."""

    ahead = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout == 0 else 0.0005)
        if not ready and timeout:
            self.ahead += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Real sockets, virtual waiting. With nothing left to wait for it spins: give tests a deadline."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.ahead


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
