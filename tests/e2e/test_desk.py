"""The desk in a real browser, with real calls: what an agent at home lives through."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallBroken, OfferEnded, OfferMade, OfferRang
from seats.domain.requests import OfferResult
from telephony.lab import Call
from tests.e2e.browser import SLOW_MS
from tests.e2e.conftest import OTHER, WEB, Open
from tests.e2e.voice import Speaker
from tests.integration.house import HUBEI, House

pytestmark = [pytest.mark.pbx, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def caller(house: House) -> Speaker:
    return Speaker(house.lab.sip_port, user=HUBEI, did="95500")


async def connected_by(house: House, agent: str) -> int:
    """Calls of this agent so far, as the desk counts them; other tests share the house."""
    return (await house.service.store.agent_day(agent, 0.0, 2e10)).connected


async def test_a_whole_call_is_heard_by_both_and_wrapped_up(house: House, visit: Open) -> None:
    before = await connected_by(house, WEB)
    desk = await (await visit("/desk", "wang")).ready()
    async with caller(house) as phone:
        await desk.sees("offer-province", province="hubei")
        await expect(desk.page.locator(".number")).to_have_text(f"{HUBEI[:3]}****{HUBEI[-4:]}")
        await desk.answers()
        await phone.until(200)
        await desk.hears_and_speaks(packets=50)
        await phone.heard(packets=5)  # the browser's microphone beeps
        await desk.sees("audio-stats", quality="good")
        await desk["disposition-claim"].click()
        await desk["hangup"].click()
        await phone.ended.wait()
    await desk.sees("wrapup")
    assert house.agent(WEB).machine is Machine.WRAP_UP
    await desk["disposition-policy"].click()
    await expect(desk["disposition-policy"]).to_have_attribute("aria-pressed", "true")
    await desk["wrapup-done"].click()
    await desk.sees("state", state="ready")
    await house.until(lambda: house.agent(WEB).machine is Machine.IDLE)
    await expect(desk["today-connected"]).to_have_text(str(before + 1), timeout=SLOW_MS)
    await house.quiet()
    row = (await house.service.store.requests(limit=1))[0][0]
    assert (row.outcome, row.province, row.agent, row.disposition) == ("connected", "hubei", WEB, "policy")
    assert row.ended_by == "agent" and (row.talk or 0) > 0


async def test_the_callers_of_the_lab_are_heard(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    async with house.placing(Call(HUBEI, "95500", sound=True)) as callers:
        await desk.answers()
        await desk.hears_and_speaks(packets=50)
        await desk["hangup"].click()
        await callers.wait()
    await desk["wrapup-done"].click()
    await desk.sees("state", state="ready")


async def test_a_caller_who_waits_already_rings_in_the_moment_the_agent_is_ready(
    house: House, visit: Open
) -> None:
    async with caller(house) as phone:
        await phone.heard()  # music
        desk = await visit("/desk", "wang")
        await desk["ready"].click(timeout=SLOW_MS)  # as soon as there is such a button
        await desk.answers()
        await phone.until(200)
        await desk.hears_and_speaks(packets=25)


async def test_a_page_loaded_anew_while_it_rings_rings_again(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    seen = len(house.events)
    async with caller(house) as phone:
        await house.until(lambda: _rings(house, seen))
        await desk.page.reload()
        await desk.answers()
        await phone.until(200)
        await desk.hears_and_speaks(packets=25)
    ends = [e.result for e in house.events[seen:] if isinstance(e, OfferEnded)]
    assert ends[0] is OfferResult.SEAT_FAILED and ends[-1] is OfferResult.CONNECTED
    assert house.agent(WEB).misses == 0


BREAKABLE = """
const Socket = window.WebSocket;
window.lines = new Set();
window.WebSocket = class extends Socket {
    constructor(url, ...more) {
        super(window.unplugged ? "ws://127.0.0.1:9" : url, ...more);
        window.lines.add(this);
    }
};
window.cut = () => window.lines.forEach((line) => line.close());
"""


async def test_a_line_that_breaks_in_a_call_costs_no_caller(house: House, visit: Open) -> None:
    desk = await visit("/desk")
    await desk.page.add_init_script(BREAKABLE)
    await desk.page.reload()
    await (await desk.sign_in("wang")).ready()
    seen = len(house.events)
    async with caller(house) as phone:
        await desk.answers()
        await phone.until(200)
        await desk.hears_and_speaks(packets=25)
        await desk.page.evaluate("unplugged = true; cut()")
        await house.until(lambda: any(isinstance(e, CallBroken) for e in house.events[seen:]))
        await phone.heard()  # music
        await desk.page.evaluate("unplugged = false")
        await house.until(lambda: _rings(house, seen) == 2)
        await desk.answers()
        await desk.hears_and_speaks(packets=25)
        assert (phone.statuses.count(200), phone.ended.is_set()) == (1, False), "one call all the time"
    assert [e.agent for e in house.events[seen:] if isinstance(e, OfferMade)] == [WEB] * 2
    assert house.agent(WEB).misses == 0
    desk.complaints.clear()  # the browser says itself that it had no line


def _rings(house: House, since: int) -> int:
    return sum(isinstance(e, OfferRang) for e in house.events[since:])


async def test_a_rejected_call_goes_to_the_next_agent(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    seen = len(house.events)
    async with caller(house) as phone:
        await desk["reject"].click(timeout=SLOW_MS)
        await desk.sees("state", state="ready")
        house.choose(OTHER, Chosen.READY)
        await phone.until(200)
        await house.until(lambda: house.agent(OTHER).machine is Machine.TALKING)
    offers = [e.agent for e in house.events[seen:] if isinstance(e, OfferMade)]
    ends = [e.result for e in house.events[seen:] if isinstance(e, OfferEnded)]
    assert offers == [WEB, OTHER]
    assert ends[0] is OfferResult.REJECTED


async def test_a_caller_who_hangs_up_stops_the_ringing(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    async with caller(house) as phone:
        await desk.sees("answer")
        await phone.hang_up()
    await desk.sees("state", state="ready")
    assert house.agent(WEB).misses == 0


async def test_a_caller_who_hangs_up_leads_to_the_wrap_up(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    async with caller(house) as phone:
        await desk.answers()
        await phone.until(200)
        await phone.hang_up()
    await desk.sees("wrapup")


async def test_a_state_chosen_during_a_call_comes_afterwards(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    async with caller(house) as phone:
        await desk.answers()
        await desk["not-ready"].click()
        await desk["reason-meal"].click()
        await desk.sees("reserved")
        await phone.until(200)
        await phone.hang_up()
    await desk["wrapup-done"].click()
    await desk.sees("state", state="not_ready")
    await expect(desk["state"]).to_contain_text("用餐")


async def test_not_ready_with_a_reason_gets_no_calls(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    await desk["not-ready"].click()
    await desk["reason-break"].click()
    await desk.sees("state", state="not_ready")
    await expect(desk["state"]).to_contain_text("小休")
    assert house.agent(WEB).reason == "break"
    house.choose(OTHER, Chosen.READY)
    async with caller(house) as phone:
        await phone.until(200)
        await house.until(lambda: house.agent(OTHER).machine is Machine.TALKING)
    await expect(desk["offer"]).to_have_count(0)


async def test_another_tab_takes_the_telephone_over(house: House, visit: Open) -> None:
    first = await (await visit("/desk", "wang")).ready()
    second = await visit("/desk", beside=first)
    await second.sees("not-answerable", fault="other_tab")
    await second["fix"].click()
    await second.registered()
    await first.sees("not-answerable", fault="other_tab")
    async with caller(house) as phone:
        await second.answers()
        await phone.until(200)
        await expect(first["answer"]).to_have_count(0)
        await second["hangup"].click()
        await phone.ended.wait()
    await second.sees("wrapup")


async def test_a_second_browser_takes_the_telephone_over(house: House, visit: Open) -> None:
    first = await (await visit("/desk", "wang")).ready()
    second = await (await visit("/desk", "wang")).registered()
    await first.sees("not-answerable", fault="taken_over")
    async with caller(house) as phone:
        await second.answers()
        await second["hangup"].click()
        await phone.ended.wait()


async def test_signing_out_ends_the_work(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    await desk["sign-out"].click()
    await desk.sees("login-name")
    await house.until(lambda: house.agent(WEB).chosen is Chosen.SIGNED_OUT)
    await desk.page.reload()
    await desk.sees("login-name")


async def test_a_wrong_password_is_told_plainly(visit: Open) -> None:
    desk = await visit("/desk")
    await desk.sign_in("wang", "not-the-password")
    await expect(desk["login-error"]).to_have_text("工号或密码不对", timeout=SLOW_MS)
    await desk.sign_in("wang")
    await desk.registered()


async def test_english_by_one_switch_that_is_remembered(visit: Open) -> None:
    desk = await visit("/desk", "wang")
    await desk.registered()
    await expect(desk["ready"]).to_have_text("就绪")
    await desk["lang"].click()
    await expect(desk["ready"]).to_have_text("Ready")
    await desk.page.reload()
    await expect(desk["ready"]).to_have_text("Ready", timeout=SLOW_MS)
    await expect(desk.page.locator("html")).to_have_attribute("lang", "en")


async def test_a_cut_line_lets_the_lease_run_out_and_comes_back(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    await house.until(lambda: house.agent(WEB).machine is Machine.IDLE)
    await desk.page.context.set_offline(True)
    await house.until(lambda: house.agent(WEB).machine is Machine.UNREACHABLE)
    await desk.sees("stale")
    house.choose(OTHER, Chosen.READY)
    async with caller(house) as phone:
        await phone.until(200)
    assert house.agent(WEB).misses == 0
    house.choose(OTHER, Chosen.SIGNED_OUT)
    await desk.page.context.set_offline(False)
    await desk.sees("feed-state", state="live")
    await desk.sees("state", state="ready")
    async with caller(house) as phone:
        await desk.answers()
        await desk.hears_and_speaks(packets=50)
    desk.complaints.clear()  # the browser says itself that it was offline


async def test_a_dead_page_is_found_out_without_a_caller_waiting_for_it(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    await house.until(lambda: house.agent(WEB).machine is Machine.IDLE)
    seen = len(house.events)
    await desk.page.context.close()
    await house.until(lambda: house.agent(WEB).machine is Machine.UNREACHABLE)
    house.choose(OTHER, Chosen.READY)
    async with caller(house) as phone:
        await phone.until(200)
    assert [e.agent for e in house.events[seen:] if isinstance(e, OfferMade)] == [OTHER]
    assert house.agent(WEB).misses == 0
    assert house.agent(WEB).chosen is Chosen.READY


LOSABLE = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => (window.microphone = await ask(wanted));
window.pull = () => {  // what a browser does when the headset is pulled out
    const [track] = window.microphone.getAudioTracks();
    track.stop();
    track.dispatchEvent(new Event("ended"));
};
"""


