from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seats.domain.agents import Chosen, Machine
from seats.store.figures import spent

READY = ("ready", "idle")


def test_the_state_before_the_interval_counts_from_its_start() -> None:
    assert spent([(0.0, *READY)], 100.0, 160.0).ready == 60.0
    assert spent([(0.0, *READY), (100.0, "signed_out", "idle")], 100.0, 160.0) == (0, 0, 0, 0)


def test_each_state_counts_where_it_belongs() -> None:
    states = [
        (0.0, "ready", "idle"),
        (10.0, "ready", "offered"),
        (15.0, "ready", "talking"),
        (45.0, "not_ready", "talking"),
        (50.0, "not_ready", "wrap_up"),
        (70.0, "not_ready", "idle"),
        (90.0, "not_ready", "unreachable"),
        (95.0, "ready", "unreachable"),
        (97.0, "ready", "resting"),
        (98.0, "signed_out", "idle"),
    ]
    assert spent(states, 0.0, 1000.0) == (35.0, 20.0, 15.0, 25.0)


def test_nothing_known_is_nothing_counted() -> None:
    assert spent([], 0.0, 10.0) == (0, 0, 0, 0)
    assert spent([(5.0, *READY)], 10.0, 10.0) == (0, 0, 0, 0)


ROWS = st.lists(
    st.tuples(st.floats(0, 1000), st.sampled_from(list(Chosen)), st.sampled_from(list(Machine))), max_size=20
)


@given(ROWS, st.floats(0, 1000), st.floats(0, 1000))
def test_never_more_than_the_interval_and_never_less_than_nothing(
    rows: list[tuple[float, str, str]], one: float, other: float
) -> None:
    since, until = sorted((one, other))
    times = spent(sorted(rows, key=lambda r: r[0]), since, until)
    assert all(seconds >= 0 for seconds in times)
    assert sum(times) <= until - since + 1e-6


@given(ROWS, st.floats(0, 1000))
def test_two_halves_make_a_whole(rows: list[tuple[float, str, str]], cut: float) -> None:
    rows = sorted(rows, key=lambda r: r[0])
    before = [r for r in rows if r[0] < cut]
    rest = [*before[-1:], *(r for r in rows if r[0] >= cut)]
    halves = zip(spent(before, 0.0, cut), spent(rest, cut, 1000.0), strict=True)
    assert all(abs(a + b - c) < 1e-6 for (a, b), c in zip(halves, spent(rows, 0.0, 1000.0), strict=True))
