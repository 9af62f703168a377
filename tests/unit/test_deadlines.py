"""Deadlines: in their order, and gone when what they were for is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seats.domain.deadlines import TRIM, Deadline, Deadlines, Due
from tests.unit.ruledesk import Desk

KINDS = st.sampled_from([Due.MAX_WAIT, Due.WRAP_UP, Due.ASSESS])


@given(st.lists(st.tuples(KINDS, st.integers(0, 20), st.booleans()), max_size=300))
def test_they_come_in_their_order_without_the_void_ones(rows: list[tuple[Due, int, bool]]) -> None:
    deadlines, kept = Deadlines(), list[tuple[float, int]]()
    for number, (due, when, is_void) in enumerate(rows):
        deadline = Deadline(float(when), number, due, "key", 0)
        deadlines.add(deadline)
        if is_void:
            deadlines.void(deadline)
            deadlines.void(deadline)
        else:
            kept.append((deadline.when, number))
    came = list[tuple[float, int]]()
    while (due_now := deadlines.pop(20.0)) is not None:
        if due_now.key:
            came.append((due_now.when, due_now.number))
    assert came == sorted(kept)
    assert len(deadlines) == 0


def test_void_ones_take_no_room_for_long() -> None:
    deadlines = Deadlines()
    for number in range(100 * TRIM):
        deadline = Deadline(600.0 + number, number, Due.MAX_WAIT, "key", 0)
        deadlines.add(deadline)
        deadlines.void(deadline)
    assert len(deadlines) < 2 * TRIM


def test_a_call_that_is_over_leaves_none_of_its_long_ones() -> None:
    desk = Desk(max_wait=86400.0, wrap_up=0.0)
    desk.hire("a1", "hubei")
    for number in range(4 * TRIM):
        desk.call(f"c{number}", "hubei")
        desk.serve(f"c{number}", 1.0)
        desk.wait(60.0)
    assert len(desk.state.deadlines) < 3 * TRIM
