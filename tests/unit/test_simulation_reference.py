"""The simulator against figures others have published, and against exact formulas."""

from __future__ import annotations

import math

import pytest

from seats.domain.staffing import Load, outlook
from seats.simulation.compare import compare
from seats.simulation.presets import erlang_a, msk, overload, wallace_whitt
from seats.simulation.results import Run


def run(scenario: object, policy: str, days: int) -> Run:
    return compare(scenario, [policy], days).runs[0]  # type: ignore[arg-type]


def test_simple_msk_as_published() -> None:
    """Served 4297 [4270, 4324], abandoned 910 [876, 945], service level 0.501 [0.494, 0.509]."""
    found = run(msk(strata=24), "fifo", 24)
    assert 4270 <= found.per_day("connected").mean <= 4324
    assert 876 <= found.per_day("abandoned").mean <= 945
    assert 0.494 <= found.service_level().mean <= 0.509


def test_erlang_a_as_published() -> None:
    """48 a minute, 1 minute, 50 agents, patience 2 minutes: 3.1 % abandon, wait 3.7 s, occupancy 93 %."""
    found = run(erlang_a(hours=5), "fifo", 5)
    exact = outlook(Load(0.8, 60.0, 120.0), 50)
    abandoned, wait = found.rate("abandoned"), found.wait()
    assert abandoned.low <= exact.abandoned <= abandoned.high
    assert wait.low <= exact.wait <= wait.high
    assert found.occupancy() == pytest.approx(exact.occupancy, abs=0.02)
    within = found.rate("within")
    assert within.low <= exact.within <= within.high


def test_our_core_is_fifo_where_there_is_one_line() -> None:
    """One province, one pool: the core decides as first come, first served, caller by caller."""
    fifo, ours = compare(erlang_a(hours=1.5), ["fifo", "ours"], 1).runs
    for theirs, mine in zip(fifo.days, ours.days, strict=True):
        assert mine.provinces == theirs.provinces
        assert mine.waits == theirs.waits


def shared_lines(types: int, work: float, agents: int, lines: int) -> tuple[float, float]:
    """Exact share blocked and mean wait in handling times: separate M/M/n queues on shared lines.

    Reversible chains cut off at a sum keep their product form.
    """

    def convolve(a: list[float], b: list[float]) -> list[float]:
        return [sum(a[i] * b[k - i] for i in range(k + 1)) for k in range(lines + 1)]

    one = [1.0]
    for k in range(1, lines + 1):
        one.append(one[-1] * work / min(k, agents))
    rest = [1.0] + [0.0] * lines
    for _ in range(types - 1):
        rest = convolve(rest, one)
    total = sum(convolve(rest, one))
    blocked = convolve(rest, one)[lines] / total
    line = types * sum(convolve(rest, [max(0, k - agents) * w for k, w in enumerate(one)])) / total
    return blocked, line / (types * work * (1 - blocked))


def test_wallace_whitt_a_little_flexibility_goes_a_long_way() -> None:
    """Two skills are nearly as good as six, and both far better than one (published: 2.98, 0.24, 0.20 %)."""
    found = {skills: run(wallace_whitt(skills, hours=44), "skills", 2) for skills in (1, 2, 6)}
    blocked = {skills: r.rate("blocked").mean for skills, r in found.items()}
    wait = {skills: r.wait().mean / 60 for skills, r in found.items()}
    assert blocked[2] == pytest.approx(0.0024, abs=0.0025)
    assert blocked[6] == pytest.approx(0.0020, abs=0.0025)
    assert blocked[1] > 5 * blocked[2]
    assert wait[2] == pytest.approx(0.45, abs=0.2)
    assert wait[6] == pytest.approx(0.33, abs=0.2)
    one, pooled = shared_lines(6, 13.75, 15, 120), shared_lines(1, 82.5, 90, 120)
    assert blocked[1] == pytest.approx(one[0], abs=0.012)
    assert wait[1] == pytest.approx(one[1] * 10, abs=0.6)
    assert pooled == (pytest.approx(0.0020, abs=0.0001), pytest.approx(0.033, abs=0.001))


def test_overload_as_published() -> None:
    """Pooled FIFO gives Hubei 1/ρ, separate queues lose by chance, priority's losses go with 1/N."""
    found = compare(overload(1000, hours=0.6), ["fifo", "priority", "separate"], 1)
    fifo, priority, separate = found.runs
    hubei = {r.policy: r.rate(provinces=("hubei",)) for r in found.runs}
    assert fifo.rate().mean == pytest.approx(found.bound.mean, abs=0.02)
    assert hubei["fifo"].mean == pytest.approx(1 / 1.2, abs=0.06)
    assert hubei["priority"].mean == pytest.approx(0.997, abs=0.006)
    assert separate.rate().mean < fifo.rate().mean - 0.01
    assert priority.rate().mean == pytest.approx(fifo.rate().mean, abs=0.004)


def test_a_small_house_under_overload_is_erlang_a() -> None:
    """By any rule that never keeps an agent idle, 50 agents connect 81.8 %, not the fluid's 83.3 %."""
    found = run(overload(50, hours=5), "fifo", 8).rate()
    exact = outlook(Load(1.2 * 50 / 180, 180.0, 60.0), 50).connected
    assert exact == pytest.approx(0.8178, abs=1e-4)
    assert math.isclose(found.mean, exact, abs_tol=0.015)
