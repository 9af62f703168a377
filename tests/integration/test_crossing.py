"""Callers who give up in the instant in which an agent answers: what they met on the wire is what counts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seats.domain.requests import Outcome
from telephony.lab import Behaviour
from tests.integration.house import Home, House, call, house

pytestmark = pytest.mark.pbx

MANY = 20
ANSWERS = Behaviour(answers_after=(1.0, 1.02))


@pytest.mark.parametrize("listening", [True, False])
async def test_who_took_the_call_back_as_the_agent_answered_is_not_connected(
    tmp_path: Path, listening: bool
) -> None:
    """The PBX is stopped meanwhile: on waking it finds the answers and the CANCELs side by side."""
    homes = {f"sip{n:03d}": Home("hubei", behaviour=ANSWERS) for n in range(MANY)}
    calls = [call(f"0278888{n:04d}", patience=1.1, talk=0.5) for n in range(MANY)]
    async with house(tmp_path, homes) as h, h.placing(*calls, rate=400.0) as callers:
        await h.until(lambda: len(h.rung()) == MANY)
        if not listening:
            await h.stop()
        h.lab.freeze()
        await asyncio.sleep(1.2)
        h.lab.thaw()
        await callers.wait()
        if not listening:
            await h.start()
        await h.quiet()
        await h.until(lambda: not h.service.engine.state.offers)
        fates = [fate for fate in callers.fates() if fate.what == "answered"]
        answered = {fate.number for fate in fates}
        crossed = {fate.number for fate in fates if fate.detail == "crossed"}
        connected = await _connected(h)
        assert connected <= answered
        # an answer that met the CANCEL on the wire is over at once: the record calls that no talk
        assert answered - connected <= (set() if listening else crossed)
        assert len(answered) < MANY, "some have given up, or there was nothing to see"


async def _connected(h: House) -> set[str]:
    """Numbers of the callers who count as connected, once all are in the ledger."""
    async with asyncio.timeout(20):
        while True:
            rows, _ = await h.service.store.requests()
            if len(rows) == MANY and all(row.outcome for row in rows):
                return {row.number for row in rows if row.outcome == Outcome.CONNECTED}
            await asyncio.sleep(0.2)
