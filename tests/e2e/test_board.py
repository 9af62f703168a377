"""The wallboard and the admin page in a real browser, while calls go on."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from seats.domain.agents import Chosen, Machine
from tests.e2e.browser import SLOW_MS, Desk
from tests.e2e.conftest import OTHER, WEB, Open
from tests.e2e.voice import Speaker
from tests.integration.house import HUBEI, HUNAN, House

pytestmark = [pytest.mark.pbx, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def caller(house: House, number: str = HUBEI) -> Speaker:
    return Speaker(house.lab.sip_port, user=number, did="95500")


async def province(desk: Desk, code: str) -> dict[str, Any]:
    rows = (await desk.api("/provinces"))["provinces"]
    return next(row for row in rows if row["code"] == code)


def cell(desk: Desk, code: str, field: str) -> Locator:
    return desk[f"province-{code}"].locator(f'[data-field="{field}"]')


async def shows(desk: Desk, code: str) -> None:
    """The row reads as the API says."""
    row = await province(desk, code)
    today = row["rate"]["strict"]["today"]
    for field in ("waiting", "talking"):
        await expect(cell(desk, code, field)).to_have_text(str(row[field]), timeout=SLOW_MS)
    await expect(cell(desk, code, "ready")).to_have_text(f"{row['ready']}/{row['agents_signed_in']}")
    requests = row["today"]["requests"]
    await expect(cell(desk, code, "requests")).to_have_text(str(requests) if requests else "–")
    await expect(cell(desk, code, "rate")).to_have_attribute("data-n", str(today["n"]))
    await expect(cell(desk, code, "rate")).to_have_attribute("data-k", str(today["k"]))
    left = row["misses_left"]
    await expect(cell(desk, code, "budget")).to_have_attribute("data-left", "" if left is None else str(left))


async def test_the_board_follows_a_call_without_a_reload(house: House, visit: Open) -> None:
    board = await visit("/board", "supervisor")
    await board.sees("feed-state", state="live")
    before = (await province(board, "hubei"))["today"]["requests"]
    await shows(board, "hubei")
    async with caller(house) as phone:
        await expect(board["nation-waiting"]).to_have_text("1", timeout=SLOW_MS)
        await expect(cell(board, "hubei", "requests")).to_have_text(str(before + 1))
        await expect(board["waiting"]).to_contain_text(f"{HUBEI[:3]}****{HUBEI[-4:]}")
        await shows(board, "hubei")
        house.choose(OTHER, Chosen.READY)
        await phone.until(200)
        await expect(board["nation-waiting"]).to_have_text("0", timeout=SLOW_MS)
        await expect(board["nation-talking"]).to_have_text("1")
        await board.sees(f"agent-{OTHER}", state="talking")
        await shows(board, "hubei")
    await expect(board["nation-talking"]).to_have_text("0", timeout=SLOW_MS)
    await house.quiet()
    row = await province(board, "hubei")
    assert row["today"]["requests"] == before + 1
    assert row["today"]["in_progress"] == 0
    await shows(board, "hubei")
    totals = (await board.api("/provinces"))["totals"]["rate"]["strict"]["today"]
    await expect(board["nation-n"]).to_have_attribute("data-n", str(totals["n"]))


async def test_a_province_opens_into_its_calls_and_a_call_into_its_decisions(
    house: House, visit: Open
) -> None:
    house.choose("sip002", Chosen.READY)
    async with caller(house, HUNAN) as phone:
        await phone.until(200)
    await house.quiet()
    board = await visit("/board", "supervisor")
    await board["province-hunan"].click(timeout=SLOW_MS)
    await board.sees("drawer")
    call = board["call-row"].first
    await expect(call).to_contain_text("接通", timeout=SLOW_MS)
    assert HUNAN not in await board["drawer"].inner_text()
    await call.click()
    await board.sees("call-detail")
    steps = board["timeline"].locator("li")
    kinds = await steps.evaluate_all("items => items.map(item => item.dataset.kind)")
    told = ["request_opened", "offer_made", "offer_rang", "request_decided", "call_ended"]
    assert [kind for kind in kinds if kind in told] == told
    offer = steps.filter(has_text="派给座席员")
    await expect(offer).to_contain_text("第 1 环「湖南」")
    await expect(offer).to_contain_text("是唯一空闲者")
    await board["drawer-back"].click()
    await board["drawer-close"].click()
    await expect(board["drawer"]).to_have_count(0)
    await board["lang"].click()
    await board["province-hunan"].click()
    await call.click()
    await expect(steps.filter(has_text="Offered to an agent")).to_contain_text("ring 1, Hunan")


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
async def test_the_headline_has_room_for_every_figure(visit: Open, size: tuple[int, int]) -> None:
    board = await visit("/board", "supervisor")
    await board.page.set_viewport_size({"width": size[0], "height": size[1]})
    await board.sees("nation-rate")
    room = await board.page.evaluate(
        """() => ["99.99%", "100%", "100.00%"].flatMap((text) =>
            [...document.querySelectorAll(".rate-figure b")].map((figure) => {
                figure.textContent = text;
                figure.style.setProperty("--chars", text.length);
                const drawn = document.createRange();
                drawn.selectNodeContents(figure);
                return figure.getBoundingClientRect().right - drawn.getBoundingClientRect().right;
            }))"""
    )
    assert min(room) >= 0


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
async def test_no_column_is_cut_in_either_language(visit: Open, size: tuple[int, int]) -> None:
    board = await visit("/board", "supervisor")
    await board.page.set_viewport_size({"width": size[0], "height": size[1]})
    await board.sees("province-hubei")
    for language in ("zh", "en"):
        await board.sees("lang", lang=language)
        cut = await board.page.evaluate(
            """() => {
                const list = document.querySelector(".provinces");
                return list.scrollWidth - list.clientWidth;
            }"""
        )
        assert cut <= 0, f"{cut} pixels of the provinces' table are out of sight ({language})"
        await board["lang"].click()


async def test_a_lost_server_is_told_and_found_again(house: House, visit: Open) -> None:
    board = await visit("/board", "supervisor")
    await board.sees("feed-state", state="live")
    await board.page.context.set_offline(True)
    await board.sees("stale")
    await board.page.context.set_offline(False)
    await board.sees("feed-state", state="live")
    await expect(board["stale"]).to_have_count(0)
    board.complaints.clear()  # the browser says itself that it was offline


async def test_a_supervisor_sets_an_agent_at_a_telephone_ready(house: House, visit: Open) -> None:
    board = await visit("/board", "supervisor")
    await board["agents-signed_out"].click()
    row = await board.sees(f"agent-{OTHER}", state="signed_out")
    await row.get_by_role("button").click()
    await board["set-ready"].click()
    await board["agents-signed_out"].click()
    await board.sees(f"agent-{OTHER}", state="ready")
    await house.until(lambda: house.agent(OTHER).machine is Machine.IDLE)
    assert house.agent(OTHER).chosen is Chosen.READY


async def test_the_board_is_not_for_agents(visit: Open) -> None:
    desk = await visit("/board", "wang")
    await expect(desk.page.locator("body")).to_contain_text("看板只对班长和管理员开放", timeout=SLOW_MS)
    await expect(desk["board"]).to_have_count(0)


async def test_the_admin_sees_the_routing_the_people_and_the_node(house: House, visit: Open) -> None:
    admin = await visit("/admin", "admin")
    plan = house.service.engine.state.plan
    row = await admin.sees("route-hubei")
    await expect(row.locator('[data-field="objective"]')).to_have_text(
        f"{plan.routes['hubei'].objective * 100:g}%"
    )
    await expect(row.locator('[data-field="rings"]')).to_contain_text("湖北")
    await expect(admin.page.locator('[data-testid^="route-"]')).to_have_count(len(plan.routes))
    await admin["tab-people"].click()
    await expect(admin["user-wang"]).to_contain_text(WEB)
    await admin["tab-nodes"].click()
    await admin.sees("node-lab", state="up")
    assert house.lab.secret not in await admin.page.content()
