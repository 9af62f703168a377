"""A lost caller on the board, called back from the desk: the word 回拨, and two who hear each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from seats.domain.callback_settings import CallbackSettings, Dial
from telephony.lab import Behaviour, Call, Customers
from tests.e2e.browser import SLOW_MS
from tests.e2e.conftest import Open
from tests.integration.house import House

pytestmark = [pytest.mark.pbx, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MOBILE = "13871239876"
MASKED = "138****9876"


@pytest.fixture
def manual(house: House) -> Iterator[None]:
    """Agents take callbacks themselves."""
    state = house.service.engine.state
    before = state.plan
    state.plan = before._replace(short_abandon=0.5, callbacks=CallbackSettings(dial=Dial.MANUAL))
    yield
    state.plan = before


async def test_a_lost_caller_is_called_back_from_the_desk(house: House, visit: Open, manual: None) -> None:
    await house.place(Call(MOBILE, "95500", patience_s=2.0))
    board = await visit("/board", "supervisor")
    await board["tab-callbacks"].click(timeout=SLOW_MS)
    await expect(board["callbacks"]).to_contain_text(MASKED, timeout=SLOW_MS)
    desk = await (await visit("/desk", "wang")).ready()
    row = desk["callbacks"].locator("li", has_text=MASKED)
    answers = Behaviour(answers_after=(1.5, 1.5), talks_for=(4.0, 4.0))
    async with Customers(house.lab.mobile_port, answers) as customers:
        await row.get_by_test_id("callback-take").click(timeout=SLOW_MS)
        offer = await desk.sees("offer")
        await expect(offer).to_contain_text("回拨")
        await expect(offer).to_contain_text(MASKED)
        await desk.answers()
        await expect(desk["call"]).to_contain_text("正在呼叫客户", timeout=SLOW_MS)
        await expect(desk["call"]).to_contain_text("回拨通话中", timeout=SLOW_MS)
        await desk.sees("wrapup")
        assert [r.address for r in customers.rings() if r.what == "answer"] == [MOBILE]
    await desk["wrapup-done"].click()
    await desk.sees("state", state="ready")
    await house.quiet()
    found = next(r for r in (await house.service.store.callbacks())[0] if r.number == MOBILE)
    assert (found.state, found.attempts) == ("done", 1)
    assert MOBILE not in await board.page.content()
    await expect(board["callbacks"]).not_to_contain_text(MASKED, timeout=SLOW_MS)
