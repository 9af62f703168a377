"""An agent transfers a caller with consultation, as telephones do it: REFER with Replaces, on a real Asterisk."""

from __future__ import annotations

from pathlib import Path

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallEnded, OfferMade, Repaired, RequestClosed, RequestDecided, RequestOpened
from tests.integration.office import HOMES, office

pytestmark = pytest.mark.pbx


async def test_a_caller_handed_over_after_a_consultation_stays_one_request(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller() as phone:
        await h.talking("sip001")
        agent, colleague = h.desks["sip001"], h.desks["sip003"]
        await phone.until(200)
        h.choose("sip001", Chosen.NOT_READY, "break")
        consulted = await agent.call("sip003")
        await (
            consulted.ear.heard()
        )  # handed over within milliseconds of the answer, Asterisk once lost the sound
        await agent.transfer(agent.legs[0], consulted)
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await h.reconciled()  # the colleague's talk is none of ours
        await phone.heard()
        assert not colleague.legs[0].ended.is_set()
        await phone.hang_up()
        await h.until(lambda: h.of(RequestClosed))
        assert [(e.agent, e.ended_by) for e in h.of(CallEnded)] == [("sip001", "agent")]
        assert await h.rows() == [("connected", "sip001", "agent")]
        assert (len(h.of(RequestOpened)), len(h.of(RequestDecided)), len(h.of(OfferMade))) == (1, 1, 1)
        assert h.of(Repaired) == []
        assert not h.service.engine.state.offers


async def test_a_seat_that_talks_with_a_colleague_is_offered_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as h:
        agent, asked = h.desks["sip001"], h.desks["sip002"]
        h.choose("sip001", Chosen.NOT_READY, "break")
        h.choose("sip002", Chosen.READY)
        leg = await agent.call("sip002")
        await h.until(lambda: h.agent("sip002").machine is Machine.UNREACHABLE)
        async with h.caller() as phone:
            await phone.until(183)
            await h.reconciled()
            assert (h.of(OfferMade), len(asked.legs)) == ([], 1)
            agent.hang_up(leg)
            await h.talking("sip002")
            await phone.hang_up()
        await h.quiet()
        assert await h.rows() == [("connected", "sip002", "caller")]
        assert h.of(Repaired) == []


async def test_a_caller_handed_to_another_agents_seat_is_no_offer_of_theirs(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller() as phone:
        await h.talking("sip001")
        h.choose("sip001", Chosen.NOT_READY, "break")
        h.choose("sip002", Chosen.READY)
        agent = h.desks["sip001"]
        await agent.transfer(agent.legs[0], await agent.call("sip002"))
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await h.reconciled()
        assert h.agent("sip002").machine is Machine.UNREACHABLE
        assert [(o.agent, o.request) for o in h.of(OfferMade)] == [("sip001", h.of(RequestOpened)[0].request)]
        await phone.hang_up()
        await h.until(lambda: h.agent("sip002").machine is Machine.IDLE)
        assert await h.rows() == [("connected", "sip001", "agent")]
        assert h.of(Repaired) == []


async def test_after_a_restart_a_caller_handed_over_is_still_nobodys_call(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller() as phone:
        await h.talking("sip001")
        h.choose("sip001", Chosen.NOT_READY, "break")
        agent = h.desks["sip001"]
        await agent.transfer(agent.legs[0], await agent.call("sip002"))
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await h.service.writer.flush()
        await h.stop()
        await h.start()
        assert [h.agent(a).request for a in HOMES] == [None, None]
        h.choose("sip002", Chosen.READY)
        await h.reconciled()
        assert h.agent("sip002").machine is Machine.UNREACHABLE
        await phone.hang_up()
        await h.until(lambda: h.agent("sip002").machine is Machine.IDLE)
        await h.quiet()
        assert await h.rows() == [("connected", "sip001", "agent")]
