"""Guesses get slower; memory stays bounded; the innocent are forgiven."""

from __future__ import annotations

from seats.web.throttle import Limits, Throttle


def test_free_tries_then_doubling_up_to_the_longest() -> None:
    throttle = Throttle(Limits(free=3, longest=10.0))
    waits = []
    now = 1000.0
    for _ in range(9):
        throttle.fail("k", now)
        waits.append(throttle.wait("k", now))
        now += waits[-1]
    assert waits == [0, 0, 0, 1, 2, 4, 8, 10, 10]


def test_success_forgives() -> None:
    throttle = Throttle(Limits(free=1, longest=10.0))
    throttle.fail("k", 0.0)
    throttle.fail("k", 0.0)
    assert throttle.wait("k", 0.0) == 1.0
    throttle.forgive("k")
    assert throttle.wait("k", 0.0) == 0.0


def test_time_forgives() -> None:
    throttle = Throttle(Limits(free=1, longest=10.0))
    for _ in range(8):
        throttle.fail("k", 100.0)
    throttle.fail("k", 100.0 + 31.0)  # long quiet: counted afresh
    assert throttle.wait("k", 131.0) == 0.0


def test_keys_do_not_touch_each_other() -> None:
    throttle = Throttle(Limits(free=0, longest=10.0))
    throttle.fail("a", 0.0)
    assert throttle.wait("b", 0.0) == 0.0


def test_memory_is_bounded_and_the_oldest_goes() -> None:
    throttle = Throttle(Limits(free=0, longest=10.0), keys=100)
    for n in range(1000):
        throttle.fail(str(n), 0.0)
    assert len(throttle) == 100
    assert throttle.wait("999", 0.0) > 0 and throttle.wait("0", 0.0) == 0


def test_a_million_failures_do_not_overflow() -> None:
    throttle = Throttle(Limits(free=0, longest=10.0))
    for _ in range(5000):
        throttle.fail("k", 0.0)
    assert throttle.wait("k", 0.0) == 10.0
