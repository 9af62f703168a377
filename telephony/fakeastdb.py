"""The fake PBX's AstDB, which reaches the disk late, and the dialplan's journal of requests, which does at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, ItemsView

from telephony.journal import TAKEN_S

SYNC_S = 1.0
"""For so long a change may be lost when the PBX is killed: Asterisk's own pace."""

TURNED_S = 10.0
"""Seconds after a start for which what was taken over is kept."""


class AstDb:
    """Family ``seats``: request → record, as the dialplan writes them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._values: dict[str, str] = {}
        self._undo: deque[tuple[float, str, str | None]] = deque()
        """Of each change that is not on the disk: when, key, value before."""
        self._journal: deque[tuple[float, str, str]] = deque()
        self._taken: dict[str, str] = {}
        """What was taken over and may not be on the disk yet."""
        self._taken_at = 0.0

    def items(self) -> ItemsView[str, str]:
        """Give every record."""
        return self._values.items()

    def opened(self, key: str) -> str:
        """Give the first five fields of a record."""
        return "|".join(self._values.get(key, "v1||||").split("|")[:5])

    def note(self, key: str, record: str) -> None:
        """Write a request to the journal."""
        now = self._clock()
        if now - self._taken_at > TURNED_S:
            self._taken.clear()
        self._journal.append((now, key, record))
        while self._journal[0][0] < now - TAKEN_S:
            self._journal.popleft()

    def take_over(self) -> None:
        """Put what is in the journal and not here."""
        self._taken_at = self._clock()
        self._taken |= {key: record for _, key, record in self._journal if key not in self._values}
        for key, record in self._taken.items():
            if key not in self._values:
                self.put(key, record)

    def line(self, page: int, index: int) -> str:
        """Give a line of the journal as the PBX's configuration functions do; empty past its end."""
        pages = {0: [(key, record) for _, key, record in self._journal], 2: list(self._taken.items())}
        lines = pages.get(page, [])
        return "|".join((*lines[index], "")) if index < len(lines) else ""

    def put(self, key: str, record: str | None) -> None:
        """Write a record; None deletes it."""
        now = self._clock()
        while self._undo and self._undo[0][0] < now - SYNC_S:
            self._undo.popleft()
        self._undo.append((now, key, self._values.get(key)))
        self._set(key, record)

    def crash(self) -> None:
        """Be as the disk is, as late as that may be."""
        now = self._clock()
        while self._undo:
            at, key, before = self._undo.pop()
            if at >= now - SYNC_S:
                self._set(key, before)

    def _set(self, key: str, record: str | None) -> None:
        if record is None:
            self._values.pop(key, None)
        else:
            self._values[key] = record
