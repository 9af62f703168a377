"""The AMI benchmark itself: every event is counted, also in random pieces and over a stall."""

from __future__ import annotations

import pytest

from tests.bench.bench_ami import (
    CALL,
    Load,
    Reader,
    _only_events,
    measure,
    ours,
    panoramisk,
    tuned,
    wanted_of,
)

CALL_EVENTS = _only_events(CALL.read_bytes())
NAMED, TYPED = wanted_of(CALL_EVENTS)


@pytest.mark.parametrize(
    ("reader", "expected", "pieces", "stall"),
    [
        (ours, TYPED, False, 0.0),
        (ours, TYPED, True, 0.0),
        (ours, TYPED, False, 0.2),
        (panoramisk, NAMED, False, 0.0),
    ],
)
def test_nothing_is_lost(reader: Reader, expected: int, pieces: bool, stall: float) -> None:
    result = measure(reader, Load(CALL_EVENTS, 50, pieces), expected, stall=stall)
    assert (result.told, result.lost) == (expected * 50 + 1, 0)


def test_the_call_is_like_one_of_an_untuned_pbx() -> None:
    assert 90 <= CALL_EVENTS.count(b"\r\n\r\n") <= 150
    assert CALL_EVENTS.count(b"Event: VarSet") > 40
    assert wanted_of(tuned(CALL_EVENTS)) == (NAMED, TYPED)
