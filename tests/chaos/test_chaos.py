"""A small storm of real processes within the ordinary tests; ``python -m tests.chaos`` raises a large one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.__main__ import one
from tests.chaos.storm import Order

pytestmark = pytest.mark.pbx


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_killed_and_frozen_processes_lose_nothing(tmp_path: Path, database: str) -> None:
    order = Order(seed=5, calls=40, kills=3, database=database, rate=6.0, agents=12, calm_calls=10)
    run, verdict = await one(order, tmp_path, quiet=True)
    assert sum(span.how == "kill" for span in run.spans) == 3
    assert not verdict.faults, "\n".join(verdict.faults)
    assert verdict.counts["requests in the ledger"] == verdict.counts["reached the dialplan"]
    assert verdict.counts["dropped"] == 0
