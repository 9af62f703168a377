"""A colleague picks up what rings at an agent's seat: a masquerade, with sound, on a real Asterisk."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seats.domain.agents import Machine
from seats.domain.events import OfferEnded, OfferRang, Repaired, RequestOpened
from seats.domain.requests import OfferResult
from tests.integration.office import Office, office
from tests.integration.phone import Phone

pytestmark = pytest.mark.pbx


@contextlib.asynccontextmanager
async def ringing(folder: Path) -> AsyncIterator[tuple[Office, Phone]]:
    """An office where ``sip001`` rings for a caller, and nobody answers it there."""
    async with office(folder) as h:
        h.desks["sip001"].ringing = True
        async with h.caller() as phone:
            await h.until(lambda: h.of(OfferRang))
            yield h, phone


@pytest.mark.parametrize(("by", "agent"), [("sip002", "sip002"), ("sip003", "")])
async def test_who_picks_up_is_the_one_who_talks(tmp_path: Path, by: str, agent: str) -> None:
    async with ringing(tmp_path) as (h, phone):
        leg = await h.desks[by].call("*8")
        await phone.until(200)
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await h.reconciled()
        await phone.heard()
        await leg.ear.heard()
        assert h.agent("sip001").machine is Machine.IDLE, "a seat at which nobody talks is free"
        if agent:
            assert h.agent(agent).machine is Machine.TALKING
        h.desks[by].hang_up(leg)
        await phone.ended.wait()
        await h.quiet()
        assert [(e.agent, e.result) for e in h.of(OfferEnded)] == [("sip001", OfferResult.WITHDRAWN)]
        assert await h.rows() == [("connected", agent, "agent")]
        assert h.of(Repaired) == []
        assert len(h.of(RequestOpened)) == 1
        await h.until(lambda: h.agent("sip002").machine is Machine.IDLE)


@pytest.mark.parametrize("back", ["talking", "over"])
async def test_a_pick_up_while_the_service_was_away(tmp_path: Path, back: str) -> None:
    async with ringing(tmp_path) as (h, phone):
        await h.service.writer.flush()
        await h.stop()
        leg = await h.desks["sip002"].call("*8")
        await phone.until(200)
        await leg.ear.heard()
        if back == "over":
            await phone.hang_up()
        await h.start()
        if back == "talking":
            await h.until(lambda: h.agent("sip002").machine is Machine.TALKING)
            await h.reconciled()
            assert h.agent("sip001").machine is Machine.IDLE
            await phone.hang_up()
        await h.quiet()
        (row,) = await h.rows()
        assert row[:2] == ("connected", "sip002")
