"""One service to a database, on both databases."""

from __future__ import annotations

import pytest

from seats.store.leader import TakenError, leading
from seats.store.store import Store


async def test_a_second_service_is_refused_with_a_clear_word(store: Store) -> None:
    async with leading(store.database, lambda leads: None):
        with pytest.raises(TakenError, match="another service is running"):
            async with leading(store.database, lambda leads: None):
                pass


async def test_the_next_service_may_start_when_the_first_has_ended(store: Store) -> None:
    for _ in range(2):
        async with leading(store.database, lambda leads: None):
            pass
