"""What is due when: a list for each kind, since deadlines of one kind are mostly set in the order they come."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

from seats.domain.native import mypyc_attr

TRIM: Final = 64
"""Deadlines that have passed, after which a list is cut."""


class Due(IntEnum):
    """What a deadline is for."""

    RING_OPENS = 0
    MAX_WAIT = 1
    OFFER_GUARD = 2
    WRAP_UP = 3
    LEASE = 4
    SUSPECT = 5
    SEAT_GUARD = 6
    PREFER_ENDS = 7
    RESCUE_GUARD = 8
    LOOK_AGAIN = 9
    WAIT_BOUND = 10
    RELAX = 11
    BREATHER = 12
    ASSESS = 13
    NO_SEAT = 14
    CALLBACK = 15
    CALLBACK_EXPIRES = 16
    CALLBACK_GUARD = 17
    ANNOUNCE = 18
    PHONE_GONE = 19


@mypyc_attr(acyclic=True)
class Deadline:
    """``due`` of ``key`` at ``when`` (Unix seconds); ``number`` tells those of the same moment apart.

    Without a key it is void: what it was for is over.
    """

    __slots__ = ("due", "key", "number", "token", "when")

    def __init__(self, when: float, number: int, due: Due, key: str, token: int) -> None:
        self.when = when
        self.number = number
        self.due = due
        self.key = key
        self.token = token


class Deadlines:
    """Deadlines to come. Those of the same moment come in the order in which they were set."""

    __slots__ = ("_lists", "next")

    def __init__(self) -> None:
        self._lists = [_Sorted() for _ in Due]
        self.next = math.inf
        """Unix seconds before which none is due."""

    def __len__(self) -> int:
        return sum(len(kind.deadlines) - kind.first for kind in self._lists)

    def add(self, deadline: Deadline) -> None:
        """Set a deadline."""
        self._lists[deadline.due].add(deadline)
        self.next = min(self.next, deadline.when)

    def void(self, deadline: Deadline) -> None:
        """What a deadline was for is over: it counts no more, and soon takes no room."""
        if deadline.key:
            deadline.key = ""
            self._lists[deadline.due].count_void()

    def pop(self, now: float) -> Deadline | None:
        """The next one, taken off, if it is due by now."""
        if now < self.next:
            return None
        first: Deadline | None = None
        of = self._lists[0]
        for kind in self._lists:
            if kind.first < len(kind.deadlines):
                deadline = kind.deadlines[kind.first]
                if first is None or _is_before(deadline, first):
                    first, of = deadline, kind
        if first is None or first.when > now:
            self.next = math.inf if first is None else first.when
            return None
        of.drop()
        return first


class _Sorted:
    """The deadlines of one kind, those before ``first`` passed."""

    __slots__ = ("deadlines", "first", "void")

    def __init__(self) -> None:
        self.deadlines: list[Deadline] = []
        self.first = 0
        self.void = 0
        """How many of those to come are void."""

    def add(self, deadline: Deadline) -> None:
        deadlines = self.deadlines
        if not deadlines or deadlines[-1].when <= deadline.when:
            deadlines.append(deadline)
            return
        low, high = self.first, len(deadlines)
        while low < high:
            middle = (low + high) // 2
            if deadlines[middle].when <= deadline.when:
                low = middle + 1
            else:
                high = middle
        deadlines.insert(low, deadline)

    def count_void(self) -> None:
        self.void += 1
        if self.void >= TRIM and 2 * self.void > len(self.deadlines) - self.first:
            self.deadlines = [deadline for deadline in self.deadlines[self.first :] if deadline.key]
            self.first = self.void = 0

    def drop(self) -> None:
        if not self.deadlines[self.first].key:
            self.void -= 1
        self.first += 1
        if self.first >= TRIM:
            del self.deadlines[: self.first]
            self.first = 0


def _is_before(one: Deadline, other: Deadline) -> bool:
    if one.when != other.when:
        return one.when < other.when
    return one.number < other.number