async def test_a_lost_microphone_is_told_in_one_line_and_gets_no_calls(house: House, visit: Open) -> None:
    desk = await visit("/desk")
    await desk.page.add_init_script(LOSABLE)
    await desk.page.reload()
    await (await desk.sign_in("wang")).ready()
    await house.until(lambda: house.agent(WEB).machine is Machine.IDLE)
    seen = len(house.events)
    await desk.page.evaluate("pull()")
    line = await desk.sees("not-answerable", fault="no_microphone")
    await expect(line).to_contain_text("找不到麦克风")
    await house.until(lambda: house.agent(WEB).machine is Machine.UNREACHABLE)
    house.choose(OTHER, Chosen.READY)
    async with caller(house) as phone:
        await phone.until(200)
    assert [e.agent for e in house.events[seen:] if isinstance(e, OfferMade)] == [OTHER]
    assert house.agent(WEB).misses == 0
    house.choose(OTHER, Chosen.SIGNED_OUT)
    await desk["fix"].click()
    await desk.sees("state", state="ready")
    await house.until(lambda: house.agent(WEB).machine is Machine.IDLE)


async def test_a_reload_in_the_middle_of_a_call_keeps_the_caller(house: House, visit: Open) -> None:
    desk = await (await visit("/desk", "wang")).ready()
    seen = len(house.events)
    async with caller(house) as phone:
        await desk.answers()
        await phone.until(200)
        await desk.hears_and_speaks(packets=50)
        await desk.page.reload()
        await desk.answers()
        await desk.hears_and_speaks(packets=50)
        assert not phone.ended.is_set()
        assert phone.statuses.count(200) == 1, "one call all the time"
        await desk["hangup"].click()
        await phone.ended.wait()
    await desk.sees("wrapup")
    await house.quiet()
    made = [e for e in house.events[seen:] if isinstance(e, OfferMade)]
    assert [e.agent for e in made] == [WEB, WEB]
    assert len({e.request for e in made}) == 1
    row = (await house.service.store.requests(limit=1))[0][0]
    assert (row.outcome, row.agent, row.ended_by) == ("connected", WEB, "agent")
