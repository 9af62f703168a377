"""Opening hours, overflow and callbacks on a real Asterisk, with sipp as agents and customers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.callback_book import CallbackState, Result, Source
from seats.domain.callback_settings import CallbackSettings, Dial
from seats.domain.events import CallbackChanged, CallbackTried, OfferMade
from seats.domain.hours import Calendar
from seats.domain.overflow import Overflow, Overflows, Way
from telephony import commands
from telephony.lab import IGNORES, Behaviour, Customers
from tests.integration.house import HUBEI, HUNAN, Home, House, call, house
from tests.integration.phone import Phone

pytestmark = pytest.mark.pbx

MOBILE = "13871234567"
SHUT = Calendar("shut", "Asia/Shanghai", ((),) * 7)


def closed(h: House, *provinces: str) -> None:
    """Close provinces for good."""
    plan = h.service.engine.state.plan
    routes = dict(plan.routes) | {code: plan.routes[code]._replace(hours="shut") for code in provinces}
    h.service.engine.state.plan = plan._replace(routes=routes, hours={"shut": SHUT})


def calls(dial: Dial = Dial.AGENT_FIRST, **more: Any) -> CallbackSettings:
    return CallbackSettings(offer=True, dial=dial)._replace(**more)


def changes(h: House) -> list[tuple[CallbackState, str]]:
    return [(e.state, e.reason) for e in h.of(CallbackChanged)]


def results(h: House) -> list[Result]:
    return [e.result for e in h.of(CallbackTried)]


async def press_1(h: House, number: str = MOBILE) -> None:
    """A caller who presses 1 while holding, and hears that it was understood."""
    async with Phone(h.lab.sip_port, user=number, did="95500") as phone:
        await phone.until(183)
        await phone.heard()
        await asyncio.sleep(1.5)  # the first second of holding is for the music alone
        await phone.press(1)
        await h.until(lambda: any(s >= 400 for s in phone.statuses), 10.0)
        assert 200 not in phone.statuses


async def test_at_closed_hours_nobody_rings_and_the_caller_hears_a_tone(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hubei"), "sip002": Home("hunan")}) as h:
        closed(h, "hubei")
        async with Phone(h.lab.sip_port, user=HUBEI, did="95500") as phone:
            await phone.heard()
            await h.until(lambda: any(s >= 400 for s in phone.statuses), 10.0)
        assert (await h.place(call(HUNAN))).answered == 1
        assert h.rung() == ["sip002"]
        assert await h.outcomes() == {"excluded_closed": 1, "connected": 1}


async def test_the_longest_wait_ends_in_a_voicemail(tmp_path: Path) -> None:
    voicemail = Overflows(max_wait=Overflow(Way.VOICEMAIL))
    async with house(tmp_path, {"sip001": Home("hunan")}, max_wait=5.0, overflow=voicemail) as h:
        async with h.placing(call(HUNAN, talk=15.0)):
            await h.until(lambda: h.agent("sip001").machine is Machine.TALKING)
            async with Phone(h.lab.sip_port, user=HUNAN, did="95501") as phone:
                await phone.until(200, within=14.0)
                await asyncio.sleep(0.7)  # the beep
                await phone.speak(2.0)
                await phone.hang_up()
            await h.quiet()
        assert await h.outcomes() == {"connected": 1, "timeout": 1}
        (row,) = [r for r in (await h.service.store.requests())[0] if r.outcome == "timeout"]
        found = await h.service.store.request(row.id)
        assert found is not None
        (left,) = [e for e in found[1] if e.kind == "voicemail_left"]
        name = str(left.data["file"]).rpartition("/")[2]
        assert 1.0 <= float(left.data["length"]) <= 8.0
        assert name == f"{row.id.partition(':')[2]}.wav"
        assert (h.lab.home / "spool" / "seats" / name).stat().st_size > 16_000


async def test_another_number_answers_and_it_is_no_connection_of_ours(tmp_path: Path) -> None:
    elsewhere = Overflows(no_seat=Overflow(Way.NUMBER, number="02788880000"))
    behaviour = Behaviour(answers_after=(0, 0), talks_for=(6.0, 6.0))  # over a reconciliation
    async with (
        house(tmp_path, {"sip001": Home("hunan", ready=False)}, overflow=elsewhere) as h,
        Customers(h.lab.mobile_port, behaviour) as others,
    ):
        counts = await h.place(call(HUNAN, talk=0.0))
        assert counts.answered == 1
        assert [r.address for r in others.rings() if r.what == "answer"] == ["02788880000"]
        assert await h.outcomes() == {"no_seat": 1}


async def test_the_overflow_asks_and_only_who_presses_1_took_a_callback(tmp_path: Path) -> None:
    asks = Overflows(no_seat=Overflow(Way.CALLBACK))
    async with house(tmp_path, {"sip001": Home("hubei", ready=False)}, overflow=asks) as h:
        async with (
            Phone(h.lab.sip_port, user=MOBILE, did="95500") as willing,
            Phone(h.lab.sip_port, user=HUBEI, did="95501") as unwilling,
        ):
            await willing.until(183)
            await willing.heard()
            await asyncio.sleep(1.0)
            await willing.press(1)
            for phone in (willing, unwilling):
                await h.until(lambda phone=phone: any(s >= 400 for s in phone.statuses), 15.0)
        await h.quiet()
        assert await h.outcomes() == {"callback": 1, "no_seat": 1}
        sources = {c.number: c.source for c in h.service.engine.state.callbacks.by_id.values()}
        assert sources == {MOBILE: Source.CHOSEN, HUBEI: Source.RECOVERED}


async def test_the_spoken_offer_is_heard_again_and_again_and_the_1_is_taken_while_it_is_spoken(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, {"sip001": Home("hubei", ready=False)}, callbacks=calls(Dial.OFF)) as h:
        for name, value in (("SEATS_SAY_CALLBACK", "queue-periodic-announce"), ("SEATS_SAY_EVERY", "2")):
            await h.lab.asterisk_cli(f"dialplan set global {name} {value}")
        async with Phone(h.lab.sip_port, user=MOBILE, did="95500") as phone:
            await phone.until(183)
            for _ in range(2):
                await h.until_said("queue-periodic-announce")
                await phone.heard()
                await h.until_said("")
                await phone.heard()
            await h.until_said("queue-periodic-announce")
            await phone.press(1)
            await h.until(lambda: any(s >= 400 for s in phone.statuses), 10.0)
            assert 200 not in phone.statuses
        await h.quiet()
        assert await h.outcomes() == {"callback": 1}


async def test_press_1_and_be_called_back(tmp_path: Path) -> None:
    async with (
        house(tmp_path, {"sip001": Home("hubei", ready=False)}, calls=True, callbacks=calls()) as h,
        Customers(h.lab.mobile_port, Behaviour(answers_after=(0.5, 0.5), talks_for=(2.0, 2.0))) as customers,
    ):
        await press_1(h)
        await h.until(lambda: h.service.engine.state.callbacks.by_id)
        h.choose("sip001", Chosen.READY)
        await h.until(lambda: h.of(CallbackTried))
        assert await h.outcomes() == {"callback": 1}
        (tried,) = h.of(CallbackTried)
        assert (tried.agent, tried.result) == ("sip001", Result.CONNECTED)
        assert tried.talk == pytest.approx(2.0, abs=0.7)
        assert [r.address for r in customers.rings() if r.what == "ring"] == [MOBILE]
        rings = [r for r in h.phones.rings() if r.what == "ring"]
        assert [(r.address, r.shown) for r in rings] == [("sip001", f"{MOBILE[:3]}****{MOBILE[-4:]}")]
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await h.quiet()
        (row,) = (await h.service.store.callbacks())[0]
        assert (row.state, row.attempts) == ("done", 1)
        assert "0 active channels" in await h.lab.asterisk_cli("core show channels")
        assert "/seats/c" not in await h.lab.asterisk_cli("database show seats")


async def test_a_customer_who_is_busy_costs_an_attempt(tmp_path: Path) -> None:
    settings = calls(max_attempts=1)
    async with (
        house(tmp_path, {"sip001": Home("hubei", ready=False)}, calls=True, callbacks=settings) as h,
        Customers(h.lab.mobile_port, Behaviour(refuses_with=486)) as customers,
    ):
        await press_1(h)
        h.choose("sip001", Chosen.READY)
        await h.until(lambda: h.of(CallbackTried))
        assert results(h) == [Result.BUSY]
        assert changes(h)[-1] == (CallbackState.FAILED, "busy")
        assert [r.address for r in customers.rings() if r.what == "ring"] == [MOBILE]


async def test_an_agent_who_does_not_pick_up_is_spared_and_another_rung(tmp_path: Path) -> None:
    homes = {"sip001": Home("hubei", behaviour=IGNORES), "sip002": Home("hubei", ready=False)}
    async with (
        house(tmp_path, homes, calls=True, callbacks=calls()) as h,
        Customers(h.lab.mobile_port, Behaviour(answers_after=(0, 0), talks_for=(1.0, 1.0))),
    ):
        h.choose("sip001", Chosen.NOT_READY, "break")
        await press_1(h)
        h.choose("sip001", Chosen.READY)
        await h.until(lambda: h.of(OfferMade))
        h.choose("sip002", Chosen.READY)
        await h.until(lambda: h.of(CallbackTried))
        assert results(h) == [Result.CONNECTED]
        assert [e.agent for e in h.of(OfferMade)] == ["sip001", "sip002"]
        assert h.agent("sip001").misses == 1


async def test_the_customer_first(tmp_path: Path) -> None:
    async with (
        house(tmp_path, {"sip001": Home("hubei")}, calls=True, callbacks=calls(Dial.CUSTOMER_FIRST)) as h,
        Customers(h.lab.mobile_port, Behaviour(answers_after=(0.5, 0.5), talks_for=(3.0, 3.0))) as customers,
    ):
        h.choose("sip001", Chosen.NOT_READY, "break")
        await press_1(h)
        h.choose("sip001", Chosen.READY)
        await h.until(lambda: h.of(CallbackTried))
        assert results(h) == [Result.CONNECTED]
        assert [r.what for r in customers.rings()][:2] == ["ring", "answer"]
        (made,) = h.of(OfferMade)
        assert made.agent == "sip001"
        assert await h.outcomes() == {"callback": 1}


async def test_who_gets_through_is_not_called_back_and_a_restart_remembers(tmp_path: Path) -> None:
    recover = CallbackSettings()
    async with house(
        tmp_path, {"sip001": Home("hubei", ready=False)}, short_abandon=0.5, callbacks=recover
    ) as h:
        await h.place(call(MOBILE, patience=1.5), call(HUBEI, patience=1.5))
        assert len(h.service.engine.state.callbacks.by_id) == 2
        await h.stop()
        await h.start()
        kept = h.service.engine.state.callbacks.by_id
        assert {c.number for c in kept.values()} == {MOBILE, HUBEI}
        await h.until(lambda: h.agent("sip001").nodes)
        h.choose("sip001", Chosen.READY)
        await h.place(call(f"+86{MOBILE}"))
        assert changes(h)[-1] == (CallbackState.CANCELLED, "got through")
        assert [c.number for c in kept.values()] == [HUBEI]
        assert await h.outcomes() == {"abandoned": 2, "connected": 1}


async def test_without_the_right_the_attempt_fails_and_the_agent_is_free_again(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hubei", ready=False)}, callbacks=calls(pause=600.0)) as h:
        await press_1(h)
        h.choose("sip001", Chosen.READY)
        await h.until(lambda: h.of(CallbackTried))
        assert [(e.result, e.detail) for e in h.of(CallbackTried)] == [(Result.FAILED, "Permission denied")]
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)


async def test_the_same_call_is_not_placed_twice(tmp_path: Path) -> None:
    async with (
        house(tmp_path, {"sip001": Home("hubei", ready=False)}, calls=True) as h,
        Customers(h.lab.mobile_port, Behaviour(answers_after=(1.0, 1.0))) as customers,
    ):
        link = h.service.nodes[0].link
        place = commands.call_customer("c1", MOBILE, 10)
        for _ in range(2):
            assert (await link.send(place)).ok  # queued; the second is refused when it is carried out
        await h.until(customers.rings)
        await asyncio.sleep(0.5)
        assert len([r for r in customers.rings() if r.what == "ring"]) == 1
