"""Waiting lines, kept in order: joining at the end and leaving at the head cost the same at any length."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from seats.domain.requests import Request

TRIM: Final = 64
"""Void places at the head after which the list is cut."""


class Place:
    """Where a waiting request stands: one for all lines it is in, void once ``request`` is None.

    A request that is to stand elsewhere gets another place; a place itself never moves.
    """

    __slots__ = ("priority", "rank_at", "request", "seq", "token")

    def __init__(self, request: Request) -> None:
        self.request: Request | None = request
        self.priority = request.priority
        self.rank_at = request.rank_at
        self.seq = request.seq
        self.token = request.wait_token

    def holder(self) -> Request:
        """The request that stands here. Only for places that are not void."""
        assert self.request is not None  # noqa: S101 - for the type checker
        return self.request

    def __lt__(self, other: Place) -> bool:
        return self.before(other)

    def before(self, other: Place) -> bool:
        """Served before the other: by priority, then by age, then in the order of arrival."""
        if self.priority != other.priority:
            return self.priority < other.priority
        if self.rank_at != other.rank_at:
            return self.rank_at < other.rank_at
        if self.seq != other.seq:
            return self.seq < other.seq
        return self.token < other.token


class Line:
    """Places in their order: a row for each priority, since nearly all who join come last in theirs."""

    __slots__ = ("_front", "_order", "_rows")

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._order: list[int] = []
        """Their priorities, the first to be served first."""
        self._front: Place | None = None
        """The head, if it is known."""

    def enter(self, place: Place) -> None:
        """Take a place in the line."""
        row = self._rows.get(place.priority)
        if row is None:
            row = self._rows[place.priority] = _Row()
            insort(self._order, place.priority)
        row.enter(place)
        if self._front is not None and place.before(self._front):
            self._front = place

    def head(self) -> Place | None:
        """The first place that is not void; None for an empty line."""
        front = self._front
        if front is None or front.request is None:
            front = self._front = self._next()
        return front

    def _next(self) -> Place | None:
        while self._order:
            first = self._order[0]
            place = self._rows[first].head()
            if place is not None:
                return place
            del self._order[0], self._rows[first]
        return None

    def __iter__(self) -> Iterator[Place]:
        """Every place that is not void, in order."""
        for priority in self._order:
            row = self._rows[priority]
            for n in range(row.first, len(row.places)):
                if row.places[n].request is not None:
                    yield row.places[n]


class _Row:
    """Places of one priority. Void ones are dropped when they come to the head, or when they are too many."""

    __slots__ = ("_sweep_at", "first", "places")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.first = 0
        """Places before this one are void."""
        self._sweep_at = TRIM
        """Length at which void places are looked for all along the row."""

    def enter(self, place: Place) -> None:
        places = self.places
        if not places or places[-1].before(place):
            places.append(place)
        else:
            insort(places, place, self.first)
        if len(places) >= self._sweep_at:
            self._sweep()

    def head(self) -> Place | None:
        places = self.places
        first = self.first
        length = len(places)
        while first < length and places[first].request is None:
            first += 1
        if first == length:
            places.clear()
            first = 0
        elif first >= TRIM:
            del places[:first]
            first = 0
        self.first = first
        return places[first] if places else None

    def _sweep(self) -> None:
        self.places = [place for place in self.places if place.request is not None]
        self.first = 0
        self._sweep_at = max(TRIM, 2 * len(self.places))


class Ages:
    """Who waits in a province, by arrival. Whoever has left is dropped when it comes to the head, or with others."""

    __slots__ = ("_first", "_requests", "_sweep_at")

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._first = 0
        """Requests before this one wait no more."""
        self._sweep_at = TRIM
        """Length at which those who left are looked for all along."""

    def enter(self, request: Request) -> None:
        """The request waits (again)."""
        if request.aged:
            return
        request.aged = True
        requests = self._requests
        if not requests or requests[-1].arrived_at <= request.arrived_at:
            requests.append(request)
        else:
            insort(requests, request, self._first, key=_arrival)
        if len(requests) >= self._sweep_at:
            self._sweep()

    def oldest(self) -> Request | None:
        """The one who came first of those who wait; None if nobody does."""
        requests = self._requests
        while self._first < len(requests) and not requests[self._first].wait_token:
            requests[self._first].aged = False
            self._first += 1
        if self._first == len(requests):
            requests.clear()
            self._first = 0
            return None
        if self._first >= TRIM:
            del requests[: self._first]
            self._first = 0
        return requests[self._first]

    def _sweep(self) -> None:
        here = self._requests[self._first :]
        for request in here:
            request.aged = request.wait_token > 0
        self._requests = [request for request in here if request.aged]
        self._first = 0
        self._sweep_at = max(TRIM, 2 * len(self._requests))


def _arrival(request: Request) -> float:
    return request.arrived_at
