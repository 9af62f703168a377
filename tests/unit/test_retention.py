from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from seats import retention
from seats.retention import DAY, keep_retention
from seats.store.erasure import Erased
from seats.store.errors import UnreachableDatabaseError

NOW = 1_790_000_000.0


class Ledger:
    """Notes what it is asked to erase."""

    def __init__(self, *, broken: int = 0) -> None:
        self.asked: list[tuple[float, float]] = []
        self.broken = broken

    async def erase_before(self, until: float, *, since: float, at: float, actor: str) -> Erased:
        self.asked.append((since, until))
        assert (at, actor) == (NOW, "retention")
        if len(self.asked) <= self.broken:
            raise UnreachableDatabaseError("db", "is away", "a database that answers")
        return Erased(1, 0, 0)


async def kept(ledger: Ledger, days: int, *leads: bool) -> list[tuple[float, float]]:
    """What is asked of the ledger in as many rounds as ``leads`` has answers."""
    answers = iter(leads)
    done = asyncio.Event()

    def leading() -> bool:
        found = next(answers, None)
        if found is None:
            done.set()
        return bool(found)

    task = asyncio.create_task(keep_retention(ledger, days, leading, lambda: NOW))  # type: ignore[arg-type]
    if days:
        await asyncio.wait_for(done.wait(), 10)
    else:
        await asyncio.wait_for(task, 10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return ledger.asked


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(retention, "LOOK_EVERY", 0.0)


async def test_what_is_past_its_days_goes_and_the_next_look_starts_there() -> None:
    until = NOW - 180 * DAY
    assert await kept(Ledger(), 180, True, True) == [(0.0, until), (until - DAY, until)]


async def test_only_the_leader_erases() -> None:
    assert len(await kept(Ledger(), 30, False, True, False)) == 1


async def test_a_database_that_is_away_is_asked_again_from_the_start() -> None:
    asked = await kept(Ledger(broken=2), 30, True, True, True, True)
    assert [since for since, _ in asked] == [0.0, 0.0, 0.0, NOW - 31 * DAY]


async def test_for_ever_is_the_default() -> None:
    assert await kept(Ledger(), 0) == []
