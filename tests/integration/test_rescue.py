"""A home line that goes dead in the middle of a call, on a real Asterisk: the caller is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallBroken, CallEnded, OfferMade, RequestDecided, RequestOpened
from tests.integration.office import office
from tests.integration.rawami import RawAmi

pytestmark = pytest.mark.pbx


async def test_a_phone_that_falls_silent_loses_its_caller_to_the_next_agent(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller() as phone:
        await h.talking("sip001")
        await phone.until(200)
        await phone.heard()
        h.desks["sip001"].muted = True
        await h.until(lambda: h.of(CallBroken))
        await phone.heard()  # music, as no agent talks
        assert h.agent("sip001").machine is Machine.UNREACHABLE
        h.choose("sip001", Chosen.NOT_READY, "tech")
        h.choose("sip002", Chosen.READY)
        await h.talking("sip002")
        await phone.heard()
        assert (phone.statuses.count(200), phone.ended.is_set()) == (1, False), "one call all the time"
        await phone.hang_up()
        await h.quiet()
        (broken,) = h.of(CallBroken)
        assert (broken.agent, len(h.of(RequestDecided))) == ("sip001", 1)
        assert [o.agent for o in h.of(OfferMade)] == ["sip001", "sip002"]
        assert (h.agent("sip001").misses, h.agent("sip001").resting) == (0, False)
        assert await h.rows() == [("connected", "sip001", "caller")], "once, to whom it was first connected"
        (ended,) = h.of(CallEnded)
        assert ended.agent == "sip002" and ended.talk > broken.talk > 0
        found = await h.service.store.request(broken.request)
        assert found is not None and "call_broken" in [row.kind for row in found[1]]


async def test_a_talk_that_broke_while_the_service_was_away_was_a_talk(tmp_path: Path) -> None:
    async with office(tmp_path) as h:
        h.choose("sip001", Chosen.NOT_READY, "break")
        async with h.caller() as phone:
            await phone.heard()
            await h.until(lambda: h.of(RequestOpened))
            await h.stop()
            (channel,) = await h.channels()  # it is moved as by the last word of a service that is killed
            async with RawAmi(h.lab) as ami:
                await ami.redirect(channel, "seats-connect", "o-9x9-9-s-sip001")
            await phone.until(200)
            await phone.heard()
            h.desks["sip001"].muted = True
            async with asyncio.timeout(20):
                while await h.channels() != [channel]:  # noqa: ASYNC110 - it has no event
                    await asyncio.sleep(0.1)
            await h.start()
            (broken,) = h.of(CallBroken)
            assert (broken.agent, broken.fault) == ("sip001", "found answered")
            assert not phone.ended.is_set()
            await phone.hang_up()
            await h.quiet()
        assert await h.rows() == [("connected", "sip001", "seat")], "nobody has talked with them since"
