from __future__ import annotations

import asyncio

import pytest

from seats.domain.errors import PlanError
from seats.planfile import load_plan
from seats.settings import default_file
from seats.store import Store
from seats.store.errors import ConflictError

PLAN = load_plan(default_file("routing.yaml"))


async def test_versions_are_added_and_kept(store: Store) -> None:
    assert await store.latest_plan() is None
    assert await store.versions() == []
    assert await store.save_plan(PLAN, at=1.0, actor="system", comment="first") == 1
    changed = PLAN._replace(wrap_up=45.0)
    assert await store.save_plan(changed, at=2.0, actor="admin", comment="更长", base=1) == 2
    assert await store.latest_plan() == changed._replace(version=2)
    assert await store.plan(1) == PLAN._replace(version=1)
    assert await store.plan(3) is None
    assert await store.versions() == [(2, 2.0, "admin", "更长"), (1, 1.0, "system", "first")]
    assert [row.subject for row in await store.audit()] == ["routing/2", "routing/1"]


async def test_a_change_of_an_old_version_is_a_conflict(store: Store) -> None:
    await store.save_plan(PLAN, at=1.0, actor="system", comment="")
    await store.save_plan(PLAN, at=2.0, actor="one", comment="", base=1)
    with pytest.raises(ConflictError) as caught:
        await store.save_plan(PLAN, at=3.0, actor="two", comment="", base=1)
    assert "version 2 went live after version 1" in str(caught.value)
    assert len(await store.versions()) == 2


async def test_of_two_changes_at_once_one_wins(url: str) -> None:
    stores = [await Store.open(url) for _ in range(2)]
    await stores[0].save_plan(PLAN, at=1.0, actor="system", comment="")
    results = await asyncio.gather(
        *(s.save_plan(PLAN, at=2.0, actor="x", comment="", base=1) for s in stores for _ in range(3)),
        return_exceptions=True,
    )
    assert sorted(type(r).__name__ for r in results) == ["ConflictError"] * 5 + ["int"]
    for store in stores:
        await store.close()


async def test_a_plan_that_cannot_be_used_is_not_stored(store: Store) -> None:
    with pytest.raises(PlanError):
        await store.save_plan(PLAN._replace(max_wait=1e9), at=1.0, actor="x", comment="")
    assert await store.versions() == []


async def test_every_term_gets_a_number_of_its_own(url: str) -> None:
    stores = [await Store.open(url) for _ in range(2)]
    assert await stores[0].epoch() == 0
    numbers = await asyncio.gather(*(s.next_epoch() for s in stores for _ in range(10)))
    assert sorted(numbers) == list(range(1, 21))
    assert await stores[1].epoch() == 20
    for store in stores:
        await store.ping()
        await store.close()
