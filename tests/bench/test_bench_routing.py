"""The routing benchmark itself: every cell decides, and the replica rings whom app_queue would."""

from __future__ import annotations

import pytest

from tests.bench.appqueue import Caller, Device, Loaded, Queue, is_turn, ring
from tests.bench.bench_routing import objectives, quality
from tests.bench.routing_load import Load, Size


@pytest.mark.parametrize("size", [Size(100, 0, 3), Size(100, 60, 3), Size(100, 60, 8), Size(60, 40, 34)])
def test_every_cell_decides_and_keeps_its_size(size: Size) -> None:
    load = Load(size)
    found = load.measure(60)
    assert found.decisions >= 60
    assert found.decisions_per_s > 0 < found.p50_us <= found.p999_us
    held = len(load.state.requests) - len(load.talking)
    assert abs(held - size.waiting) <= 5


def test_the_replica_decides_too() -> None:
    assert Loaded(Size(100, 20, 3)).measure(10, 5.0)["decisions"] >= 10
    assert Loaded(Size(100, 0, 3)).measure(10, 5.0)["decisions"] >= 10


def line(weight: int, devices: list[Device]) -> Queue:
    queue = Queue(weight, [(device, n) for n, device in enumerate(devices)])
    for device in devices:
        device.queues.append(queue)
    return queue


def test_a_turn_needs_more_members_than_callers_ahead() -> None:
    queue = line(0, [Device(busy=False), Device(busy=True)])
    queue.callers += [Caller(queue), Caller(queue)]
    assert [is_turn(caller) for caller in queue.callers] == [True, False]
    queue.callers[0].pending = True
    assert is_turn(queue.callers[1])


def test_the_lowest_penalty_first_and_weight_keeps_a_member() -> None:
    near, far = Device(busy=False), Device(busy=False)
    light, heavy = line(0, [near, far]), line(1, [near])
    assert ring(Caller(light), 0.0) is near
    heavy.callers.append(Caller(heavy))
    assert ring(Caller(light), 0.0) is far


def test_the_last_line_has_every_policy() -> None:
    found = quality({50: (2, 0.5)}, 1)[50]
    assert set(objectives(found)) == {run.policy for run in found.runs}
    assert {"ours", "app_queue", "mod_callcenter"} <= set(objectives(found))
