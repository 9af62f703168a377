"""Lines by order and by arrival, against looking at everybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seats.domain.lines import TRIM, Ages, Line, Place
from seats.domain.requests import Confidence, Origin, Request

SOME = st.integers(0, 5)
"""Few values, so that many are equal."""


def request_of(arrived_at: float, number: int) -> Request:
    origin = Origin("hubei", "none", Confidence.NONE)
    name = f"n1:{number}"
    return Request(name, "n1", "", name, name, "", "", "hubei", origin, arrived_at, number)


@given(st.lists(st.tuples(SOME, SOME, st.booleans()), max_size=4 * TRIM))
def test_the_head_is_the_first_of_those_in_line(steps: list[tuple[int, int, bool]]) -> None:
    line, inside = Line(), list[Place]()
    for number, (priority, age, leaves) in enumerate(steps):
        request = request_of(float(age), number)
        request.priority = priority
        place = Place(request)
        line.enter(place)
        inside.append(place)
        if leaves:
            gone = inside.pop(age % len(inside))
            gone.request = None
        assert line.head() is min(inside, default=None)
    assert list(line) == sorted(inside)


@given(st.lists(st.tuples(SOME, SOME, st.booleans()), max_size=4 * TRIM))
def test_the_oldest_is_the_first_to_have_come_of_those_who_wait(steps: list[tuple[int, int, bool]]) -> None:
    ages, waiting, left = Ages(), list[Request](), list[Request]()
    for number, (age, which, comes) in enumerate(steps):
        if comes or not waiting:
            back = left and which % 2 == 0
            request = left.pop() if back else request_of(float(age), number)
            request.wait_token = number + 1
            ages.enter(request)
            waiting.append(request)
        else:
            request = waiting.pop(which % len(waiting))
            request.wait_token = 0
            left.append(request)
        oldest = ages.oldest()
        first = min((request.arrived_at for request in waiting), default=None)
        assert (None if oldest is None else oldest.arrived_at) == first


def test_who_has_left_is_not_kept_though_somebody_older_waits() -> None:
    ages, stays = Ages(), request_of(0.0, 0)
    stays.wait_token = 1
    ages.enter(stays)
    others = [request_of(1.0, n) for n in range(1, 10 * TRIM)]
    for request in others:
        request.wait_token = 1
        ages.enter(request)
        request.wait_token = 0
    assert ages.oldest() is stays
    assert sum(request.aged for request in others) < 2 * TRIM
