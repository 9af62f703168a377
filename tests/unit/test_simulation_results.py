"""Intervals and quantiles."""

from __future__ import annotations

import random

import pytest

from seats.simulation.results import mean_of, quantile, ratio_of, t95


def test_students_t_as_tabled() -> None:
    for freedom, tabled in ((1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042)):
        assert t95(freedom) == pytest.approx(tabled, abs=0.006)


def test_an_interval_holds_the_truth_19_times_of_20() -> None:
    rng = random.Random(3)
    held = 0
    for _ in range(1000):
        parts, wholes = [], []
        for _ in range(8):
            n = rng.randint(50, 150)
            wholes.append(float(n))
            parts.append(float(sum(rng.random() < 0.8 for _ in range(n))))
        found = ratio_of(parts, wholes)
        held += found.low <= 0.8 <= found.high
    assert 920 <= held <= 975


def test_one_day_and_no_loss_still_leave_room_for_doubt() -> None:
    found = ratio_of([100.0, 100.0], [100.0, 100.0])
    assert found.mean == 1.0
    assert found.low == pytest.approx(0.981, abs=0.001)
    assert ratio_of([], []).low == 0.0


def test_mean_and_quantile() -> None:
    assert mean_of([1.0, 3.0]).mean == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([], 0.5) == 0.0
