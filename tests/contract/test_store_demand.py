"""Sums by province and hour, the same on both databases."""

from __future__ import annotations

from seats.domain.demand import HOUR, Hour
from seats.domain.requests import Outcome
from seats.store import Store
from tests.contract.story import T0, connected_call, lost_call, opened
from tests.contract.test_store_ledger import write


async def test_requests_are_summed_by_province_and_hour(store: Store) -> None:
    await write(store, [*connected_call("pbx1:1.1"), *lost_call("pbx1:2.2", Outcome.ABANDONED, at=T0 + 10)])
    await write(store, [opened("pbx1:3.3", (T0 // HOUR + 1) * HOUR)])
    found = await store.hours(T0 - 10 * HOUR, T0 + 10 * HOUR)
    number = int(T0 // HOUR)
    assert sum(hour.requests for hour in found) == 3
    first = [hour for hour in found if hour.number == number]
    assert sum(hour.requests for hour in first) == 2
    assert sum(hour.left for hour in first) == 1
    (call,) = [hour for hour in first if hour.talks]
    assert (call.talks, call.talk, call.ring) == (1, 60.0, 3.0)
    assert [hour.number for hour in found if hour not in first] == [number + 1]
    assert all(isinstance(hour, Hour) for hour in found)


async def test_only_the_hours_asked_for(store: Store) -> None:
    await write(store, connected_call("pbx1:1.1"))
    assert await store.hours(T0 + 1, T0 + 10) == []
    assert await store.hours(T0 - 10, T0) == []
