"""An agent whose machine loses its power: a real browser, all of its processes killed at a stroke."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallBroken, OfferMade, RequestDecided
from seats.domain.messages import PlanChanged
from seats.domain.requests import Outcome
from tests.e2e.browser import Computer, Desk, computer
from tests.e2e.conftest import OTHER, WEB
from tests.e2e.voice import Speaker
from tests.integration.house import HUBEI, House
from tests.integration.phone import Phone

E = TypeVar("E")

pytestmark = [pytest.mark.pbx, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@contextlib.asynccontextmanager
async def machine(house: House) -> AsyncIterator[tuple[Computer, Desk]]:
    """An agent's own computer, with the desk's page open."""
    async with computer() as home:
        desk = await home.desk(f"http://127.0.0.1:{house.settings.http.port}")
        yield home, await desk.go("/desk")


@contextlib.asynccontextmanager
async def call(house: House, desk: Desk) -> AsyncIterator[Phone]:
    """A caller who talks with this desk; a colleague is ready as well by then."""
    async with Speaker(house.lab.sip_port, user=HUBEI, did="95500") as phone:
        await desk.answers()
        await phone.until(200)
        await desk.hears_and_speaks(packets=25)
        await phone.heard(packets=5)
        house.choose(OTHER, Chosen.READY)
        yield phone


@contextlib.contextmanager
def grace(house: House, seconds: float) -> Iterator[None]:
    """How long a caller is kept for the agent whose seat died; a busy machine takes its time to come back."""
    plan = house.service.engine.state.plan
    house.service.engine.post(PlanChanged(plan._replace(rescue_grace=seconds), "test"))
    try:
        yield
    finally:
        house.service.engine.post(PlanChanged(plan, "test"))


async def test_a_browser_killed_in_a_call_loses_its_caller_to_the_next_agent(house: House) -> None:
    seen = len(house.events)
    async with machine(house) as (home, desk):
        await (await desk.sign_in("wang")).ready()
        with grace(house, 1.0):
            async with call(house, desk) as phone:
                home.cut()
                await house.until(lambda: _of(house, seen, CallBroken))
                await phone.heard()  # music, as no agent talks
                assert house.agent(WEB).machine is Machine.UNREACHABLE
                await house.until(lambda: house.agent(OTHER).machine is Machine.TALKING)
                assert (phone.statuses.count(200), phone.ended.is_set()) == (1, False), (
                    "one call all the time"
                )
    await house.quiet()
    (broken,) = _of(house, seen, CallBroken)
    assert [(e.agent, e.request) for e in _of(house, seen, OfferMade)] == [
        (WEB, broken.request),
        (OTHER, broken.request),
    ]
    assert [(e.request, e.outcome) for e in _of(house, seen, RequestDecided)] == [
        (broken.request, Outcome.CONNECTED)
    ]
    assert (broken.agent, house.agent(WEB).misses) == (WEB, 0)
    found = await house.service.store.request(broken.request)
    assert found is not None
    row, timeline = found
    assert (row.outcome, row.agent, row.ended_by) == ("connected", WEB, "caller")
    assert [line.kind for line in timeline].count("call_broken") == 1, "the seat's failure is told"


async def test_a_browser_back_in_time_gets_the_same_caller_first(house: House) -> None:
    seen = len(house.events)
    async with (
        machine(house) as (home, desk),
        machine(house) as (_, again),
    ):
        await (await desk.sign_in("wang")).ready()
        with grace(house, 30.0):
            async with call(house, desk) as phone:
                home.cut()
                await house.until(lambda: _of(house, seen, CallBroken))
                await phone.heard()
                await (await again.sign_in("wang")).answers()
                await again.hears_and_speaks(packets=25)
                assert (phone.statuses.count(200), phone.ended.is_set()) == (1, False)
                await again["hangup"].click()
                await phone.ended.wait()
    await house.quiet()
    assert [e.agent for e in _of(house, seen, OfferMade)] == [WEB, WEB]
    row = (await house.service.store.requests(limit=1))[0][0]
    assert (row.outcome, row.agent, row.ended_by) == ("connected", WEB, "agent")


def _of(house: House, since: int, kind: type[E]) -> list[E]:
    return [e for e in house.events[since:] if isinstance(e, kind)]
