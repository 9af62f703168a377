"""The better of two estimators speaks, with the error it made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.domain.expected import MEMORY, Estimate, Expected, Guess

seconds = st.floats(0.0, 600.0)


def test_before_anything_was_judged_the_last_wait_speaks() -> None:
    expected = Expected()
    assert expected.now("hubei", Guess(0.0, 0.0)) == (0.0, 0.0, 0)
    expected.entered("hubei", 12.0, None)
    assert expected.of("hubei").last == 12.0
    assert expected.now("hubei", Guess(12.0, 5.0)) == (12.0, 0.0, 0)


def test_the_estimator_that_erred_less_speaks() -> None:
    expected = Expected()
    expected.entered("hubei", 30.0, Guess(10.0, 28.0))
    assert expected.now("hubei", Guess(7.0, 40.0)) == (40.0, 2.0, 1)
    expected.entered("gansu", 30.0, Guess(29.0, 0.0))
    assert expected.now("gansu", Guess(7.0, 40.0)) == (7.0, 1.0, 1)


@given(st.lists(st.tuples(seconds, seconds, seconds), min_size=1, max_size=int(MEMORY)))
def test_the_errors_are_mean_absolute_errors(rows: list[tuple[float, float, float]]) -> None:
    estimate = Estimate()
    for last, head, waited in rows:
        estimate.judge(Guess(last, head), waited)
    n = len(rows)
    assert estimate.judged == n
    assert estimate.error_last == pytest.approx(sum(abs(a - w) for a, _, w in rows) / n)
    assert estimate.error_head == pytest.approx(sum(abs(b - w) for _, b, w in rows) / n)


def test_old_errors_are_forgotten() -> None:
    estimate = Estimate()
    for _ in range(100):
        estimate.judge(Guess(100.0, 0.0), 0.0)
    for _ in range(500):
        estimate.judge(Guess(0.0, 50.0), 0.0)
    assert estimate.error_last < 0.01
    assert estimate.error_head == pytest.approx(50.0, rel=0.01)
