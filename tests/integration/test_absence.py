"""What a dead service costs: nothing. Calls go on, callers keep their place, the ledger is completed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallEnded, OfferMade, RequestDecided, RequestOpened
from seats.domain.requests import RequestState
from tests.integration.house import HUNAN, Home, House, call, house

pytestmark = pytest.mark.pbx


async def rows(h: House) -> list[tuple[str | None, str | None, bool]]:
    """(outcome, agent, reconstructed) of every request, oldest first."""
    found, _ = await h.service.store.requests()
    return [(r.outcome, r.agent, r.reconstructed) for r in reversed(found)]


async def test_a_restart_drops_no_call_and_keeps_the_line(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan")}
    async with house(tmp_path, homes) as h, h.placing(*[call(HUNAN, talk=4.0)] * 3, rate=3.0) as callers:
        await h.until(lambda: len(h.of(RequestOpened)) == 3 and h.agent("sip001").machine is Machine.TALKING)
        order = [e.request for e in h.of(RequestOpened)]
        await h.stop()
        h.events.clear()
        await h.start()
        assert h.agent("sip001").machine is Machine.TALKING, "the call of the first life is known"
        assert h.agent("sip001").chosen is Chosen.READY
        counts = await callers.wait()
        await h.quiet()
        assert counts.answered == 3
        assert [e.request for e in h.of(OfferMade)] == order[1:]
        assert h.of(RequestOpened) == [], "nobody is counted twice"
        assert all(e.talk > 3.5 for e in h.of(CallEnded)), "no call was cut short"
        assert await rows(h) == [("connected", "sip001", False)] * 3


async def test_calls_served_while_the_service_is_dead_are_in_the_ledger_afterwards(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan"), "sip002": Home("hunan", ready=False)}
    async with house(tmp_path, homes) as h:
        h.choose("sip002", Chosen.NOT_READY, "break")
        await asyncio.sleep(0.5)
        await h.stop()
        async with h.placing(call(HUNAN, talk=7.0), call(HUNAN, patience=6.0)) as callers:
            counts = await callers.wait()
        assert (counts.answered, counts.abandoned) == (1, 1)
        assert set(h.rung()) == {"sip001"}, "the agent on a break is not rung in the fallback either"
        await h.start()
        await h.until(lambda: len(h.of(RequestDecided)) == 2)
        await h.quiet()
        assert sorted(await rows(h), key=str) == [("abandoned", None, True), ("connected", "sip001", True)]
        connected = next(e for e in h.of(RequestDecided) if e.outcome == "connected")
        assert connected.queue < 10.0, "the caller heard the fallback within 5 s"


async def test_callers_still_waiting_in_the_fallback_are_taken_up_in_their_order(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan", ready=False)}) as h:
        await h.stop()
        async with h.placing(*[call(HUNAN, talk=1.0)] * 3, rate=2.0) as callers:
            await asyncio.sleep(5.0)
            await h.start()
            await h.until(lambda: len(h.of(RequestOpened)) == 3)
            h.choose("sip001", Chosen.READY)
            counts = await callers.wait()
            await h.quiet()
        assert counts.answered == 3
        asked = [e.request for e in sorted(h.of(RequestOpened), key=lambda e: e.at)]
        assert [e.request for e in h.of(OfferMade)] == asked


async def test_a_call_the_fallback_connected_is_known_while_it_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan")}) as h:
        await asyncio.sleep(0.5)
        await h.stop()
        async with h.placing(call(HUNAN, talk=9.0)) as callers:
            await h.until(lambda: "sip001" in h.rung())
            await asyncio.sleep(1.0)
            await h.start()
            assert h.agent("sip001").machine is Machine.TALKING
            assert [r.state for r in h.service.engine.state.requests.values()] == [RequestState.TALKING]
            counts = await callers.wait()
            await h.quiet()
        assert counts.answered == 1
        assert await rows(h) == [("connected", "sip001", True)]


async def test_a_pbx_that_dies_ends_its_requests_as_failed_and_frees_its_agents(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan")}
    async with house(tmp_path, homes) as h, h.placing(*[call(HUNAN, talk=60.0)] * 2, rate=5.0):
        await h.until(lambda: len(h.of(RequestOpened)) == 2 and h.agent("sip001").machine is Machine.TALKING)
        await asyncio.sleep(5.5)
        await h.lab.kill()
        await h.until(lambda: not h.service.engine.state.requests)
        assert [e.outcome for e in h.of(RequestDecided)] == ["connected", "failed"]
        assert [e.ended_by for e in h.of(CallEnded)] == ["system"]
        assert h.agent("sip001").machine is Machine.UNREACHABLE
        assert not h.service.ready()[0]
        await h.lab.start()
        await h.until(lambda: h.service.ready()[0])
