"""Callers' numbers are kept for as many days as the settings say; what rates are made of stays for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from seats.store.errors import StoreError
from seats.store.store import Store

log = structlog.get_logger(__name__)

DAY = 86400.0
LOOK_EVERY = 3600.0
"""Seconds between two looks for numbers that are past their time."""


async def keep_retention(
    store: Store, days: int, leading: Callable[[], bool], now: Callable[[], float]
) -> None:
    """Erase numbers past their time, for ever, where this process leads. ``days`` 0: none ever is."""
    since = 0.0
    while days:
        until = now() - days * DAY
        if leading():
            try:
                erased = await store.erase_before(until, since=since, at=now(), actor="retention")
            except StoreError as error:
                log.warning("retention_not_kept", error=str(error))
            else:
                since = until - DAY  # what is found late is not much later
                if erased.requests or erased.callbacks:
                    log.info("numbers_erased", days=days, **erased._asdict())
        await asyncio.sleep(LOOK_EVERY)
